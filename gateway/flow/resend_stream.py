"""Streaming resends: slice by slice, in turns, and everybody else first.

A replay of a long range takes seconds of this process's time. It gets them in slices of less than
a millisecond (gateway.fix.resend), each of them a turn in the line (gateway.flow.turns): between
two slices every connection that has something to read is served, ten replays cost the others no
more than one, and where others trade they rest.

Live messages of a session wait behind its replay, up to a limit, so that its member gets numbers
in order. Beyond the limit they go out between the slices: their numbers are right, and a FIX engine
keeps or asks for what comes too early.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import trio

from engine.journal.follow import JournalReader
from engine.model.clock import Clock
from engine.model.errors import JournalDamaged
from engine.model.record import Record
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.steps import ResendStep
from gateway.flow.connection import Connection
from gateway.flow.link import Link
from gateway.flow.turns import Turns
from gateway.reports import ReportRenderer

MAX_REPLAYS: Final = 5
"""Replays of one process at once, connections: each has a window of 256 KiB on the journal and
AHEAD_BYTES of output. More wait; meanwhile their sessions go on as if nobody had asked."""

AHEAD_BYTES: Final = 256 * 1024
"""Output of a replay that the kernel has not taken, bytes, at which it waits for its peer."""

HELD_BYTES: Final = 1024 * 1024
"""Live messages that wait behind a replay, bytes: some 3,500 reports, a quarter of what closes a
slow connection."""

HOPS: Final = 64
"""Frames passed at a time on the way to a record that no index knows, some 50 us."""


class _Reports:
    """What stands behind the numbers of one replay, read from the journal in order."""

    __slots__ = ("_reader", "_record", "_renderer")

    def __init__(self, reader: JournalReader, renderer: ReportRenderer) -> None:
        self._reader = reader
        self._renderer = renderer
        self._record: Record | None = None

    def render(self, number: int, k: int) -> tuple[bytes, bytes] | None:
        """See gateway.fix.resend.Render."""
        record = self._record
        if record is None or record.number != number:
            record = self._reader.find(number, HOPS)
            if record is None:
                return None
            self._record = record
        return self._renderer.render(record, k)


class ResendStreams:
    """The replays of one process."""

    def __init__(
        self,
        open_reader: Callable[[], JournalReader],
        clock: Clock,
        log: Callable[[str], None],
        turns: Turns,
    ) -> None:
        self._open_reader = open_reader
        self._clock = clock
        self._log = log
        self._asked: dict[Connection, deque[tuple[Link, ResendStep]]] = {}
        self._places = trio.Semaphore(MAX_REPLAYS)
        self._turns = turns

    @property
    def running(self) -> int:
        """Connections that a replay runs for, or that wait for their place."""
        return len(self._asked)

    def start(self, link: Link, step: ResendStep) -> None:
        """Answer a ResendStep, behind those of the same connection. The session bounds how many
        there can be."""
        connection = link.connection
        if connection is None or connection.nursery is None:
            return  # it ends just now
        if step.what == "unsent":
            connection.let_go()  # the Logon reply, behind a replay that is void now
            connection.hold()  # nothing may go out before what was owed already
        asked = self._asked.get(connection)
        if asked is not None:
            asked.append((link, step))
            return
        self._asked[connection] = deque([(link, step)])
        slices = None
        if step.what == "unsent" or self._places.value:
            if step.what != "unsent":
                self._places.acquire_nowait()
            slices = self._begin(connection, link, step)
        connection.nursery.start_soon(self._serve, connection, slices)

    def _begin(self, connection: Connection, link: Link, step: ResendStep) -> Iterator[bytes]:
        """The slices of a step that has its place: from here on live messages wait, and the
        numbers that they get are not part of the range."""
        if step.what != "unsent":
            connection.hold()
        reports = _Reports(self._open_reader(), link.renderer)
        return link.session.resend(step, reports.render, self._clock)

    async def _serve(self, connection: Connection, slices: Iterator[bytes] | None) -> None:
        """Answer the requests of one connection, one after the other; slices: of the first one,
        if it has its place. What was held before a reset needs none: it cannot be put off."""
        asked = self._asked[connection]
        try:
            while asked:
                link, step = asked[0]
                if slices is None:
                    if step.what != "unsent":
                        await self._places.acquire()
                    slices = self._begin(connection, link, step)
                try:
                    await self._replay(connection, slices)
                finally:
                    if step.what != "unsent":
                        self._places.release()
                slices = None
                asked.popleft()
        except JournalDamaged as error:
            # Its member must not get something else in its place, and the others can go on.
            self._log(f"a resend to {connection.peer} is impossible: {error}")
            connection.close(DisconnectReason.INTERNAL)
        finally:
            del self._asked[connection]

    async def _replay(self, connection: Connection, slices: Iterator[bytes]) -> None:
        """Send one range to a connection whose live messages are held."""
        held = True
        while not connection.closed:
            await self._turns.next()
            began = self._clock.monotonic()
            data = next(slices, None)
            if data is None:
                break
            connection.write_ahead(data)
            self._turns.took(self._clock.monotonic() - began)
            if held and connection.held_bytes > HELD_BYTES:
                held = False
                connection.unhold()
            if connection.queued > AHEAD_BYTES:
                await connection.drained(AHEAD_BYTES)
        if held:
            connection.unhold()
