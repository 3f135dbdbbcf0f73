"""What a client of a feed may say: JSON objects, each with its `op`, every field checked. Pure.

Of a key that comes twice the last one counts, as in most readers of JSON.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from gateway.config import CopyFilter

MAX_NAME: Final = 64
"""Longest channel, symbol or id, characters."""
MAX_TOKEN: Final = 512
"""Longest token, characters."""
MAX_DEPTH: Final = 5_000
"""Most levels of a book that can be asked for by number; without a number all are sent."""
MAX_INTERVAL_MS: Final = 60_000
"""Longest time between two messages of a conflated channel, milliseconds."""

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


class _Request(Struct, frozen=True, tag_field="op", forbid_unknown_fields=True):
    """A message of a client. id: the client's own, repeated in every answer to it."""


class Authenticate(_Request, frozen=True, tag="auth"):
    """The first message of a client whose handshake had no Authorization."""

    token: Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN)]
    id: Name | None = None


class Subscribe(_Request, frozen=True, tag="subscribe"):
    """Send me a channel: of one symbol, or, where the channel allows it, of all.

    depth: levels of a book, None for all. interval_ms: at most one message in that time, 0: every
    change by itself. interval: length of a candle, seconds. resume_from: the last sequence number
    that the client has; None: it has none. filter: which reports of a drop copy, None for all.
    """

    channel: Name
    symbol: Name | None = None
    depth: Annotated[int, Meta(ge=1, le=MAX_DEPTH)] | None = None
    interval_ms: Annotated[int, Meta(ge=0, le=MAX_INTERVAL_MS)] = 0
    interval: Annotated[int, Meta(ge=1, le=86_400)] | None = None
    resume_from: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    filter: CopyFilter | None = None
    id: Name | None = None


class Unsubscribe(_Request, frozen=True, tag="unsubscribe"):
    """No more of a channel; in the words of its subscription."""

    channel: Name
    symbol: Name | None = None
    depth: Annotated[int, Meta(ge=1, le=MAX_DEPTH)] | None = None
    interval_ms: Annotated[int, Meta(ge=0, le=MAX_INTERVAL_MS)] = 0
    interval: Annotated[int, Meta(ge=1, le=86_400)] | None = None
    id: Name | None = None


Request = Authenticate | Subscribe | Unsubscribe


class RequestRefused(Exception):
    """A message that is no request; the text says where it goes wrong."""


_decode = msgspec.json.Decoder(Request).decode


def decode_request(text: str) -> Request:
    """A client's message. Raises RequestRefused."""
    try:
        request: Request = _decode(text)
    except msgspec.DecodeError as error:
        raise RequestRefused(str(error)) from None
    return request
