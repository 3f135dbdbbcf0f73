"""A listening StreamServer with a service that repeats what it hears, and clients of it."""

import socket
from contextlib import asynccontextmanager

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, RejectConnection, RejectData, Request, TextMessage

from gateway.config import Limits
from gateway.connect import STREAM_PATH
from gateway.flow.counters import Counters
from gateway.flow.listener import listen
from gateway.stream.server import StreamServer
from gateway.websocket.frames import text_frame
from tests.support.house import HandClock

TOKENS = {"demo-ACME": "ACME", "demo-BOREAS": "BOREAS"}


class Echo:
    """Repeats every message to its client."""

    def __init__(self):
        self.there = []
        self.heard = []

    def authorize(self, token):
        return TOKENS.get(token)

    def opened(self, client):
        self.there.append(client)

    def received(self, client, text):
        if text == "fault":
            raise RuntimeError("a fault of ours")
        self.heard.append((client.who, text))
        client.send(text_frame(text.encode()))

    def closed(self, client):
        self.there.remove(client)


class Studio:
    """The server and its clients."""

    def __init__(self, limits, origins):
        self.clock = HandClock()
        self.service = Echo()
        self.log = []
        self.counters = Counters()
        self.server = StreamServer(
            self.service,
            self.clock,
            self.log.append,
            Limits(**limits),
            self.counters,
            origins,
        )
        self.listener = listen("127.0.0.1", 0)
        self.clients = []

    async def dial(self):
        """A connection that has said nothing."""
        sock = trio.socket.socket()
        await sock.connect(self.listener.getsockname())
        self.clients.append(Client(sock))
        return self.clients[-1]

    async def enter(self, token="demo-ACME", **headers):
        """A client that has asked for a WebSocket, with its token in the handshake."""
        client = await self.dial()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        await client.upgrade(**headers)
        return client

    async def until(self, condition):
        with trio.fail_after(10):
            while not condition():  # noqa: ASYNC110 - what it waits for sets no event
                await trio.sleep(0.005)

    async def ended(self, reason, times=1):
        """Wait until so many connections have ended for that reason."""
        await self.until(lambda: self.counters.disconnects[reason] >= times)
        assert self.counters.disconnects[reason] == times


class Client:
    """One connection, its half of the protocol by wsproto."""

    def __init__(self, sock):
        self.sock = sock
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self._events = []

    async def upgrade(self, target=STREAM_PATH, host="venue", **headers):
        extra = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self.send(Request(host=host, target=target, extra_headers=extra))

    async def send(self, *events):
        await self.raw(b"".join(self.protocol.send(event) for event in events))

    async def say(self, text):
        await self.send(TextMessage(text))

    async def raw(self, data):
        with trio.fail_after(10):
            while data:
                data = data[await self.sock.send(data) :]

    async def next(self):
        """The next event; None when the venue has closed the connection."""
        with trio.fail_after(10):
            while not self._events:
                try:
                    data = await self.sock.recv(65_536)
                except OSError:
                    data = b""
                if not data:
                    return None
                self.protocol.receive_data(data)
                self._events += self.protocol.events()
        return self._events.pop(0)

    async def hear(self):
        """The next message."""
        event = await self.next()
        assert isinstance(event, TextMessage), event
        return event.data

    async def closed(self):
        """The code of the close, and that nothing comes behind it."""
        event = await self.next()
        assert isinstance(event, CloseConnection), event
        return event.code

    async def refused(self):
        """The status of a handshake that was refused."""
        event = await self.next()
        assert isinstance(event, RejectConnection), event
        assert isinstance(await self.next(), RejectData)
        return event.status_code

    async def hung_up(self):
        """Whether the venue has closed the connection without another word."""
        return await self.next() is None

    async def rest(self):
        """All bytes up to the end."""
        data = b""
        with trio.fail_after(10):
            while more := await self.sock.recv(65_536):
                data += more
        return data

    def reset(self):
        """Go with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


@asynccontextmanager
async def studio(*, origins=(), **limits):
    """A studio that is open."""
    here = Studio(limits, origins)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(here.server.serve, here.listener)
        try:
            yield here
        finally:
            nursery.cancel_scope.cancel()
            for client in here.clients:
                client.sock.close()
            here.listener.close()
