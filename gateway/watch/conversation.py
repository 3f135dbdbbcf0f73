"""A watcher's half of one connection: what to send, and what the answers mean. Sans-IO."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from engine.model.errors import OperatorError
from gateway.connect import STREAM_PATH
from gateway.market_data.messages import MarketMessage
from gateway.stream.answers import Error, ErrorCode, Subscribed, Unsubscribed
from gateway.stream.requests import Subscribe
from gateway.watch.words import clean
from gateway.websocket.frames import CloseCode

MESSAGE_CHARACTERS: Final = 4 * 1024 * 1024
"""Longest message of the venue: a thousand levels a side are some 100,000."""

_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429

ADVICE: Final = "name the token of a member with --token or in FIXGATE_TOKEN"

_Heard = MarketMessage | Subscribed | Unsubscribed | Error
_decode = msgspec.json.Decoder(_Heard).decode


class LinkLost(Exception):
    """The connection has ended, or makes no sense: another one may do better."""


class SymbolUnknown(Exception):
    """The venue has no such instrument; those that it has, it has named before."""


class Conversation:
    """One connection. Take what is to be sent with `take_output` after each call."""

    def __init__(self, host: str, token: str, requests: Sequence[Subscribe]) -> None:
        """host: as in the address, with its port."""
        self._requests = requests
        self._socket = WSConnection(ConnectionType.CLIENT)
        headers = [(b"Authorization", b"Bearer " + token.encode())]
        self._pieces: list[str] = []
        self._size = 0
        self._output = self._socket.send(
            Request(host=host, target=STREAM_PATH, extra_headers=headers)
        )

    def take_output(self) -> bytes:
        """What is to be sent now."""
        output, self._output = self._output, b""
        return output

    def receive(self, data: bytes) -> Iterator[MarketMessage]:
        """Bytes of the venue, none when it has hung up; what it tells of the market, to be gone
        through to its end.

        Raises, behind what came before: LinkLost, OperatorError where a person has to act, and
        SymbolUnknown.
        """
        if not data:
            raise LinkLost("the venue hung up")
        try:
            self._socket.receive_data(data)
            for event in self._socket.events():
                message = self._take(event)
                if message is not None:
                    yield message
        except (RemoteProtocolError, LocalProtocolError) as error:
            raise LinkLost(f"what answers is no WebSocket: {clean(str(error))}") from None

    def _take(self, event: Event) -> MarketMessage | None:
        match event:
            case AcceptConnection():
                for request in self._requests:
                    text = msgspec.json.encode(request).decode()
                    self._output += self._socket.send(Message(data=text))
            case RejectConnection(status_code=status):
                raise _rejected(status)
            case TextMessage():
                return self._text(event)
            case Ping():
                self._output += self._socket.send(event.response())
            case CloseConnection(code=CloseCode.NOT_AUTHORIZED):
                raise OperatorError(f"the venue does not know this token: {ADVICE}")
            case CloseConnection(code=code, reason=reason):
                raise LinkLost(f"the stream was closed with {code}: {clean(reason or 'no reason')}")
            case BytesMessage():
                raise LinkLost("what answers is no market stream")
            case _:
                pass  # a pong, or the body of a refusal
        return None

    def _text(self, event: TextMessage) -> MarketMessage | None:
        self._pieces.append(event.data)
        self._size += len(event.data)
        if self._size > MESSAGE_CHARACTERS:
            raise LinkLost(f"a message is longer than {MESSAGE_CHARACTERS} characters")
        if not event.message_finished:
            return None
        text = "".join(self._pieces)
        self._pieces, self._size = [], 0
        try:
            message: _Heard = _decode(text)
        except msgspec.DecodeError as error:
            raise LinkLost(f"a message makes no sense: {clean(str(error))}") from None
        if isinstance(message, Error):
            raise _refused(message)
        return None if isinstance(message, Subscribed | Unsubscribed) else message


def _rejected(status: int) -> OperatorError:
    if status == _UNAUTHORIZED:
        return OperatorError(f"the venue does not know this token: {ADVICE}")
    if status == _TOO_MANY:
        return OperatorError(
            "the venue takes nobody from this address for now, because of too many wrong tokens: "
            "wait a minute, and look at the token"
        )
    return OperatorError(
        f"what listens there is no market stream: it answers {STREAM_PATH} with HTTP {status}; "
        "look at --url"
    )


def _refused(error: Error) -> Exception:
    if error.code == ErrorCode.UNKNOWN_SYMBOL:
        return SymbolUnknown(clean(error.text))
    return OperatorError(f"the venue refuses what was asked: {clean(error.text)}")
