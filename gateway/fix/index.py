"""The session index: what stands behind every outgoing MsgSeqNum, so that none is used twice.

One entry of 32 bytes per number, number n at place n - 1: a report (named by record and k, to be
rendered again from the journal), one that was asked for again by ApplSeqNum(1181), the body itself
where no record stands behind it, an admin message, or nothing (a hole, which a resend fills as it
fills admin messages). The entry is written before its bytes are handed out. This file holds the
rules; where the entries lie is the business of a Storage: in memory here, gateway.flow.index_file
for real.

What has been sent
------------------
`sent` is the highest number such that it and all below it went to a live connection. A report
that is numbered while the member is away makes a hole in that: the Logon reply behind it is sent,
the report is not until a resend carries it. So each entry also says whether it was written for a
live connection (LIVE). When 141=Y sets the numbers to 1, what counts as not sent are the reports
above `sent` that are not LIVE: the new generation begins with the Logon reply, then has them
again, in order, as one atomic step. After an unclean stop nobody knows how far the last bytes
got, so then the LIVE ones above `sent` are carried too, all with PossResend.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple, Protocol

ENTRY: Final = Struct("<QQIIHBBI")
"""record or body offset, first SendingTime (ns UTC), next_in, sent, k, kind, flags, body length."""

ENTRY_BYTES: Final = ENTRY.size
assert ENTRY_BYTES == 32
KIND_AT: Final = 26
"""Where in an entry its kind is."""

HOLE: Final = 0
ADMIN: Final = 1
REPORT: Final = 2
BODY: Final = 3
REPLAY: Final = 4
"""A report that had a number before: it is not what the session has come to in the journal."""

LIVE: Final = 1
"""Flag: written for a live connection, so its bytes were handed out right behind."""
POSS_RESEND: Final = 2
"""Flag: carries PossResend(97)=Y, whenever it is sent."""

MAX_SEQ_NUM: Final = 2**31 - 1
"""Highest MsgSeqNum, either way: what a member's engine may keep in a signed 32-bit integer."""

CHUNK_ENTRIES: Final = 256
"""Entries read at a time: 8 KiB, however long the range."""

CARRY_ENTRIES: Final = 512
"""Entries that are looked at in one slice of a reset's preparation: about half a millisecond."""

MAX_BATCH: Final = 2_048
"""Reports numbered by one write: with a sync at the latest every 6,000 entries at most 8,047
numbers can be lost with the power, fewer than the 8,192 that are then skipped."""

NO_REPORT: Final = (-1, -1)

Entry = tuple[int, int, int, int, int, int, int, int]
"""The fields of ENTRY."""

Report = tuple[int, int, bytes, bytes]
"""(record, k, MsgType(35), body)."""


def kinds_of(entries: bytes) -> bytes:
    """The kind of each entry."""
    return entries[KIND_AT::ENTRY_BYTES]


class Header(NamedTuple):
    """What an index knows beside its entries; the fields as in SessionIndex.

    doubtful: entries up to this number were written before an unclean stop.
    base_record, base_k: last_report when this generation began.
    """

    generation: int = 1
    next_in: int = 1
    sent: int = 0
    doubtful: int = 0
    base_record: int = -1
    base_k: int = -1
    reset_record: int = -1


class Found(NamedTuple):
    """What a storage held when it was opened. clean: its last user closed it."""

    header: Header
    entries: int
    clean: bool
    power_lost: bool


class Storage(Protocol):
    """Where entries and bodies lie. What write() and store() took survives the process's end."""

    def open(self, header: Callable[[], Header]) -> Found:
        """Begin; `header` tells, at any later time, what the header should say."""
        ...

    def write(self, at: int, data: bytes) -> None:
        """Write whole entries at place `at`."""
        ...

    def appended(self, count: int) -> None:
        """There are `count` entries now: a moment to sync, if it is time."""
        ...

    def read(self, at: int, count: int) -> bytes:
        """`count` entries from place `at`."""
        ...

    def store(self, stored: bytes) -> int:
        """Keep a body; its offset."""
        ...

    def load(self, offset: int, length: int) -> bytes:
        """A body; shorter than `length` if bytes were lost."""
        ...

    def stage(self, entries: bytes) -> None:
        """Add `entries` to what the next replace() begins with, behind its head."""
        ...

    def unstage(self) -> None:
        """Forget what was staged."""
        ...

    def replace(self, head: bytes) -> int:
        """Become a new generation, atomically: one entry `head`, then what was staged; how many
        these are.

        Survives the process's end; the machine's only once it is settled, by sync().
        """
        ...

    def settled(self) -> bool:
        """Whether the last replace() survives the machine's end too."""
        ...

    def sync_due(self) -> bool:
        """Enough is unsynced that sync() should be called soon; else appended() will do it."""
        ...

    def sync(self) -> None:
        """Make what was written so far survive the machine too. May run in a worker thread."""
        ...

    def save(self) -> None:
        """Write the header; survives the process, not the machine."""
        ...

    def close(self) -> None:
        """Sync everything; the next opening finds a clean stop."""
        ...


