"""Journals for tests: records, damaged images, a disk that fails and one that loses power."""

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from engine.journal.disk import RealDisk
from engine.journal.frame import CONTINUES, MORE, FrameEncoder
from engine.journal.segment import (
    MIN_SEGMENT_BYTES,
    SegmentHeader,
    SegmentIndex,
    encode_segment_header,
    segment_name,
)
from engine.journal.writer import JournalWriter
from engine.model.commands import Deposit
from engine.model.events import Deposited
from engine.model.record import Record, encode_record

T0 = 1_767_600_000_000_000_000
"""2026-01-05 08:00:00 UTC."""


def record(number: int, filler: int = 0) -> Record:
    """A record that is recognised by its number; filler bytes make it larger."""
    reference = f"deposit-{number}" + "x" * filler
    event = Deposited(1, 1, number + 1, number + 1, reference)
    salt = number.to_bytes(16, "little")
    return Record(number, T0 + number, salt, Deposit(1, 1, number + 1, reference), (event,))


def payloads(first: int, count: int, filler: int = 0) -> list[bytes]:
    return [encode_record(record(n, filler)) for n in range(first, first + count)]


def parts_flags(count: int) -> list[int]:
    """The flags of one command in `count` parts."""
    flags = [MORE | CONTINUES] * count
    flags[0] &= ~CONTINUES
    flags[-1] &= ~MORE
    return flags


def open_writer(folder: Path, **options) -> JournalWriter:
    options.setdefault("segment_bytes", MIN_SEGMENT_BYTES)
    options.setdefault("log", lambda _: None)
    return JournalWriter.open(folder, **options)


# --- journals as bytes ----------------------------------------------------------------------------


@dataclass
class Image:
    """A segment in memory: an engine.journal.recovery.SegmentSource that a test can damage."""

    first: int
    data: bytearray

    @property
    def name(self) -> str:
        return segment_name(self.first)

    def load(self) -> bytes:
        return bytes(self.data)


