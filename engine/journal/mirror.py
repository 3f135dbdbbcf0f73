"""The mirror: a second copy of a journal, that follows the first one and never runs ahead of it.

Every frame is checked against the chain before it is written, so a damaged journal is not copied
over a good mirror. The mirror's mark is written after its own sync and names whole commands only:
whatever lies behind it is written again after a stop. So a mirror is itself a journal folder that
can be read, and that recovery would accept.
"""

import os
from pathlib import Path
from typing import Final, NamedTuple

from engine.journal.chain import Chain
from engine.journal.disk import Disk
from engine.journal.files import MARK_NAME, DiskFiles, list_segments, read_mark
from engine.journal.follow import READ_BYTES, damaged
from engine.journal.frame import GENESIS
from engine.journal.mark import NO_MARK, SLOT_BYTES, Mark, decode_slot, encode_mark
from engine.journal.segment import (
    SEGMENT_HEADER_BYTES,
    SegmentFormatUnknownError,
    decode_segment_header,
    segment_name,
)
from engine.model.errors import JournalDamaged, OperatorError

COPY_BYTES: Final = 4 * 1024 * 1024
"""Copied between two syncs at most, bytes: some 20,000 orders, 0.1 s of one processor."""


class MirrorRefusedError(OperatorError):
    """The folder cannot be this journal's mirror."""


class Lag(NamedTuple):
    """What a mirror has not got yet: records, and bytes (the unused rest of segments included)."""

    records: int
    size: int


