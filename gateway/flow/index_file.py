"""The session index on disk: one file of fixed entries and one of bodies per session.

    <CompID>.<generation>.idx    three header slots of 128 bytes, then 32 bytes per number
    <CompID>.<generation>.bod    bodies that no record stands behind, one after the other

An entry is written with one pwrite before its bytes reach a socket: write(2) survives kill -9.
Every SYNC_ENTRIES entries or so both files are synced, then the header that says so. After a stop
of the machine that was not clean (the boot id differs) only what that header covers is believed:
the entries behind it are dropped and SKIP_NUMBERS numbers are left as holes, more than can have
been used since, so that none is used twice. The header lies in three slots, each with its CRC,
written in turn: the newest that is known to be on disk is not written over until the next one is,
and after a kill, when nobody knows which of the last two that is, neither is. So whatever a loss of
power leaves of unsynced writes, one whole header is found, and not one that was overtaken.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct
from threading import Lock
from typing import Final, NamedTuple
from urllib.parse import quote
from zlib import crc32

from engine.journal.disk import REAL_DISK, Disk
from engine.model.errors import DiskFailed, OperatorError
from gateway.fix.index import (
    BODY,
    CHUNK_ENTRIES,
    ENTRY,
    ENTRY_BYTES,
    HOLE,
    HOLES,
    MAX_SEQ_NUM,
    REPORT,
    Found,
    Header,
    SessionIndex,
)

_HEADER: Final = Struct("<4sIQIIIIQqHxxxxxxq16sB")
"""magic, CRC-32 of the slot with this field 0, write counter, generation, next_in, sent, doubtful,
synced entries, base_record, base_k, reset_record, boot id, clean; see fix.index.Header."""

_MAGIC: Final = b"FGX2"
SLOT_BYTES: Final = 128
SLOTS: Final = 3
HEADER_BYTES: Final = SLOTS * SLOT_BYTES
assert _HEADER.size <= SLOT_BYTES

SYNC_ENTRIES: Final = 4_096
"""Entries after which a sync is due, in a worker thread if the owner sees to it."""

SYNC_ENTRIES_MAX: Final = 6_000
"""Entries after which an append syncs by itself, and holds its process for some milliseconds."""

SKIP_NUMBERS: Final = 8_192
"""Numbers skipped after the machine stopped uncleanly: more than SYNC_ENTRIES_MAX and a batch."""

BOOT_ID_BYTES: Final = 16


def read_boot_id() -> bytes:
    """Which start of the machine this is; zeros where the system does not say."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        return bytes.fromhex(text.strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(BOOT_ID_BYTES)


class FileIndex(SessionIndex):
    """A SessionIndex on disk."""

    @classmethod
    def open(
        cls,
        folder: Path,
        comp_id: str,
        *,
        log: Callable[[str], None],
        boot_id: bytes | None = None,
        disk: Disk = REAL_DISK,
    ) -> "FileIndex":
        """The index of session `comp_id` in `folder`, made if it is not there.

        One process at a time may have it open. log takes one line about each repair. Raises
        OperatorError if the files cannot be used, DiskFailed at a failed write or sync, now or
        later.
        """
        name = quote(comp_id, safe="").replace(".", "%2E")
        return cls(FileStorage(folder, name, boot_id or read_boot_id(), log, disk))


def highest_named(folder: Path, *, boot_id: bytes | None = None, disk: Disk = REAL_DISK) -> int:
    """Highest journal record that any index in the folders of `folder` names; -1 if none.

    Reads only, also while the indexes are in use.
    """
    boot = boot_id or read_boot_id()
    newest: dict[Path, tuple[int, Path]] = {}
    for path in _index_files(folder, disk):
        name, generation, _ = path.name.split(".")
        key = path.with_name(name)
        if generation.isdigit() and int(generation) > newest.get(key, (0, path))[0]:
            newest[key] = (int(generation), path)
    return max((_named(path, boot, disk) for _, path in newest.values()), default=-1)


def _index_files(folder: Path, disk: Disk) -> Iterator[Path]:
    """Every index file in the folders of `folder`, one of each process."""
    for name in _names(folder, disk):
        for inner in _names(folder / name, disk):
            if inner.endswith(".idx"):
                yield folder / name / inner


