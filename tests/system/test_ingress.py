"""Commands of the venue's own processes, over core's local socket."""

import socket
from contextlib import closing

import pytest

from engine.local_socket import address
from engine.model.commands import (
    Block,
    Deposit,
    HoldWithdrawal,
    NewOrder,
    Origin,
    SettleWithdrawal,
    Unblock,
)
from engine.model.enums import BLOCK_ALL, BUY, GTC, LIMIT
from engine.model.events import Deposited, WithdrawalHeld, WithdrawalSettled
from engine.model.ingress import MAX_FRAME, Request, frame
from engine.replay import folder_records
from gateway.ingress.client import IngressClient
from gateway.ingress.server import MAX_CONNECTIONS
from tests.support.venue import Venue

ACCOUNT, USD = 1, 1
SYSTEM = Origin(0, 0, 0)


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    venue = Venue(tmp_path_factory.mktemp("ingress") / "data", only="core")
    with closing(venue):
        venue.start()
        yield venue
    venue.check_logs()


@pytest.fixture
def client(venue):
    with closing(IngressClient(venue.data)) as client:
        yield client


def record(venue, number):
    return next(r for r in folder_records(venue.data / "journal", number) if r.number == number)


def test_a_reply_names_the_record_that_holds_the_command_and_its_events(venue, client):
    (reply,) = client.ask(Deposit(ACCOUNT, USD, 500, "deposit/1"))
    assert reply.refusal == ""
    event = record(venue, reply.record).events[0]
    assert isinstance(event, Deposited)
    assert (event.amount, event.reference) == (500, "deposit/1")


def test_a_command_that_is_sent_again_is_a_record_that_changes_nothing(venue, client):
    first, again = client.ask(*[Deposit(ACCOUNT, USD, 7, "deposit/2")] * 2)
    assert again.record == first.record + 1
    assert again.refusal == "deposit deposit/2 was credited before"


def test_commands_of_one_sender_are_taken_in_their_order(venue, client):
    held, settled = client.ask(
        HoldWithdrawal(ACCOUNT, USD, 100, 1, "withdrawal/1"), SettleWithdrawal("withdrawal/1")
    )
    assert isinstance(record(venue, held.record).events[0], WithdrawalHeld)
    assert isinstance(record(venue, settled.record).events[0], WithdrawalSettled)


def test_blocks_are_taken_of_nobodys_session_alone(venue, client):
    closed, opened = client.ask(
        Block(SYSTEM, BLOCK_ALL, 0, False, "drill"), Unblock(SYSTEM, BLOCK_ALL, 0, "over")
    )
    assert (closed.refusal, opened.refusal) == ("", "")
    (reply,) = client.ask(Block(Origin(1, 1, 0), BLOCK_ALL, 0, True, "as a member"))
    assert (reply.record, reply.refusal) == (-1, "a command of the venue's own names no session")


def test_ten_thousand_commands_at_once_are_answered_in_order(venue, client):
    replies = client.ask(*[Deposit(ACCOUNT, USD, 1, f"many/{k}") for k in range(10_000)])
    assert all(reply.refusal == "" for reply in replies)
    numbers = [reply.record for reply in replies]
    assert numbers == sorted(numbers)


ORDER = NewOrder(Origin(1, 1, 0), b"a", ACCOUNT, 1, BUY, LIMIT, GTC, 1, 1)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        (MAX_FRAME + 1).to_bytes(4, "big"),
        (3).to_bytes(4, "big") + b"\xc1\xc1\xc1",
        frame(Request(1, ORDER)),
        b"\x00\x00\x00\x01\x90",
    ],
    ids=["HTTP", "a long frame", "no MessagePack", "an order", "an empty list"],
)
def test_rubbish_ends_its_connection_and_no_other(venue, client, rubbish):
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(10)
        with address(venue.data / "run" / "ingress.sock") as name:
            stranger.connect(name)
        stranger.sendall(rubbish)
        assert stranger.recv(100) == b""
    (reply,) = client.ask(SettleWithdrawal("nothing"))
    assert reply.refusal == "withdrawal nothing is not held"
    assert "ingress: closed, " in venue.stderr


def test_more_connections_than_there_is_room_for_are_closed(venue, client):
    clients = [IngressClient(venue.data) for _ in range(MAX_CONNECTIONS - 1)]
    try:
        clients[-1].ask(SettleWithdrawal("nothing"))
        late = IngressClient(venue.data)
        assert late.socket.recv(1) == b""
        late.close()
    finally:
        for extra in clients:
            extra.close()
    assert client.ask(SettleWithdrawal("nothing"))[0].refusal


def test_the_socket_is_its_users_alone(venue):
    path = venue.data / "run" / "ingress.sock"
    assert path.stat().st_mode & 0o777 == 0o600
