"""The evidence file: what is in it, in which order, and how it lies there. Pure.

A plain tar (POSIX.1-1988 ustar) that any tar unpacks, of which every byte is settled: the headers
have one spelling, and the members of a log follow from its size. Nothing is in it but

1. `evidence.json`, what belongs in;
2. `audit/checkpoint`, `audit/checkpoint.cosigned` if there is one, and `vkeys`, the log's keys;
3. the tiles and bundles of the tree, as c2sp.org/tlog-tiles has them, in the order in which the
   tree fills them: the bundles are the records, byte by byte, all or those of a range;
4. exports, each in a folder of a number: a folder's name may be a person's.

What is unpacked is a data folder that `fixgate verify --data` takes.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from compliance.audit.key_file import MAX_KEY_FILE_BYTES
from compliance.audit.notes import MAX_NOTE_BYTES
from compliance.audit.tile_store import CHECKPOINT_NAME, COSIGNED_NAME
from compliance.audit.tiles import (
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    bundle_path,
    tile_path,
    units,
)
from compliance.exports.folder import CHECKPOINT_NAME as EXPORT_CHECKPOINT
from compliance.exports.folder import MANIFEST_NAME
from compliance.verify.findings import UNREADABLE, Failed
from compliance.verify.tree import parse_path

EVIDENCE_VERSION: Final = 1

LOG_FOLDER: Final = "audit/"
CONTENTS: Final = "evidence.json"
CHECKPOINT: Final = LOG_FOLDER + CHECKPOINT_NAME
COSIGNED: Final = LOG_FOLDER + COSIGNED_NAME
KEYS: Final = "vkeys"
HEAD: Final = (CHECKPOINT, COSIGNED, KEYS)
"""Before the tree, in this order."""

BLOCK_BYTES: Final = 512
"""Of a tar: headers are one, contents are filled up to whole ones."""

END: Final = bytes(2 * BLOCK_BYTES)
"""Of a tar."""

MAX_MEMBERS: Final = 1_000_000
"""Members of a file: a log of 127,000,000 records. Their names take some 250 MiB."""

MAX_EXPORTS: Final = 999
"""In a file: their folders have three digits."""

MAX_MEMBER_BYTES: Final = 8**11 - 1
"""What the eleven octal digits of a header can say: 8 GiB."""

MAX_CONTENTS_BYTES: Final = 512 * 1024
"""Of `evidence.json`: two hashes for each export there can be."""

MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
"""Of a bundle that is full of the largest records there can be, 16 MiB; tiles have fewer."""

_NAME_BYTES: Final = 100
_SIZE: Final = slice(124, 135)
_CHECKSUM: Final = slice(148, 156)
_OCTAL: Final = re.compile(rb"[0-7]{11}")
_EXPORT: Final = re.compile(r"exports/([0-9]{3})/([a-z]{1,20}(?:\.[a-z]{1,10})?)")


class Records(NamedTuple):
    """The records that are in a file: `begin` to before `end`, whole bundles."""

    begin: int
    end: int

    @property
    def bundles(self) -> range:
        """Their bundles."""
        return range(self.begin // TILE_WIDTH, -(-self.end // TILE_WIDTH))


class Contents(Struct, frozen=True, forbid_unknown_fields=True):
    """`evidence.json`. files: the members that neither the tree nor the making of an export again
    settles to the byte, with their SHA-256 in hex. records: those that are in.

    It is not signed: it shows an accident, and what somebody has changed or left out who has not
    changed it as well.
    """

    evidence: int
    size: int
    records: Records
    files: dict[str, str]


class ExportPlace(NamedTuple):
    """A member of an export: of which one, counted from 1, and its name there."""

    number: int
    name: str


def is_listed(name: str) -> bool:
    """Whether `evidence.json` has the hash of a member."""
    place = parse_export(name)
    return name in HEAD if place is None else place.name in (MANIFEST_NAME, EXPORT_CHECKPOINT)


def whole_bundles(size: int, begin: int, end: int) -> Records:
    """The records of a log of `size` that are in the bundles of those asked for."""
    begin -= begin % TILE_WIDTH
    return Records(begin, min(size, end + -end % TILE_WIDTH))


def contents_of(size: int, records: Records, files: dict[str, bytes]) -> bytes:
    """`evidence.json`, in its one spelling. files: the members that are listed."""
    names = [*(name for name in HEAD if name in files), *sorted(files.keys() - set(HEAD))]
    hashes = {name: sha256(files[name]).hexdigest() for name in names}
    contents = Contents(EVIDENCE_VERSION, size, records, hashes)
    return msgspec.json.format(msgspec.json.encode(contents), indent=2) + b"\n"


def parse_contents(data: bytes) -> Contents:
    """What `evidence.json` says, in whatever spelling. Raises Failed."""
    try:
        contents = msgspec.json.decode(data, type=Contents)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failed(
            UNREADABLE, f"it does not say what is in the file: {error}", CONTENTS
        ) from None
    if contents.evidence != EVIDENCE_VERSION:
        text = f"version {contents.evidence} is of another release of fixgate: use that one"
        raise Failed(UNREADABLE, text, CONTENTS)
    return contents


def log_paths(size: int, records: Records) -> Iterator[str]:
    """The tiles of a tree and the bundles of some records, in the order in which they fill; those
    that are not full at the end, from the leaves up."""
    bundles = records.bundles
    for index in range(units(size, 1)):
        if index in bundles:
            yield bundle_path(index)
        level, filled = 0, index + 1
        yield tile_path(level, index)
        while filled % TILE_WIDTH == 0:
            level, filled = level + 1, filled // TILE_WIDTH
            yield tile_path(level, filled - 1)
    level = 0
    while count := units(size, level):
        if width := count % TILE_WIDTH:
            yield tile_path(level, count // TILE_WIDTH, width)
        level += 1
    if (width := size % TILE_WIDTH) and units(size, 1) in bundles:
        yield bundle_path(units(size, 1), width)


def export_name(number: int, name: str) -> str:
    """Where a file of an export is; number: from 1."""
    assert 0 < number <= MAX_EXPORTS
    return f"exports/{number:03}/{name}"


def parse_export(name: str) -> ExportPlace | None:
    """Inverse of export_name; None for another member's."""
    found = _EXPORT.fullmatch(name)
    return None if found is None or not int(found[1]) else ExportPlace(int(found[1]), found[2])


