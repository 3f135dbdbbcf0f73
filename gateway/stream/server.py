"""WebSocket connections: from a socket to a client that feeds may send to.

The same door as for FIX: a silent connection costs no task, an address has so many of them, and
who guesses tokens is kept out for a while. A client shows its token in the handshake's
Authorization or with its first message.
"""

import socket
from collections.abc import Callable, Collection
from traceback import format_exception
from typing import Final, Protocol

import trio

from engine.model.clock import Clock
from engine.model.errors import FixgateError
from gateway.config import Limits
from gateway.connect import STREAM_PATH
from gateway.fix.disconnect import DisconnectReason
from gateway.flow.admission import NO_SESSION, Admission
from gateway.flow.connection import FLAG_BYTES, READ_BYTES, Connection
from gateway.flow.counters import Counters
from gateway.flow.entrance import read
from gateway.flow.listener import Listener
from gateway.flow.lobby import FIRST_READ_BYTES, Lobby, Stranger
from gateway.flow.log_limit import MEMBER_LINES, STRANGER_LINES, LimitedLog
from gateway.flow.waiting_room import WaitingRoom
from gateway.stream.client import StreamClient
from gateway.stream.requests import Authenticate, RequestRefused, decode_request
from gateway.websocket.frames import CloseCode
from gateway.websocket.handshake import Handshake, HandshakeRefused, Upgrade, accepted, refused

UNAUTHORIZED: Final = 401
TOO_MANY: Final = 429

STREAM_READ_BYTES: Final = 2 * 1024
"""Largest single read of a client, bytes: 340 of the smallest frames, which are 3 ms of work."""

TICK_SECONDS: Final = 0.25
"""How often pings and time-outs are looked at, seconds."""

LINGER_SECONDS: Final = 2
"""How long last words may take to leave, and the client to hang up behind them, seconds."""

CLOSE_SECONDS: Final = 1.0
"""How long clients have to answer the close of a venue that closes, seconds."""

_CHALLENGE: Final = ((b"WWW-Authenticate", b"Bearer"),)


class StreamService(Protocol):
    """What a feed does with its clients."""

    def authorize(self, token: str) -> str | None:
        """Whose token it is, None if nobody's; it takes as long for the one as for the other."""
        ...

    def opened(self, client: StreamClient) -> None:
        """A client is there, and `who` it is."""
        ...

    def received(self, client: StreamClient, text: str) -> None:
        """A message of a client."""
        ...

    def closed(self, client: StreamClient) -> None:
        """It is gone."""
        ...


