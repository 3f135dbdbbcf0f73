"""A WebSocket connection to a venue's stream: JSON in and out, with wsproto on a plain socket."""

import json
import socket

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)


class Stream:
    """Raises ConnectionError when it ends, whoever ends it."""

    def __init__(self, address, token):
        host, _, port = address.rpartition(":")
        self._sock = socket.create_connection((host, int(port)), timeout=60)
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._events = iter(())
        self._parts = []
        bearer = [(b"Authorization", f"Bearer {token}".encode())]
        self._send(Request(host=address, target="/v1/stream", extra_headers=bearer))
        answer = self._next()
        if isinstance(answer, RejectConnection):
            raise ConnectionError(f"refused: {answer.status_code}")
        assert isinstance(answer, AcceptConnection)

    def say(self, **words):
        """Send a request."""
        self._send(Message(data=json.dumps(words)))

    def hear(self):
        """The next message."""
        while True:
            event = self._next()
            if isinstance(event, TextMessage):
                self._parts.append(event.data)
                if event.message_finished:
                    text, self._parts = "".join(self._parts), []
                    return json.loads(text)
            elif isinstance(event, Ping):
                self._send(event.response())
            elif isinstance(event, CloseConnection):
                raise ConnectionError(f"closed: {event.code} {event.reason}")

    def close(self):
        """Hang up."""
        self._sock.close()

    def _send(self, event):
        self._sock.sendall(self._ws.send(event))

    def _next(self):
        while (event := next(self._events, None)) is None:
            data = self._sock.recv(65_536)
            if not data:
                raise ConnectionError("the venue hung up")
            self._ws.receive_data(data)
            self._events = self._ws.events()
        return event
