"""The file of a snapshot: its header, its chunks, its name. Pure.

A snapshot holds what a fold of the journal gave after one record, and where that record lies. The
journal alone stays the truth: a snapshot that is torn, damaged or not of this journal is passed
over.

    offset  bytes  field
         0      4  magic "FXSN"
         4      2  version of this layout, 1
         6      2  format of the state's chunks
         8      8  record number: the last one that was folded
        16      8  its time, ns UTC
        24      8  first record of its segment
        32      8  where its frame begins in the segment
        40      8  where its frame ends
        48      4  its epoch
        52      4  1 if the mark said that the record was on disk, 0 in durability `os`
        56      8  records known to be on disk when it was written (number + 1; 0: none)
        64     16  blake2b-128 of its frame: the hash chain up to here
        80     32  state hash, SHA-256
       112      8  bytes of the chunks
       120      4  how many chunks are segment indexes; they come first
       124      4  CRC-32 over all chunks and their lengths
       128      4  CRC-32 of the 128 bytes before it

Then the chunks, each with its length (4 bytes) and the CRC-32 over everything from the first chunk
to its own end (4 bytes): a damaged chunk is found before it is decoded, and one that is missing
or out of place, too. The header is written last.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from engine.journal.place import Place
from engine.journal.segment import SegmentIndex
from engine.model.errors import SnapshotDamaged

SNAPSHOT_HEADER_BYTES: Final = 132

SUFFIX: Final = ".snap"
_NAME_DIGITS: Final = 20
_MAGIC: Final = b"FXSN"
_VERSION: Final = 1
_HEADER = Struct("<4sHHQQQQQIIQ16s32sQII")
_CRC = Struct("<I")
_CHUNK = Struct("<II")
assert _HEADER.size + _CRC.size == SNAPSHOT_HEADER_BYTES


class SnapshotHeader(NamedTuple):
    """What a snapshot says of itself; state_hash in hex, time in ns UTC."""

    state_format: int
    place: Place
    time: int
    synced: bool
    state_hash: str
    size: int = 0
    indexes: int = 0
    crc: int = 0


def snapshot_name(number: int) -> str:
    """The file name of the snapshot after record `number`."""
    return f"{number:0{_NAME_DIGITS}d}{SUFFIX}"


def snapshot_number(name: str) -> int | None:
    """Inverse of snapshot_name; None for any other file."""
    digits = name.removesuffix(SUFFIX)
    if len(digits) != _NAME_DIGITS or not digits.isascii() or not digits.isdigit():
        return None
    return int(digits) if name == digits + SUFFIX else None


def encode_snapshot_header(header: SnapshotHeader) -> bytes:
    """The header's SNAPSHOT_HEADER_BYTES bytes."""
    place = header.place
    body = _HEADER.pack(
        _MAGIC,
        _VERSION,
        header.state_format,
        place.number,
        header.time,
        place.segment,
        place.begin,
        place.end,
        place.epoch,
        header.synced,
        place.known + 1,
        place.chain,
        bytes.fromhex(header.state_hash),
        header.size,
        header.indexes,
        header.crc,
    )
    return body + _CRC.pack(crc32(body))


def decode_snapshot_header(data: bytes) -> SnapshotHeader:
    """The header at the beginning of `data`. Raises SnapshotDamaged."""
    head = data[:SNAPSHOT_HEADER_BYTES]
    if len(head) < SNAPSHOT_HEADER_BYTES or head[:4] != _MAGIC:
        raise SnapshotDamaged("no header of a snapshot")
    if crc32(head[:-4]) != _CRC.unpack_from(head, SNAPSHOT_HEADER_BYTES - 4)[0]:
        raise SnapshotDamaged("the header is damaged")
    _, version, state_format, number, time, segment, begin, end, epoch, synced, known = (
        _HEADER.unpack_from(head)[:11]
    )
    chain, state_hash, size, indexes, crc = _HEADER.unpack_from(head)[11:]
    if version != _VERSION:
        raise SnapshotDamaged(f"version {version} of another release")
    place = Place(number, segment, begin, end, chain, epoch, known - 1)
    return SnapshotHeader(
        state_format, place, time, bool(synced), state_hash.hex(), size, indexes, crc
    )


class ChunkEncoder:
    """Puts chunks into a file's bytes. size and crc are of all that was added."""

    __slots__ = ("crc", "size")

    def __init__(self) -> None:
        self.size = 0
        self.crc = 0

    def add(self, payload: bytes) -> bytes:
        """The bytes of the next chunk."""
        length = _CRC.pack(len(payload))
        self.crc = crc32(payload, crc32(length, self.crc))
        self.size += _CHUNK.size + len(payload)
        return length + _CRC.pack(self.crc) + payload


def decode_chunks(header: SnapshotHeader, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The chunks behind a header, each checked before it is given out.

    read(n) gives the next n bytes of the file, fewer at its end. Raises SnapshotDamaged, at the
    latest after the last chunk.
    """
    left, crc = header.size, 0
    while left > 0:
        head = read(_CHUNK.size)
        if len(head) < _CHUNK.size:
            raise SnapshotDamaged("the file is too short")
        length, expected = _CHUNK.unpack(head)
        left -= _CHUNK.size + length
        if left < 0:
            raise SnapshotDamaged("a chunk goes beyond the end")
        payload = read(length)
        crc = crc32(payload, crc32(head[:4], crc))
        if len(payload) != length or crc != expected:
            raise SnapshotDamaged("a chunk is damaged")
        yield payload
    if crc != header.crc or read(1):
        raise SnapshotDamaged("the chunks are not those that the header tells of")


class _Index(msgspec.Struct, array_like=True):
    """A segment's index: where every INDEX_STRIDE-th record begins."""

    first: int
    offsets: list[int]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Index).decode


def encode_index(index: SegmentIndex) -> bytes:
    """A segment's index as a chunk."""
    return _encode(_Index(index.first, list(index.offsets)))


def decode_index(chunk: bytes) -> SegmentIndex:
    """Inverse of encode_index. Raises SnapshotDamaged."""
    try:
        stored = _decode(chunk)
        index = SegmentIndex(stored.first)
        index.offsets.extend(stored.offsets)
    except (msgspec.DecodeError, OverflowError) as error:
        raise SnapshotDamaged(f"not the index of a segment: {error}") from error
    return index
