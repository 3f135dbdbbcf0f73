"""`fixgate deposits release | return`, `withdrawals give-up`, `breaks` and `decisions`, typed."""

import io

import pytest

from custody.control_client import Refused
from gateway.custody_commands.approving import NotSigned
from tests.custody.terminal import fixgate
from tests.custody.test_change_commands import keys
from tests.custody.test_decided_deposits import finalize, held_coins, stray_coins
from tests.custody.test_decisions import reverted
from tests.custody.world import ETHER, THEIRS

__all__ = ["keys"]


def decide(typed, ident, keys):
    for name in ("alice", "carol"):
        typed("decisions", "approve", ident, *keys[name])


def waiting(served, typed, how, state):
    how(served.world)
    finalize(served.world)
    (row,) = typed("deposits", "list", "--state", state)
    return row["reference"]


def test_a_deposit_is_released_to_the_account_that_is_named_by_typing(served, typed, keys):
    reference = waiting(served, typed, stray_coins, "unattributed")
    with pytest.raises(Refused, match="name an account"):
        typed("deposits", "release", reference, "--as", "trader7")
    asked = typed("deposits", "release", reference, "--account", "BOREAS", "--as", "trader7")
    decide(typed, asked["id"], keys)
    finalize(served.world)
    (row,) = typed("deposits", "list", "--state", "credited")
    assert (row["account"], row["credit"]) == ("BOREAS", "2")
    (row,) = typed("decisions", "list")
    assert (row["kind"], row["state"], row["amount"]) == ("release-deposit", "done", "2")
    assert (row["account"], row["subject"]) == ("BOREAS", reference)


def test_a_deposit_is_returned_by_typing(served, typed, keys):
    reference = waiting(served, typed, held_coins, "held")
    asked = typed("deposits", "return", reference, "--to", THEIRS, "--as", "trader7")
    decide(typed, asked["id"], keys)
    for _ in range(3):
        finalize(served.world)
    assert typed("deposits", "show", reference)["state"] == "returned"
    assert 0 < 2 * ETHER - served.world.on_chain(THEIRS) < ETHER // 100
    shown = typed("decisions", "show", asked["id"])
    assert (shown["state"], shown["intent"]["destination"]) == ("done", THEIRS)


def test_the_person_reads_every_field_before_the_key_is_touched(
    served, typed, keys, monkeypatch, capsys
):
    reference = waiting(served, typed, held_coins, "held")
    ident = typed("deposits", "return", reference, "--to", THEIRS, "--as", "trader7")["id"]
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    with pytest.raises(NotSigned):
        fixgate("decisions", "approve", ident, "--data", served.data, *keys["alice"][:-1])
    read = capsys.readouterr().err
    address = served.world.desk.deposit(reference).address
    for words in ("to be sent away again", reference, THEIRS, address, f"2 ETH ({2 * ETHER} "):
        assert words in read


def test_a_withdrawal_is_given_up_by_typing(served, typed, keys):
    lost = reverted(served.world)
    ident = typed("withdrawals", "give-up", lost, "--as", "trader7")["id"]
    typed("decisions", "reject", ident, *keys["alice"])
    served.world.settle()
    ident = typed("withdrawals", "give-up", lost, "--as", "trader7")["id"]
    decide(typed, ident, keys)
    served.world.settle()
    assert typed("withdrawals", "show", lost)["state"] == "failed"
    assert [row["state"] for row in typed("decisions", "list")] == ["done", "rejected"]


def test_a_break_is_booked_by_typing(served, typed, keys, capsys):
    world = served.world
    world.chain.fund(world.hot, -3 * ETHER // 2)
    finalize(world)
    world.go(2, seconds=61)
    (row,) = typed("breaks", "list")
    assert (row["asset"], row["amount"], row["address"]) == ("ETH", "-1.5", world.hot)
    ident = typed(
        "breaks", "book", "--asset", "ETH", "--address", world.hot, "--why", "a lost key",
        "--as", "trader7",
    )["id"]  # fmt: skip
    fixgate("decisions", "show", ident, "--data", served.data)
    assert "-1.5 ETH (-1500000000000000000 atomic units" in capsys.readouterr().out
    decide(typed, ident, keys)
    finalize(world)
    (row,) = typed("decisions", "list", "--state", "done")
    assert (row["amount"], row["subject"]) == ("-1.5", f"break/ETH/{world.hot}")
    assert typed("breaks", "list") == []
    assert typed("alarms", "list") == []