class SessionIndex:
    """The numbers of one session over all its connections and restarts.

    generation: how often the numbers were reset. next_in: the inbound number that is due, as far
    as it is settled. sent: see above. last_report: (record, k) of the last report numbered, also
    before a reset; NO_REPORT if none. reset_record: last record submitted before the last reset.
    power_lost: the machine went down uncleanly and entries may be gone: the reports of all
    records behind last_report that exist now may have been sent, and go out with PossResend.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        found = storage.open(self._header)
        header = found.header
        self.generation = header.generation
        self.next_in = header.next_in
        self.sent = header.sent
        self.reset_record = header.reset_record
        self.power_lost = found.power_lost
        self._count = found.entries
        self._base_report = (header.base_record, header.base_k)
        self._doubtful = header.doubtful if found.clean else found.entries
        self._staged = (-1, -1)  # `sent` and `doubtful` that the preparation of a reset holds for
        self._staged_to = 0
        self._live_from = 0  # the unbroken run of LIVE entries behind a hole in `sent`
        self._live_to = 0
        last, carried = self._find_last_report()
        self.last_report = max(self._base_report, last)
        self.power_lost |= carried and not found.clean

    def _header(self) -> Header:
        return Header(
            self.generation,
            self.next_in,
            self.sent,
            self._doubtful,
            *self._base_report,
            self.reset_record,
        )

    def _find_last_report(self) -> tuple[tuple[int, int], bool]:
        """The last report, and whether a loss of power is behind it or it was carried over one:
        a process that ended while it did that may have left others to be carried."""
        at = self._count
        carried = False
        while at:
            begin = max(0, at - CHUNK_ENTRIES)
            data = self._storage.read(begin, at - begin)
            at = begin
            kinds = kinds_of(data)
            if REPORT not in kinds:  # of a session without reports there may be a hundred million
                carried = carried or HOLE in kinds
                continue
            for entry in reversed(list(ENTRY.iter_unpack(data))):
                if entry[5] == REPORT:
                    return (entry[0], entry[4]), carried or bool(entry[6] & POSS_RESEND)
                carried = carried or entry[5] == HOLE
        return NO_REPORT, carried

    @property
    def next_out(self) -> int:
        """The number of the next message that goes out."""
        return self._count + 1

    @property
    def named(self) -> int:
        """Highest journal record that the index names, -1 if none: it must never be cut off."""
        return self.last_report[0]

    def append_reports(
        self, reports: Sequence[Report], time: int, *, live: bool, poss_resend: bool
    ) -> int:
        """Number 1 to MAX_BATCH reports, in record order; the first one's number."""
        record, k, _, _ = reports[0]
        last, last_k, _, _ = reports[-1]
        assert (record, k) > self.last_report, "reports are numbered once, in record order"
        assert record <= last
        flags = (LIVE if live else 0) | (POSS_RESEND if poss_resend else 0)
        first = self._append_each(reports, time, REPORT, flags)
        self.last_report = (last, last_k)
        return first

    def append_replays(self, reports: Sequence[Report], time: int) -> int:
        """Number 1 to MAX_BATCH reports once more, for a live connection; the first one's number.
        A reset forgets them: who asked can ask again."""
        return self._append_each(reports, time, REPLAY, LIVE)

    def _append_each(self, reports: Sequence[Report], time: int, kind: int, flags: int) -> int:
        first = self._count + 1
        assert 0 < len(reports) <= MAX_BATCH
        next_in, sent = self.next_in, self.sent
        pack = ENTRY.pack
        data = [
            pack(report[0], time, next_in, sent, report[1], kind, flags, 0) for report in reports
        ]
        self._append(b"".join(data), len(reports))
        return first

    def append_admin(self, time: int, *, live: bool, next_in: int = 0, count: int = 1) -> int:
        """Number `count` messages that a resend leaves out; the last one's number. next_in: the
        inbound number that is due once they are numbered, if that is higher; kept by the same
        write, never before it."""
        assert 0 < count <= MAX_BATCH
        next_in = max(self.next_in, next_in)
        flags = LIVE if live else 0
        self._append(ENTRY.pack(0, time, next_in, self.sent, 0, ADMIN, flags, 0) * count, count)
        self.next_in = next_in
        return self._count

    def append_body(
        self, msg_type: bytes, body: bytes, time: int, *, live: bool, next_in: int = 0
    ) -> int:
        """Number a message whose body the index keeps; next_in as in append_admin."""
        stored = msg_type + b"\x01" + body
        offset = self._storage.store(stored)
        next_in = max(self.next_in, next_in)
        flags = LIVE if live else 0
        entry = ENTRY.pack(offset, time, next_in, self.sent, 0, BODY, flags, len(stored))
        self._append(entry, 1)
        self.next_in = next_in
        return self._count

    def _append(self, data: bytes, count: int) -> None:
        assert self._count + count <= MAX_SEQ_NUM, "out of numbers: the session must be reset"
        self._storage.write(self._count, data)
        self._count += count
        self._storage.appended(self._count)

    def chunks(self, begin: int, end: int) -> Iterator[list[Entry]]:
        """The entries of numbers begin..end, at most CHUNK_ENTRIES at a time."""
        assert begin >= 1
        assert end <= self._count
        at = begin - 1
        while at < end:
            count = min(CHUNK_ENTRIES, end - at)
            yield list(ENTRY.iter_unpack(self._storage.read(at, count)))
            at += count

    def body(self, entry: Entry) -> tuple[bytes, bytes] | None:
        """(MsgType, body) of a BODY entry; None where the bytes are lost, to be gap-filled."""
        stored = self._storage.load(entry[0], entry[7])
        if len(stored) != entry[7]:
            return None
        msg_type, _, body = stored.partition(b"\x01")
        return msg_type, body

    def doubt(self, last: int) -> None:
        """Entries up to number `last` are about to leave, perhaps for the first time.

        They are not marked LIVE in place: what is on disk is never written again, because a loss
        of power could garble it. Those above `sent` go with PossResend if they are carried.
        """
        self._doubtful = max(self._doubtful, last)

    def mark_sent(self, first: int, last: int) -> None:
        """Numbers first..last were handed to a live connection."""
        assert 1 <= first <= last <= self._count
        if first <= self.sent + 1:
            self.sent = max(self.sent, last)
        elif not self._live_from:
            self._live_from, self._live_to = first, last
        elif first == self._live_to + 1:
            self._live_to = last
        if self._live_from and self._live_from <= self.sent + 1:
            self.sent = max(self.sent, self._live_to)
            self._live_from = self._live_to = 0

    def prepare_reset(self, time: int) -> bool:
        """Copy a slice of what a reset would carry; whether that was the last.

        A member who stayed away may have a million reports unsent. What comes, or changes, between
        the last slice and the reset is the reset's own to copy.
        """
        if self._staged != (self.sent, self._doubtful):
            self._storage.unstage()
            self._staged, self._staged_to = (self.sent, self._doubtful), self.sent
        end = min(self._count, self._staged_to + CARRY_ENTRIES)
        for data in _renumbered(self._unsent(self._staged_to, end, self._doubtful), time):
            self._storage.stage(data)
        self._staged_to = end
        return end == self._count

    def reset(self, time: int, record: int, next_in: int) -> int:
        """Numbers start again at 1: an admin entry for the Logon reply, then what was not sent.

        record: last record that was submitted before. Returns how many reports follow the Logon
        reply. One atomic step: after a crash either all of it happened or nothing; after a loss of
        power too, if no byte leaves under the new numbers before it is `settled`.
        """
        assert self.generation < MAX_SEQ_NUM
        if not self.settled:
            self.sync()  # no more than one may be undone
        while not self.prepare_reset(time):
            pass
        head = ENTRY.pack(0, time, next_in, 0, 0, ADMIN, LIVE, 0)
        self.generation += 1  # first: a sync in a worker thread must see that a reset has begun
        self.next_in, self.sent, self.reset_record = next_in, 0, record
        self._base_report = self.last_report
        self._doubtful = 0
        self._count = self._storage.replace(head)
        self._staged = (-1, -1)
        self._live_from = self._live_to = 0
        assert self._count >= 1
        return self._count - 1

    def _unsent(self, sent: int, last: int, doubtful: int) -> Iterator[list[tuple[int, int, int]]]:
        """(record, k, flags) of the reports above `sent` that nobody surely had, in chunks."""
        number = sent
        for chunk in self.chunks(sent + 1, last):
            found = []
            for record, _, _, _, k, kind, flags, _ in chunk:
                number += 1
                unsure = number <= doubtful
                if kind == REPORT and (unsure or not flags & LIVE):
                    keep = flags & POSS_RESEND
                    found.append((record, k, keep | POSS_RESEND if unsure else keep))
            if found:
                yield found

    @property
    def settled(self) -> bool:
        """Bytes may leave: no reset would be undone by a loss of power. If not, sync()."""
        return self._storage.settled()

    @property
    def sync_due(self) -> bool:
        """Time to call sync(), best in a worker thread: if nobody does, an append has to wait."""
        return self._storage.sync_due()

    def sync(self) -> None:
        """Make all entries so far survive the machine. Safe beside appends, not beside close()."""
        self._storage.sync()

    def save(self) -> None:
        """Keep next_in and sent, which entries know only as of the last one written."""
        self._storage.save()

    def close(self) -> None:
        """A clean stop: everything durable, nothing doubtful at the next opening."""
        self._storage.close()


