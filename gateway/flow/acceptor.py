"""Accepting FIX connections: from a socket to a session, and the read loop between them.

Order entry and drop copy share this shell. What they do with an application message is their
`Service`; everything about FIX itself is the sans-IO session's.
"""

import socket
from collections.abc import Callable
from traceback import format_exception
from typing import Final, Protocol

import trio
from msgspec.structs import replace

from engine.journal.follow import JournalReader
from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.model.errors import FixgateError
from gateway.config import Limits
from gateway.fix.codec import Framer
from gateway.fix.decoder import Decoder
from gateway.fix.dictionary import Dictionary
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.states import HEARTBEAT
from gateway.fix.steps import Answer, Application, LogonStep, ResendStep, Step
from gateway.flow.admission import Admission
from gateway.flow.connection import FLAG_BYTES, READ_BYTES, Connection
from gateway.flow.counters import Counters
from gateway.flow.entrance import Entrance, Entry, read
from gateway.flow.link import Link
from gateway.flow.listener import Listener
from gateway.flow.lobby import Lobby, Stranger
from gateway.flow.log_limit import MEMBER_LINES, STRANGER_LINES, LimitedLog
from gateway.flow.resend_stream import ResendStreams
from gateway.flow.turns import NEW_NANOS, PIECE_BYTES, WORK_NANOS, Share, Trading, Turns
from gateway.flow.waiting_room import WaitingRoom

LINGER_SECONDS: Final = 2
"""How long last words may take to leave a connection that ends, seconds."""

CLOSE_SECONDS: Final = 1.0
"""How long members have to answer the Logout of a venue that closes, seconds."""

TICK_SECONDS: Final = 0.1
"""How often session timers are looked at, seconds: an eighth of the shortest heartbeat."""

MAX_GARBLED: Final = 1_000
"""Garbled messages that a connection may send: FIX ignores each, but a peer that sends nothing
else is closed."""

RESYNC_SECONDS: Final = 2.0
"""Silence in the middle of a message, seconds, after which its BodyLength counts as a lie and the
bytes behind it are searched for the next message."""


LONGEST_PIECE_NANOS: Final = NANOS_PER_SECOND // 200
"""What took longer than this, ns, has waited for something."""


