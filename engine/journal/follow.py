"""Reading a journal that may be growing: by record number, by range, by following. Pure.

A reader never takes the lock and never looks past the durable mark: what lies below it never
changes again, so every byte that was read once may be kept.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeVar

from msgspec import DecodeError

from engine.journal.frame import (
    GENESIS,
    MAX_FRAME_BYTES,
    Frame,
    frame_hash,
    frame_length,
    read_frame,
)
from engine.journal.mark import NO_MARK, Mark
from engine.journal.place import Place
from engine.journal.segment import (
    SEGMENT_HEADER_BYTES,
    SegmentIndex,
    decode_segment_header,
    segment_name,
)
from engine.model.errors import JournalDamaged
from engine.model.record import Record, decode_record

READ_BYTES: Final = 256 * 1024
"""One read from a segment, bytes: some 800 records, and never less than one frame."""
assert READ_BYTES >= MAX_FRAME_BYTES


Found = TypeVar("Found")


class JournalFiles(Protocol):
    """Where the bytes come from; engine.journal.files has the one over a folder."""

    def mark(self) -> Mark:
        """The durable mark, NO_MARK if there is none yet."""
        ...

    def segments(self) -> list[int]:
        """First record numbers of the segments, ascending."""
        ...

    def read(self, segment: int, offset: int, size: int) -> bytes:
        """At most `size` bytes; fewer at the end of the file, none if there is no such file."""
        ...

    def close(self) -> None:
        """Give open files back; a later call opens them again."""
        ...


class _Window:
    """The bytes of one segment around the place of the last look, never past the mark."""

    __slots__ = ("_files", "_to_end", "data", "segment", "start")

    def __init__(self, files: JournalFiles) -> None:
        self._files = files
        self.segment = -1
        self.start = 0
        self.data = b""
        self._to_end = False
        """The data reach to the end of a file that is no longer written."""

    def at(self, mark: Mark, segment: int, offset: int) -> int:
        """Where `offset` of `segment` is in self.data, with a whole frame's bytes after it.

        Fewer bytes follow only at the mark or at the end of the file.
        """
        index = offset - self.start
        enough = self._to_end or index + MAX_FRAME_BYTES <= len(self.data)
        if enough and segment == self.segment and index >= 0:
            return index
        return self._load(mark, segment, offset)

    def _load(self, mark: Mark, segment: int, offset: int) -> int:
        size = READ_BYTES
        if segment == mark.segment:
            size = min(size, mark.offset - offset)
        elif segment > mark.segment:
            size = 0
        index = offset - self.start
        if segment == self.segment and index >= 0 and index + size <= len(self.data):
            return index
        self.data = self._files.read(segment, offset, size) if size > 0 else b""
        self.segment, self.start = segment, offset
        self._to_end = segment < mark.segment and len(self.data) < size
        return 0


class JournalReader:
    """Reads records of a journal by number. Not for two threads at once."""

    def __init__(self, files: JournalFiles, indexes: dict[int, SegmentIndex] | None = None) -> None:
        """indexes: those of the writer, if it lives in this process; else they are built."""
        self.files = files
        self._shared = indexes
        self._indexes: dict[int, SegmentIndex] = {}
        self._segments: list[int] = []
        self._window = _Window(files)
        self._mark = NO_MARK  # as of the last look: what it allows stays allowed
        self._found = (-1, 0, 0)  # the last place known: segment, number, offset

    def mark(self) -> Mark:
        """The durable mark now."""
        return self.files.mark()

    def read(self, number: int) -> Record:
        """The record `number`. Raises LookupError if it is not durable yet, JournalDamaged."""
        mark = self._mark_over(number)
        segment = self.segment_of(mark, number)
        offset = self._locate(mark, segment, number)
        at = self._window.at(mark, segment, offset)
        frame = read_frame(self._window.data, at)
        if frame is None or frame.number != number:
            raise damaged(segment, offset, number)
        self._found = (segment, number + 1, offset + frame.end - at)
        return to_record(frame, segment, offset)

    def find(self, number: int, hops: int) -> Record | None:
        """As `read`, but going past at most `hops` frames: None says that it is farther; ask again.

        A place that no index knows may be a whole segment away, too far for one turn of a loop.
        """
        assert hops > 0
        mark = self._mark_over(number)
        segment = self.segment_of(mark, number)
        if self._found[:2] != (segment, number):
            _, k, _ = self._nearest(segment, number)
            if number - k > hops:
                self._locate(mark, segment, k + hops)
                return None
        return self.read(number)

    def another(self) -> "JournalReader":
        """A reader with a place of its own, for one who reads on while others do: it shares the
        files and what is known of them."""
        other = JournalReader(self.files, self._shared)
        other._indexes = self._indexes
        return other

    def records(self, first: int, last: int) -> Iterator[Record]:
        """The records `first` to `last`, in order, both counted. Raises as `read` does."""
        assert first >= 0
        mark = self.files.mark()
        if last > mark.number:
            raise LookupError(f"record {last} is not on disk; the last is {mark.number}")
        follower = Follower(self, first - 1)
        while follower.after < last:
            yield from follower.poll(min(1_000, last - follower.after))

    @property
    def indexes(self) -> dict[int, SegmentIndex]:
        """The segment indexes of this reader's own: as far as it has looked, or followed."""
        return self._indexes

    def learn(self, indexes: dict[int, SegmentIndex]) -> None:
        """Take over indexes that somebody else has made."""
        self._indexes.update(indexes)

    def has(self, place: Place) -> bool:
        """Whether the journal holds the record of `place` there, with all its history the same.

        Looks at the bytes, not at the mark.
        """
        if place.segment not in self.files.segments():
            return False
        data = self.files.read(place.segment, place.begin, MAX_FRAME_BYTES)
        frame = read_frame(data, 0)
        return (
            frame is not None
            and frame.number == place.number
            and frame.epoch == place.epoch
            and frame.durable == place.known
            and place.begin + frame.end == place.end
            and frame_hash(data[: frame.end]) == place.chain
        )

    def follow(self, after: int) -> "Follower":
        """A follower whose first record is `after` + 1."""
        return Follower(self, after)

    def close(self) -> None:
        """Give open files back; the reader may be used again."""
        self.files.close()

    def segment_of(self, mark: Mark, number: int) -> int:
        """The segment that holds record `number`, or would, were it the next one."""
        segments = self._segments
        if not segments or segments[-1] < mark.segment:
            segments = self._segments = [s for s in self.files.segments() if s <= mark.segment]
        k = bisect_right(segments, number) - 1
        if k < 0:
            raise JournalDamaged(f"no segment holds record {number}")
        return segments[k]

    def index_to_fill(self, segment: int) -> SegmentIndex | None:
        """The index of a segment for one who reads through it; None if its writer fills it."""
        if self._shared is not None and segment in self._shared:
            return None
        return self._indexes.setdefault(segment, SegmentIndex(segment))

    def _mark_over(self, number: int) -> Mark:
        """A mark that covers record `number`. Raises LookupError if it is not durable yet."""
        assert number >= 0
        mark = self._mark
        if number > mark.number:
            mark = self._mark = self.files.mark()
        if number > mark.number:
            raise LookupError(f"record {number} is not on disk; the last is {mark.number}")
        return mark

    def _nearest(self, segment: int, number: int) -> tuple[SegmentIndex | None, int, int]:
        """The nearest known place at or before a record, as (number, offset): its index entry, or
        the record located before. First the index, if it is this reader's to extend."""
        index = self._shared.get(segment) if self._shared is not None else None
        own = None
        if index is None:
            index = own = self._indexes.setdefault(segment, SegmentIndex(segment))
        k, offset = index.floor(number)
        if self._found[0] == segment and k < self._found[1] <= number:
            _, k, offset = self._found
        return own, k, offset

    def _locate(self, mark: Mark, segment: int, number: int) -> int:
        """Where in its segment a durable record begins: hop over the frames from the nearest
        place."""
        own, k, offset = self._nearest(segment, number)
        window = self._window
        while True:
            if own is not None and k == own.due:
                own.add(offset)
            if k == number:
                break
            at = window.at(mark, segment, offset)
            length = frame_length(window.data, at)
            if not length:
                raise damaged(segment, offset, k)
            offset += length
            k += 1
        self._found = (segment, number, offset)
        return offset


