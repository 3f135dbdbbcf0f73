"""The frame: how one record lies in a segment file. Pure.

Little-endian, HEADER_BYTES of header, then the payload:

    offset  bytes  field
         0      4  magic "FXG1"
         4      1  version, 1
         5      1  flags: MORE, CONTINUES
         6      2  reserved, zero
         8      4  epoch: which opening of the journal wrote it; never decreases
        12      4  payload length, 1..65,535
        16      8  record number
        24      8  records known to be on disk when this was written (number + 1; 0: none)
        32     16  blake2b-128 of the whole previous frame; zeros before record 0
        48      4  CRC-32 of the payload
        52      4  CRC-32 of the 52 bytes before it

The header has a CRC of its own so that a flipped bit in the length is seen before it is used.
"""

from collections.abc import Sequence
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from engine.journal.segment import SegmentIndex
from engine.model.record import MAX_RECORD_BYTES

MAGIC: Final = b"FXG1"
VERSION: Final = 1
SEARCH: Final = MAGIC + bytes([VERSION])
"""What every frame begins with. Its last byte is SOH, which no FIX field value can hold: a member
cannot plant the beginning of a frame inside a ClOrdID."""

MORE: Final = 1
"""Flag: further parts of the same command follow in the next frame."""
CONTINUES: Final = 2
"""Flag: this is the second or a later part of a command."""

HASH_BYTES: Final = 16
GENESIS: Final = bytes(HASH_BYTES)
"""Stands for the frame before record 0."""

HEADER_BYTES: Final = 56
MAX_FRAME_BYTES: Final = HEADER_BYTES + MAX_RECORD_BYTES

_UNSIGNED = Struct("<4sBBHIIQQ16sI")
_HEADER = Struct("<4sBBHIIQQ16sII")
_BODY = Struct("<12sIQQ16sI")
_PREFIX = Struct("<4sBBHI")
_CRC = Struct("<I")
assert _UNSIGNED.size == _BODY.size == HEADER_BYTES - 4
assert _HEADER.size == HEADER_BYTES

_EMPTY_HASH = blake2b(digest_size=HASH_BYTES)
"""Copied for each frame: half the cost of making a new one."""


class Frame(NamedTuple):
    """A frame that was read. durable is a record number (-1: none); end is the offset after it."""

    number: int
    end: int
    flags: int
    epoch: int
    durable: int
    prev: bytes
    payload: bytes


def frame_hash(frame: bytes) -> bytes:
    """What the next frame holds as `prev`: a hash over header and payload."""
    digest = _EMPTY_HASH.copy()
    digest.update(frame)
    return digest.digest()


def read_frame(data: bytes, offset: int) -> Frame | None:
    """The frame at `offset` of `data`, or None if the bytes there are not a whole, sound frame.

    Looks at the frame alone: that number, chain and epoch fit is for the caller to see.
    """
    header = data[offset : offset + HEADER_BYTES]
    if len(header) < HEADER_BYTES:
        return None
    (
        magic,
        version,
        flags,
        reserved,
        epoch,
        length,
        number,
        known,
        prev,
        payload_crc,
        header_crc,
    ) = _HEADER.unpack(header)
    if magic != MAGIC or crc32(header[:-4]) != header_crc:
        return None
    if version != VERSION or reserved or flags > MORE | CONTINUES:
        return None
    if not 0 < length <= MAX_RECORD_BYTES or known > number:
        return None
    begin = offset + HEADER_BYTES
    end = begin + length
    payload = data[begin:end]
    if len(payload) != length or crc32(payload) != payload_crc:
        return None
    return Frame(number, end, flags, epoch, known - 1, prev, payload)


def frame_length(data: bytes, offset: int) -> int:
    """The whole length in bytes that the header at `offset` claims, 0 if there is no header.

    Only the header is checked: this is what hops over frames that are known to be good.
    """
    header = data[offset : offset + HEADER_BYTES]
    if len(header) < HEADER_BYTES or header[:4] != MAGIC:
        return 0
    if crc32(header[:-4]) != _CRC.unpack_from(header, HEADER_BYTES - 4)[0]:
        return 0
    return HEADER_BYTES + int.from_bytes(header[12:16], "little")


class FrameEncoder:
    """Turns payloads into frames: holds the next number, the epoch and the end of the chain."""

    __slots__ = ("chain", "epoch", "number")

    def __init__(self, number: int, epoch: int, chain: bytes) -> None:
        assert number >= 0
        assert 0 < epoch < 2**32
        assert len(chain) == HASH_BYTES
        self.number = number
        self.epoch = epoch
        self.chain = chain

    def encode(
        self,
        payloads: Sequence[bytes],
        flags: Sequence[int] | None,
        begin: int,
        durable: int,
        room: int,
        index: SegmentIndex,
        offset: int,
    ) -> tuple[bytes, int]:
        """The frames of payloads[begin:], as many as fit into `room` bytes, and where it stopped.

        durable: last record number known to be on disk. The frames will lie at `offset` of the
        segment that `index` belongs to. flags: one per payload, or None where each stands alone.
        """
        number, chain, known = self.number, self.chain, durable + 1
        pack, pack_crc, empty_hash, crc = _BODY.pack, _CRC.pack, _EMPTY_HASH.copy, crc32
        prefix = alone = _PREFIX.pack(MAGIC, VERSION, 0, 0, self.epoch)
        frames: list[bytes] = []
        keep = frames.append
        due = index.due
        k = begin
        assert known <= number
        assert due >= number
        for payload in payloads[begin:] if begin else payloads:
            size = len(payload)
            assert 0 < size <= MAX_RECORD_BYTES
            room -= HEADER_BYTES + size
            if room < 0:
                break
            if flags is not None:
                kind = flags[k]
                prefix = _PREFIX.pack(MAGIC, VERSION, kind, 0, self.epoch) if kind else alone
            header = pack(prefix, size, number, known, chain, crc(payload))
            frame = header + pack_crc(crc(header)) + payload
            digest = empty_hash()
            digest.update(frame)
            chain = digest.digest()
            keep(frame)
            if number == due:
                due = index.add(offset)
            offset += HEADER_BYTES + size
            number += 1
            k += 1
        self.number, self.chain = number, chain
        return b"".join(frames), k
