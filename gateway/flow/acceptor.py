"""Accepting FIX connections: from a socket to a session, and the read loop between them.

Order entry and drop copy share this shell. What they do with an application message is their
`Service`; everything about FIX itself is the sans-IO session's.
"""

import contextlib
import errno
import fcntl
import resource
import socket
from collections.abc import Callable
from traceback import format_exception
from typing import Final, Protocol

import trio

from engine.journal.follow import JournalReader
from engine.model.clock import Clock
from engine.model.errors import FixgateError
from gateway.config import verifies_slowly, verify_password
from gateway.fix.codec import Framer
from gateway.fix.decoder import Decoder
from gateway.fix.dictionary import Dictionary
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.message import Message
from gateway.fix.steps import Application, LogonStep, Step
from gateway.flow.connection import FLAG_BYTES, READ_BYTES, Connection
from gateway.flow.link import Link
from gateway.flow.resend_stream import ResendStreams

LOGON_TIMEOUT_SECONDS: Final = 5
"""A connection without a Logon is closed after this long, seconds."""

LINGER_SECONDS: Final = 2
"""How long last words may take to leave a connection that ends, seconds."""

CLOSE_SECONDS: Final = 1.0
"""How long members have to answer the Logout of a venue that closes, seconds."""

MAX_CONNECTIONS: Final = 2_000
"""Connections of one process, logged on or not: file descriptors and memory stay bounded."""

ACCEPT_RETRY_SECONDS: Final = 0.1
"""Pause after an accept that failed for want of file descriptors, seconds."""

LISTEN_BACKLOG: Final = 512

TICK_SECONDS: Final = 0.1
"""How often session timers are looked at, seconds: an eighth of the shortest heartbeat."""

MAX_DESCRIPTOR: Final = 65_536
"""Highest descriptor a listener is moved to: a table of 512 KiB in the kernel at most."""

DESCRIPTOR_TRIES: Final = 8
"""A process has a few listeners at most."""

MAX_GARBLED: Final = 1_000
"""Garbled messages that a connection may send: FIX ignores each, but a peer that sends nothing
else is closed."""

RESYNC_SECONDS: Final = 2.0
"""Silence in the middle of a message, seconds, after which its BodyLength counts as a lie and the
bytes behind it are searched for the next message."""

CONSTRAINED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Service(Protocol):
    """What a process does with its sessions."""

    def application(self, link: Link, step: Application, now: int) -> None:
        """Handle an application message that came in sequence."""
        ...

    def perform(self, link: Link, step: Step, now: int) -> None:
        """Do a session step when everything before it has left."""
        ...

    def after_read(self, link: Link, began: int) -> None:
        """All messages of one read were handed over; it began then, monotonic ns."""
        ...

    async def room(self) -> None:
        """Wait while the process has more work than it may queue."""
        ...

    async def settle(self) -> None:
        """Wait until every report that exists is numbered and handed to its session."""
        ...

    def open_reader(self) -> JournalReader:
        """A reader of the journal for one resend."""
        ...