class StreamServer:
    """Listens for clients of `service`. origins: of web pages, beside the venue's own, whose
    scripts may connect (RFC 6454, `https://host[:port]`); other programs name none."""

    def __init__(
        self,
        service: StreamService,
        clock: Clock,
        log: Callable[[str], None],
        limits: Limits | None = None,
        counters: Counters | None = None,
        origins: Collection[str] = (),
    ) -> None:
        limits = limits or Limits()
        self.counters = counters or Counters()
        self.clients: dict[StreamClient, None] = {}
        """Those that have shown a token, in the order in which they did."""
        self._service = service
        self._clock = clock
        self._log = log
        self._origins = frozenset(origins)
        self._admission = Admission(limits)
        self._strangers = LimitedLog(log, clock.monotonic, STRANGER_LINES)
        self._members = LimitedLog(log, clock.monotonic, MEMBER_LINES)
        self._room = WaitingRoom(limits.connections_before_logon)
        self._lobby = Lobby(self._room, self._spoke, self._left)
        self._listener = Listener(
            self._admission,
            self._room,
            limits.connections,
            clock,
            self.counters,
            self._strangers,
            self._take,
        )
        self._nursery: trio.Nursery | None = None
        self._turn = trio.Lock()
        """Whose words are being taken: one client's in each turn of the event loop, in the order
        in which they came, so that many clients who talk do not add up to a wait for the feed."""
        self._gone = trio.lowlevel.ParkingLot()

    @property
    def connections(self) -> int:
        """Connections now, those included that have not shown a token."""
        return self._admission.total

    async def serve(self, listener: socket.socket) -> None:
        """Accept and serve connections for ever."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._lobby.serve)
            nursery.start_soon(self._tick)
            await self._listener.serve(listener)

    async def close(self, text: str) -> None:
        """Close every client with `text`, behind all that it was sent."""
        self._listener.open = False
        self._room.clear()
        for client in list(self.clients):
            client.close(CloseCode.SERVICE_RESTART, text, self._clock.monotonic())
        with trio.move_on_after(CLOSE_SECONDS):
            while self.clients:
                await self._gone.park()

    # --- strangers ----------------------------------------------------------------------------

    def _take(self, sock: socket.socket, peer: str) -> None:
        self._admission.opened(self._lobby.enter(sock, peer).source)

    def _left(self, stranger: Stranger, reason: DisconnectReason) -> None:
        """It never said a word."""
        self.counters.disconnects[reason] += 1
        self._admission.closed(stranger.source)

    def _spoke(self, stranger: Stranger, data: bytes) -> None:
        """It is worth a task."""
        assert self._nursery is not None
        self._nursery.start_soon(self._connection, stranger, data)

    async def _connection(self, stranger: Stranger, data: bytes) -> None:
        """Serve a connection whose first bytes are `data`, until it ends."""
        connection = Connection(stranger.sock, stranger.peer, self._members, self.counters)
        ended = DisconnectReason.SHUTDOWN  # what cancels this task is the end of the process
        try:
            with connection.cancel_scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(connection.run_writer)
                    await self._serve(stranger, connection, data)
                    nursery.cancel_scope.cancel()
            ended = connection.closing or DisconnectReason.PEER_CLOSED
        except* (FixgateError, AssertionError):
            raise  # the disk, or a broken belief: nothing may go on as if it were not so
        except* Exception as group:  # noqa: BLE001 - one client's bad luck must not end the others
            fault = "".join(format_exception(group))
            self._log(f"{stranger.peer} met a fault, closed:\n{fault}")
            ended = DisconnectReason.INTERNAL
        finally:
            self.counters.disconnects[ended] += 1
            self.counters.bytes_out += connection.bytes_out
            self._admission.closed(stranger.source)
            stranger.sock.close()

    async def _serve(self, stranger: Stranger, connection: Connection, data: bytes) -> None:
        client, messages = await self._admitted(stranger, connection, data)
        if client is not None:
            self._members(f"{client.who} connected from {connection.peer}")
            self.clients[client] = None
            try:
                self._service.opened(client)
                await self._read_loop(client, messages)
            finally:
                del self.clients[client]
                if connection.closing is not None:
                    reason = connection.closing.name
                    self._members(f"{client.who} at {connection.peer} disconnected: {reason}")
                self._service.closed(client)
                self._gone.unpark_all()
        await _last_words(connection)

    # --- the handshake ------------------------------------------------------------------------

    async def _admitted(
        self, stranger: Stranger, connection: Connection, data: bytes
    ) -> tuple[StreamClient | None, list[str]]:
        """The client that a connection turns out to be, with what it said behind its token; or
        None, and the connection ends."""
        assert stranger.scope is not None
        try:
            with stranger.scope:
                upgrade = await self._upgrade(stranger, data)
                return await self._identified(upgrade, stranger, connection)
            connection.finish(stranger.reason or DisconnectReason.NO_LOGON)
        except HandshakeRefused as error:
            connection.write(refused(error))
            wrong = error.status in (UNAUTHORIZED, TOO_MANY)
            reason = DisconnectReason.LOGON_REFUSED if wrong else DisconnectReason.GARBLED
            self._strangers(f"{stranger.peer} refused: {error}")
            connection.finish(reason)
        finally:
            self._room.leave(stranger)
        return None, []

    async def _upgrade(self, stranger: Stranger, data: bytes) -> Upgrade:
        handshake = Handshake()
        while True:
            async with self._turn:
                upgrade = handshake.receive(data)
            if upgrade is not None:
                break
            data = await read(stranger.sock, FIRST_READ_BYTES)
        if upgrade.target.partition("?")[0] != STREAM_PATH:
            raise HandshakeRefused(404, f"only {STREAM_PATH} is here")
        if upgrade.origin is not None and not self._trusts(upgrade.origin, upgrade.host):
            raise HandshakeRefused(403, "pages of this origin may not connect")
        return upgrade

    def _trusts(self, origin: str, host: str) -> bool:
        return origin in self._origins or origin.partition("://")[2] == host

    async def _identified(
        self, upgrade: Upgrade, stranger: Stranger, connection: Connection
    ) -> tuple[StreamClient | None, list[str]]:
        async with self._turn:
            who = self._by_header(upgrade, stranger.source)
            connection.write(accepted(upgrade))
            client = StreamClient(connection, self._clock.monotonic())
            messages = client.hear(upgrade.rest, self._clock.monotonic()) if upgrade.rest else []
        while who is None:
            if messages:
                who = self._by_message(client, messages.pop(0), stranger)
                if who is None:
                    return None, []
                continue
            if connection.closing is not None:
                return None, []
            data = await read(stranger.sock, FIRST_READ_BYTES)
            if not data:
                connection.close(DisconnectReason.PEER_CLOSED)
            async with self._turn:
                messages = client.hear(data, self._clock.monotonic())
        client.who = who
        return client, messages

    def _by_header(self, upgrade: Upgrade, source: str) -> str | None:
        """Who it is by its handshake; None if it does not say. Raises HandshakeRefused."""
        if upgrade.authorization is None:
            return None
        scheme, _, token = upgrade.authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise HandshakeRefused(UNAUTHORIZED, "Authorization: Bearer TOKEN", _CHALLENGE)
        if self._admission.source_blocked(source, self._clock.monotonic()):
            raise HandshakeRefused(TOO_MANY, "too many wrong tokens came from this address")
        who = self._service.authorize(token.strip())
        if who is None:
            self._admission.failed(source, NO_SESSION, self._clock.monotonic())
            raise HandshakeRefused(UNAUTHORIZED, "the token is nobody's", _CHALLENGE)
        return who

    def _by_message(self, client: StreamClient, text: str, stranger: Stranger) -> str | None:
        """Who it is by its first message; None if that does not say: then it is closed."""
        now = self._clock.monotonic()
        try:
            request = decode_request(text)
        except RequestRefused:
            request = None
        who = None
        words = 'the first message has to be {"op":"auth","token":...}'
        if isinstance(request, Authenticate):
            words = "too many wrong tokens came from this address"
            if not self._admission.source_blocked(stranger.source, now):
                words = "the token is nobody's"
                who = self._service.authorize(request.token)
        if who is None:
            self._admission.failed(stranger.source, NO_SESSION, now)
            self._strangers(f"{stranger.peer} refused: {words}")
            client.close(CloseCode.NOT_AUTHORIZED, words, now)
            client.connection.finish(DisconnectReason.LOGON_REFUSED)
        return who

    # --- clients ------------------------------------------------------------------------------

    async def _read_loop(self, client: StreamClient, messages: list[str]) -> None:
        """Take what a client says, which has said `messages` already."""
        connection = client.connection
        with connection.read_scope:
            while True:
                for text in messages:
                    async with self._turn:
                        if client.may_ask(self._clock.monotonic()):
                            self.counters.messages_in += 1
                            self._service.received(client, text)
                if connection.queued > FLAG_BYTES:
                    await connection.drained(FLAG_BYTES)
                if connection.closing is not None:
                    return
                data = await read(connection.sock, STREAM_READ_BYTES)
                if not data:
                    connection.close(DisconnectReason.PEER_CLOSED)
                    return
                self.counters.bytes_in += len(data)
                async with self._turn:
                    messages = client.hear(data, self._clock.monotonic())

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            self._strangers.tick()
            self._members.tick()
            now = self._clock.monotonic()
            for client in list(self.clients):
                client.tick(now)


async def _last_words(connection: Connection) -> None:
    """Let what is queued leave, and the client hang up: a close with unread input would reset
    what is on its way."""
    with trio.move_on_after(LINGER_SECONDS):
        await connection.flushed.wait()
    with trio.move_on_after(LINGER_SECONDS):
        while await read(connection.sock, READ_BYTES):
            pass
    connection.close(connection.closing or DisconnectReason.PEER_CLOSED)
