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

A reset makes a new generation: written and renamed into place at once, so that it survives kill -9,
and settled by the next sync, in a worker thread, which removes the old one when the new one is on
disk. Where both are found and the machine has stopped in between, the old one counts. So the owner
lets no byte leave under the new numbers before that sync.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from struct import Struct
from threading import Lock
from typing import Final, NamedTuple
from urllib.parse import quote
from zlib import crc32

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.mark import BOOT_ID_BYTES
from engine.model.errors import DiskFailed, OperatorError
from gateway.fix.index import (
    BODY,
    CHUNK_ENTRIES,
    ENTRY,
    ENTRY_BYTES,
    HOLE,
    MAX_SEQ_NUM,
    REPORT,
    Entry,
    Found,
    Header,
    SessionIndex,
    kinds_of,
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

COPY_BYTES: Final = 256 * 1024
"""Written again at a time, bytes."""

SKIP_NUMBERS: Final = 8_192
"""Numbers skipped after the machine stopped uncleanly: more than SYNC_ENTRIES_MAX and a batch."""


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
        return cls(FileStorage(folder, name, boot_id or disk.boot_id(), log, disk))


def highest_named(folder: Path, *, boot_id: bytes | None = None, disk: Disk = REAL_DISK) -> int:
    """Highest journal record that any index in the folders of `folder` names; -1 if none.

    Reads only, also while the indexes are in use.
    """
    boot = boot_id or disk.boot_id()
    found: dict[Path, list[tuple[int, Path]]] = {}
    for path in _index_files(folder, disk):
        name, generation, _ = path.name.split(".")
        if generation.isdigit():
            found.setdefault(path.with_name(name), []).append((int(generation), path))
    counting = (
        _counting([path for _, path in sorted(each)], boot, disk) for each in found.values()
    )
    return max((_named(path, boot, disk) for path in counting), default=-1)


def _counting(generations: Sequence[Path], boot_id: bytes, disk: Disk) -> Path:
    """Which of a session's files counts, of all its generations from the oldest on.

    An older one is removed, for good, before the first byte leaves under the numbers of a newer
    one; the newer one stands all the same if only the process has ended.
    """
    if len(generations) > 1:
        fd = disk.open(generations[-1], os.O_RDONLY)
        slot = read_slots(fd, disk)
        disk.close(fd)
        if slot is None or slot.boot_id != boot_id:
            return generations[0]
    return generations[-1]


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
            if REPORT not in kinds_of(whole):
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


class _Files:
    """One generation on disk: its open files, and what is known of them.

    body_end: size of the bodies, bytes. dirty: some may not be on disk. synced: entries that the
    header may vouch for. writes: of the header. vouched: its slot that is on disk, or the newest
    that was found.
    """

    __slots__ = ("bodies", "body_end", "dirty", "fd", "generation", "synced", "vouched", "writes")

    def __init__(self, generation: int, fd: int, bodies: int, body_end: int = 0) -> None:
        self.generation = generation
        self.fd = fd
        self.bodies = bodies
        self.body_end = body_end
        self.dirty = False
        self.synced = 0
        self.writes = 0
        self.vouched = 0

    @property
    def free(self) -> int:
        """The slot to write to."""
        return (self.vouched + 1) % SLOTS


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
        self._clean = True  # the last user closed it
        self._broken = ""  # why nothing is written any more
        self._count = 0
        self._written = False  # this process has told the header that it is at work
        self._files = _Files(1, -1, -1)
        self._staged: _Files | None = None
        """The generation after this one, as far as it is prepared; synced counts its entries."""
        self._replaced: _Files | None = None
        """The generation before this one, kept until this one is settled."""
        self._syncing = Lock()
        self._lock = Lock()  # of the header, of the count, and of which generation is in hand

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
            with self._lock:
                self._put_header(self._files, self._tell(), clean=False)
        elif self._tell() != self._opened:
            self._begin()

    def close(self) -> None:
        """See Storage."""
        files = self._files
        if files.fd < 0:
            return
        self.save()
        if self._written:
            self.sync()
            self._vouch(files, clean=True)
        self.unstage()
        self._disk.close(files.fd)
        self._disk.close(files.bodies)
        self._files = _Files(files.generation, -1, -1)

    # Opening

    def _path(self, kind: str, generation: int = 0) -> Path:
        return self._folder / f"{self._name}.{generation or self._files.generation}.{kind}"

    def _open(self) -> Found:
        disk = self._disk
        generations = self._generations()
        if not generations:
            disk.make_folder(self._folder)
            self._files = made = self._make(1)
            made.synced = 0
            self._name_it(made, Header(), sync=True)
            disk.sync_folder(self._folder)
            return Found(Header(), 0, clean=True, power_lost=False)
        paths = [self._path("idx", each) for each in generations]
        path = _counting(paths, self._boot_id, disk)
        generation = generations[paths.index(path)]
        if generation != generations[-1]:
            self._log(f"{path}: a later reset was never answered and counts no more")
        fd = disk.open(path, os.O_RDWR)
        bodies = disk.open(self._path("bod", generation), os.O_RDWR | os.O_CREAT)
        self._files = _Files(generation, fd, bodies, disk.size(bodies))
        size = disk.size(fd)
        if size < HEADER_BYTES:
            raise OperatorError(
                f"session index {path} is shorter than its header. Restore it from a "
                "backup; or move it away and agree with the member on a reset (141=Y)"
            )
        torn = (size - HEADER_BYTES) % ENTRY_BYTES
        if torn:
            self._log(f"{path}: cut {torn} bytes of an entry that was never used")
            disk.truncate(fd, size - torn)
        found = self._believed((size - HEADER_BYTES) // ENTRY_BYTES)
        if not found.clean and not found.power_lost:
            # Where an older one is left, a reset was not settled: nothing of the new one may be on
            # disk, whatever its header says.
            alone = generation == generations[0]
            self._write_doubtful(self._files.synced if alone else 0, found)
        self._remove_others()
        if not found.clean:
            disk.sync_folder(self._folder)  # whoever was killed may have just removed the old one
        return found

    def _generations(self) -> list[int]:
        found = []
        for file in _names(self._folder, self._disk):
            name, _, rest = file.partition(".")
            number, _, kind = rest.partition(".")
            if name == self._name and kind == "idx" and number.isdigit():
                found.append(int(number))
        return sorted(found)

    def _write_doubtful(self, synced: int, found: Found) -> None:
        """Bring to disk what a killed process left: all entries beyond `synced`, their bodies.

        They are written again first. If a sync of them has failed, Linux holds those pages for
        clean, and another sync would do nothing for them. Of the headers that were found the one
        before the newest is on disk; both stay as they are.
        """
        files, count = self._files, found.entries
        begin, end = HEADER_BYTES + synced * ENTRY_BYTES, HEADER_BYTES + count * ENTRY_BYTES
        self._write_again(files.fd, begin, end)
        bodies = (entry[0] for entry in self._entries(synced, count) if entry[5] == BODY)
        self._write_again(files.bodies, next(bodies, files.body_end), files.body_end)
        self._fsync(files.bodies)
        self._fsync(files.fd)
        self._tell = lambda: found.header
        self._vouch(files, clean=False, synced=count)
        self._written = True
        self._disk.sync_folder(self._folder)

    def _entries(self, begin: int, end: int) -> Iterator[Entry]:
        for at in range(begin, end, CHUNK_ENTRIES):
            yield from ENTRY.iter_unpack(self.read(at, min(CHUNK_ENTRIES, end - at)))

    def _remove_others(self) -> None:
        keep = {self._path("idx").name, self._path("bod").name}
        names = self._disk.names(self._folder)
        for file in sorted(names, key=lambda name: name[-4:] != ".idx"):  # none without its bodies
            if file.startswith(self._name + ".") and file not in keep:
                self._disk.unlink(self._folder / file)

    def _believed(self, count: int) -> Found:
        """What of `count` entries and the header holds, made true in the files."""
        files = self._files
        slot = read_slots(files.fd, self._disk)
        if slot is None:
            return self._nothing_believed(count)
        files.writes, files.vouched, self._clean = slot.writes, slot.place, slot.clean
        power_lost = not slot.clean and slot.boot_id != self._boot_id
        kept = min(slot.synced, count) if power_lost else count
        files.synced = min(slot.synced, kept)
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
        header = Header(self._files.generation)
        self._skip(0, count + SKIP_NUMBERS, header, "header damaged, its reports go out again")
        return Found(header, count + SKIP_NUMBERS, clean=False, power_lost=True)

    def _skip(self, kept: int, end: int, header: Header, why: str) -> None:
        """Behind the entries that are believed leave a hole."""
        files = self._files
        self._log(f"{self._path('idx')}: {why}; numbers {kept + 1} to {end} are skipped")
        self._disk.truncate(files.fd, HEADER_BYTES + kept * ENTRY_BYTES)
        self._disk.truncate(files.fd, HEADER_BYTES + end * ENTRY_BYTES)
        self._fsync(files.fd)
        files.synced = end
        self._tell = lambda: header
        self._vouch(files, clean=False)
        self._written = True

    # Writing

    def _put_header(self, files: _Files, header: Header, *, clean: bool) -> None:
        """Write the header; self._lock is held."""
        files.writes += 1
        self._pwrite(files.fd, self._slot(files, header, clean=clean), files.free * SLOT_BYTES)

    def _vouch(self, files: _Files, *, clean: bool, synced: int = -1) -> None:
        """Write the header and bring it to disk; from then on the slot after it is the free one.

        synced: how many entries are on disk since just now. Where a reset has begun meanwhile
        nothing is written: nobody vouches for the old numbers any more.
        """
        with self._lock:
            header = self._tell()
            # The owner counts the generation up before all else that a reset changes.
            if files is not self._files or self._tell().generation != files.generation:
                return
            files.synced = max(files.synced, synced)
            self._put_header(files, header, clean=clean)
        writes = files.writes
        self._fsync(files.fd)
        while files.writes != writes:  # saved meanwhile, so the sync may have met half of that
            writes = files.writes
            self._fsync(files.fd)
        files.vouched = files.free

    def _slot(self, files: _Files, header: Header, *, clean: bool) -> bytes:
        return encode_slot(
            Slot(files.free, files.writes, files.synced, self._boot_id, clean, header)
        )

    def _begin(self) -> None:
        """Before the first entry of this process: the last clean stop is over, on disk too."""
        self._written = True
        self._vouch(self._files, clean=False)

    def _write_again(self, fd: int, begin: int, end: int) -> None:
        for at in range(begin, end, COPY_BYTES):
            self._pwrite(fd, self._disk.pread(fd, min(COPY_BYTES, end - at), at), at)

    def write(self, at: int, data: bytes) -> None:
        """See Storage."""
        if not self._written:
            self._begin()
        self._pwrite(self._files.fd, data, HEADER_BYTES + at * ENTRY_BYTES)

    def appended(self, count: int) -> None:
        """See Storage."""
        with self._lock:
            self._count = count
            # Before a reset is settled nothing has left, so nothing can be lost.
            due = count - self._files.synced >= SYNC_ENTRIES_MAX and self.settled()
        if due:
            self.sync()

    def settled(self) -> bool:
        """See Storage."""
        return self._replaced is None

    def sync_due(self) -> bool:
        """See Storage."""
        return self._count - self._files.synced >= SYNC_ENTRIES or not self.settled()

    def sync(self) -> None:
        """See Storage."""
        with self._syncing:
            replaced = self._replaced  # a reset that begins from here on waits for the next sync
            self._sync_files()
            if replaced is None:
                return
            try:
                self._remove_replaced(replaced)
            except OSError as error:
                raise self._failed(error) from error
            while not self._settle():
                self._sync_files()

    def _sync_files(self) -> None:
        """Entries and bodies first, then the header that vouches for them."""
        with self._lock:
            count, files = self._count, self._files
            bodies, files.dirty = files.dirty, False
        if bodies:
            self._fsync(files.bodies)
        self._fsync(files.fd)
        self._vouch(files, clean=False, synced=count)

    def _remove_replaced(self, replaced: _Files) -> None:
        """The generation in hand is on disk: its name, then that there is no other."""
        disk = self._disk
        disk.sync_folder(self._folder)
        disk.unlink(self._path("idx", replaced.generation))
        disk.unlink(self._path("bod", replaced.generation))
        disk.close(replaced.fd)
        disk.close(replaced.bodies)
        disk.sync_folder(self._folder)

    def _settle(self) -> bool:
        """The reset is settled, unless too much came meanwhile that nobody has synced."""
        with self._lock:
            if self._count - self._files.synced >= SYNC_ENTRIES:
                return False
            self._replaced = None
            return True

    def read(self, at: int, count: int) -> bytes:
        """See Storage."""
        place = HEADER_BYTES + at * ENTRY_BYTES
        data = self._disk.pread(self._files.fd, count * ENTRY_BYTES, place)
        return data.ljust(count * ENTRY_BYTES, b"\0")

    def store(self, stored: bytes) -> int:
        """See Storage."""
        if not self._written:
            self._begin()
        files = self._files
        offset = files.body_end
        self._pwrite(files.bodies, stored, offset)
        files.dirty = True
        files.body_end += len(stored)
        return offset

    def load(self, offset: int, length: int) -> bytes:
        """See Storage."""
        return self._disk.pread(self._files.bodies, length, offset)

    def stage(self, entries: bytes) -> None:
        """See Storage."""
        try:
            if self._staged is None:
                self._staged = self._make(self._files.generation + 1)
        except OSError as error:
            raise self._failed(error) from error
        self._pwrite(self._staged.fd, entries, HEADER_BYTES + self._staged.synced * ENTRY_BYTES)
        self._staged.synced += len(entries) // ENTRY_BYTES

    def unstage(self) -> None:
        """See Storage. The file goes with the next generation, or at the next opening."""
        staged, self._staged = self._staged, None
        if staged is not None:
            self._disk.close(staged.fd)
            self._disk.close(staged.bodies)

    def replace(self, head: bytes) -> int:
        """See Storage."""
        assert self.settled(), "no more than one reset may be undone"
        header = self._tell()
        try:
            made = self._staged or self._make(header.generation)
            self._pwrite(made.fd, head, HEADER_BYTES)
            self._name_it(made, header)
        except OSError as error:
            raise self._failed(error) from error
        with self._lock:  # a sync under way goes on with the old files, and ends there
            self._replaced, self._files, self._staged = self._files, made, None
            self._count = made.synced
        self._written = True
        return self._count

    def _make(self, generation: int) -> _Files:
        """The files of a new generation, with room for the first entry; they have no name yet."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        fd = self._disk.open(self._path("new", generation), flags)
        made = _Files(generation, fd, self._disk.open(self._path("bod", generation), flags))
        made.synced = 1
        return made

    def _name_it(self, made: _Files, header: Header, *, sync: bool = False) -> None:
        """Give a generation that is written whole its header, then its name.

        sync: first to disk, because there is no older generation to go back to.
        """
        assert made.generation == header.generation
        slot = self._slot(made, header, clean=False)
        self._pwrite(made.fd, slot.ljust(HEADER_BYTES, b"\0"), 0)
        if sync:
            self._fsync(made.fd)
        self._disk.rename(self._path("new", made.generation), self._path("idx", made.generation))

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
