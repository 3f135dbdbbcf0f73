"""The sequencer: one number and one time for each command, and answers that wait for the disk.

    submit -> apply -> encode -> pending -> append -> sync -> released

`submit` applies a command at once and keeps its records; they are released by a commit, either in
one call (`commit`) or in three steps, of which the second may run in a worker thread while further
commands are submitted for the next batch:

    begin_commit()      writes what is pending (the page cache only)
    sync_pending()      waits for the disk; touches nothing but the writer
    finish_commit()     the records of that batch, to be released in this order
"""

from collections.abc import Callable
from typing import Final, Protocol

from engine.journal.frame import CONTINUES, MORE
from engine.journal.writer import JournalWriter
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import Command, ContinueMass, EndOfDay
from engine.model.errors import DiskFailed
from engine.model.events import Event
from engine.model.record import SALT_BYTES, Record, encode_parts

PENDING_RECORDS: Final = 16_384
"""Submitted and not yet released, records: 0.3 s at 50,000 a second, so that a Logout behind them
still leaves in time. Beyond it, stop reading."""

BATCH_RECORDS: Final = 8_192
"""Written, synced and released at once, records: 0.1 s without a turn for anybody else. A start
looks so far back for reports that a killed process released and did not number."""

PENDING_BYTES: Final = 32 * 1024 * 1024
"""Submitted and not yet written, bytes: half a segment of the default size."""

SALTS_AT_ONCE: Final = 256
"""Salts taken from the system in one call, records: 4 KiB, some 3 us per call."""


class VenueLike(Protocol):
    """What the sequencer needs of engine.core.venue.Venue."""

    @property
    def mass_pending(self) -> int:
        """Record number of the oldest unfinished mass operation, -1 for none."""
        ...

    @property
    def day_end(self) -> int:
        """The next 00:00 UTC at which EndOfDay is due, ns UTC; of no meaning before record 0."""
        ...

    def apply(self, command: Command, number: int, time: int) -> list[Event]:
        """Change the venue; what that caused."""
        ...


