"""The request to upgrade: what opens a WebSocket, what is refused, and with which status."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, RejectConnection, RejectData, Request, TextMessage

from gateway.websocket.handshake import (
    REQUEST_BYTES,
    Handshake,
    HandshakeRefused,
    accepted,
    refused,
)

GOOD = {
    "Host": "venue:8081",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def request(line="GET /v1/stream HTTP/1.1", **changed):
    """A request; changed headers by name with _ for -, None: left out."""
    headers = GOOD | {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def test_a_good_request_opens_the_websocket():
    data = request(Origin="https://venue", Authorization="Bearer demo-ACME", X_Other="1")
    upgrade = Handshake().receive(data)
    assert upgrade.target == "/v1/stream"
    assert upgrade.host == "venue:8081"
    assert upgrade.origin == "https://venue"
    assert upgrade.authorization == "Bearer demo-ACME"
    assert upgrade.rest == b""
    # the example of RFC 6455, section 1.3
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in accepted(upgrade)


def test_what_comes_right_behind_the_request_is_not_lost():
    assert Handshake().receive(request() + b"\x81\x80abcd").rest == b"\x81\x80abcd"


def test_a_client_of_another_make_agrees():
    client = WSConnection(ConnectionType.CLIENT)
    upgrade = Handshake().receive(client.send(Request(host="venue", target="/v1/stream?x=1")))
    assert upgrade.target == "/v1/stream?x=1"
    client.receive_data(accepted(upgrade) + b"\x81\x02{}")
    opened, message = client.events()
    assert isinstance(opened, AcceptConnection)
    assert isinstance(message, TextMessage)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_request_may_come_in_pieces(size):
    data = request()
    handshake = Handshake()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [handshake.receive(piece) for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert handshake.receive(pieces[-1]) is not None


REFUSED = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "FIX": (b"8=FIX.4.4\x019=70\x0135=A\x01\r\n\r\n", 400),
    "POST": (request("POST /v1/stream HTTP/1.1"), 405),
    "HTTP/1.0": (request("GET /v1/stream HTTP/1.0"), 405),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405),
    "no Upgrade": (request(Upgrade=None), 426),
    "upgrade to something else": (request(Upgrade="h2c"), 426),
    "Connection says nothing of it": (request(Connection="keep-alive"), 426),
    "no Host": (request(Host=None), 400),
    "no version": (request(Sec_WebSocket_Version=None), 426),
    "another version": (request(Sec_WebSocket_Version="8"), 426),
    "no key": (request(Sec_WebSocket_Key=None), 400),
    "key that is no base64": (request(Sec_WebSocket_Key="§§§"), 400),
    "key of 15 bytes": (request(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAA"), 400),
    "body": (request(Content_Length="5") + b"hello", 400),
    "chunked body": (request(Transfer_Encoding="chunked") + b"5\r\nhello\r\n", 400),
    "target of 300 bytes": (request(f"GET /{'x' * 300} HTTP/1.1"), 414),
    "header without end": (b"GET / HTTP/1.1\r\nHost: " + b"x" * REQUEST_BYTES, 431),
    "hung up": (b"", 400),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_any_other_request_is_refused_with_a_reason(data, status):
    with pytest.raises(HandshakeRefused) as error:
        Handshake().receive(data)
    client = WSConnection(ConnectionType.CLIENT)
    client.send(Request(host="venue", target="/"))
    client.receive_data(refused(error.value))
    answer, *words, _ = client.events()
    assert isinstance(answer, RejectConnection)
    assert answer.status_code == status
    assert b"".join(word.data for word in words if isinstance(word, RejectData)).strip()


def test_headers_are_taken_in_any_case_and_in_lists():
    data = request(Upgrade="h2c, WebSocket", Connection="keep-alive, UPGRADE")
    assert Handshake().receive(data) is not None


def test_a_hostile_host_is_only_text():
    assert Handshake().receive(request(Host="\xff\xfe")).host == "\xff\xfe"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda at, what: request()[:at] + what + request()[at + len(what) :],
            st.integers(0, len(request())),
            st.binary(min_size=1, max_size=4),
        ),
    )
)
def test_any_bytes_are_refused_or_taken(data):
    handshake = Handshake()
    answer = None
    try:
        handshake.receive(data)
    except HandshakeRefused as error:
        answer = refused(error)
    assert answer is None or answer.startswith(b"HTTP/1.1 4")