def _renumbered(unsent: Iterable[list[tuple[int, int, int]]], time: int) -> Iterator[bytes]:
    """Entries behind a reset: its Logon had number 1 both ways."""
    pack = ENTRY.pack
    for chunk in unsent:
        yield b"".join(pack(record, time, 2, 1, k, REPORT, flags, 0) for record, k, flags in chunk)


class MemoryStorage:
    """A storage that lives as long as its object: for tests, and as the file's oracle.

    open() after open() is what a new process would find.
    """

    def __init__(self) -> None:
        self._entries = bytearray()
        self._bodies = bytearray()
        self._staged = bytearray()
        self._tell: Callable[[], Header] = Header
        self._saved = self._opened = Header()
        self._clean = True

    def open(self, header: Callable[[], Header]) -> Found:
        """See Storage."""
        count = len(self._entries) // ENTRY_BYTES
        found = self._saved
        if count:
            last = ENTRY.unpack(self._entries[-ENTRY_BYTES:])
            found = found._replace(
                next_in=max(found.next_in, last[2]), sent=max(found.sent, last[3])
            )
        self._tell = header
        self._opened = found
        return Found(found, count, self._clean, power_lost=False)

    def settled(self) -> bool:
        """See Storage."""
        return True

    def sync_due(self) -> bool:
        """See Storage."""
        return False

    def sync(self) -> None:
        """See Storage."""

    def save(self) -> None:
        """See Storage. As in a file, a change is at work from the first time it is kept."""
        self._saved = self._tell()
        self._clean = self._clean and self._saved == self._opened

    def close(self) -> None:
        """See Storage."""
        self.save()
        self._clean = True

    def write(self, at: int, data: bytes) -> None:
        """See Storage."""
        self._clean = False
        self._entries[at * ENTRY_BYTES : at * ENTRY_BYTES + len(data)] = data

    def appended(self, count: int) -> None:
        """See Storage."""

    def read(self, at: int, count: int) -> bytes:
        """See Storage."""
        return bytes(self._entries[at * ENTRY_BYTES : (at + count) * ENTRY_BYTES])

    def store(self, stored: bytes) -> int:
        """See Storage."""
        self._bodies += stored
        return len(self._bodies) - len(stored)

    def load(self, offset: int, length: int) -> bytes:
        """See Storage."""
        return bytes(self._bodies[offset : offset + length])

    def stage(self, entries: bytes) -> None:
        """See Storage."""
        self._staged += entries

    def unstage(self) -> None:
        """See Storage."""
        self._staged.clear()

    def replace(self, head: bytes) -> int:
        """See Storage."""
        self._entries, self._staged = bytearray(head) + self._staged, bytearray()
        self._bodies = bytearray()
        self.save()
        self._clean = False
        return len(self._entries) // ENTRY_BYTES
