"""`fixgate warm`, typed: over the real socket, with keys in files."""

import json

import pytest

from custody.control_client import Refused
from engine.model.errors import OperatorError
from tests.custody.served import Served
from tests.custody.terminal import fixgate
from tests.custody.test_change_commands import keys
from tests.custody.test_refills import rest
from tests.custody.test_restocks import STOCKED
from tests.custody.world import ETHER

__all__ = ["keys"]


@pytest.fixture
def served(new_world, tmp_path):
    world = new_world(**STOCKED)
    world.step()
    made = Served(world, tmp_path / "data")
    yield made
    made.close()


REQUEST = ("request", "--asset", "ETH", "--amount", "12.5", "--as", "operator")


def test_what_is_asked_for_and_approved_is_brought_up(served, typed, keys):
    asked = typed("warm", *REQUEST)["id"]
    served.world.step()
    (row,) = typed("warm", "list")
    assert (row["id"], row["state"], row["amount"]) == (asked, "awaiting", "12.5")
    assert (row["asset"], row["initiator"]) == ("ETH", "operator")
    for name in ("alice", "carol"):
        typed("warm", "approve", asked, *keys[name])
    rest(served.world)
    shown = typed("warm", "show", asked)
    assert shown["state"] == "done"
    assert shown["intent"]["amount"] == str(125 * 10**17)
    assert served.world.on_chain(served.world.hot) == 175 * 10**17


def test_every_field_is_shown_before_anybody_signs(served, typed, keys, capsys):
    asked = typed("warm", *REQUEST)["id"]
    served.world.step()
    fixgate("warm", "approve", asked, "--data", served.data, *keys["alice"])
    shown = capsys.readouterr().err
    assert "coins of the warm wallet are to go to the hot one" in shown
    assert f"12.5 ETH ({125 * 10**17} atomic units, 18 decimals)" in shown


def test_one_is_rejected_or_taken_back(served, typed, keys):
    asked = typed("warm", *REQUEST)["id"]
    served.world.step()
    typed("warm", "reject", asked, *keys["carol"])
    served.world.step()
    again = typed("warm", *REQUEST)["id"]
    typed("warm", "cancel", again, "--as", "operator")
    rest(served.world)
    assert [row["state"] for row in typed("warm", "list")] == ["cancelled", "rejected"]
    assert typed("warm", "list", "--state", "awaiting") == []


def test_what_each_wallet_has_is_shown_in_units_of_the_asset(served, typed, capsys):
    rows = {(row["wallet"], row["asset"]): row for row in typed("warm", "balances")}
    assert rows["warm", "ETH"]["amount"] == "200"
    assert rows["warm", "ETH"]["address"] == served.world.warm
    assert rows["hot", "ETH"]["amount"] == "5"
    assert set(rows) == {
        (w, a) for w in ("hot", "warm", "cold", "gas_tank") for a in ("ETH", "USD")
    }
    fixgate("warm", "balances", "--data", served.data)
    assert "WALLET" in capsys.readouterr().out


@pytest.mark.parametrize("amount", ["0", "-1", "1.123456789", "much"])
def test_what_is_no_amount_is_said(served, amount):
    words = ("--data", served.data, "--asset", "ETH", f"--amount={amount}", "--as", "operator")
    with pytest.raises(OperatorError, match="is no amount of ETH"):
        fixgate("warm", "request", *words)


def test_nobody_asks_in_custodys_name(served):
    words = ("--data", served.data, "--asset", "ETH", "--amount", "1", "--as", "custody")
    with pytest.raises(Refused, match="asks by itself"):
        fixgate("warm", "request", *words)
    assert json.dumps(served.ask("restocks")) == "[]"
    assert served.world.on_chain(served.world.warm) == 200 * ETHER
