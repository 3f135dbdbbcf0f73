"""One client of a feed: its WebSocket on its connection."""

from typing import Final

from gateway.fix.disconnect import DisconnectReason
from gateway.flow.connection import Connection
from gateway.flow.throttle import TokenBucket
from gateway.websocket.frames import CloseCode
from gateway.websocket.stream import WebSocketStream

REQUESTS: Final = (20, 100)
"""Messages that a client may send, a second and at once: it subscribes, and then it listens."""

_REASONS: Final[dict[int, DisconnectReason]] = {
    CloseCode.PROTOCOL_ERROR: DisconnectReason.GARBLED,
    CloseCode.UNSUPPORTED_DATA: DisconnectReason.GARBLED,
    CloseCode.INVALID_TEXT: DisconnectReason.GARBLED,
    CloseCode.MESSAGE_TOO_BIG: DisconnectReason.GARBLED,
    CloseCode.POLICY_VIOLATION: DisconnectReason.THROTTLED,
    CloseCode.INTERNAL_ERROR: DisconnectReason.INTERNAL,
    CloseCode.SERVICE_RESTART: DisconnectReason.SHUTDOWN,
    CloseCode.SLOW_CONSUMER: DisconnectReason.SLOW_CONSUMER,
    CloseCode.NOT_AUTHORIZED: DisconnectReason.LOGON_REFUSED,
    CloseCode.NO_PONG: DisconnectReason.HEARTBEAT_TIMEOUT,
}
"""How a close is counted; with any other code the client has left."""


class StreamClient:
    """A client. who: whose token it had, empty until it has shown one. Times: monotonic ns."""

    def __init__(self, connection: Connection, now: int) -> None:
        self.who = ""
        self.connection = connection
        self._stream = WebSocketStream(now)
        self._bucket = TokenBucket(*REQUESTS)

    @property
    def open(self) -> bool:
        """Whether it still takes messages."""
        return self._stream.open and not self.connection.closed

    @property
    def unsent(self) -> int:
        """Bytes that wait to be read."""
        return self.connection.queued

    def send(self, frames: bytes) -> None:
        """Send whole frames. Never blocks; a client that reads too slowly is closed."""
        if self._stream.open:
            self.connection.write(frames)

    def close(self, code: CloseCode, reason: str, now: int) -> None:
        """Say why it ends."""
        self._stream.close(code, reason, now)
        self._flush()

    def hear(self, data: bytes, now: int) -> list[str]:
        """Bytes of the client; the messages that are whole now."""
        messages = self._stream.receive(data, now)
        self._flush()
        return messages

    def may_ask(self, now: int) -> bool:
        """Whether it may send one more message now; one that may not is closed."""
        if self.open and not self._bucket.take(now):
            text = f"at most {REQUESTS[0]} messages a second"
            self.close(CloseCode.POLICY_VIOLATION, text, now)
        return self.open

    def tick(self, now: int) -> None:
        """Ping it, or end it, if that is due."""
        if now >= self._stream.due:
            self._stream.tick(now)
            self._flush()

    def _flush(self) -> None:
        """Send what the protocol wants to say; behind the last of it the connection ends."""
        stream = self._stream
        self.connection.write(stream.take_output())
        if stream.ended:
            reason = _REASONS.get(stream.close_code, DisconnectReason.PEER_CLOSED)
            self.connection.finish(reason)
