"""The frames that a server sends: unmasked and whole, so that one serves all subscribers. Pure.

Source: RFC 6455, section 5.2.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

_SHORT: Final = 125
"""Longest payload whose length stands in the second byte, and longest of a control frame."""
_TWO_BYTES: Final = 0xFFFF

_TEXT: Final = 0x81  # FIN and opcode 1
_CLOSE: Final = 0x88
_PING: Final = 0x89
_PONG: Final = 0x8A

_LENGTH_16 = Struct(">BBH").pack
_LENGTH_64 = Struct(">BBQ").pack


class CloseCode(IntEnum):
    """Why a WebSocket is closed: RFC 6455, section 7.4.1, and of 3xxx our own."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    """The venue is closing, and will be back."""
    TRY_AGAIN_LATER = 1013
    SLOW_CONSUMER = 3000
    """It read too slowly; it may come back and resume."""
    NOT_AUTHORIZED = 3001
    """No token, a wrong one, or one for somebody else's data."""
    NO_PONG = 3002
    """It answered no ping for too long."""


def text_frame(payload: bytes) -> bytes:
    """A message of UTF-8 text."""
    size = len(payload)
    if size <= _SHORT:
        return bytes((_TEXT, size)) + payload
    if size <= _TWO_BYTES:
        return _LENGTH_16(_TEXT, 126, size) + payload
    return _LENGTH_64(_TEXT, 127, size) + payload


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping; the client has to answer with the same payload, at most 125 bytes."""
    return _control(_PING, payload)


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping."""
    return _control(_PONG, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """The last frame; a reason that is too long is cut. code 0: without one."""
    if not code:
        return _control(_CLOSE, b"")
    words = reason.encode()[: _SHORT - 2].decode(errors="ignore").encode()
    return _control(_CLOSE, code.to_bytes(2, "big") + words)


def _control(kind: int, payload: bytes) -> bytes:
    assert len(payload) <= _SHORT
    return bytes((kind, len(payload))) + payload
