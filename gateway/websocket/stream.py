"""An open WebSocket, the server's half: what comes in is bounded and checked, pings are answered,
and the end is agreed on. Sans-IO; the frames themselves are wsproto's business.
"""

from typing import Final

from wsproto.connection import Connection, ConnectionType
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)

from engine.model.clock import NANOS_PER_SECOND
from gateway.websocket.frames import CloseCode, close_frame, ping_frame, pong_frame

MESSAGE_BYTES: Final = 16 * 1024
"""Largest message of a client, bytes: some hundred subscriptions."""

MESSAGE_FRAGMENTS: Final = 64
"""Frames in which a message may come."""

FRAMES: Final = 500
"""Frames that a client may send in a window, whatever they are: an empty ping takes 10 us to read,
and a client that sends nothing else would take all the time there is."""

FRAMES_WINDOW: Final = 10 * NANOS_PER_SECOND
"""Length of that window, ns."""

PING_INTERVAL: Final = 20 * NANOS_PER_SECOND
"""From one ping to the next, ns."""

PONG_TIMEOUT: Final = 60 * NANOS_PER_SECOND
"""Without any sign of life for this long, ns, a client is gone."""

CLOSE_TIMEOUT: Final = 5 * NANOS_PER_SECOND
"""How long the venue waits for the client's half of the close, ns."""

FLOOD_TEXT: Final = f"at most {FRAMES} frames in {FRAMES_WINDOW // NANOS_PER_SECOND} s"

NO_CODE: Final = 1005
"""Stands for a close without a code; never sent (RFC 6455, section 7.4.1)."""


class WebSocketStream:
    """One open connection. Times are monotonic ns.

    `receive` and `tick` say what to send in `output`; take it with `take_output` after each call.
    After `ended` the connection is to be closed once that has left.
    """

    def __init__(self, now: int) -> None:
        self._protocol = Connection(ConnectionType.SERVER)
        self._output = bytearray()
        self._pieces: list[str] = []
        self._size = 0
        self._fragments = 0
        self._frames = 0
        self._frames_since = now
        self._heard = now
        self._ping_due = now + PING_INTERVAL
        self._close_due: int | None = None
        self.close_code = 0
        """Why it closes, 0 while it is open, NO_CODE if the client did not say."""
        self.ended = False
        """Nothing more is to be received or sent."""

    @property
    def open(self) -> bool:
        """Whether messages may still be sent."""
        return not self.close_code

    @property
    def due(self) -> int:
        """When `tick` has something to do."""
        if self._close_due is not None:
            return self._close_due
        return min(self._ping_due, self._heard + PONG_TIMEOUT)

    def take_output(self) -> bytes:
        """What is to be sent now."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def receive(self, data: bytes, now: int) -> list[str]:
        """Bytes of the client, none when it has hung up; the messages that are whole now."""
        if self.ended:
            return []
        if not data:
            self.close_code = self.close_code or CloseCode.GOING_AWAY
            self.ended = True
            return []
        self._heard = now
        messages: list[str] = []
        self._protocol.receive_data(data)
        for event in self._protocol.events():
            if self._floods(event, now):
                self.close(CloseCode.POLICY_VIOLATION, FLOOD_TEXT, now)
                self.ended = True  # to wait for its half of the close would be to read on
                break
            self._take(event, messages, now)
        return messages

    def tick(self, now: int) -> None:
        """Ping, or end what has gone silent."""
        if self.ended:
            return
        if self._close_due is not None:
            self.ended = now >= self._close_due
        elif now >= self._heard + PONG_TIMEOUT:
            self.close(CloseCode.NO_PONG, "no answer to a ping for 60 s", now)
            self.ended = True
        elif now >= self._ping_due:
            self._ping_due = now + PING_INTERVAL
            self._output += ping_frame()

    def close(self, code: CloseCode, reason: str, now: int) -> None:
        """Say that the venue ends it, and why; then wait a little for the client to agree."""
        if self.open:
            self.close_code = code
            self._close_due = now + CLOSE_TIMEOUT
            self._output += close_frame(code, reason)

    def _floods(self, event: Event, now: int) -> bool:
        """Count an event, and tell whether the client has sent more frames than it may."""
        if now - self._frames_since >= FRAMES_WINDOW:
            self._frames_since, self._frames = now, 0
        self._frames += not isinstance(event, Message) or event.frame_finished
        return self._frames > FRAMES

    def _take(self, event: Event, messages: list[str], now: int) -> None:
        match event:
            case TextMessage():
                self._text(event, messages, now)
            case BytesMessage():
                self.close(CloseCode.UNSUPPORTED_DATA, "only text is taken here", now)
            case Ping(payload=payload) if self.open:
                self._output += pong_frame(bytes(payload))
            case CloseConnection():
                self._closed(event)
            case Ping() | Pong():
                pass  # it lives
            case _:
                raise AssertionError(f"unknown event {event}")

    def _text(self, event: TextMessage, messages: list[str], now: int) -> None:
        """A piece of a message; after a close nobody reads it any more."""
        if not self.open:
            return
        self._pieces.append(event.data)
        self._size += len(event.data.encode())
        self._fragments += event.frame_finished
        if self._size > MESSAGE_BYTES:
            text = f"a message is at most {MESSAGE_BYTES} bytes"
            self.close(CloseCode.MESSAGE_TOO_BIG, text, now)
        elif self._fragments > MESSAGE_FRAGMENTS:
            text = f"a message has at most {MESSAGE_FRAGMENTS} fragments"
            self.close(CloseCode.POLICY_VIOLATION, text, now)
        elif not event.message_finished:
            return
        else:
            messages.append("".join(self._pieces))
        self._pieces, self._size, self._fragments = [], 0, 0

    def _closed(self, event: CloseConnection) -> None:
        """The client's close, or bytes that are no frames: wsproto tells of both alike."""
        if self.open:
            self.close_code = event.code
            self._output += close_frame(0 if event.code == NO_CODE else event.code)
        self.ended = True