def _names(folder: Path, disk: Disk) -> list[str]:
    try:
        return disk.names(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _named(path: Path, boot_id: bytes, disk: Disk) -> int:
    """Highest record that the entries of one file name, as far as they would be believed."""
    fd = disk.open(path, os.O_RDONLY)
    try:
        size = disk.size(fd)
        slot = read_slots(fd, disk)
        at = max(0, size - HEADER_BYTES) // ENTRY_BYTES
        named = -1
        if slot is not None:
            named = slot.header.base_record
            if not slot.clean and slot.boot_id != boot_id:
                at = min(at, slot.synced)
        while at > 0:
            begin = max(0, at - CHUNK_ENTRIES)
            place = HEADER_BYTES + begin * ENTRY_BYTES
            data = disk.pread(fd, (at - begin) * ENTRY_BYTES, place)
            whole = data[: len(data) // ENTRY_BYTES * ENTRY_BYTES]
            at = begin
            if whole == HOLES:
                continue
            for entry in reversed(list(ENTRY.iter_unpack(whole))):
                if entry[5] == REPORT:
                    record: int = entry[0]
                    return max(named, record)
        return named
    finally:
        disk.close(fd)


class Slot(NamedTuple):
    """One header slot: see Header.

    place: 0 to SLOTS - 1. writes: how many were written before it; the newest counts.
    """

    place: int
    writes: int
    synced: int
    boot_id: bytes
    clean: bool
    header: Header


def read_slots(fd: int, disk: Disk = REAL_DISK) -> Slot | None:
    """The newest whole header slot; None if all are damaged."""
    best = None
    for place in range(SLOTS):
        data = disk.pread(fd, SLOT_BYTES, place * SLOT_BYTES)
        if len(data) < SLOT_BYTES or data[:4] != _MAGIC:
            continue
        if crc32(data[:4] + bytes(4) + data[8:]) != int.from_bytes(data[4:8], "little"):
            continue
        fields: tuple[int, ...] = _HEADER.unpack_from(data)
        _, _, writes, generation, next_in, sent, doubtful, synced = fields[:8]
        record, k, reset_record = fields[8:11]
        boot_id, clean = _HEADER.unpack_from(data)[11:]
        base_k = k if record >= 0 else -1
        header = Header(generation, next_in, sent, doubtful, record, base_k, reset_record)
        if best is None or writes > best.writes:
            best = Slot(place, writes, synced, boot_id, bool(clean), header)
    return best


def encode_slot(slot: Slot) -> bytes:
    """The SLOT_BYTES bytes of a header slot, which lies at `place` * SLOT_BYTES."""
    header = slot.header
    data = _HEADER.pack(
        _MAGIC,
        0,
        slot.writes,
        header.generation,
        header.next_in,
        header.sent,
        header.doubtful,
        slot.synced,
        header.base_record,
        max(header.base_k, 0),
        header.reset_record,
        slot.boot_id,
        slot.clean,
    ).ljust(SLOT_BYTES, b"\0")
    return data[:4] + crc32(data).to_bytes(4, "little") + data[8:]


class FileStorage:
    """The Storage of one session: `name` as in the file names, already free of dots."""

    def __init__(
        self,
        folder: Path,
        name: str,
        boot_id: bytes,
        log: Callable[[str], None],
        disk: Disk,
    ) -> None:
        assert len(boot_id) == BOOT_ID_BYTES
        self._disk = disk
        self._folder = folder
        self._name = name
        self._boot_id = boot_id
        self._log = log
        self._tell: Callable[[], Header] = Header
        self._opened = Header()
        self._generation = 1
        self._writes = 0  # of the header
        self._vouched = 0  # the slot that is on disk, or the newest that was found
        self._clean = True  # the last user closed it
        self._broken = ""  # why nothing is written any more
        self._count = 0
        self._synced = 0
        self._written = False  # this process has told the header that it is at work
        self._bodies_dirty = False
        self._syncing = Lock()
        self._header_lock = Lock()
        self._fd = -1
        self._bodies = -1
        self._body_end = 0

    def open(self, header: Callable[[], Header]) -> Found:
        """See Storage. Raises OperatorError, DiskFailed."""
        try:
            found = self._open()
        except OSError as error:
            raise OperatorError(
                f"session index {self._path('idx')} cannot be opened: {error.strerror}; "
                "check the data folder's disk and permissions"
            ) from error
        self._tell = header
        self._opened = found.header
        self._count = found.entries
        return found

    def save(self) -> None:
        """See Storage."""
        if self._written:
            self._write_header(self._tell(), clean=False)
        elif self._tell() != self._opened:
            self._begin()

    def close(self) -> None:
        """See Storage."""
        if self._fd < 0:
            return
        self.save()
        if self._written:
            self.sync()
            self._vouch(self._fd, clean=True)
        self._disk.close(self._fd)
        self._disk.close(self._bodies)
        self._fd = self._bodies = -1

    # Opening

    def _path(self, kind: str) -> Path:
        return self._folder / f"{self._name}.{self._generation}.{kind}"

    def _open(self) -> Found:
        generations = self._generations()
        if not generations:
            self._disk.make_folder(self._folder)
            self._create(iter(()), Header())
            return Found(Header(), 0, clean=True, power_lost=False)
        self._generation = generations[-1]
        disk = self._disk
        self._fd = disk.open(self._path("idx"), os.O_RDWR)
        self._bodies = disk.open(self._path("bod"), os.O_RDWR | os.O_CREAT)
        self._body_end = disk.size(self._bodies)
        self._remove_others()
        size = disk.size(self._fd)
        if size < HEADER_BYTES:
            raise OperatorError(
                f"session index {self._path('idx')} is shorter than its header. Restore it from a "
                "backup; or move it away and agree with the member on a reset (141=Y)"
            )
        torn = (size - HEADER_BYTES) % ENTRY_BYTES
        if torn:
            self._log(f"{self._path('idx')}: cut {torn} bytes of an entry that was never used")
            disk.truncate(self._fd, size - torn)
        return self._believed((size - HEADER_BYTES) // ENTRY_BYTES)

    def _generations(self) -> list[int]:
        found = []
        for file in _names(self._folder, self._disk):
            name, _, rest = file.partition(".")
            number, _, kind = rest.partition(".")
            if name == self._name and kind == "idx" and number.isdigit():
                found.append(int(number))
        return sorted(found)

    def _remove_others(self) -> None:
        keep = {self._path("idx").name, self._path("bod").name}
        for file in self._disk.names(self._folder):
            if file.startswith(self._name + ".") and file not in keep:
                self._disk.unlink(self._folder / file)

    def _believed(self, count: int) -> Found:
        """What of `count` entries and the header holds, made true in the files."""
        slot = read_slots(self._fd, self._disk)
        if slot is None:
            return self._nothing_believed(count)
        self._writes, self._vouched, self._clean = slot.writes, slot.place, slot.clean
        self._bodies_dirty = not slot.clean  # whoever was killed may not have synced them
        power_lost = not slot.clean and slot.boot_id != self._boot_id
        kept = min(slot.synced, count) if power_lost else count
        self._synced = min(slot.synced, kept)
        header = slot.header._replace(sent=min(slot.header.sent, kept))
        last = ENTRY.unpack(self.read(kept - 1, 1)) if kept else None
        if last is not None and last[5] != HOLE:
            header = header._replace(
                next_in=max(header.next_in, min(last[2], MAX_SEQ_NUM)),
                sent=max(header.sent, min(last[3], kept)),
            )
        if power_lost:
            self._skip(kept, kept + SKIP_NUMBERS, header, "the machine stopped uncleanly")
            kept += SKIP_NUMBERS
        return Found(header, kept, slot.clean, power_lost)

    def _nothing_believed(self, count: int) -> Found:
        """No header vouches for anything: no number is used twice, no report is left out."""
        header = Header(self._generation)
        self._skip(0, count + SKIP_NUMBERS, header, "header damaged, its reports go out again")
        return Found(header, count + SKIP_NUMBERS, clean=False, power_lost=True)

    def _skip(self, kept: int, end: int, header: Header, why: str) -> None:
        """Behind the entries that are believed leave a hole."""
        self._log(f"{self._path('idx')}: {why}; numbers {kept + 1} to {end} are skipped")
        self._disk.truncate(self._fd, HEADER_BYTES + kept * ENTRY_BYTES)
        self._disk.truncate(self._fd, HEADER_BYTES + end * ENTRY_BYTES)
        self._fsync(self._fd)
        self._synced = end
        self._tell = lambda: header
        self._vouch(self._fd, clean=False)
        self._written = True

    # Writing

    def _write_header(self, header: Header, *, clean: bool) -> None:
        with self._header_lock:
            self._writes += 1
            slot = self._slot(header, clean=clean)
            self._pwrite(self._fd, slot, self._free * SLOT_BYTES)

    def _vouch(self, fd: int, *, clean: bool) -> None:
        """Write the header and bring it to disk; from then on the slot after it is the free one."""
        self._write_header(self._tell(), clean=clean)
        writes = self._writes
        self._fsync(fd)
        while self._writes != writes:  # saved meanwhile, so the sync may have met half of that
            writes = self._writes
            self._fsync(fd)
        self._vouched = self._free

    @property
    def _free(self) -> int:
        """The slot to write to."""
        return (self._vouched + 1) % SLOTS

    def _slot(self, header: Header, *, clean: bool) -> bytes:
        return encode_slot(
            Slot(self._free, self._writes, self._synced, self._boot_id, clean, header)
        )

    def _begin(self) -> None:
        """Before the first entry of this process: the last clean stop is over, on disk too.

        What a killed process left is brought to disk first. If a sync of it had failed, Linux
        holds its pages for clean, and this one does nothing for them: entries and bodies are
        written again. Of the headers the one before the newest is on disk; both stay as they are.
        """
        self._written = True
        if not self._clean:
            self._fsync(self._fd)
            tail = self.read(self._synced, self._count - self._synced)
            self._pwrite(self._fd, tail, HEADER_BYTES + self._synced * ENTRY_BYTES)
            begin = next((e[0] for e in ENTRY.iter_unpack(tail) if e[5] == BODY), self._body_end)
            bodies = self._disk.pread(self._bodies, self._body_end - begin, begin)
            self._pwrite(self._bodies, bodies, begin)
        self._vouch(self._fd, clean=False)

    def write(self, at: int, data: bytes) -> None:
        """See Storage."""
        if not self._written:
            self._begin()
        self._pwrite(self._fd, data, HEADER_BYTES + at * ENTRY_BYTES)

    def appended(self, count: int) -> None:
        """See Storage."""
        self._count = count
        if count - self._synced >= SYNC_ENTRIES_MAX:
            self.sync()

    def sync_due(self) -> bool:
        """See Storage."""
        return self._written and self._count - self._synced >= SYNC_ENTRIES

    def sync(self) -> None:
        """See Storage. Entries and bodies first, then the header that vouches for them."""
        if not self._written:
            self._begin()
        with self._syncing:
            count, fd = self._count, self._fd
            bodies, self._bodies_dirty = self._bodies_dirty, False
            if bodies:
                self._fsync(self._bodies)
            self._fsync(fd)
            self._synced = count
            self._vouch(fd, clean=False)

    def read(self, at: int, count: int) -> bytes:
        """See Storage."""
        place = HEADER_BYTES + at * ENTRY_BYTES
        data = self._disk.pread(self._fd, count * ENTRY_BYTES, place)
        return data.ljust(count * ENTRY_BYTES, b"\0")

    def store(self, stored: bytes) -> int:
        """See Storage."""
        if not self._written:
            self._begin()
        offset = self._body_end
        self._pwrite(self._bodies, stored, offset)
        self._bodies_dirty = True
        self._body_end += len(stored)
        return offset

    def load(self, offset: int, length: int) -> bytes:
        """See Storage."""
        return self._disk.pread(self._bodies, length, offset)

    def replace(self, entries: Iterator[bytes]) -> int:
        """See Storage."""
        with self._syncing:  # a sync under way has the old files in hand
            old = (self._fd, self._bodies)
            header = self._tell()
            self._generation = header.generation
            try:
                self._create(entries, header)
                self._disk.close(old[0])
                self._disk.close(old[1])
                self._remove_others()
            except OSError as error:
                raise self._failed(error) from error
            return self._count

    def _create(self, entries: Iterator[bytes], header: Header) -> None:
        """The files of a new generation: written whole, synced, then renamed into place."""
        temporary = self._path("new")
        disk = self._disk
        made = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        fd = disk.open(temporary, made)
        at = HEADER_BYTES
        for data in entries:
            self._pwrite(fd, data, at)
            at += len(data)
        self._count = self._synced = (at - HEADER_BYTES) // ENTRY_BYTES
        self._writes = self._vouched = 0
        self._pwrite(fd, self._slot(header, clean=False).ljust(HEADER_BYTES, b"\0"), 0)
        self._fsync(fd)
        bodies = disk.open(self._path("bod"), made)
        disk.rename(temporary, self._path("idx"))
        disk.sync_folder(self._folder)
        self._fd, self._bodies = fd, bodies
        self._body_end = 0
        self._bodies_dirty = False
        self._written = True

    def _failed(self, why: object) -> DiskFailed:
        """The first error ends the index: what a dying process would still save is not true."""
        self._broken = self._broken or f"session index {self._path('idx')}: {why}"
        return DiskFailed(self._broken)

    def _pwrite(self, fd: int, data: bytes, at: int) -> None:
        if self._broken:
            raise DiskFailed(self._broken)
        try:
            written = self._disk.pwrite(fd, data, at)
        except OSError as error:
            raise self._failed(error) from error
        if written != len(data):
            raise self._failed("the disk is full")

    def _fsync(self, fd: int) -> None:
        if self._broken:
            raise DiskFailed(self._broken)
        try:
            self._disk.sync_data(fd)
        except OSError as error:
            raise self._failed(error) from error
