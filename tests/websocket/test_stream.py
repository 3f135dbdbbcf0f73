"""An open WebSocket: what is taken, what is answered, and how it ends."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from gateway.websocket.frames import CloseCode, close_frame, text_frame
from gateway.websocket.stream import (
    FRAMES,
    MESSAGE_BYTES,
    MESSAGE_FRAGMENTS,
    NO_CODE,
    WebSocketStream,
)
from tests.websocket.client import Client


def ended_with(client):
    """The code of the close that the client got; the connection is over for both."""
    *others, last = client.heard()
    assert isinstance(last, CloseConnection)
    assert not any(isinstance(event, CloseConnection) for event in others)
    return last.code


def masked(first, payload, *, length=None):
    """A frame of a client with the mask 0, whatever is wrong with it."""
    size = len(payload) if length is None else length
    if size <= 125:
        head = bytes((first, 0x80 | size))
    elif size <= 0xFFFF:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


# --- messages -----------------------------------------------------------------------------------


@settings(deadline=None, derandomize=True)
@given(
    texts=st.lists(st.text(max_size=400), min_size=1, max_size=6),
    pieces=st.integers(1, 5),
    size=st.integers(1, 50),
)
def test_messages_come_whole_in_whatever_pieces_they_are_sent(texts, pieces, size):
    client = Client()
    events = []
    for text in texts:
        step = max(1, -(-len(text) // pieces))
        parts = [text[at : at + step] for at in range(0, len(text), step)] or [""]
        events += [TextMessage(part, message_finished=False) for part in parts[:-1]]
        events += [Ping(b"between"), TextMessage(parts[-1], message_finished=True)]
    data = b"".join(client.frame(event) for event in events)
    slices = [size] * (-(-len(data) // size))
    assert client.raw(data, slices) == texts
    assert client.heard() == [Pong(b"between")] * len(texts)
    assert client.stream.open


def test_a_message_of_the_largest_size_is_taken_byte_by_byte():
    client = Client()
    text = "é" * (MESSAGE_BYTES // 2)
    data = client.frame(TextMessage(text))
    assert client.raw(data, [1] * len(data)) == [text]


def test_each_message_has_the_whole_size_and_all_fragments_to_itself():
    client = Client()
    for text in ("a" * MESSAGE_BYTES, "b" * MESSAGE_BYTES):
        begin = [TextMessage("", message_finished=False)] * (MESSAGE_FRAGMENTS - 1)
        assert client.send(*begin, TextMessage(text)) == [text]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 0xFFFF, 0x10000, 300_000])
def test_what_the_venue_sends_reads_as_text(size):
    reader = Connection(ConnectionType.CLIENT)
    reader.receive_data(text_frame(b"x" * size))
    assert "".join(event.data for event in reader.events()) == "x" * size


# --- what breaks the rules ----------------------------------------------------------------------

PROTOCOL, TEXT, TOO_BIG = (
    CloseCode.PROTOCOL_ERROR,
    CloseCode.INVALID_TEXT,
    CloseCode.MESSAGE_TOO_BIG,
)

BROKEN = {
    "not masked": (text_frame(b"{}"), PROTOCOL),
    "reserved bit": (masked(0xC1, b"{}"), PROTOCOL),
    "reserved opcode": (masked(0x83, b"{}"), PROTOCOL),
    "continues nothing": (masked(0x80, b"{}"), PROTOCOL),
    "begins again before its end": (masked(0x01, b"{") + masked(0x81, b"}"), PROTOCOL),
    "fragmented ping": (masked(0x09, b""), PROTOCOL),
    "ping of 126 bytes": (masked(0x89, bytes(126)), PROTOCOL),
    "length in more bytes than needed": (b"\x81\xfe\x00\x05" + bytes(9), PROTOCOL),
    "length beyond 63 bits": (b"\x81\xff" + b"\xff" * 8 + bytes(4), PROTOCOL),
    "close of one byte": (masked(0x88, b"\x03"), PROTOCOL),
    "close with a code that is never sent": (masked(0x88, b"\x03\xed"), PROTOCOL),
    "close with words that are no text": (masked(0x88, b"\x03\xe8\xff"), TEXT),
    "no UTF-8": (masked(0x81, b"\xff\xfe"), TEXT),
    "half a character at the end": (masked(0x81, "é".encode()[:1]), TEXT),
    "binary": (masked(0x82, b"\x00"), CloseCode.UNSUPPORTED_DATA),
    "too long": (masked(0x81, b"x" * (MESSAGE_BYTES + 1)), TOO_BIG),
    "so long that it never ends": (masked(0x81, b"x" * 20_000, length=2**62), TOO_BIG),
    "too long in pieces": (masked(0x01, b"x" * 9_000) + masked(0x80, b"x" * 9_000), TOO_BIG),
    "pieces without end": (
        masked(0x01, b"") + masked(0x00, b"") * MESSAGE_FRAGMENTS,
        CloseCode.POLICY_VIOLATION,
    ),
}


@pytest.mark.parametrize(("data", "code"), BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_what_breaks_the_rules_is_closed_with_its_code(data, code, size):
    client = Client()
    assert client.raw(data, [size] * (-(-len(data) // size))) == []
    assert ended_with(client) == code
    assert client.raw(masked(0x81, b"{}")) == []
    client.wait(10)
    assert client.stream.ended
    assert client.heard() == []


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=60),
            st.builds(masked, st.integers(0, 255), st.binary(max_size=140)),
            st.builds(lambda text: masked(0x81, text.encode()), st.text(max_size=20)),
        ),
        max_size=8,
    )
)
def test_any_bytes_end_in_messages_or_a_close_and_in_nothing_else(pieces):
    client = Client()
    for piece in pieces:
        for message in client.raw(piece):
            assert len(message.encode()) <= MESSAGE_BYTES
    heard = client.heard()
    closes = [event for event in heard if isinstance(event, CloseConnection)]
    assert len(closes) == (0 if client.stream.open else 1)
    assert all(isinstance(event, Pong | CloseConnection) for event in heard)


# --- too many frames ----------------------------------------------------------------------------

SMALL_FRAMES = {
    "pings": masked(0x89, b""),
    "pongs": masked(0x8A, b""),
    "messages": masked(0x81, b""),
}


@pytest.mark.parametrize("frame", SMALL_FRAMES.values(), ids=SMALL_FRAMES.keys())
def test_a_client_has_so_many_frames_in_ten_seconds(frame):
    client = Client()
    for _ in range(3):
        client.raw(frame * FRAMES)
        client.wait(10)
    assert client.stream.open
    client.raw(frame * FRAMES)
    client.wait(9)
    client.heard()
    client.raw(frame)
    assert ended_with(client) == CloseCode.POLICY_VIOLATION


def test_a_client_that_floods_is_not_heard_to_the_end_of_its_bytes():
    client = Client()
    assert len(client.raw(masked(0x81, b"{}") * (2 * FRAMES))) == FRAMES
    assert client.stream.ended


def test_a_client_that_floods_behind_a_close_is_left_at_once():
    client = Client()
    client.stream.close(CloseCode.SLOW_CONSUMER, "too slow", client.now)
    client.raw(masked(0x8A, b"") * (FRAMES + 1))
    assert client.stream.ended
    assert ended_with(client) == CloseCode.SLOW_CONSUMER


def test_the_pieces_of_a_frame_are_one_frame():
    client = Client()
    message = masked(0x81, b"x" * (2 * FRAMES))
    assert client.raw(message, [1] * len(message)) == ["x" * (2 * FRAMES)]
    assert client.stream.open


# --- the end ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_the_clients_close_is_answered_with_its_code(code):
    client = Client()
    assert client.send(CloseConnection(code, "bye")) == []
    assert ended_with(client) == code
    assert client.stream.ended
    assert client.stream.close_code == code


def test_a_close_without_a_code_is_answered_without_one():
    client = Client()
    client.raw(masked(0x88, b""))
    assert client.stream.take_output() == close_frame(0)
    assert client.stream.close_code == NO_CODE


def test_the_venues_close_ends_when_the_client_agrees():
    client = Client()
    client.stream.close(CloseCode.GOING_AWAY, "the venue is closing", client.now)
    assert not client.stream.open
    (heard,) = client.heard()
    assert (heard.code, heard.reason) == (CloseCode.GOING_AWAY, "the venue is closing")
    assert client.send(heard.response()) == []
    assert client.stream.ended
    assert client.stream.take_output() == b""


def test_a_client_that_does_not_agree_is_left_after_five_seconds():
    client = Client()
    client.stream.close(CloseCode.SLOW_CONSUMER, "too slow", client.now)
    client.wait(4)
    assert not client.stream.ended
    client.wait(1)
    assert client.stream.ended


def test_only_the_first_close_is_sent():
    client = Client()
    client.stream.close(CloseCode.SLOW_CONSUMER, "too slow", client.now)
    client.stream.close(CloseCode.GOING_AWAY, "the venue is closing", client.now)
    assert ended_with(client) == CloseCode.SLOW_CONSUMER


def test_a_long_reason_is_cut_between_characters():
    client = Client()
    client.stream.close(CloseCode.GOING_AWAY, "é" * 100, client.now)
    (heard,) = client.heard()
    assert heard.reason == "é" * 61


def test_who_hangs_up_has_gone():
    client = Client()
    assert client.raw(b"") == []
    assert client.stream.ended
    assert client.stream.close_code == CloseCode.GOING_AWAY
    assert client.stream.take_output() == b""


# --- pings --------------------------------------------------------------------------------------


def test_a_client_is_pinged_every_20_seconds():
    client = Client()
    client.wait(19)
    assert client.heard() == []
    for _ in range(10):
        client.wait(20)
        assert client.heard() == [Ping(b"")]
        client.send(Pong(b""))


def test_a_client_that_answers_no_ping_for_60_seconds_is_gone():
    client = Client()
    client.wait(59)
    assert client.stream.open
    client.wait(1)
    assert client.stream.close_code == CloseCode.NO_PONG
    assert client.stream.ended


def test_any_word_is_a_sign_of_life():
    client = Client()
    for _ in range(5):
        client.wait(50)
        client.send(TextMessage("{}"))
    assert client.stream.open


def test_nothing_is_due_after_the_end():
    stream = WebSocketStream(0)
    stream.receive(b"", 0)
    stream.tick(10**12)
    assert stream.receive(b"x", 0) == []
    assert stream.take_output() == b""


def test_binary_is_refused_while_a_ping_beside_it_is_answered():
    client = Client()
    assert client.send(Ping(b"1"), BytesMessage(b"\0"), Ping(b"2")) == []
    first, second = client.heard()
    assert first == Pong(b"1")
    assert second.code == CloseCode.UNSUPPORTED_DATA