class JournalMirror:
    """Copies one journal folder into another. For one thread."""

    def __init__(self, source: Path, folder: Path, disk: Disk) -> None:
        """folder exists, and nobody else writes there. Goes on where an earlier copy ended.

        Raises MirrorRefusedError if the folder holds another journal, OSError if either disk
        cannot be used.
        """
        self.folder = folder
        self.mark = NO_MARK
        """How far the mirror can be relied on; number -1: not at all yet."""
        self._disk = disk
        self._source = DiskFiles(source)
        self._chain = Chain()
        self._segment = self._offset = -1
        self._whole = (0, 0)
        self._slot = 0
        self._new_names = False
        self._fds: dict[int, int] = {}
        self._mark_fd = -1
        try:
            self._resume()
            self._mark_fd = disk.open(folder / MARK_NAME, os.O_RDWR | os.O_CREAT)
        except BaseException:
            self.close()
            raise

    def lag(self) -> Lag:
        """How far the mirror is behind. Raises OSError."""
        source, mine = self._source.mark(), self.mark
        if source.number <= mine.number:
            return Lag(0, 0)
        size = source.offset - (mine.offset if mine.segment == source.segment else 0)
        for segment in self._source.segments():
            if mine.segment <= segment < source.segment:
                whole = (self._source.folder / segment_name(segment)).stat().st_size
                size += whole - (mine.offset if segment == mine.segment else 0)
        return Lag(source.number - mine.number, size)

    def step(self) -> bool:
        """Copy at most COPY_BYTES, sync them, write the mark; whether there is more to copy.

        Raises JournalDamaged, naming the place, if the source cannot be trusted: the mirror then
        holds everything before it. Raises OSError; then this object is of no more use.
        """
        target = self._source.mark()
        if target.number <= self._chain.number:
            return False
        copied = 0
        try:
            while copied < COPY_BYTES and self._chain.number < target.number:
                copied += self._copy(target)
        except JournalDamaged:
            self._publish()
            raise
        self._publish()
        return self._chain.number < target.number

    def close(self) -> None:
        """Close all files."""
        self._source.close()
        for fd in (*self._fds.values(), self._mark_fd):
            if fd >= 0:
                self._disk.close(fd)
        self._fds.clear()
        self._mark_fd = -1

    # --- inside -------------------------------------------------------------------------------

    def _copy(self, target: Mark) -> int:
        """Check and write the frames of one read; how many bytes."""
        if self._segment < 0:
            self._enter(0)
        data = self._source.read(self._segment, self._offset, READ_BYTES)
        if self._segment == target.segment:
            data = data[: target.offset - self._offset]
        sound, whole = self._chain.follow(data)
        if whole:
            self._whole = (self._segment, self._offset + whole)
        if sound:
            _write(self._disk, self._fds[self._segment], data[:sound], self._offset)
            self._offset += sound
            return sound
        due = self._chain.number + 1
        if due == self._segment or due not in self._source.segments():
            raise damaged(self._segment, self._offset, due)
        self._enter(due)
        return SEGMENT_HEADER_BYTES

    def _enter(self, segment: int) -> None:
        """Go on in the source's segment that begins with record `segment`."""
        data = self._source.read(segment, 0, SEGMENT_HEADER_BYTES)
        try:
            header = decode_segment_header(data)
        except SegmentFormatUnknownError as error:
            name = segment_name(segment)
            raise JournalDamaged(f"{name} is of a later release of fixgate ({error})") from None
        if header is None or header.first != segment or header.chain != self._chain.hash:
            raise damaged(segment, 0, segment)
        # What an earlier copy left behind its mark goes: nothing but this segment is to be found.
        fd = self._disk.open(self.folder / segment_name(segment), os.O_RDWR | os.O_CREAT)
        self._fds[segment] = fd
        self._disk.truncate(fd, 0)
        _write(self._disk, fd, data, 0)
        self._new_names = True
        self._segment, self._offset = segment, SEGMENT_HEADER_BYTES

    def _publish(self) -> None:
        """Bring what was copied to disk, then the mark that says so."""
        for segment, fd in list(self._fds.items()):
            self._disk.sync_data(fd)
            if segment != self._segment:
                self._disk.close(self._fds.pop(segment))
        if self._new_names:
            self._disk.sync_folder(self.folder)
            self._new_names = False
        if self._chain.whole <= self.mark.number:
            return
        mark = Mark(self._chain.epoch, self._chain.whole, *self._whole, synced=True)
        _write(self._disk, self._mark_fd, encode_mark(mark), self._slot * SLOT_BYTES)
        self._disk.sync_data(self._mark_fd)
        self._slot ^= 1
        self.mark = mark

    # --- opening ------------------------------------------------------------------------------

    def _resume(self) -> None:
        """Find the place behind the mirror's mark, and see that both are one journal up to it."""
        mark = read_mark(self.folder) or NO_MARK
        segments = list_segments(self.folder)
        if mark.number < 0:
            if segments:
                self._compare_beginning(segments[0])
            for first in segments:
                self._disk.unlink(self.folder / segment_name(first))
            return
        if (last := self._source.mark().number) < mark.number:
            raise MirrorRefusedError(
                f"the mirror {self.folder} has records up to {mark.number}, this journal only "
                f"up to {last}: it is another one, or an older copy. Restore from the mirror, or "
                "give this venue an empty folder with --mirror"
            )
        self._chain = self._compare(mark)
        for first in segments:
            if first > mark.segment:
                self._disk.unlink(self.folder / segment_name(first))
        self._segment, self._offset = mark.segment, mark.offset
        self._whole = (mark.segment, mark.offset)
        path = self.folder / segment_name(mark.segment)
        fd = self._fds[mark.segment] = self._disk.open(path, os.O_RDWR)
        self._disk.truncate(fd, mark.offset)
        self.mark = mark
        newest = (self.folder / MARK_NAME).read_bytes()[:SLOT_BYTES]
        self._slot = 1 if decode_slot(newest) == mark else 0

    def _compare_beginning(self, first: int) -> None:
        """A copy that ended before its first mark is begun anew, if it is this journal's."""
        mirror = DiskFiles(self.folder)
        mine = mirror.read(0, 0, READ_BYTES)
        mirror.close()
        sound, _ = Chain().follow(mine[SEGMENT_HEADER_BYTES:])
        size = SEGMENT_HEADER_BYTES + sound
        if first or (sound and mine[:size] != self._source.read(0, 0, size)):
            raise MirrorRefusedError(
                f"the mirror {self.folder} has no mark, and its records are not this journal's: "
                "keep it, and give this venue an empty folder with --mirror"
            )

    def _compare(self, mark: Mark) -> Chain:
        """Check the mirror's last segment up to its mark against the source, byte by byte.

        Its header names the hash of all that came before, so these too are then the same.
        """
        mirror = DiskFiles(self.folder)
        segment, chain, offset = mark.segment, Chain(mark.segment - 1), 0
        try:
            while offset < mark.offset:
                size = min(READ_BYTES, mark.offset - offset)
                mine = mirror.read(segment, offset, size)
                if mine != self._source.read(segment, offset, size):
                    raise MirrorRefusedError(
                        f"the mirror {self.folder} and this journal differ in "
                        f"{segment_name(segment)} near offset {offset}: the mirror is another "
                        "journal's, or one of the two is damaged. Replay both to see which "
                        "(fixgate replay), or give this venue an empty folder with --mirror"
                    )
                if not offset:
                    header = decode_segment_header(mine)
                    chain.hash = header.chain if header else GENESIS
                    offset, mine = SEGMENT_HEADER_BYTES, mine[SEGMENT_HEADER_BYTES:]
                sound, _ = chain.follow(mine)
                if not sound:
                    break
                offset += sound
        finally:
            mirror.close()
        if (chain.number, offset) != (mark.number, mark.offset):
            raise MirrorRefusedError(
                f"the mirror {self.folder} is damaged in {segment_name(segment)} at offset "
                f"{offset}, and so is this journal: restore from a backup, or keep both"
            )
        return chain


def _write(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    """All of `data`. Raises OSError."""
    while data:
        written = disk.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written
