"""A journal folder as readers see it: the mark, the segments, their bytes. Writes nothing."""

import os
from collections import OrderedDict
from pathlib import Path
from typing import Final

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.follow import JournalReader
from engine.journal.mark import MARK_FILE_BYTES, NO_MARK, Mark, decode_mark
from engine.journal.recovery import recover
from engine.journal.segment import segment_first, segment_name
from engine.model.errors import DiskFailed

MARK_NAME: Final = "mark"

MAX_OPEN_SEGMENTS: Final = 16
"""Segments that a reader holds open at once, files."""


class DiskFiles:
    """A journal folder as engine.journal.follow.JournalFiles; also while it is being written."""

    def __init__(self, folder: Path, disk: Disk = REAL_DISK) -> None:
        self.folder = folder
        self._disk = disk
        self._mark = NO_MARK
        self._mark_fd = -1
        self._open: OrderedDict[int, int] = OrderedDict()

    def mark(self) -> Mark:
        """See JournalFiles. A mark that is unreadable just now is the last one read."""
        if self._mark_fd < 0:
            try:
                self._mark_fd = self._disk.open(self.folder / MARK_NAME, os.O_RDONLY)
            except FileNotFoundError:
                return self._mark
        data = self._disk.pread(self._mark_fd, MARK_FILE_BYTES, 0)
        self._mark = decode_mark(data) or self._mark
        return self._mark

    def segments(self) -> list[int]:
        """See JournalFiles."""
        return list_segments(self.folder, self._disk)

    def read(self, segment: int, offset: int, size: int) -> bytes:
        """See JournalFiles."""
        fd = self._open.get(segment)
        if fd is None:
            try:
                path = self.folder / segment_name(segment)
                fd = self._disk.open(path, os.O_RDONLY)
            except FileNotFoundError:
                return b""
            self._open[segment] = fd
            if len(self._open) > MAX_OPEN_SEGMENTS:
                self._disk.close(self._open.popitem(last=False)[1])
        else:
            self._open.move_to_end(segment)
        return self._disk.pread(fd, size, offset)

    def close(self) -> None:
        """Close all files; they are opened again when needed."""
        while self._open:
            self._disk.close(self._open.popitem()[1])
        if self._mark_fd >= 0:
            self._disk.close(self._mark_fd)
            self._mark_fd = -1


class SegmentFile:
    """A segment on disk as engine.journal.recovery.SegmentSource."""

    def __init__(self, folder: Path, first: int, disk: Disk = REAL_DISK) -> None:
        self.first = first
        self.path = folder / segment_name(first)
        self.name = str(self.path)
        self._disk = disk

    def load(self) -> bytes:
        """All its bytes. Raises DiskFailed if they cannot be read."""
        try:
            return read_file(self.path, self._disk)
        except OSError as error:
            raise DiskFailed(f"cannot read {self.name}: {error}") from error


class _SurveyedFiles(DiskFiles):
    """A journal without a mark: readers see the longest prefix that recovery would keep."""

    def __init__(self, folder: Path, mark: Mark) -> None:
        super().__init__(folder)
        self._mark = mark


def read_file(path: Path, disk: Disk) -> bytes:
    """All bytes of a file. Raises OSError."""
    fd = disk.open(path, os.O_RDONLY)
    try:
        return disk.pread(fd, disk.size(fd), 0)
    finally:
        disk.close(fd)


def list_segments(folder: Path, disk: Disk = REAL_DISK) -> list[int]:
    """First record numbers of the segments in `folder`, ascending; none if there is no folder."""
    try:
        names = disk.names(folder)
    except FileNotFoundError:
        return []
    return sorted(first for name in names if (first := segment_first(name)) is not None)


def read_mark(folder: Path, disk: Disk = REAL_DISK) -> Mark | None:
    """The durable mark of a journal folder, if there is a sound one."""
    try:
        return decode_mark(read_file(folder / MARK_NAME, disk))
    except FileNotFoundError:
        return None


def open_reader(folder: Path, disk: Disk = REAL_DISK) -> JournalReader:
    """A reader over a journal folder, whether a writer is at work there or not."""
    return JournalReader(DiskFiles(folder, disk))


def open_survey(folder: Path) -> JournalReader:
    """A reader up to the mark or, without one, up to where recovery would cut. Writes nothing.

    Raises JournalDamaged if there is no mark and recovery would refuse.
    """
    segments = list_segments(folder)
    if read_mark(folder) is not None or not segments:
        return open_reader(folder)
    kept = recover([SegmentFile(folder, first) for first in segments], None)
    mark = Mark(kept.epoch, kept.last, kept.segments[-1], kept.offset, synced=False)
    return JournalReader(_SurveyedFiles(folder, mark))
