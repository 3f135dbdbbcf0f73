"""What a feed answers to a request itself: JSON objects, each with its `type`. Pure."""

from enum import StrEnum

import msgspec
from msgspec import Struct

from gateway.stream.requests import (
    Request,
    RequestRefused,
    Subscribe,
    Unsubscribe,
    decode_request,
)
from gateway.websocket.frames import text_frame


class ErrorCode(StrEnum):
    """Why a request is refused."""

    MALFORMED = "malformed"
    """No JSON object of that shape; the text says where."""
    UNKNOWN_CHANNEL = "unknown_channel"
    UNKNOWN_SYMBOL = "unknown_symbol"
    NOT_OFFERED = "not_offered"
    """A depth or interval that the channel does not have; the text names those that it has."""
    ALREADY_SUBSCRIBED = "already_subscribed"
    NOT_SUBSCRIBED = "not_subscribed"
    TOO_MANY = "too_many"
    """The connection has as many subscriptions as it may have."""
    UNKNOWN_SEQUENCE = "unknown_sequence"
    """There is nothing of that number to go on from."""
    UNKNOWN_FILTER = "unknown_filter"
    """A filter names an account, session or instrument that the member has not."""


class Refused(Exception):
    """A request that cannot be met: a code for programs, a text for people."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class _Answer(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """id: the client's own, of the request."""

    id: str | None = None


class Subscribed(_Answer, frozen=True, tag="subscribed", kw_only=True):
    """What follows is the channel: first all that it shows, or, if resumed, what was missed.

    seq: of a channel that shows no state: the last sequence number before what follows.
    """

    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval_ms: int = 0
    interval: int | None = None
    resumed: bool = False
    seq: int | None = None


class Unsubscribed(_Answer, frozen=True, tag="unsubscribed", kw_only=True):
    """Nothing more follows of the channel."""

    channel: str
    symbol: str | None = None
    depth: int | None = None
    interval_ms: int = 0
    interval: int | None = None


class Error(_Answer, frozen=True, tag="error", kw_only=True):
    """A request was refused, and nothing has changed."""

    code: str
    text: str


_encode = msgspec.json.Encoder().encode


def decoded(text: str) -> Request:
    """A client's message. Raises Refused."""
    try:
        return decode_request(text)
    except RequestRefused as refused:
        raise Refused(ErrorCode.MALFORMED, str(refused)) from None


def frame(message: Struct) -> bytes:
    """A message as the frame that carries it."""
    return text_frame(_encode(message))


def subscribed(request: Subscribe, *, resumed: bool = False, seq: int | None = None) -> bytes:
    """The frame that answers a subscription."""
    return frame(
        Subscribed(
            id=request.id,
            channel=request.channel,
            symbol=request.symbol,
            depth=request.depth,
            interval_ms=request.interval_ms,
            interval=request.interval,
            resumed=resumed,
            seq=seq,
        )
    )


def unsubscribed(request: Unsubscribe) -> bytes:
    """The frame that answers the end of one."""
    return frame(
        Unsubscribed(
            id=request.id,
            channel=request.channel,
            symbol=request.symbol,
            depth=request.depth,
            interval_ms=request.interval_ms,
            interval=request.interval,
        )
    )


def error(ident: str | None, refused: Refused) -> bytes:
    """The frame that refuses a request."""
    return frame(Error(id=ident, code=refused.code, text=str(refused)))
