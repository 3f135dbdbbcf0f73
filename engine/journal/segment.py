"""The segment: a file of frames, its header, its name and its sparse index. Pure.

A segment is pre-allocated, begins with a header of SEGMENT_HEADER_BYTES and holds whole frames;
what is not used yet is zero. The header is synced before the file gets its name, so a file with
the name of a segment and without a sound header was damaged, not torn.

    offset  bytes  field
         0      4  magic "FXGS"
         4      4  version, 1: the format of header and frames; a new format begins a new segment
         8      4  epoch that made the file
        12      4  reserved, zero
        16      8  number of the first record
        24     16  hash of the frame before the first record
        40     20  reserved, zero
        60      4  CRC-32 of the 60 bytes before it
"""

from array import array
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

SEGMENT_HEADER_BYTES: Final = 64

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""Size of a segment, bytes: some 200,000 orders, so that a rollover (0.5 ms) is rare, while one
segment is still read into memory whole by recovery."""

MIN_SEGMENT_BYTES: Final = 256 * 1024
"""Smallest segment, bytes: any frame (65,591) fits several times."""

INDEX_STRIDE: Final = 256
"""Records between two index entries: 8 bytes of memory per 256 records, and a random read hops
over 128 headers on average, some 30 us."""

SUFFIX: Final = ".seg"
_NAME_DIGITS: Final = 20
_MAGIC: Final = b"FXGS"
_FORMAT: Final = 1
_HEADER = Struct("<4sIIIQ16s20x")
_CRC = Struct("<I")
assert _HEADER.size + _CRC.size == SEGMENT_HEADER_BYTES


class SegmentHeader(NamedTuple):
    """What a segment says of itself; chain is the hash of the frame before its first."""

    first: int
    epoch: int
    chain: bytes


class SegmentFormatUnknownError(ValueError):
    """A sound header of another format: written by a later release."""


def segment_name(first: int) -> str:
    """The file name of the segment whose first record is `first`."""
    return f"{first:0{_NAME_DIGITS}d}{SUFFIX}"


def segment_first(name: str) -> int | None:
    """Inverse of segment_name; None for any other file."""
    digits = name.removesuffix(SUFFIX)
    if len(digits) != _NAME_DIGITS or not digits.isascii() or not digits.isdigit():
        return None
    return int(digits) if name == digits + SUFFIX else None


def encode_segment_header(header: SegmentHeader) -> bytes:
    """The header's SEGMENT_HEADER_BYTES bytes."""
    body = _HEADER.pack(_MAGIC, _FORMAT, header.epoch, 0, header.first, header.chain)
    return body + _CRC.pack(crc32(body))


def decode_segment_header(data: bytes) -> SegmentHeader | None:
    """The header at the beginning of `data`, None if it is not sound.

    Raises SegmentFormatUnknownError if it is sound but of another format.
    """
    head = data[:SEGMENT_HEADER_BYTES]
    if len(head) < SEGMENT_HEADER_BYTES or head[:4] != _MAGIC:
        return None
    if crc32(head[:-4]) != _CRC.unpack_from(head, SEGMENT_HEADER_BYTES - 4)[0]:
        return None
    _, version, epoch, _, first, chain = _HEADER.unpack_from(head)
    if version != _FORMAT:
        raise SegmentFormatUnknownError(f"segment format {version}")
    return SegmentHeader(first, epoch, chain)


class SegmentIndex:
    """Where every INDEX_STRIDE-th record of a segment begins, as far as it has been looked at."""

    __slots__ = ("first", "offsets")

    def __init__(self, first: int) -> None:
        self.first = first
        self.offsets = array("Q")

    @property
    def due(self) -> int:
        """The record that the next entry is for."""
        return self.first + len(self.offsets) * INDEX_STRIDE

    def add(self, offset: int) -> int:
        """Enter where record `due` begins; returns the next one that is due."""
        self.offsets.append(offset)
        return self.first + len(self.offsets) * INDEX_STRIDE

    def floor(self, number: int) -> tuple[int, int]:
        """The last entry at or below `number`, as (record number, offset)."""
        assert number >= self.first
        k = (number - self.first) // INDEX_STRIDE
        known = len(self.offsets) - 1
        if known < 0:
            return self.first, SEGMENT_HEADER_BYTES
        k = min(k, known)
        return self.first + k * INDEX_STRIDE, self.offsets[k]

    def trim(self, number: int) -> None:
        """Forget `number` and all after it."""
        keep = max(0, -(-(number - self.first) // INDEX_STRIDE))
        del self.offsets[keep:]