class Acceptor:
    """Listens for the sessions in `links` (by CompID)."""

    def __init__(
        self,
        links: dict[bytes, Link],
        service: Service,
        dictionary: Dictionary,
        clock: Clock,
        log: Callable[[str], None],
        venue: bytes,
    ) -> None:
        self.links = links
        self.service = service
        self._first_decoder = Decoder(dictionary, compile_shapes=False)
        # One each: a decoder learns the shapes of few messages, and no peer learns for another.
        self._decoders = {comp_id: Decoder(dictionary) for comp_id in links}
        self.clock = clock
        self.log = log
        self.venue = venue
        self.connections: set[Connection] = set()
        self.accepting = True
        self._resends = ResendStreams(service.open_reader, clock, log)
        self._gone = trio.lowlevel.ParkingLot()
        self._password_lock = trio.Lock()
        for link in links.values():
            link.on_resend = self._resends.start

    async def serve(self, listener: socket.socket) -> None:
        """Accept and serve connections for ever."""
        listener.setblocking(False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tick)
            nursery.start_soon(self._sync_indexes)
            while True:
                await trio.lowlevel.wait_readable(listener.fileno())
                try:
                    sock, address = listener.accept()
                except (BlockingIOError, InterruptedError, ConnectionError):
                    continue
                except OSError as error:
                    if error.errno not in CONSTRAINED:
                        raise
                    self.log(f"cannot accept: {error.strerror}; trying again")
                    await trio.sleep(ACCEPT_RETRY_SECONDS)
                    continue
                if not self.accepting or len(self.connections) >= MAX_CONNECTIONS:
                    sock.close()
                    continue
                nursery.start_soon(self.connection, sock, f"{address[0]}:{address[1]}")

    async def connection(self, sock: socket.socket, peer: str) -> None:
        """Serve one connected socket until it ends."""
        connection = Connection(sock, peer, self.log)
        self.connections.add(connection)
        try:
            with connection.cancel_scope:
                async with trio.open_nursery() as nursery:
                    connection.nursery = nursery
                    nursery.start_soon(connection.run_writer)
                    await self._identify(connection)
                    nursery.cancel_scope.cancel()
        except* (FixgateError, AssertionError):
            raise  # the disk, or a broken belief: nothing may go on as if it were not so
        except* Exception as group:  # noqa: BLE001 - one peer's bad luck must not end the others
            self.log(f"{peer} met a fault, closed:\n{''.join(format_exception(group))}")
            connection.close(DisconnectReason.INTERNAL)
        finally:
            self.connections.discard(connection)
            self._gone.unpark_all()
            for found in self.links.values():
                if found.connection is connection:
                    self._detach(found, connection)
            sock.close()

    def _detach(self, link: Link, connection: Connection) -> None:
        reason = connection.closing or DisconnectReason.PEER_CLOSED
        link.detach()
        link.session.disconnect(reason)
        self.log(f"{link.config.comp_id} disconnected: {reason.name}")

    async def _identify(self, connection: Connection) -> None:
        """Read until the first message says whose connection it is, then serve it."""
        framer = Framer()
        first: list[bytes] = []
        with trio.move_on_after(LOGON_TIMEOUT_SECONDS) as timeout:
            while not first:
                data = await self._read(connection)
                if not data:
                    connection.close(DisconnectReason.PEER_CLOSED)
                    return
                first = framer.feed(data)
        if timeout.cancelled_caught:
            connection.close(DisconnectReason.NO_LOGON)
            return
        message = self._first_decoder.decode(first[0])
        await self._predecessor_gone(message)
        link = self._link_of(message, connection)
        if link is None:
            return
        now, mono = self.clock.now(), self.clock.monotonic()
        link.connection = connection
        link.session.connect(now, mono)
        await self._messages(link, connection, first)
        self.service.after_read(link, mono)
        await self._read_loop(link, connection, framer)

    async def _predecessor_gone(self, message: Message) -> None:
        """Who closes his connection and logs on again at once must not find it still in his way.

        What he sent before he closed is read first.
        """
        link = self.links.get(message.get(49) or b"")
        before = link.connection if link is not None else None
        if link is not None and before is not None and before.peer_has_left:
            with trio.move_on_after(LINGER_SECONDS):
                while link.connection is before:
                    await self._gone.park()

    def _link_of(self, message: Message, connection: Connection) -> Link | None:
        """The session that a first message belongs to; closes the connection if there is none."""
        comp_id = message.get(49) or b""
        link = self.links.get(comp_id)
        if message.msg_type != b"A":
            reason = DisconnectReason.FIRST_MESSAGE_NOT_LOGON
        elif link is None or message.get(56) != self.venue:
            reason = DisconnectReason.UNKNOWN_COMP_ID
        elif link.connection is not None:
            reason = DisconnectReason.DUPLICATE_SESSION
        else:
            return link
        shown = comp_id[:32].decode("ascii", "replace")
        self.log(f"{connection.peer} refused: {reason.name} (SenderCompID {shown!r})")
        connection.close(reason)
        return None

    async def _read(self, connection: Connection) -> bytes:
        """The next bytes; empty at the end of the stream or when it broke."""
        while True:
            await trio.lowlevel.wait_readable(connection.sock.fileno())
            try:
                return connection.sock.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError:
                return b""

    async def _read_loop(self, link: Link, connection: Connection, framer: Framer) -> None:
        service = self.service
        with connection.read_scope:
            while connection.closing is None:
                raws = await self._next_messages(connection, framer)
                if raws is None:
                    connection.close(DisconnectReason.PEER_CLOSED)
                    return
                if raws:
                    began = self.clock.monotonic()
                    await self._messages(link, connection, raws)
                    service.after_read(link, began)
                    await service.room()
                if framer.garbled > MAX_GARBLED:
                    connection.finish(DisconnectReason.GARBLED)
                if connection.queued > FLAG_BYTES:
                    await connection.drained(FLAG_BYTES)
        await self._last_words(link, connection)

    async def _next_messages(self, connection: Connection, framer: Framer) -> list[bytes] | None:
        """The messages of the next read, perhaps none; None at the end of the stream."""
        if not framer.pending:  # nothing to time out: a cancel scope costs 15 us
            data = await self._read(connection)
            return framer.feed(data) if data else None
        with trio.move_on_after(RESYNC_SECONDS) as silence:
            data = await self._read(connection)
        if silence.cancelled_caught:
            return framer.resync()
        return framer.feed(data) if data else None

    async def _last_words(self, link: Link, connection: Connection) -> None:
        """Let what is queued leave, free the session for a new connection, wait for the peer."""
        with trio.move_on_after(LINGER_SECONDS):
            await connection.flushed.wait()
        self._detach(link, connection)
        with trio.move_on_after(LINGER_SECONDS):
            while await self._read(connection):
                pass
        assert connection.closing is not None
        connection.close(connection.closing)

    async def _messages(self, link: Link, connection: Connection, raws: list[bytes]) -> None:
        """Hand the messages of one read to the session, and do what it says."""
        now, mono = self.clock.now(), self.clock.monotonic()
        self._resends.others_at_work()
        session, service = link.session, self.service
        decode = self._decoders[session.settings.comp_id].decode
        for raw in raws:
            for step in session.receive(decode(raw), now, mono):
                if isinstance(step, Application):
                    service.application(link, step, now)
                elif isinstance(step, LogonStep):
                    await self._logon(link, connection, step)
                    now, mono = self.clock.now(), self.clock.monotonic()
                else:
                    service.perform(link, step, now)
            if connection.closing is not None:
                return

    async def _logon(self, link: Link, connection: Connection, step: LogonStep) -> None:
        """Check the password, let every report get its number, then answer the Logon."""
        config = link.config
        password = step.password or b""
        allowed = step.username == config.comp_id.encode()
        if allowed and verifies_slowly(config):
            async with self._password_lock:
                allowed = await trio.to_thread.run_sync(verify_password, config, password)
        elif allowed:
            allowed = verify_password(config, password)
        await self.service.settle()
        now, mono = self.clock.now(), self.clock.monotonic()
        if allowed and self.accepting:
            steps = link.session.accept_logon(now, mono, link.gate.last_number)
            self.log(f"{config.comp_id} logged on from {connection.peer}")
        else:
            text = (
                "wrong Username(553) or Password(554)" if self.accepting else "the venue is closing"
            )
            steps = link.session.refuse_logon(text, now)
            self.log(f"{config.comp_id} refused from {connection.peer}: {text}")
        for answer in steps:
            self.service.perform(link, answer, now)

    # --- timers and the end -------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            now, mono = self.clock.now(), self.clock.monotonic()
            for link in self.links.values():
                if link.connection is not None and mono >= link.session.next_deadline():
                    for step in link.session.tick(now, mono):
                        self.service.perform(link, step, now)

    async def _sync_indexes(self) -> None:
        """Bring session indexes to disk now and then, beside the loop."""
        while True:
            await trio.sleep(TICK_SECONDS)
            for link in self.links.values():
                if link.session.index.sync_due:
                    await trio.to_thread.run_sync(link.session.index.sync)

    async def close(self, text: str) -> None:
        """Log every session out with `text`, after its last reports, and end all connections."""
        self.accepting = False
        now, mono = self.clock.now(), self.clock.monotonic()
        with trio.move_on_after(CLOSE_SECONDS):
            for link in self.links.values():
                if link.connection is not None:
                    for step in link.session.logout(text, mono):
                        self.service.perform(link, step, now)
            await self.service.settle()
            while self.connections:
                await self._gone.park()
        for connection in self.connections:
            connection.finish(DisconnectReason.SHUTDOWN)
        with trio.move_on_after(CLOSE_SECONDS / 2):
            while self.connections:
                await self._gone.park()
        for connection in list(self.connections):
            connection.close(DisconnectReason.SHUTDOWN)


def listen(address: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises OSError, as the system words it, if the port is taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(LISTEN_BACKLOG)
    return _highest(sock)


def _highest(sock: socket.socket) -> socket.socket:
    """The same socket under the highest file descriptor that this process may have.

    Linux releases a dying process's files from the highest descriptor down. A listener that goes
    after the connections would take in a member who reconnects at once, and then reset him.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = min(soft, MAX_DESCRIPTOR) - 1
    for descriptor in range(highest, highest - DESCRIPTOR_TRIES, -1):
        with contextlib.suppress(OSError):
            moved = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, descriptor)
            sock.close()
            return socket.socket(fileno=moved)
    return sock