@dataclass
class Journal:
    """Segments built frame by frame, with where each record lies."""

    epoch: int = 1
    segments: list[Image] = field(default_factory=list)
    places: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each record: position of its segment, begin, end."""
    durable: int = -1
    room: int = 4_096
    """Zero bytes after the last frame of each segment."""

    def __post_init__(self) -> None:
        self.encoder = FrameEncoder(0, self.epoch, bytes(16))
        self.new_segment()

    def new_segment(self) -> None:
        header = SegmentHeader(self.encoder.number, self.epoch, self.encoder.chain)
        data = bytearray(encode_segment_header(header)) + bytes(self.room)
        self.segments.append(Image(self.encoder.number, data))

    def new_epoch(self) -> None:
        self.epoch += 1
        self.encoder = FrameEncoder(self.encoder.number, self.epoch, self.encoder.chain)

    def append(self, count: int, flags: Sequence[int] | None = None, filler: int = 0) -> None:
        """A batch, written but not synced."""
        segment = self.segments[-1]
        for k in range(count):
            begin = len(segment.data) - self.room
            data, _ = self.encoder.encode(
                payloads(self.encoder.number, 1, filler),
                None if flags is None else [flags[k]],
                0,
                self.durable,
                2**32,
                SegmentIndex(self.encoder.number + 1),
                begin,
            )
            segment.data[begin : begin + len(data)] = data
            segment.data += bytes(self.room - (len(segment.data) - begin - len(data)))
            self.places.append((len(self.segments) - 1, begin, begin + len(data)))

    def sync(self) -> None:
        self.durable = self.encoder.number - 1

    def batches(self, *sizes: int) -> "Journal":
        """Batches, each synced before the next."""
        for size in sizes:
            self.append(size)
            self.sync()
        return self

    @property
    def last(self) -> int:
        return self.encoder.number - 1

    def zero(self, number: int, begin: int = 0, size: int | None = None) -> None:
        """Drop (a part of) a frame, as a write that never came."""
        at, start, end = self.places[number]
        stop = end if size is None else start + begin + size
        self.segments[at].data[start + begin : stop] = bytes(stop - start - begin)

    def flip(self, number: int, byte: int, bit: int = 0) -> None:
        at, start, _ = self.places[number]
        self.segments[at].data[start + byte] ^= 1 << bit


# --- disks that fail ------------------------------------------------------------------------------


class FaultyDisk(RealDisk):
    """The n-th call of the named kinds fails, and every one after it."""

    def __init__(self, kinds: Iterable[str], nth: int, error: int = errno.EIO) -> None:
        self.kinds = frozenset(kinds)
        self.left = nth
        self.error = error
        self.short = False
        self.calls = 0

    def _count(self, kind: str) -> bool:
        if kind in self.kinds:
            self.calls += 1
            self.left -= 1
        return kind in self.kinds and self.left < 0

    def _check(self, kind: str) -> None:
        if self._count(kind):
            raise OSError(self.error, os.strerror(self.error))

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        if self._count("pwrite"):
            if not self.short:
                raise OSError(self.error, os.strerror(self.error))
            return super().pwrite(fd, data[: len(data) // 2], offset)
        return super().pwrite(fd, data, offset)

    def sync_data(self, fd: int) -> None:
        self._check("sync_data")
        super().sync_data(fd)

    def allocate(self, fd: int, size: int) -> None:
        self._check("allocate")
        super().allocate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        self._check("rename")
        super().rename(old, new)

    def sync_folder(self, folder: Path) -> None:
        self._check("sync_folder")
        super().sync_folder(folder)


class UnsyncedDisk(FaultyDisk):
    """Its faults are real, its syncs are not: for what only the page cache is asked about."""

    def sync_data(self, fd: int) -> None:
        self._check("sync_data")

    def sync_folder(self, folder: Path) -> None:
        self._check("sync_folder")


class PowerLost(Exception):
    """The machine stops here."""


PAGE = 4_096


@dataclass
class Change:
    """A change of a file that is not synced: of one page, or of its size."""

    page: bytes | None
    offset: int
    """Where the page goes; without a page, the new size."""
    shrinks: bool = False

    def apply(self, data: bytearray) -> None:
        if self.page is not None:
            data += bytes(max(0, self.offset + len(self.page) - len(data)))
            data[self.offset : self.offset + len(self.page)] = self.page
        else:
            if self.shrinks:
                del data[self.offset :]
            data += bytes(max(0, self.offset - len(data)))

    def lose_power(self, data: bytearray, random: Random) -> None:
        """Keep it, drop it, or leave garbage in the whole page or its second half."""
        fate = random.random()
        if fate < 0.35:
            return
        if fate < 0.75 or self.page is None:
            self.apply(data)
            return
        good = len(self.page) // 2 if fate > 0.9 else 0
        garbage = self.page[:good] + random.randbytes(len(self.page) - good)
        Change(garbage, self.offset).apply(data)


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)


class CrashDisk(RealDisk):
    """Works on real files, and knows what a loss of power could leave of them.

    What was synced stays. Of what was not, each page of each write is kept, dropped or garbled,
    each change of size kept or dropped, and of the renames and removals a prefix is kept.
    After a kill of the process the real files, which stand for the page cache, are all there,
    and what was not synced still is not. After a failed sync it never will be, unless it is
    written again: Linux takes the pages for clean.
    """

    def __init__(self, crash_at: int, boot: int = 0) -> None:
        self.left = crash_at
        self.boot = boot
        """Which start of the machine this is."""
        self.fail_sync = False
        """Let the sync fail where the call would be the last one."""
        self.files: dict[int, _File] = {}
        self.by_name: dict[str, _File] = {}
        self.durable_names: dict[str, _File] = {}
        self.moves: list[dict[str, _File]] = []
        self.begun: tuple[_File, int] | None = None

    @classmethod
    def over(cls, folder: Path, crash_at: int, boot: int = 0) -> "CrashDisk":
        """Begin with what is in `folder`, all of it on disk."""
        disk = cls(crash_at, boot)
        if folder.exists():
            for path in sorted(folder.iterdir()):
                disk.by_name[path.name] = _File(bytearray(path.read_bytes()))
        disk.durable_names = dict(disk.by_name)
        return disk

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise PowerLost

    def _moved(self) -> None:
        self.moves.append(dict(self.by_name))

    def open(self, path: Path, flags: int) -> int:
        self._step()
        fd = super().open(path, flags)
        file = self.by_name.get(path.name)
        if file is None:
            file = self.by_name[path.name] = _File()
            self._moved()
        elif flags & os.O_TRUNC:
            file.pending.append(Change(None, 0, shrinks=True))
        self.files[fd] = file
        return fd

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        file = self.files[fd]
        self.begun = file, len(file.pending)
        at = 0
        while at < len(data):
            size = PAGE - (offset + at) % PAGE
            file.pending.append(Change(data[at : at + size], offset + at))
            at += size
        self._step()
        self.begun = None
        return super().pwrite(fd, data, offset)

    def sync_data(self, fd: int) -> None:
        file = self.files[fd]
        if self.fail_sync and self.left <= 0:
            file.pending.clear()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._step()
        for change in file.pending:
            change.apply(file.durable)
        file.pending.clear()

    def allocate(self, fd: int, size: int) -> None:
        self._step()
        super().allocate(fd, size)
        self.files[fd].pending.append(Change(None, size))

    def truncate(self, fd: int, size: int) -> None:
        self._step()
        super().truncate(fd, size)
        self.files[fd].pending.append(Change(None, size, shrinks=True))

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)
        self.by_name[new.name] = self.by_name.pop(old.name)
        self._moved()

    def unlink(self, path: Path) -> None:
        self._step()
        super().unlink(path)
        del self.by_name[path.name]
        self._moved()

    def sync_folder(self, folder: Path) -> None:
        self._step()
        self.durable_names = dict(self.by_name)
        self.moves.clear()

    def free_bytes(self, folder: Path) -> int:
        return 2**40

    def boot_id(self) -> bytes:
        return self.boot.to_bytes(16, "big")

    def after_kill(self, crash_at: int) -> None:
        """Only the process is gone: a write that had not returned never happened."""
        if self.begun is not None:
            file, size = self.begun
            del file.pending[size:]
            self.begun = None
        self.left, self.fail_sync = crash_at, False

    def after_power_loss(self, folder: Path, random: Random) -> None:
        """Write into `folder` what may be found when the machine is up again."""
        folder.mkdir()
        names = random.choice([self.durable_names, *self.moves])
        for name, file in names.items():
            data = bytearray(file.durable)
            for change in file.pending:
                change.lose_power(data, random)
            (folder / name).write_bytes(data)
