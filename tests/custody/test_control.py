"""The control socket: what people ask of custody, and rubbish."""

import json
import socket
from base64 import b64encode
from contextlib import suppress

import pytest

from custody.control import MAX_LINE
from custody.control_client import Refused, ask
from custody.policy.intents import read_intent
from engine.local_socket import address
from engine.model.errors import OperatorError
from tests.custody.people import ALICE, CAROL
from tests.custody.world import STRANGER


def test_an_address_is_the_same_at_every_call(served):
    first = served.ask("address", account="ACME", asset="ETH")
    assert first == served.ask("address", account="ACME", asset="ETH")
    assert first != served.ask("address", account="BOREAS", asset="ETH")
    assert [row["account"] for row in served.ask("addresses", account="ACME")] == ["1"]


def test_a_withdrawal_from_its_request_to_its_end(served):
    asked = {"account": "ACME", "asset": "ETH", "amount": 5 * 10**8, "destination": STRANGER}
    ident = served.ask("withdraw", who="trader7", **asked)["id"]
    served.world.go(4)
    shown = served.ask("withdrawal", id=ident)
    assert shown["state"] == "awaiting"
    intent = read_intent(shown["intent"].encode())
    for person in (ALICE, CAROL):
        approval = person.says(intent)
        signature = b64encode(approval.signature).decode()
        served.ask("approve", id=ident, approver=person.name, signature=signature)
    served.world.settle()
    shown = served.ask("withdrawal", id=ident)
    assert shown["state"] == "settled"
    assert [said["approver"] for said in shown["approvals"]] == ["alice", "carol"]
    assert [row["id"] for row in served.ask("withdrawals")] == [ident]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"op": "dance"}, "no operation 'dance'"),
        ({"op": "address", "account": "NOBODY", "asset": "ETH"}, "no account NOBODY"),
        ({"op": "address", "account": "ACME", "asset": "BTC"}, "BTC is not on the chain"),
        ({"op": "withdrawal", "id": "W9"}, "no withdrawal W9"),
        ({"op": "cancel", "id": "W9"}, "no withdrawal W9"),
        ({"op": "clear", "id": "x", "who": "ops1"}, "no alarm x"),
        ({"op": "approve", "id": "W9", "signature": "?"}, "not base64"),
        ({"op": "status", "more": 1}, "unknown field"),
        ({"op": 5}, "Expected `str`"),
        (
            {"op": "withdraw", "account": "ACME", "asset": "ETH", "amount": 1, "who": "t"},
            "an address is",
        ),
        (
            {
                "op": "withdraw",
                "account": "ACME",
                "asset": "ETH",
                "amount": 1,
                "destination": STRANGER,
                "who": "t",
            },
            "least withdrawal of ETH",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(served, asked, words):
    with pytest.raises(Refused, match=words):
        ask(served.path, **asked)


def test_our_own_deposit_addresses_are_no_destination(served):
    own = served.ask("address", account="BOREAS", asset="ETH")["address"]
    with pytest.raises(Refused, match="deposit address of this venue"):
        served.ask("withdraw", account="ACME", asset="ETH", amount=10**8, destination=own, who="t")


@pytest.mark.parametrize("line", [b"\n", b"{\n", b"\xff\xfe\n", b"[]\n", b"null\n"])
def test_rubbish_is_answered_and_nothing_ends(served, line):
    with socket.socket(socket.AF_UNIX) as stranger, address(served.path) as name:
        stranger.settimeout(10)
        stranger.connect(name)
        stranger.sendall(line)
        assert "refused" in json.loads(stranger.recv(65_536))
    assert served.ask("status") == {"alarms": 0}


def test_a_line_that_never_ends_is_cut_off(served):
    with socket.socket(socket.AF_UNIX) as stranger, address(served.path) as name:
        stranger.settimeout(10)
        stranger.connect(name)
        with suppress(ConnectionResetError, BrokenPipeError):  # cut off with some of it unread
            stranger.sendall(b"x" * (MAX_LINE * 3))
            assert stranger.recv(100) == b""
    assert served.ask("status") == {"alarms": 0}


def test_who_finds_nobody_is_told_what_to_look_for(tmp_path):
    with pytest.raises(OperatorError, match="is the venue running"):
        ask(tmp_path / "nobody.sock", op="status")
