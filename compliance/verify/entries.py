"""The log's entries, one after the other: out of the journal, or out of the log's bundles.

The journal is read by its own reader, which checks what is not signed too: CRCs and the chain of
frames. It does not ask the durable mark how far it may go: what is signed was durable, and a mark
is no evidence.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Final, Protocol

from compliance.audit.errors import AuditRefused
from compliance.audit.tiles import TILE_WIDTH, TileReader, bundle_path
from compliance.verify.findings import INCOMPLETE, TAMPERED, Failed
from compliance.verify.log_files import LogFiles
from engine.journal.files import DiskFiles, read_mark
from engine.journal.follow import Follower, JournalReader
from engine.journal.frame import (
    HEADER_BYTES,
    MAX_FRAME_BYTES,
    SEARCH,
    frame_length,
    read_frame,
)
from engine.journal.mark import Mark
from engine.journal.segment import (
    SEGMENT_HEADER_BYTES,
    SegmentFormatUnknownError,
    decode_segment_header,
    segment_name,
)
from engine.model.errors import JournalDamaged

READ_RECORDS: Final = 1_024
"""Entries that are held at a time: 64 MiB if all were as large as can be, some 300 KiB as they
are."""


class Source(Protocol):
    """Where entries come from; may be gone over several times."""

    def __iter__(self) -> Generator[bytes, None, None]:  # noqa: PYI058 - it can be closed
        """All of them, from entry 0 on; whoever stops before the end closes it. Raises Failed where
        there is none or a damaged one."""
        ...


class _SignedFiles(DiskFiles):
    """A journal folder up to the records that are signed, whatever its mark says."""

    def __init__(self, folder: Path, size: int) -> None:
        super().__init__(folder)
        last = max(self.segments(), default=0)
        self._mark = Mark(0, size - 1, last, (self.folder / segment_name(last)).stat().st_size,
                          synced=True)  # fmt: skip

    def mark(self) -> Mark:  # type: ignore[explicit-override] # typing has it from 3.12
        """The end of what is signed."""
        return self._mark


class JournalEntries:
    """The payloads of records 0 to `size` - 1 of a journal folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.size = size

    def __iter__(self) -> Generator[bytes, None, None]:
        """See Source."""
        if not any(self.folder.glob("*.seg")):
            raise Failed(INCOMPLETE, "there is no segment", self.folder.name)
        files = _SignedFiles(self.folder, self.size)
        reader = JournalReader(files)
        follower = reader.follow(-1)
        try:
            while follower.after + 1 < self.size:
                yield from follower.poll_payloads(READ_RECORDS)
            self._no_other_segments(reader)
        except JournalDamaged as error:
            raise self._failure(files, follower, str(error)) from None
        except SegmentFormatUnknownError as error:
            raise Failed(TAMPERED, str(error), self.folder.name) from None
        finally:
            reader.close()

    def beyond(self) -> int:
        """Durable records that came after what is signed."""
        mark = read_mark(self.folder)
        return 0 if mark is None else max(0, mark.number + 1 - self.size)

    def _no_other_segments(self, reader: JournalReader) -> None:
        """Every segment that claims signed records has been read. Raises Failed."""
        for first in reader.files.segments():
            if first < self.size and first not in reader.indexes:
                raise Failed(
                    TAMPERED, "this segment is not part of the journal", segment_name(first)
                )

    def _failure(self, files: DiskFiles, follower: Follower, text: str) -> Failed:
        """Whether the next record is missing or changed."""
        number = follower.after + 1
        segment, offset = 0, SEGMENT_HEADER_BYTES
        if number:
            segment, offset = follower.place.segment, follower.place.end
        if number and number in files.segments() and number != segment:
            segment, offset = number, SEGMENT_HEADER_BYTES
        where = f"record {number}"
        if offset == SEGMENT_HEADER_BYTES:
            head = files.read(segment, 0, SEGMENT_HEADER_BYTES)
            header = decode_segment_header(head)
            if len(head) == SEGMENT_HEADER_BYTES and (header is None or header.first != segment):
                return Failed(TAMPERED, text, where)
        data = files.read(segment, offset, MAX_FRAME_BYTES)
        frame = read_frame(data, 0)
        cut = len(data) < HEADER_BYTES or frame_length(data, 0) > len(data) or not data.strip(b"\0")
        ahead = frame is not None and frame.number > number
        later = self._later(segment, offset + 1) if cut or ahead else set()
        if ahead and number not in later:
            return Failed(INCOMPLETE, f"{segment_name(segment)} goes on without it", where)
        if cut and not later:
            return Failed(INCOMPLETE, f"{segment_name(segment)} ends at {offset} before it", where)
        return Failed(TAMPERED, text, where)

    def _later(self, segment: int, offset: int) -> set[int]:
        """Numbers of the sound frames that are found farther on in a segment."""
        path = self.folder / segment_name(segment)
        data = path.read_bytes() if path.exists() else b""
        found = set()
        while (offset := data.find(SEARCH, offset)) >= 0:
            if (frame := read_frame(data, offset)) is not None:
                found.add(frame.number)
            offset += len(SEARCH)
        return found


class BundleEntries:
    """The entries of a log's bundles, those of a tree of `size`."""

    def __init__(self, log: LogFiles, size: int) -> None:
        self._log = log
        self.size = size

    def __iter__(self) -> Generator[bytes, None, None]:
        """See Source."""
        reader = TileReader(self.size, self._log.read)
        for index in range(-(-self.size // TILE_WIDTH)):
            width = min(TILE_WIDTH, self.size - index * TILE_WIDTH)
            path = bundle_path(index, width)
            try:
                yield from reader.bundle(index)
            except AuditRefused as error:
                there = self._log.read(path) or self._log.read(bundle_path(index))
                raise Failed(TAMPERED if there else INCOMPLETE, str(error), path) from None
