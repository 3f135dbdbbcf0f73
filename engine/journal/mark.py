"""The durable mark: how far readers may go. Pure.

The file has two slots, written in turn after each sync, each in its own disk sector and with its
own CRC: a reader that meets a half-written slot takes the other one.
"""

from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

SLOT_BYTES: Final = 512
"""Distance of the slots, bytes: one sector, which a disk writes whole."""
MARK_FILE_BYTES: Final = 2 * SLOT_BYTES

_MAGIC: Final = b"FXGM"
_VERSION: Final = 1
_SLOT = Struct("<4sBBHIQQQ")
_CRC = Struct("<I")


class Mark(NamedTuple):
    """The end of what may be read: `offset` of segment `segment` is where record `number` ends.

    number is -1 where there is no record. synced is False if the writer runs without syncs
    (durability `os`): such a mark survives a kill of the process but proves nothing about a disk
    that lost power.
    """

    epoch: int
    number: int
    segment: int
    offset: int
    synced: bool


NO_MARK: Final = Mark(0, -1, 0, 0, synced=False)


def encode_mark(mark: Mark) -> bytes:
    """The bytes of one slot."""
    body = _SLOT.pack(
        _MAGIC, _VERSION, mark.synced, 0, mark.epoch, mark.number + 1, mark.segment, mark.offset
    )
    return body + _CRC.pack(crc32(body))


def decode_slot(slot: bytes) -> Mark | None:
    """Inverse of encode_mark; None if the bytes are not a sound slot."""
    if len(slot) < _SLOT.size + _CRC.size:
        return None
    magic, version, synced, _, epoch, known, segment, offset = _SLOT.unpack_from(slot)
    if magic != _MAGIC or version != _VERSION:
        return None
    if crc32(slot[: _SLOT.size]) != _CRC.unpack_from(slot, _SLOT.size)[0]:
        return None
    return Mark(epoch, known - 1, segment, offset, bool(synced))


def decode_mark(data: bytes) -> Mark | None:
    """The newer sound slot of a mark file's bytes; None if there is none."""
    one, two = decode_slot(data[:SLOT_BYTES]), decode_slot(data[SLOT_BYTES:])
    if one is None or two is None:
        return one or two
    return max(one, two, key=lambda mark: (mark.epoch, mark.number))
