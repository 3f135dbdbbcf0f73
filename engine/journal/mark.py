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

BOOT_ID_BYTES: Final = 16

_MAGIC: Final = b"FXGM"
_VERSION: Final = 2
_SLOT = Struct("<4sBBHIQQQ16s")
_FIRST_VERSION: Final = 1
_FIRST_SLOT = Struct("<4sBBHIQQQ")
"""The slot of before marks knew of starts of the machine."""
_CRC = Struct("<I")


class Mark(NamedTuple):
    """The end of what may be read: `offset` of segment `segment` is where record `number` ends.

    number is -1 where there is no record. synced is False if the writer runs without syncs
    (durability `os`): such a mark survives a kill of the process but proves nothing about a disk
    that lost power. boot: which start of the machine it was written in, zeros if that is unknown.
    """

    epoch: int
    number: int
    segment: int
    offset: int
    synced: bool
    boot: bytes = bytes(BOOT_ID_BYTES)


NO_MARK: Final = Mark(0, -1, 0, 0, synced=False)


def encode_mark(mark: Mark) -> bytes:
    """The bytes of one slot."""
    epoch, number, segment, offset, synced, boot = mark
    assert len(boot) == BOOT_ID_BYTES
    body = _SLOT.pack(_MAGIC, _VERSION, synced, 0, epoch, number + 1, segment, offset, boot)
    return body + _CRC.pack(crc32(body))


def decode_slot(slot: bytes) -> Mark | None:
    """Inverse of encode_mark; None if the bytes are not a sound slot."""
    first = slot[4:5] == bytes([_FIRST_VERSION])
    layout, version = (_FIRST_SLOT, _FIRST_VERSION) if first else (_SLOT, _VERSION)
    if len(slot) < layout.size + _CRC.size:
        return None
    if crc32(slot[: layout.size]) != _CRC.unpack_from(slot, layout.size)[0]:
        return None
    magic, found, synced, _, epoch, known, segment, offset, *boot = layout.unpack_from(slot)
    if magic != _MAGIC or found != version:
        return None
    return Mark(epoch, known - 1, segment, offset, bool(synced), *boot)


def decode_mark(data: bytes) -> Mark | None:
    """The newer sound slot of a mark file's bytes; None if there is none."""
    one, two = decode_slot(data[:SLOT_BYTES]), decode_slot(data[SLOT_BYTES:])
    if one is None or two is None:
        return one or two
    return max(one, two, key=lambda mark: (mark.epoch, mark.number))


def free_slot(data: bytes) -> int:
    """The slot of a mark file's bytes that decode_mark does not take: the one to write first."""
    newest = decode_mark(data)
    return int(newest is not None and decode_slot(data[:SLOT_BYTES]) == newest)