def most_bytes(name: str) -> int:
    """How large a member may be, bytes; -1 if there is none of that name in any evidence file."""
    if name == CONTENTS:
        return MAX_CONTENTS_BYTES
    if name in (CHECKPOINT, COSIGNED):
        return MAX_NOTE_BYTES
    if name == KEYS:
        return MAX_KEY_FILE_BYTES
    if name.startswith(LOG_FOLDER):
        return -1 if parse_path(name.removeprefix(LOG_FOLDER)) is None else MAX_BUNDLE_BYTES
    return -1 if parse_export(name) is None else MAX_MEMBER_BYTES


# --- tar --------------------------------------------------------------------------------------


def header(name: str, size: int) -> bytes:
    """The one header of a member: a plain file of nobody, of 1970, that all may read.

    POSIX.1-1988; Python's `tarfile` writes the two device fields in more than one way.
    """
    assert 0 < len(name) < _NAME_BYTES
    assert 0 <= size <= MAX_MEMBER_BYTES
    fields = (
        name.encode("ascii").ljust(_NAME_BYTES, b"\0"),
        b"0000644\0", b"0000000\0", b"0000000\0",  # mode, user, group
        b"%011o\0" % size,
        b"%011o\0" % 0,  # time
        b" " * 8,  # checksum
        b"0",  # a plain file
        bytes(100),  # no link
        b"ustar\0", b"00",
        bytes(64),  # no names of user and group
        b"0000000\0", b"0000000\0",  # device
    )  # fmt: skip
    block = bytearray(b"".join(fields).ljust(BLOCK_BYTES, b"\0"))
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def parse_header(block: bytes) -> tuple[str, int] | None:
    """Name and size of a member; None for any header that `header` does not make, as those of
    links, devices and folders."""
    assert len(block) == BLOCK_BYTES
    name, size = block[:_NAME_BYTES].split(b"\0", 1)[0], block[_SIZE]
    if not 0 < len(name) < _NAME_BYTES or not name.isascii() or not _OCTAL.fullmatch(size):
        return None
    found = name.decode("ascii"), int(size, 8)
    return found if header(*found) == block else None


def padding(size: int) -> int:
    """Bytes of zero that follow a content of `size` bytes."""
    return -size % BLOCK_BYTES
