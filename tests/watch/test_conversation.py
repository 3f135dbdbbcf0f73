"""What the venue can answer, and what the person in front of the terminal is told."""

import msgspec
import pytest

from engine.model.errors import OperatorError
from gateway.stream.answers import Error, frame
from gateway.watch.client import Address, offered_depth, parse_address
from gateway.watch.conversation import (
    MESSAGE_CHARACTERS,
    Conversation,
    LinkLost,
    SymbolUnknown,
)
from gateway.watch.model import Picture
from gateway.websocket.frames import CloseCode, close_frame, ping_frame, text_frame
from gateway.websocket.handshake import Handshake, HandshakeRefused, accepted, refused
from tests.market_data.floor import floor
from tests.watch.support import Line


def talk(opened=True):
    found = Conversation("127.0.0.1:8081", "secret", [])
    upgrade = Handshake().receive(found.take_output())
    if opened:
        assert list(found.receive(accepted(upgrade))) == []
    return found


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "does not know this token: name the token of a member with --token"),
        (429, "wait a minute"),
        (404, "look at --url"),
        (500, "HTTP 500"),
    ],
)
def test_a_handshake_that_is_refused_says_what_to_do(status, words):
    answer = refused(HandshakeRefused(status, "no"))
    with pytest.raises(OperatorError, match=words):
        list(talk(opened=False).receive(answer))


def test_a_token_that_is_refused_later_says_so():
    with pytest.raises(OperatorError, match="does not know this token"):
        list(talk().receive(close_frame(CloseCode.NOT_AUTHORIZED, "no")))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "hung up"),
        (close_frame(CloseCode.SERVICE_RESTART, "back soon"), "1012: back soon"),
        (close_frame(CloseCode.SLOW_CONSUMER, "\x1b[2Jslow"), "3000: \\?\\[2Jslow"),
        (text_frame(b"{"), "makes no sense"),
        (text_frame(b'{"type":"weather"}'), "makes no sense"),
        (text_frame(b'{"type":"trade","symbol":"X"}'), "makes no sense"),
        (b"\x82\x01x", "no market stream"),
        (b"\xff\xff\xff\xff", "closed with 1002"),
        (text_frame(b"[" * (MESSAGE_CHARACTERS + 1)), "longer than"),
    ],
)
def test_whatever_else_comes_ends_the_connection(data, words):
    with pytest.raises(LinkLost, match=words):
        list(talk().receive(data))


def test_what_is_no_http_is_no_venue():
    with pytest.raises(LinkLost, match="no WebSocket"):
        list(talk(opened=False).receive(b"8=FIX.4.4\x019=5\x01\r\n\r\n"))


def test_pings_are_answered():
    here = talk()
    assert list(here.receive(ping_frame(b"x"))) == []
    assert here.take_output()[0] == 0x8A  # a pong


def test_a_request_that_is_refused_needs_a_person():
    error = Error(code="too_many", text="at most 256\x07 subscriptions")
    with pytest.raises(OperatorError, match=r"at most 256\? subscriptions"):
        list(talk().receive(frame(error)))


def test_an_unknown_symbol_comes_behind_the_names_of_the_known_ones(tmp_path):
    with floor(tmp_path) as here:
        picture = Picture("BTC-EUR")
        with pytest.raises(SymbolUnknown):
            Line(here, picture).flow()
        known = {i.symbol for i in here.market.refdata.instruments.values()}
        assert set(picture.instruments) == known


def test_all_requests_are_taken(tmp_path):
    with floor(tmp_path) as here:
        line = Line(here, Picture("BTC-USD"))
        line.flow()
        assert line.picture.complete
        assert msgspec.to_builtins(line.picture.ticker)["type"] == "ticker"


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "offset", "address"),
    [
        ("ws://127.0.0.1:8081", 0, Address("127.0.0.1", 8081)),
        ("ws://127.0.0.1:8081/", 100, Address("127.0.0.1", 8181)),
        ("ws://venue.example:80/v1/stream", 0, Address("venue.example", 80)),
        ("ws://[::1]:8081", 0, Address("::1", 8081)),
    ],
)
def test_an_address_is_read(url, offset, address):
    assert parse_address(url, offset) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8081",
        "wss://h:1",
        "ws://h",
        "ws://:1",
        "ws://h:x",
        "ws://h:99999",
        "ws://[:1",
    ],
)
def test_an_address_that_cannot_be_is_refused(url):
    with pytest.raises(OperatorError, match="ws://HOST:PORT"):
        parse_address(url, 0)


def test_an_offset_leads_nowhere():
    with pytest.raises(OperatorError, match="ports end at 65535"):
        parse_address("ws://127.0.0.1:8081", 60_000)


def test_a_depth_becomes_one_that_is_offered():
    assert [offered_depth(depth) for depth in (1, 2, 15, 20, 100)] == [1, 5, 20, 20, 100]
