"""Recovery: what to keep of the segments that a stopped writer left. Pure.

A crash may leave any part of the writes that were not synced: whole, missing, or garbage. All that
may be lost lies above the durable mark, and every frame tells what was durable when it was
written. So a bad place can be judged by what lies after it.

The decision table. n is the first record that is not there as it should be; a frame is sound if
its CRCs hold, its number is n, it names the hash of the frame before it, its epoch is not below
that frame's, and its part flags continue the group.

    what the scan meets at record n             what else is known           decision
    1  zeros to the end of the last segment     nothing at or above n        keep all
    2  zeros to the end of the last segment     mark or cursor names >= n    refuse: they are gone
    3  a frame that is not sound, or a hole     a later frame was written
       before the next segment                  when >= n was durable        refuse: damage
    4  the same                                 mark or cursor names >= n    refuse: damage
    5  the same                                 none of these                cut there: torn batch
    6  the last group of parts, g.., is short   as 2-5 with g instead of n   cut at g, or refuse
    7  a named segment without sound header     -                            refuse: damage
    8  a segment of a later format              -                            refuse: later release
    9  the first segment does not begin at 0    -                            refuse: files are gone
    10 a segment begins below n, or at n with   -                            refuse: damage
       another hash
    11 the last segment holds no frame          -                            keep it as the tail

A later frame counts wherever the search finds it (at any offset after n's, in any later segment)
if its CRCs hold and its number is at least n. After a cut the tail is zeroed and synced before
anything is written, so no stale frame can be found there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn, Protocol

from engine.journal.frame import (
    CONTINUES,
    GENESIS,
    MORE,
    SEARCH,
    Frame,
    frame_hash,
    read_frame,
)
from engine.journal.mark import Mark
from engine.journal.place import Start
from engine.journal.segment import (
    SEGMENT_HEADER_BYTES,
    SegmentFormatUnknownError,
    SegmentHeader,
    SegmentIndex,
    decode_segment_header,
)
from engine.model.errors import JournalDamaged

ZERO_BLOCK: Final = bytes(64 * 1024)
"""What the unused rest of a segment is compared with, 64 KiB at a time."""

ADVICE: Final = (
    "Nothing was changed. Restore the journal from its mirror or a backup into this folder, "
    "or keep the folder for an investigation; do not delete single files."
)


class SegmentSource(Protocol):
    """A segment file that can be loaded; one at a time is held in memory."""

    @property
    def first(self) -> int:
        """Number of its first record, from its name."""
        ...

    @property
    def name(self) -> str:
        """Its path, for messages."""
        ...

    def load(self) -> bytes:
        """All its bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Cut:
    """What is cut away: from `offset` of file `name` on, beginning with record `number`."""

    name: str
    offset: int
    number: int
    reason: str


@dataclass(slots=True)
class Recovery:
    """What is kept: records 0 to `last`, in `segments`, the last of which ends at `offset`.

    last is -1 where there is no record. known: last record that was durable before (by the mark
    and by the frames); what is above it must be synced. dropped: segments that lie wholly after
    the cut.
    """

    last: int = -1
    epoch: int = 0
    chain: bytes = GENESIS
    offset: int = 0
    known: int = -1
    segments: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    cut: Cut | None = None
    indexes: dict[int, SegmentIndex] = field(default_factory=dict)


class _Place(NamedTuple):
    """Before record `number`: in the segment at position `at`, with the chain up to there."""

    at: int
    offset: int
    number: int
    chain: bytes
    epoch: int


class _Scan:
    """The state of one pass over the segments."""

    def __init__(self, segments: Sequence[SegmentSource]) -> None:
        self.segments = segments
        self.indexes: dict[int, SegmentIndex] = {}
        self.place = _Place(0, 0, 0, GENESIS, 0)
        self.group: _Place | None = None
        """Where the group of parts began that is not complete yet."""
        self.known = -1
        self.epoch = 0
        """Highest epoch of any sound segment header or frame."""

    def begin(self, start: Start) -> None:
        """Go on after a place that was checked, instead of before record 0."""
        place = start.place
        firsts = [segment.first for segment in self.segments]
        at = firsts.index(place.segment)
        self.indexes = {
            first: start.indexes.get(first) or SegmentIndex(first) for first in firsts[: at + 1]
        }
        self.indexes[place.segment].trim(place.number + 1)
        self.place = _Place(at, place.end, place.number + 1, place.chain, place.epoch)
        self.known, self.epoch = place.known, place.epoch

    def frames(self, data: bytes) -> None:
        """Walk over the sound frames of one segment, from self.place on."""
        at, offset, number, chain, epoch = self.place
        index = self.indexes[self.segments[at].first]
        read, hash_of, group = read_frame, frame_hash, self.group
        due = index.due
        known = self.known
        while (frame := read(data, offset)) is not None:
            if frame.number != number or frame.prev != chain or frame.epoch < epoch:
                break
            if frame.flags or group is not None:
                if bool(frame.flags & CONTINUES) != (group is not None):
                    break
                if not frame.flags & MORE:
                    group = None
                elif group is None:
                    group = _Place(at, offset, number, chain, epoch)
            if number == due:
                due = index.add(offset)
            known, epoch = frame.durable, frame.epoch
            chain = hash_of(data[offset : frame.end])
            offset = frame.end
            number += 1
        self.group = group
        self.known = max(self.known, known)
        self.epoch = max(self.epoch, epoch)
        self.place = _Place(at, offset, number, chain, epoch)


