"""Copies of the session indexes: kept while the venue runs, and made usable by a restore.

The journal's copy is exact up to its mark; an index's copy is some numbers behind, and only says
of each number what stands behind it. So a restore treats every index as after a loss of power,
and skips more numbers than can have been used since.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.journal.disk import Disk, RealDisk
from engine.journal.mark import BOOT_ID_BYTES
from gateway.fix.index import ENTRY, ENTRY_BYTES, HOLE, REPLAY, REPORT, Header
from gateway.flow.index_file import (
    HEADER_BYTES,
    SKIP_NUMBERS,
    SLOT_BYTES,
    SLOTS,
    Slot,
    encode_slot,
    read_slots,
)

READ_BYTES: Final = 256 * 1024
"""One read of entries or bodies, bytes: 8,192 entries."""

ANOTHER_MACHINE: Final = b"\xff" * BOOT_ID_BYTES
"""Stands for the boot id in a copy: no machine has it, so whoever opens the copy takes it for
the leavings of a loss of power."""

LAST_K: Final = 0xFFFF
"""The highest k that a header holds: behind every report of its record."""


def sessions(folder: Path) -> Iterator[tuple[Path, list[int]]]:
    """Each session under `folder`: its files' path without generation and suffix, and the
    generations there are, the newest last."""
    found: dict[Path, list[int]] = {}
    for path in sorted(folder.rglob("*.idx")):
        name, generation, _ = path.name.split(".")
        if generation.isdigit():
            key = path.with_name(name)
            found.setdefault(key, []).append(int(generation))
    for session, generations in found.items():
        yield session, sorted(generations)


def _file(session: Path, generation: int, kind: str) -> Path:
    return session.with_name(f"{session.name}.{generation}.{kind}")


@dataclass(slots=True)
class _Copied:
    """How far one session has been copied in this life of the mirror."""

    generation: int
    entries: int
    bodies: int
    slot: Slot | None = None


class IndexMirror:
    """Keeps copies of all indexes under one folder in another. For one thread."""

    def __init__(self, source: Path, folder: Path, disk: Disk) -> None:
        self._source = source
        self._folder = folder
        self._disk = disk
        self._copied: dict[Path, _Copied] = {}

    def step(self) -> None:
        """Copy what is new in every session. Raises OSError: then make a new object."""
        for session, generations in sessions(self._source):
            generation = generations[0]  # a newer one beside it may yet be undone
            try:
                self._session(session, generation)
            except FileNotFoundError:
                if _file(session, generation, "idx").exists():
                    raise
                # The numbers were reset just now: the next step finds the new generation.

    def _session(self, session: Path, generation: int) -> None:
        target = self._folder / session.relative_to(self._source)
        copied = self._copied.get(session)
        if copied is None or copied.generation != generation:
            copied = self._copied[session] = self._begin(target, generation)
        fd = os.open(_file(session, generation, "idx"), os.O_RDONLY | os.O_CLOEXEC)
        try:
            # The header before the entries: it must not know more than they do.
            slot = read_slots(fd)
            count = (os.fstat(fd).st_size - HEADER_BYTES) // ENTRY_BYTES
            if slot is None or (count <= copied.entries and slot == copied.slot):
                return
            bodies = self._bodies(session, target, copied)
            self._entries(fd, target, copied, count, slot.header)
            copied.slot, copied.entries, copied.bodies = slot, max(count, 0), bodies
        finally:
            os.close(fd)
        self._remove_others(target, generation)

    def _begin(self, target: Path, generation: int) -> _Copied:
        """Where to go on with a copy of an earlier life.

        The venue's machine may have lost its last entries, and then left a hole there: no further
        back than it skips numbers.
        """
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True)
        path = _file(target, generation, "idx")
        if not path.exists():
            return _Copied(generation, 0, 0)
        with path.open("rb") as file:
            slot = read_slots(file.fileno())
        return _Copied(generation, max(0, slot.synced - SKIP_NUMBERS) if slot else 0, 0)

    def _bodies(self, session: Path, target: Path, copied: _Copied) -> int:
        """Copy new bodies; how many bytes there are."""
        with _file(session, copied.generation, "bod").open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == copied.bodies:
                return size
            path = _file(target, copied.generation, "bod")
            out = self._disk.open(path, os.O_RDWR | os.O_CREAT)
            try:
                self._copy(file.fileno(), out, copied.bodies, size)
                self._disk.sync_data(out)
            finally:
                self._disk.close(out)
        return size

    def _entries(self, fd: int, target: Path, copied: _Copied, count: int, header: Header) -> None:
        """Copy new entries, sync them, then write the header that vouches for them."""
        path = _file(target, copied.generation, "idx")
        made = not path.exists()
        out = self._disk.open(path, os.O_RDWR | os.O_CREAT)
        try:
            at = HEADER_BYTES + copied.entries * ENTRY_BYTES
            self._copy(fd, out, at, HEADER_BYTES + count * ENTRY_BYTES)
            self._disk.sync_data(out)
            old = read_slots(out)
            place, writes = ((old.place + 1) % SLOTS, old.writes + 1) if old else (1, 1)
            slot = Slot(place, writes, max(count, 0), ANOTHER_MACHINE, clean=False, header=header)
            _write(self._disk, out, encode_slot(slot), place * SLOT_BYTES)
            self._disk.sync_data(out)
        finally:
            self._disk.close(out)
        if made:
            self._disk.sync_folder(path.parent)

    def _copy(self, fd: int, out: int, at: int, end: int) -> None:
        while at < end:
            data = os.pread(fd, min(READ_BYTES, end - at), at)
            if not data:
                return
            _write(self._disk, out, data, at)
            at += len(data)

    def _remove_others(self, target: Path, generation: int) -> None:
        """The generation is on disk: the ones before it are of no more use. One behind it was
        undone by a loss of power."""
        for path in target.parent.glob(f"{target.name}.*"):
            number = path.name.split(".")[1]
            if number.isdigit() and int(number) != generation:
                self._disk.unlink(path)


def restore_indexes(source: Path, folder: Path, last: int, skip: int) -> int:
    """Make indexes in `folder`, to be opened there, from the copies in `source`; how many.

    last: the last record that there is. Numbers whose reports are of later, lost records become
    holes, and `skip` more behind them. Raises OSError.
    """
    done = 0
    for session, generations in sessions(source):
        for generation in reversed(generations):
            path = _file(session, generation, "idx")
            if _restore(path, folder / path.relative_to(source), last, skip):
                done += 1
                break
    return done


def _restore(path: Path, target: Path, last: int, skip: int) -> bool:
    """One index; False if its copy was not begun yet."""
    with path.open("rb") as file:
        slot = read_slots(file.fileno())
        if slot is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            out.write(bytes(HEADER_BYTES))
            header = _restore_entries(file.fileno(), out.fileno(), slot, last)
            synced = slot.synced + skip
            os.ftruncate(out.fileno(), HEADER_BYTES + synced * ENTRY_BYTES)
            out.seek(0)
            whole = Slot(0, 0, synced, ANOTHER_MACHINE, clean=False, header=header)
            out.write(encode_slot(whole))
            out.flush()
            os.fsync(out.fileno())
    bodies = path.with_suffix(".bod")
    with target.with_suffix(".bod").open("xb") as out:
        if bodies.exists():
            with bodies.open("rb") as file:
                shutil.copyfileobj(file, out, READ_BYTES)
        out.flush()
        os.fsync(out.fileno())
    RealDisk().sync_folder(target.parent)
    return True


def _restore_entries(fd: int, out: int, slot: Slot, last: int) -> Header:
    """Write what the copy vouches for, without reports of lost records; the header for it.

    An inbound number settled by a lost record is due again: members are asked for what is gone.
    """
    header, next_in, lost = slot.header, 1, False
    if header.base_record > last:
        header = header._replace(base_record=last, base_k=LAST_K)
    for at in range(0, slot.synced, READ_BYTES // ENTRY_BYTES):
        count = min(READ_BYTES // ENTRY_BYTES, slot.synced - at)
        place = HEADER_BYTES + at * ENTRY_BYTES
        data = bytearray(os.pread(fd, count * ENTRY_BYTES, place).ljust(count * ENTRY_BYTES, b"\0"))
        for k, entry in enumerate(ENTRY.iter_unpack(bytes(data))):
            if entry[5] in (REPORT, REPLAY) and entry[0] > last:
                data[k * ENTRY_BYTES : (k + 1) * ENTRY_BYTES] = bytes(ENTRY_BYTES)
                lost = True
            elif entry[5] != HOLE and not lost:
                next_in = entry[2]
        _write(RealDisk(), out, bytes(data), place)
    return header._replace(
        next_in=next_in if lost else header.next_in,
        reset_record=min(header.reset_record, last),
    )


def _write(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    while data:
        written = disk.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written