class Service(Protocol):
    """What a process does with its sessions."""

    def application(self, link: Link, step: Application, now: int) -> None:
        """Handle an application message that came in sequence."""
        ...

    def perform(self, link: Link, step: Step, now: int) -> None:
        """Do a session step when everything before it has left."""
        ...

    def after_read(self, link: Link, began: int) -> bool:
        """All messages of one read were handed over; it began then, monotonic ns.

        True: they are answered and nobody else seems to be at work. Then, if this member's last
        messages came soon after an answer, the next are worth polling for.
        """
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
    """Listens for the sessions in `links` (by CompID). counters: what it adds up for metrics."""

    def __init__(
        self,
        links: dict[bytes, Link],
        service: Service,
        dictionary: Dictionary,
        clock: Clock,
        log: Callable[[str], None],
        venue: bytes,
        limits: Limits | None = None,
        counters: Counters | None = None,
        busy_poll_us: int = 0,
    ) -> None:
        limits = limits or Limits()
        self.links = links
        self.service = service
        # One each: a decoder learns the shapes of few messages, and no peer learns for another.
        self._decoders = {comp_id: Decoder(dictionary) for comp_id in links}
        self.clock = clock
        self.log = log
        self.counters = counters or Counters()
        self._busy_poll = busy_poll_us * 1_000
        # No set: that would end them in the order of their addresses in memory.
        self.connections: dict[Connection, None] = {}
        """Those that have their session, in the order in which they got it."""
        self._trading = Trading(clock)
        self._turns = Turns(self._trading)
        self.resends = ResendStreams(service.open_reader, clock, log, self._turns)
        self.admission = Admission(limits)
        self._strangers = LimitedLog(log, clock.monotonic, STRANGER_LINES)
        self._members = LimitedLog(log, clock.monotonic, MEMBER_LINES)
        room = WaitingRoom(limits.connections_before_logon)
        self.entrance = Entrance(
            links, self.admission, room, dictionary, clock, self._strangers, venue
        )
        self._lobby = Lobby(room, self._spoke, self._left)
        self._listener = Listener(
            self.admission,
            room,
            limits.connections,
            clock,
            self.counters,
            self._strangers,
            self._take,
        )
        self._index_syncs = trio.Lock()
        self._disk_share = Share(self._trading)
        self._nursery: trio.Nursery | None = None
        self._gone = trio.lowlevel.ParkingLot()
        for link in links.values():
            link.on_resend = self.resends.start

    async def serve(self, listener: socket.socket) -> None:
        """Accept and serve connections for ever."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._lobby.serve)
            nursery.start_soon(self._tick)
            nursery.start_soon(self._sync_indexes)
            await self._listener.serve(listener)

    def _take(self, sock: socket.socket, peer: str) -> None:
        """A connection that may stay: counted from now on."""
        self.admission.opened(self._lobby.enter(sock, peer).source)

    def _left(self, stranger: Stranger, reason: DisconnectReason) -> None:
        """It never said a word."""
        self.entrance.left(stranger, reason)
        self.counters.disconnects[reason] += 1
        self.admission.closed(stranger.source)

    def _spoke(self, stranger: Stranger, data: bytes) -> None:
        """It is worth a task."""
        assert self._nursery is not None
        self._nursery.start_soon(self._counted, stranger, data)

    async def _counted(self, stranger: Stranger, data: bytes) -> None:
        try:
            await self.connection(stranger, data)
        finally:
            self.admission.closed(stranger.source)

    async def connection(self, stranger: Stranger, data: bytes) -> None:
        """Serve a connection whose first bytes are `data`, until it ends."""
        sock, peer = stranger.sock, stranger.peer
        ended = DisconnectReason.SHUTDOWN  # what cancels this task is the end of the process
        try:
            await self._turns.next()
            entry = await self.entrance.admit(stranger, data)
            ended = await self._session(entry, sock, peer) if isinstance(entry, Entry) else entry
        except* (FixgateError, AssertionError):
            raise  # the disk, or a broken belief: nothing may go on as if it were not so
        except* Exception as group:  # noqa: BLE001 - one peer's bad luck must not end the others
            self.log(f"{peer} met a fault, closed:\n{''.join(format_exception(group))}")
            ended = DisconnectReason.INTERNAL
        finally:
            self.counters.disconnects[ended] += 1
            sock.close()

    async def _session(self, entry: Entry, sock: socket.socket, peer: str) -> DisconnectReason:
        """Give a connection its session and serve both until one ends; why it did."""
        link = entry.link
        assert link.connection is None
        connection = Connection(sock, peer, self._members, self.counters)
        self.connections[connection] = None
        link.connection = connection
        link.session.connect(self.clock.now(), self.clock.monotonic())
        connection.on_close = link.session.unheard
        connection.proved = True
        try:
            with connection.cancel_scope:
                async with trio.open_nursery() as nursery:
                    connection.nursery = nursery
                    nursery.start_soon(connection.run_writer)
                    try:
                        await self._converse(link, connection, entry)
                    finally:
                        connection.nursery = None
                    nursery.cancel_scope.cancel()
        except Exception:
            connection.close(DisconnectReason.INTERNAL)
            raise
        finally:
            del self.connections[connection]
            self.counters.bytes_out += connection.bytes_out
            self._gone.unpark_all()
            if link.connection is connection:
                self._detach(link, connection)
        return connection.closing or DisconnectReason.PEER_CLOSED

    def _detach(self, link: Link, connection: Connection) -> None:
        reason = connection.closing or DisconnectReason.PEER_CLOSED
        connection.on_close = None
        link.detach()
        link.session.disconnect(reason)
        self.entrance.freed.unpark_all()
        self._members(f"{link.config.comp_id} disconnected: {reason.name}")

    async def _converse(self, link: Link, connection: Connection, entry: Entry) -> None:
        """The Logon that has proved itself, and all that follows it."""
        began = self.clock.monotonic()
        self.counters.bytes_in += sum(map(len, entry.raws))
        await self._settle_index(link)  # if the last connection ended in the middle of a reset
        await self._messages(link, connection, entry.raws)
        self.service.after_read(link, began)
        await self._read_loop(link, connection, entry.framer)

    async def _read_loop(self, link: Link, connection: Connection, framer: Framer) -> None:
        service = self.service
        poll, answered = False, 0
        with connection.read_scope:
            while connection.closing is None:
                garbled = framer.garbled
                raws = await self._next_messages(connection, framer, poll)
                if raws is None:
                    connection.close(DisconnectReason.PEER_CLOSED)
                    return
                if framer.garbled > garbled:
                    connection.in_line_until = self.clock.monotonic() + WORK_NANOS
                if self._in_line(connection):
                    await self._turns.next()
                if raws:
                    await service.room()  # before, not behind: of many who wait, few fill it again
                    began = self.clock.monotonic()
                    quick = began - answered < self._busy_poll
                    await self._messages(link, connection, raws)
                    poll = service.after_read(link, began) and quick
                    answered = self.clock.monotonic()
                    self._served(connection, answered - began)
                    if link.owed:
                        await self._answered(link)
                if framer.garbled > MAX_GARBLED:
                    connection.finish(DisconnectReason.GARBLED)
                if connection.queued > FLAG_BYTES:
                    await connection.drained(FLAG_BYTES)
                if link.throttle is not None:
                    pause = link.throttle.pause(self.clock.monotonic())
                    if pause:
                        await trio.sleep(pause / NANOS_PER_SECOND)
        await self._last_words(link, connection)

    async def _next_messages(
        self, connection: Connection, framer: Framer, poll: bool
    ) -> list[bytes] | None:
        """The messages of the next read, perhaps none; None at the end of the stream."""
        size = PIECE_BYTES if self._in_line(connection) else READ_BYTES
        if not framer.pending:  # nothing to time out: a cancel scope costs 15 us
            found = await self._polled(connection.sock) if poll else None
            data = await read(connection.sock, size) if found is None else found
            self.counters.bytes_in += len(data)
            return framer.feed(data) if data else None
        with trio.move_on_after(RESYNC_SECONDS) as silence:
            data = await read(connection.sock, size)
        if silence.cancelled_caught:
            return framer.resync()
        self.counters.bytes_in += len(data)
        return framer.feed(data) if data else None

    def _served(self, connection: Connection, took: int) -> None:
        """What a connection sent was handled in so long, ns: was it trading, or work?"""
        if self._in_line(connection):
            self._turns.took(min(took, LONGEST_PIECE_NANOS))
        else:
            self._trading.seen()

    def _in_line(self, connection: Connection) -> bool:
        return self.clock.monotonic() < connection.in_line_until

    async def _polled(self, sock: socket.socket) -> bytes | None:
        """What a member sends within the time of busy polling; None if that is nothing.

        Everybody else has a turn between two looks.
        """
        until = self.clock.monotonic() + self._busy_poll
        while self.clock.monotonic() < until:
            try:
                return sock.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                await trio.lowlevel.checkpoint()
            except OSError:
                return b""
        return None

    async def _last_words(self, link: Link, connection: Connection) -> None:
        """Let what is queued leave, free the session for a new connection, wait for the peer."""
        with trio.move_on_after(LINGER_SECONDS):
            await connection.flushed.wait()
        self._detach(link, connection)
        with trio.move_on_after(LINGER_SECONDS):
            while await read(connection.sock, READ_BYTES):
                pass
        assert connection.closing is not None
        connection.close(connection.closing)

    async def _messages(self, link: Link, connection: Connection, raws: list[bytes]) -> None:
        """Hand the messages of one read to the session, and do what it says."""
        now, mono = self.clock.now(), self.clock.monotonic()
        session, service, throttle = link.session, self.service, link.throttle
        self.counters.messages_in += len(raws)
        if throttle is not None and throttle.floods(len(raws), mono):
            # None of them is looked at: their numbers stay due, and are asked for at the next Logon
            for step in session.end(DisconnectReason.THROTTLED, throttle.flood_text()):
                service.perform(link, step, now)
            return
        decode = self._decoders[session.settings.comp_id].decode
        for raw in raws:
            for step in session.receive(decode(raw), now, mono):
                if isinstance(step, Application):
                    service.application(link, step, now)
                elif isinstance(step, LogonStep):
                    await self._logon(link, connection, step)
                    now, mono = self.clock.now(), self.clock.monotonic()
                else:
                    connection.in_line_until = mono + WORK_NANOS
                    service.perform(link, step, now)
                    if throttle is not None and _answers_test_request(step):
                        throttle.test_request(mono)
            if connection.closing is not None:
                return

    async def _logon(self, link: Link, connection: Connection, step: LogonStep) -> None:
        """Let every report get its number, then answer a Logon whose password is right.

        The first Logon of a connection has proved itself at the entrance; a later one, with
        141=Y, does so here.
        """
        config = link.config
        allowed, connection.proved = connection.proved, False
        if not allowed:
            allowed = await self.entrance.credentials(config, step.username, step.password, None)
        if allowed and step.reset:
            while not link.session.index.prepare_reset(self.clock.now()):
                await trio.lowlevel.checkpoint()
        await self._answered(link)
        now, mono = self.clock.now(), self.clock.monotonic()
        if allowed and self.entrance.open:
            steps = link.session.accept_logon(now, mono, link.gate.last_number)
            connection.in_line_until = max(connection.in_line_until, mono + NEW_NANOS)
            self.counters.logons += 1
            self._members(f"{config.comp_id} logged on from {connection.peer}")
        else:
            text = "wrong Username(553) or Password(554)" if not allowed else "the venue is closing"
            steps = link.session.refuse_logon(text, now)
            self._members(f"{config.comp_id} refused from {connection.peer}: {text}")
        if steps and isinstance(steps[0], Answer) and steps[0].reset:
            await self._reset(link, connection, steps.pop(0), steps.pop(0), now)
            now = self.clock.now()
        for answer in steps:
            self.service.perform(link, answer, now)

    async def _reset(
        self, link: Link, connection: Connection, reply: Step, unsent: Step, now: int
    ) -> None:
        """Nothing leaves under new numbers, and nothing more is read, before they are on disk.

        A loss of power undoes a reset that nobody has seen. The others go on meanwhile.
        """
        connection.hold()
        self.service.perform(link, reply, now)
        await self.service.settle()  # the reply has passed the gate, and with it the reset
        await self._settle_index(link)
        if connection.peer_has_left:  # nothing counts as sent to who is gone
            connection.close(DisconnectReason.PEER_CLOSED)
        await trio.lowlevel.checkpoint_if_cancelled()
        link.session.settled()
        assert isinstance(unsent, ResendStep)
        # Behind another replay it may wait until the next reset, which carries the same reports.
        generation = link.session.index.generation
        self.resends.start(link, replace(unsent, generation=generation))
        connection.unhold()

    async def _answered(self, link: Link) -> None:
        """Wait until every report of a record that there is has its number, and until every
        message of this session has its record or its answer."""
        await self.service.settle()
        while link.owed:
            await trio.lowlevel.checkpoint()
            await self.service.settle()

    async def _settle_index(self, link: Link) -> None:
        while not link.session.index.settled:
            await self._sync(link)

    async def _sync(self, link: Link) -> None:
        """Bring a session's index to disk, beside the loop.

        One at a time, and with rests while others trade: members who reset their numbers over and
        over wait for each other, and the journal's syncs hardly for them.
        """
        async with self._index_syncs:
            await self._disk_share.rest()
            began = self.clock.monotonic()
            await trio.to_thread.run_sync(link.session.index.sync)
            self._disk_share.took(self.clock.monotonic() - began)

    # --- timers and the end -------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            now, mono = self.clock.now(), self.clock.monotonic()
            self._strangers.tick()
            self._members.tick()
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
                    await self._sync(link)

    async def close(self, text: str) -> None:
        """Log every session out with `text`, after its last reports, and end all connections."""
        self._listener.open = False
        self.entrance.close()
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


def _answers_test_request(step: Step) -> bool:
    return isinstance(step, Answer) and step.msg_type == HEARTBEAT