def recover(
    segments: Sequence[SegmentSource],
    mark: Mark | None,
    named: int = -1,
    start: Start | None = None,
) -> Recovery:
    """Decide by the table above what is kept; `segments` ascend by their first record.

    mark: the durable mark, if there is a sound one. named: the highest record number that a
    session index or a reader's cursor names, -1 for none. start: a place that the journal is
    known to have; what lies before it is kept unseen. Raises JournalDamaged.
    """
    floor = mark.number if mark is not None and mark.synced else -1
    if not segments:
        _refuse_below(floor, named, 0, "the journal folder holds no segment")
        return Recovery(epoch=mark.epoch if mark else 0)
    if segments[0].first != 0:
        raise JournalDamaged(
            f"{segments[0].name} begins at record {segments[0].first}: the segments before it "
            f"are missing. {ADVICE}"
        )
    scan = _Scan(segments)
    if start is not None:
        scan.begin(start)
    why = _walk(scan)
    highest = -1
    if why:
        found, highest = _later_frames(scan)
        why = f"{why}; {found} whole frames lie after it"
    place = scan.place
    if scan.group is not None:
        why = why or f"the parts of record {scan.group.number} are not complete"
        place = scan.group
    highest = max(highest, scan.known)
    name = segments[place.at].name
    if highest >= place.number:
        raise JournalDamaged(
            f"{name} is damaged at offset {place.offset}: record {place.number} was on disk "
            f"(a later frame says that record {highest} was), but {why}. {ADVICE}"
        )
    where = f"{name} at offset {place.offset}: {why or 'the journal ends there'}"
    _refuse_below(floor, named, place.number, where)
    return _result(scan, place, mark, why)


def _walk(scan: _Scan) -> str:
    """Scan all segments up to the first bad place; says what is bad there, "" if nothing."""
    for at in range(scan.place.at, len(scan.segments)):
        segment = scan.segments[at]
        data = segment.load()
        header = _header(segment, data)
        if at > scan.place.at or not scan.place.offset:
            if segment.first > scan.place.number:
                return f"record {scan.place.number} is missing before {segment.name}"
            _enter(scan, at, header)
        scan.epoch = max(scan.epoch, header.epoch)
        scan.frames(data)
        if not _is_zero(data, scan.place.offset):
            return f"there is no sound frame of record {scan.place.number}"
    return ""


def _enter(scan: _Scan, at: int, header: SegmentHeader) -> None:
    """Go on at the beginning of a segment, which must continue the one before."""
    segment, place = scan.segments[at], scan.place
    if at and (segment.first < place.number or header.chain != place.chain):
        raise JournalDamaged(
            f"{segment.name} does not continue the segment before it, which ends with "
            f"record {place.number - 1}. {ADVICE}"
        )
    scan.indexes[segment.first] = SegmentIndex(segment.first)
    scan.place = place._replace(at=at, offset=SEGMENT_HEADER_BYTES)


def _header(segment: SegmentSource, data: bytes) -> SegmentHeader:
    try:
        header = decode_segment_header(data)
    except SegmentFormatUnknownError as error:
        raise JournalDamaged(
            f"{segment.name} was written by a later release of fixgate ({error}): start that one."
        ) from None
    if header is None or header.first != segment.first:
        raise JournalDamaged(f"{segment.name} is damaged at offset 0: no sound header. {ADVICE}")
    return header


def _is_zero(data: bytes, offset: int) -> bool:
    while offset < len(data):
        block = data[offset : offset + len(ZERO_BLOCK)]
        if block != ZERO_BLOCK[: len(block)]:
            return False
        offset += len(block)
    return True


def _later_frames(scan: _Scan) -> tuple[int, int]:
    """How many whole frames lie at or after the bad place, and the highest record number that
    one of them says was durable (-1: none)."""
    found, highest = 0, -1
    place = scan.place
    for at in range(place.at, len(scan.segments)):
        data = scan.segments[at].load()
        offset = place.offset if at == place.at else SEGMENT_HEADER_BYTES
        while (offset := data.find(SEARCH, offset)) >= 0:
            frame: Frame | None = read_frame(data, offset)
            if frame is None:
                offset += 1
                continue
            offset = frame.end
            if frame.number >= place.number:
                found += 1
                highest = max(highest, frame.durable)
    return found, highest


def _refuse_below(floor: int, named: int, number: int, where: str) -> None:
    """Raise JournalDamaged if a record at or above `number`, which would go, must not go."""
    if floor >= number:
        _refuse(f"the durable mark says that record {floor} was on disk", number, where)
    if named >= number:
        _refuse(f"a session index or a reader's cursor names record {named}", number, where)


def _refuse(evidence: str, number: int, where: str) -> NoReturn:
    raise JournalDamaged(f"{where}; but {evidence}, so record {number} is lost. {ADVICE}")


def _result(scan: _Scan, place: _Place, mark: Mark | None, why: str) -> Recovery:
    segments = scan.segments
    indexes = {segment.first: scan.indexes[segment.first] for segment in segments[: place.at + 1]}
    indexes[segments[place.at].first].trim(place.number)
    known = scan.known
    if mark is not None:
        scan.epoch = max(scan.epoch, mark.epoch)
        if mark.synced:
            known = max(known, mark.number)
    assert known < place.number
    return Recovery(
        last=place.number - 1,
        epoch=scan.epoch,
        chain=place.chain,
        offset=place.offset,
        known=known,
        segments=[segment.first for segment in segments[: place.at + 1]],
        dropped=[segment.first for segment in segments[place.at + 1 :]],
        cut=Cut(segments[place.at].name, place.offset, place.number, why) if why else None,
        indexes=indexes,
    )
