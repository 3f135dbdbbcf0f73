"""A WebSocket client of the venue's streams, by wsproto on a plain socket."""

import json
import socket
import time

from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, CloseConnection, Message, Ping, Request, TextMessage

from tests.support.member import ConnectionEnded

TIMEOUT = 20
"""Longest wait for an answer on a loaded machine, seconds."""


class StreamClient:
    """One client; it may connect again and again."""

    def __init__(self, port, token, host="127.0.0.1"):
        self.address = (host, port)
        self.token = token
        self.close_code = None
        self._sock = None
        self._protocol = None
        self._events, self._text = [], []

    @property
    def connected(self):
        return self._sock is not None

    def connect(self):
        """Open a new stream. Raises ConnectionEnded, also while nobody listens."""
        self.drop()
        try:
            self._sock = socket.create_connection(self.address, timeout=TIMEOUT)
        except OSError as error:
            raise ConnectionEnded(str(error)) from error
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._events, self._text = [], []
        headers = [(b"Authorization", b"Bearer " + self.token.encode())]
        self._send(Request(host="venue", target="/v1/stream", extra_headers=headers))
        event = self._next(TIMEOUT)
        assert isinstance(event, AcceptConnection), event
        return self

    def drop(self):
        """Vanish without a word."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def receive_little(self):
        """Let the system keep as little as it can for a client that does not read."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    def say(self, **words):
        """Send a request."""
        self._send(Message(data=json.dumps(words)))

    def receive(self, timeout=TIMEOUT):
        """The next message; None if none comes. Raises ConnectionEnded."""
        end = time.monotonic() + timeout
        while (event := self._next(max(0, end - time.monotonic()))) is not None:
            if isinstance(event, TextMessage):
                self._text.append(event.data)  # all that was there of it
                if event.message_finished:
                    text, self._text = "".join(self._text), []
                    return json.loads(text)
            if isinstance(event, Ping):
                self._send(event.response())
            elif isinstance(event, CloseConnection):
                self.close_code = event.code
                self.drop()
                raise ConnectionEnded(f"{event.code} {event.reason}")
        return None

    def subscribe(self, channel, **words):
        """Subscribe; the answer, once it is there, and the messages that came before it."""
        self.say(op="subscribe", channel=channel, **words)
        before = []
        while True:
            message = self.receive()
            assert message is not None, "no answer"
            assert message["type"] != "error", message
            if message["type"] == "subscribed":
                return message, before
            before.append(message)

    def _send(self, event):
        try:
            self._sock.sendall(self._protocol.send(event))
        except OSError as error:
            self.drop()
            raise ConnectionEnded(str(error)) from error

    def _next(self, timeout):
        if self._sock is None:
            raise ConnectionEnded("not connected")
        while not self._events:
            self._sock.settimeout(max(timeout, 0.0001))
            try:
                data = self._sock.recv(1 << 18)
            except TimeoutError:
                return None
            except OSError as error:
                self.drop()
                raise ConnectionEnded(str(error)) from error
            if not data:
                self.drop()
                raise ConnectionEnded("end of stream")
            self._protocol.receive_data(data)
            self._events += self._protocol.events()
        return self._events.pop(0)