class Sequencer:
    """The single writer of the venue. Not for two threads, `sync_pending` apart."""

    def __init__(
        self,
        venue: VenueLike,
        writer: JournalWriter,
        entropy: Callable[[int], bytes],
        last_time: int = 0,
    ) -> None:
        """venue: as of the last record of `writer`; last_time: that record's time, ns UTC.

        entropy(n) gives n unpredictable bytes.
        """
        self.venue = venue
        self.writer = writer
        self.last_number = writer.next_number - 1
        """The last record that was submitted."""
        self.last_time = last_time
        self._entropy = entropy
        self._salts = b""
        self._salt_at = 0
        self._records: list[Record] = []
        self._payloads: list[bytes] = []
        self._flags: list[int] | None = None
        self._bytes = 0
        self._writing: list[Record] = []

    @property
    def durable(self) -> int:
        """The last record that may be released, -1 for none."""
        return self.writer.durable

    @property
    def pending(self) -> int:
        """How many records wait for a commit to begin."""
        return len(self._records)

    @property
    def full(self) -> bool:
        """So much waits for the disk that no more commands should be read."""
        waiting = len(self._records) + len(self._writing)
        return waiting >= PENDING_RECORDS or self._bytes >= PENDING_BYTES

    @property
    def low_space(self) -> bool:
        """The disk is nearly full: refuse new orders, go on with cancels."""
        return self.writer.low_space

    @property
    def mass_due(self) -> bool:
        """A mass operation is unfinished: call continue_mass, between other commands."""
        return self.venue.mass_pending >= 0

    # --- in -----------------------------------------------------------------------------------

    def submit(self, command: Command, now: int) -> list[Record]:
        """Apply a command; its records, after those of the day's end if that was due.

        now: wall clock, ns UTC; a record's time never decreases, even if the clock does. The
        command alone fits a record: whoever makes it caps the texts in it. The records must not
        be released before a commit gives them back.
        """
        time = self.last_time = max(now, self.last_time)
        if self.venue.day_end <= time and self.last_number >= 0:
            return self._end_day(time) + self._apply(command, time)
        return self._apply(command, time)

    def tick(self, now: int) -> list[Record]:
        """What is due by the clock alone: the end of the day. Records as from `submit`."""
        time = self.last_time = max(now, self.last_time)
        if self.venue.day_end <= time and self.last_number >= 0:
            return self._end_day(time)
        return []

    def continue_mass(self, now: int) -> list[Record]:
        """The next slice of the oldest unfinished mass operation, which `mass_due` tells of."""
        assert self.venue.mass_pending >= 0
        return self.submit(ContinueMass(self.venue.mass_pending), now)

    def _end_day(self, time: int) -> list[Record]:
        """End the last trading day that is over: once, however many days nobody was here."""
        records = self._apply(EndOfDay(time // NANOS_PER_DAY - 1), time)
        assert self.venue.day_end > time
        return records

    def _apply(self, command: Command, time: int) -> list[Record]:
        number = self.last_number + 1
        events = self.venue.apply(command, number, time)
        at = self._salt_at
        if at == len(self._salts):
            at = 0
            self._salts = self._entropy(SALTS_AT_ONCE * SALT_BYTES)
            assert len(self._salts) == SALTS_AT_ONCE * SALT_BYTES
        self._salt_at = at + SALT_BYTES
        parts = encode_parts(number, time, self._salts[at : at + SALT_BYTES], command, events)
        if len(parts) == 1:
            record, payload = parts[0]
            self._records.append(record)
            self._payloads.append(payload)
            self._bytes += len(payload)
            if self._flags is not None:
                self._flags.append(0)
            self.last_number = number
            return [record]
        return self._keep_parts(parts)

    def _keep_parts(self, parts: list[tuple[Record, bytes]]) -> list[Record]:
        if self._flags is None:
            self._flags = [0] * len(self._payloads)
        last = len(parts) - 1
        for k, (record, payload) in enumerate(parts):
            self._records.append(record)
            self._payloads.append(payload)
            self._bytes += len(payload)
            self._flags.append((MORE if k < last else 0) | (CONTINUES if k else 0))
        self.last_number += len(parts)
        return [record for record, _ in parts]

    # --- out ----------------------------------------------------------------------------------

    def commit(self) -> list[Record]:
        """All three steps, here and now, until nothing is pending. The records to release.
        DiskFailed."""
        records: list[Record] = []
        while self.begin_commit():
            self.sync_pending()
            records += self.finish_commit()
        if records:
            self.look_at_space()
        return records

    def begin_commit(self) -> int:
        """Write what is pending, BATCH_RECORDS at most; how many records. 0: there is nothing to
        sync. DiskFailed."""
        if self.writer.failed:  # another task was running when the commit before this one failed
            raise DiskFailed(self.writer.failed)
        assert not self._writing, "the commit before this one is not finished"
        if not self._records:
            return 0
        payloads, flags = self._take_batch()
        self.writer.append(payloads, flags)
        return len(payloads)

    def _take_batch(self) -> tuple[list[bytes], list[int] | None]:
        """The next batch's payloads and flags, all parts of its last command with it."""
        payloads, flags = self._payloads, self._flags
        if len(payloads) <= BATCH_RECORDS:
            self._writing, self._records = self._records, []
            self._payloads, self._flags, self._bytes = [], None, 0
            return payloads, flags
        end = BATCH_RECORDS
        while flags is not None and flags[end] & CONTINUES:
            end -= 1
        assert end > 0, "a command has fewer parts than a batch"
        self._writing, self._records = self._records[:end], self._records[end:]
        payloads, self._payloads = payloads[:end], payloads[end:]
        if flags is not None:
            flags, self._flags = flags[:end], flags[end:]
        self._bytes -= sum(map(len, payloads))
        return payloads, flags

    def sync_pending(self) -> None:
        """Wait until the batch is on disk; may run in a worker thread. DiskFailed."""
        self.writer.sync()

    def finish_commit(self) -> list[Record]:
        """The records of the batch whose sync has returned: they may be released, in order."""
        released, self._writing = self._writing, []
        assert not released or released[-1].number == self.writer.durable
        return released

    def look_at_space(self) -> None:
        """Ask again how full the disk is; see `low_space`. DiskFailed."""
        self.writer.look_at_space()
