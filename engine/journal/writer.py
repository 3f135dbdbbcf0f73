"""The one writer of a journal folder.

It promises: what `sync` returned for is on disk; the mark is written only after that; the
first error of a write or sync ends the writer for good (engine.model.errors.DiskFailed says why).
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import (
    MARK_NAME,
    DiskFiles,
    SegmentFile,
    list_segments,
    read_mark,
)
from engine.journal.follow import JournalReader
from engine.journal.frame import (
    CONTINUES,
    MAX_FRAME_BYTES,
    MORE,
    FrameEncoder,
    frame_length,
)
from engine.journal.mark import MARK_FILE_BYTES, SLOT_BYTES, Mark, encode_mark, free_slot
from engine.journal.place import Start
from engine.journal.recovery import Recovery, recover
from engine.journal.segment import (
    MIN_SEGMENT_BYTES,
    SEGMENT_BYTES,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    SegmentIndex,
    encode_segment_header,
    segment_name,
)
from engine.model.errors import DiskFailed, JournalInUse
from engine.model.record import Record

LOCK_NAME: Final = "lock"
NEXT_NAME: Final = "next.tmp"
"""The segment that is prepared ahead, until it gets its number."""

DURABILITIES: Final = ("fsync", "os")
"""fsync: an answer waits for the disk. os: it waits for the page cache only, which survives a
kill of the process and not a loss of power."""


class JournalWriter:
    """The one writer of a journal folder. Numbers, frames, writes, syncs, publishes the mark.

    append and sync are never called at the same time; prepare_next may run beside both, in a
    worker thread.
    """

    def __init__(
        self,
        folder: Path,
        segment_bytes: int,
        durability: str,
        log: Callable[[str], None],
        disk: Disk,
    ) -> None:
        """Use JournalWriter.open."""
        assert segment_bytes >= MIN_SEGMENT_BYTES
        assert durability in DURABILITIES
        self.folder = folder
        self.segment_bytes = segment_bytes
        self.durability = durability
        self.durable = -1
        """Last record number that may be released: on disk, or with `os` in the page cache."""
        self.failed: str = ""
        """Why the writer is dead; empty while it lives."""
        self._log = log
        self._disk = disk
        self._boot = disk.boot_id()
        self._on_disk = -1
        self._lock_fd = self._mark_fd = self._fd = -1
        self._slot = 0
        self._first = self._offset = self._capacity = 0
        self._unsynced: list[int] = []
        self._next_fd = -1
        self._preparing = threading.Lock()
        self._free = 0
        self._busy = False
        self._encoder: FrameEncoder
        self._indexes: dict[int, SegmentIndex]

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        named: int = -1,
        start: Start | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        durability: str = "fsync",
        log: Callable[[str], None],
        disk: Disk = REAL_DISK,
    ) -> "JournalWriter":
        """Lock the folder, recover what is in it, sync that, publish the mark, begin a new epoch.

        named: highest record number that a session index or a reader's cursor names; it must be
        kept. start: a place that was synced and that the journal was seen to have; it is scanned
        from there. Raises JournalInUse, JournalDamaged, DiskFailed.
        """
        writer = cls(folder, segment_bytes, durability, log, disk)
        try:
            disk.make_folder(folder)
            writer._take_lock()
            writer._recover(named, start)
        except OSError as error:
            writer._release()
            raise writer._fail("opening the journal", error) from error
        except BaseException:
            writer._release()
            raise
        return writer

    # --- what it knows ------------------------------------------------------------------------

    @property
    def next_number(self) -> int:
        """The number of the next record to be appended."""
        return self._encoder.number

    @property
    def epoch(self) -> int:
        """Which opening of the journal this is, from 1."""
        return self._encoder.epoch

    @property
    def free_bytes(self) -> int:
        """Bytes free on the journal's file system, as of the last sync."""
        return self._free

    @property
    def low_space(self) -> bool:
        """Less than one free segment is left: new orders are to be refused, cancels are not."""
        return self._free < self.segment_bytes

    @property
    def prepare_due(self) -> bool:
        """More than half of the segment is used and the next is not prepared: call prepare_next."""
        return (
            self._next_fd < 0
            and self._offset > self._capacity // 2
            and not self.low_space
            and not self.failed
        )

    def reader(self) -> JournalReader:
        """A reader for this process that shares the writer's index: for resends."""
        return JournalReader(DiskFiles(self.folder, self._disk), self._indexes)

    def records(self, first: int = 0) -> Iterator[Record]:
        """All records that may be released, from `first` on: what a start replays."""
        reader = self.reader()
        try:
            yield from reader.records(first, self.durable)
        finally:
            reader.close()

    # --- writing ------------------------------------------------------------------------------

    def append(self, payloads: Sequence[bytes], flags: Sequence[int] | None = None) -> None:
        """Write encoded records with consecutive numbers from next_number; not durable yet.

        flags: frame.MORE and frame.CONTINUES of each payload, None where no command has parts. A
        batch holds all parts of a command. One write per segment that it touches. Raises
        DiskFailed.
        """
        self._enter()
        try:
            assert flags is None or (len(flags) == len(payloads) and _whole_groups(flags))
            done = 0
            while done < len(payloads):
                index = self._indexes[self._first]
                room = self._capacity - self._offset
                data, done = self._encoder.encode(
                    payloads, flags, done, self._on_disk, room, index, self._offset
                )
                if data:
                    self._write(self._fd, data, self._offset)
                    self._offset += len(data)
                if done < len(payloads):
                    self._roll_over()
        except OSError as error:
            raise self._fail("writing", error) from error
        finally:
            self._busy = False

    def sync(self) -> None:
        """Bring all that was appended to disk, then publish the mark. Raises DiskFailed.

        May run in a worker thread.
        """
        self._enter()
        try:
            while self._unsynced:
                self._sync_data(self._unsynced[0])
                self._disk.close(self._unsynced.pop(0))
            self._sync_data(self._fd)
            last = self._encoder.number - 1
            self._publish(last)
            if self.durability == "fsync":
                self._on_disk = last
            self.durable = last
        except OSError as error:
            raise self._fail("syncing", error) from error
        finally:
            self._busy = False

    def look_at_space(self) -> None:
        """Ask how much room the disk has: after the answers, which need not wait for it. Raises
        DiskFailed."""
        try:
            self._free = self._disk.free_bytes(self.folder)
        except OSError as error:
            raise self._fail("asking for free space", error) from error

    def prepare_next(self) -> None:
        """Make the next segment's file ahead of its need (some ms): for a worker thread.

        A disk that is full only leaves it undone: low_space says so. Raises DiskFailed.
        """
        with self._preparing:
            if self._next_fd >= 0 or self.failed:
                return
            try:
                self._next_fd = self._make_file()
                self._free = self._disk.free_bytes(self.folder)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise self._fail("preparing a segment", error) from error
                self._free = 0
                self._log("journal: no room for another segment; new orders are refused")

    def close(self) -> None:
        """Sync what was appended, if the disk has not failed, and give the lock back."""
        if self._lock_fd < 0:
            return
        try:
            if not self.failed and self._encoder.number - 1 > self.durable:
                self.sync()
        finally:
            self._release()

    # --- inside -------------------------------------------------------------------------------

    def _enter(self) -> None:
        if self.failed:
            raise DiskFailed(self.failed)
        assert self._lock_fd >= 0, "the journal is closed"
        assert not self._busy, "append and sync at the same time"
        self._busy = True

    def _fail(self, doing: str, error: OSError) -> DiskFailed:
        self.failed = self.failed or f"{doing} failed in {self.folder}: {error}"
        return DiskFailed(self.failed)

    def _write(self, fd: int, data: bytes, offset: int) -> None:
        written = self._disk.pwrite(fd, data, offset)
        if written != len(data):
            raise OSError(errno.EIO, f"only {written} of {len(data)} bytes were written")

    def _sync_data(self, fd: int) -> None:
        if self.durability == "fsync":
            self._disk.sync_data(fd)

    def _publish(self, last: int) -> None:
        """Write the mark: record `last` is where the segment ends now."""
        synced = self.durability == "fsync"
        mark = Mark(self.epoch, last, self._first, self._offset, synced, self._boot)
        self._write(self._mark_fd, encode_mark(mark), self._slot * SLOT_BYTES)
        self._slot ^= 1

    def _make_file(self) -> int:
        """An empty, allocated, synced file under NEXT_NAME. Returns its descriptor."""
        path = self.folder / NEXT_NAME
        fd = self._disk.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            self._disk.allocate(fd, self.segment_bytes)
            self._disk.sync_data(fd)
        except OSError:
            self._disk.close(fd)
            self._disk.unlink(path)
            raise
        return fd

    def _roll_over(self) -> None:
        """Go on in a new segment. Its header is on disk before it gets its name."""
        with self._preparing:
            fd, self._next_fd = self._next_fd, -1
            if fd < 0:
                fd = self._make_file()
        if self._fd >= 0:
            self._unsynced.append(self._fd)
        self._fd = fd
        first = self._encoder.number
        header = SegmentHeader(first, self.epoch, self._encoder.chain)
        self._write(fd, encode_segment_header(header), 0)
        self._disk.sync_data(fd)
        self._disk.rename(self.folder / NEXT_NAME, self.folder / segment_name(first))
        self._disk.sync_folder(self.folder)
        self._first, self._offset, self._capacity = first, SEGMENT_HEADER_BYTES, self.segment_bytes
        self._indexes[first] = SegmentIndex(first)

    # --- opening ------------------------------------------------------------------------------

    def _take_lock(self) -> None:
        self._lock_fd = self._disk.open(self.folder / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        try:
            self._disk.lock(self._lock_fd)
        except BlockingIOError:
            raise JournalInUse(
                f"{self.folder} is being written by another process: stop the other fixgate, "
                "or start this one with another --data folder."
            ) from None

    def _recover(self, named: int, start: Start | None) -> None:
        folder, disk = self.folder, self._disk
        if NEXT_NAME in disk.names(folder):
            disk.unlink(folder / NEXT_NAME)
        mark = read_mark(folder, disk)
        segments = [SegmentFile(folder, first, disk) for first in list_segments(folder, disk)]
        kept = recover(segments, mark, named, start)
        self._indexes = kept.indexes
        self._encoder = FrameEncoder(kept.last + 1, kept.epoch + 1, kept.chain)
        if kept.cut is not None:
            cut = kept.cut
            self._log(
                f"journal: cut a torn batch off {cut.name} at offset {cut.offset}, "
                f"record {cut.number}: {cut.reason}; none of it was acknowledged"
            )
        for first in reversed(kept.dropped):
            disk.unlink(folder / segment_name(first))
        disk.sync_folder(folder)
        if kept.segments:
            same_boot = mark is not None and mark.synced and mark.boot == self._boot
            self._keep_tail(kept, rewrite=same_boot)
        else:
            self._roll_over()
        self.durable = self._on_disk = kept.last
        self._mark_fd = disk.open(folder / MARK_NAME, os.O_RDWR | os.O_CREAT)
        # A write that ends half-way must not take the newest mark with it: readers have met it.
        self._slot = free_slot(disk.pread(self._mark_fd, MARK_FILE_BYTES, 0))
        for _ in range(2):  # one slot is always on disk: no epoch without a record comes twice
            self._publish(kept.last)
            disk.sync_data(self._mark_fd)
        disk.sync_folder(folder)
        self._free = disk.free_bytes(folder)

    def _keep_tail(self, kept: Recovery, *, rewrite: bool) -> None:
        """Zero what was cut, now or in an earlier life whose sync then failed, and bring to disk
        what is kept above the last known mark.

        rewrite: write the kept bytes again before the sync. If a sync failed in an earlier life,
        Linux holds their pages for clean, and a sync alone would do nothing. Not a byte below
        the mark, which a loss of power during this could garble. Not after a start of the machine,
        which may have cost both slots of the mark: what is read then is on the disk, and what is
        left of the mark may be too old to tell what was released. Not after a run with durability
        `os`, which made no syncs and may have left gigabytes.
        """
        disk = self._disk
        ends = [*kept.segments[1:], kept.last + 1]
        for first, end in zip(kept.segments, ends, strict=True):
            tail = first == kept.segments[-1]
            unknown = end - 1 > kept.known
            if not unknown and not tail:
                continue
            path = self.folder / segment_name(first)
            fd = disk.open(path, os.O_RDWR)
            if tail:
                self._first, self._fd, self._offset = first, fd, kept.offset
                size = disk.size(fd)
                self._capacity = max(size, self.segment_bytes)
                disk.truncate(fd, kept.offset)
                disk.allocate(fd, self._capacity)
            if unknown and rewrite:
                data = disk.pread(fd, disk.size(fd), 0)
                offset = _offset_of(data, kept.indexes[first], max(first, kept.known + 1))
                self._write(fd, data[offset : kept.offset if tail else None], offset)
            disk.sync_data(fd)
            if not tail:
                disk.close(fd)

    def _release(self) -> None:
        """Close everything; the lock goes last."""
        for fd in (*self._unsynced, self._fd, self._next_fd, self._mark_fd, self._lock_fd):
            if fd >= 0:
                self._disk.close(fd)
        self._unsynced.clear()
        self._fd = self._next_fd = self._mark_fd = self._lock_fd = -1


def _offset_of(data: bytes, index: SegmentIndex, number: int) -> int:
    """Where record `number`, which is kept, begins in its segment's `data`."""
    k, offset = index.floor(number)
    while k < number:
        length = frame_length(data, offset)
        assert length > 0
        offset += length
        k += 1
    return offset


def _whole_groups(flags: Sequence[int]) -> bool:
    """Whether every command's parts are all in the batch, in order."""
    more = 0
    for flag in flags:
        if bool(flag & CONTINUES) != bool(more):
            return False
        more = flag & MORE
    return not more


assert MAX_FRAME_BYTES + SEGMENT_HEADER_BYTES < MIN_SEGMENT_BYTES