class Follower:
    """Goes over the journal from a place on, up to the durable mark, checking the hash chain.

    On its way it enters what it sees into its reader's segment indexes.
    """

    def __init__(self, reader: JournalReader, after: int) -> None:
        """after: number of the last record that is already known, -1 for none."""
        assert after >= -1
        self.after = after
        self._reader = reader
        self._window = _Window(reader.files)
        self._segment = -1
        self._offset = 0
        self._chain = GENESIS
        self._last: Frame | None = None
        self._begin_of_last = 0

    @property
    def place(self) -> Place:
        """Where the last record that was polled lies; there must be one."""
        last = self._last
        assert last is not None
        return Place(
            last.number,
            self._segment,
            self._begin_of_last,
            self._offset,
            self._chain,
            last.epoch,
            last.durable,
        )

    def poll(self, limit: int) -> list[Record]:
        """The next records, at most `limit`, none if there are no new ones below the mark.

        The parts of one command may come in two polls. Raises JournalDamaged, naming file and
        offset.
        """
        return self._poll(limit, to_record)

    def poll_payloads(self, limit: int) -> list[bytes]:
        """As `poll`, but the records' bytes as they lie in the journal, whatever release wrote
        them."""
        return self._poll(limit, _to_payload)

    def _poll(self, limit: int, take: Callable[[Frame, int, int], Found]) -> list[Found]:
        assert limit > 0
        mark = self._reader.files.mark()
        if self.after >= mark.number:
            return []
        if self._segment < 0:
            self._begin(mark)
        found: list[Found] = []
        last = min(mark.number, self.after + limit)
        while True:
            self._take(mark, last, take, found)
            if self.after == last:
                return found
            if not self._next_segment(mark, self.after + 1):
                raise damaged(self._segment, self._offset, self.after + 1)

    def _take(
        self,
        mark: Mark,
        last: int,
        take: Callable[[Frame, int, int], Found],
        taken: list[Found],
    ) -> None:
        """Read on, up to record `last`, the end of the segment or a bad frame."""
        window, segment = self._window, self._segment
        number, offset, chain = self.after + 1, self._offset, self._chain
        index = self._reader.index_to_fill(segment)
        due = index.due if index is not None else -1
        frame, begin = self._last, self._begin_of_last
        while number <= last:
            at = window.at(mark, segment, offset)
            data = window.data
            found = read_frame(data, at)
            if found is None or found.number != number or found.prev != chain:
                break
            taken.append(take(found, segment, offset))
            if number == due and index is not None:
                due = index.add(offset)
            frame, begin = found, offset
            chain = frame_hash(data[at : found.end])
            offset += found.end - at
            number += 1
        self.after, self._offset, self._chain = number - 1, offset, chain
        self._last, self._begin_of_last = frame, begin

    def _begin(self, mark: Mark) -> None:
        """Find the place after record `self.after`, with the chain up to it."""
        if self.after < 0:
            self._open(mark, self._reader.segment_of(mark, 0), GENESIS)
            return
        segment = self._reader.segment_of(mark, self.after)
        offset = self._reader._locate(mark, segment, self.after)  # noqa: SLF001 - one room
        at = self._window.at(mark, segment, offset)
        frame = read_frame(self._window.data, at)
        if frame is None or frame.number != self.after:
            raise damaged(segment, offset, self.after)
        self._segment = segment
        self._offset = offset + frame.end - at
        self._chain = frame_hash(self._window.data[at : frame.end])

    def _next_segment(self, mark: Mark, number: int) -> bool:
        """Go on to the segment that begins with `number`, if there is one."""
        segment = self._reader.segment_of(mark, number)
        if segment == self._segment:
            return False
        self._open(mark, segment, self._chain)
        return True

    def _open(self, mark: Mark, segment: int, chain: bytes) -> None:
        at = self._window.at(mark, segment, 0)
        header = decode_segment_header(self._window.data[at : at + SEGMENT_HEADER_BYTES])
        if header is None or header.first != segment or header.chain != chain:
            raise damaged(segment, 0, segment)
        self._segment, self._offset = segment, SEGMENT_HEADER_BYTES


def _to_payload(frame: Frame, _segment: int, _offset: int) -> bytes:
    """The bytes of the record in a sound frame."""
    return frame.payload


def to_record(frame: Frame, segment: int, offset: int) -> Record:
    """The record in a sound frame. Raises JournalDamaged if it cannot be read as one."""
    try:
        record = decode_record(frame.payload)
    except DecodeError as error:
        raise JournalDamaged(
            f"{segment_name(segment)}, offset {offset}: record {frame.number} is of another "
            f"release of fixgate ({error})"
        ) from None
    if record.number != frame.number:
        raise damaged(segment, offset, frame.number)
    return record


def damaged(segment: int, offset: int, number: int) -> JournalDamaged:
    """The error of a place below the mark that does not hold what it should."""
    return JournalDamaged(
        f"{segment_name(segment)} is damaged at offset {offset}: it should hold record {number}. "
        "Restore the journal from its mirror or a backup."
    )
