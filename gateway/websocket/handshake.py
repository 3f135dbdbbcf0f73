"""The opening handshake: an HTTP request to upgrade, checked, and the answer to it. Pure.

Source: RFC 6455, section 4.2. No extension and no subprotocol is ever agreed on.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

import h11

REQUEST_BYTES: Final = 16 * 1024
"""Largest request head, bytes: room for a token and what proxies and browsers add."""

KEY_BYTES: Final = 16
"""Of Sec-WebSocket-Key, decoded."""

SHOWN_CHARACTERS: Final = 256
"""Of a target, in an Upgrade; one that is longer is refused."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3

Headers = tuple[tuple[bytes, bytes], ...]


class Upgrade(NamedTuple):
    """A good request. target is its path with the query, host and origin as the client named them,
    authorization what stands in that header; rest: bytes that came behind the request."""

    target: str
    host: str
    origin: str | None
    authorization: str | None
    key: bytes
    rest: bytes


class HandshakeRefused(Exception):
    """A request that does not become a WebSocket: status and headers of the answer."""

    def __init__(self, status: int, text: str, headers: Headers = ()) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


class Handshake:
    """Reads the request from a connection that has just been opened."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=REQUEST_BYTES)

    def receive(self, data: bytes) -> Upgrade | None:
        """Bytes of the client; the request when it is whole. Raises HandshakeRefused; then nothing
        more may be received."""
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                return None
            if not isinstance(event, h11.Request):
                raise HandshakeRefused(400, "the connection ended before its request")
            if not isinstance(self._http.next_event(), h11.EndOfMessage):
                raise HandshakeRefused(400, "a request to upgrade has no body")
        except h11.RemoteProtocolError as error:
            raise HandshakeRefused(error.error_status_hint, "this is no HTTP request") from None
        return _checked(event, self._http.trailing_data[0])


def _checked(request: h11.Request, rest: bytes) -> Upgrade:
    headers = _single(request.headers)
    get = headers.get
    if request.method != b"GET" or request.http_version < b"1.1":
        raise HandshakeRefused(405, "only GET over HTTP/1.1", ((b"Allow", b"GET"),))
    if b"websocket" not in _tokens(get(b"upgrade")) or b"upgrade" not in _tokens(
        get(b"connection")
    ):
        wanted = ((b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"))
        raise HandshakeRefused(426, "here is a WebSocket: upgrade to it", wanted)
    if get(b"sec-websocket-version") != b"13":
        versions = ((b"Sec-WebSocket-Version", b"13"),)
        raise HandshakeRefused(426, "only version 13 of WebSocket", versions)
    key = get(b"sec-websocket-key", b"")
    if not _is_key(key):
        raise HandshakeRefused(400, "Sec-WebSocket-Key is not 16 bytes in base64")
    if len(request.target) > SHOWN_CHARACTERS:
        raise HandshakeRefused(414, "the target is too long")
    host = _text(get(b"host"))
    assert host is not None, "h11 refuses HTTP/1.1 without a Host"
    return Upgrade(
        request.target.decode("latin-1"),
        host,
        _text(get(b"origin")),
        _text(get(b"authorization")),
        key,
        rest,
    )


def _single(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """By lower-case name; of a header that comes twice all values, as RFC 9110, 5.3 joins them."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def _tokens(value: bytes | None) -> list[bytes]:
    return [token.strip().lower() for token in (value or b"").split(b",")]


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        return False


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def accepted(upgrade: Upgrade) -> bytes:
    """The answer that opens the WebSocket."""
    digest = hashlib.sha1(upgrade.key + _GUID, usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % base64.b64encode(digest)
    )


def refused(error: HandshakeRefused) -> bytes:
    """The answer to a request that is refused; the connection ends behind it."""
    http = h11.Connection(h11.SERVER)
    body = f"{error}\n".encode()
    headers = [
        *error.headers,
        (b"Connection", b"close"),
        (b"Content-Type", b"text/plain; charset=utf-8"),
        (b"Content-Length", b"%d" % len(body)),
    ]
    head = http.send(h11.Response(status_code=error.status, headers=headers))
    assert head is not None
    return head + body
