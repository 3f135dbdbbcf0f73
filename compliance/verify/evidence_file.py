"""Reading an evidence file where it lies: nothing of it is unpacked, so that no name in it is ever
a path on this machine, and nothing is left behind, however this ends.

Each member is read through its offset. Memory: the members' names, and one of them at a time.
"""

import io
import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from compliance.audit.errors import AuditRefused
from compliance.audit.keys import VerifierKey, parse_verifier
from compliance.verify.evidence_layout import (
    BLOCK_BYTES,
    CHECKPOINT,
    CONTENTS,
    COSIGNED,
    END,
    HEAD,
    KEYS,
    LOG_FOLDER,
    MAX_MEMBERS,
    Records,
    contents_of,
    is_listed,
    log_paths,
    most_bytes,
    padding,
    parse_contents,
    parse_export,
    parse_header,
    whole_bundles,
)
from compliance.verify.findings import INCOMPLETE, TAMPERED, UNREADABLE, Failed
from engine.model.errors import OperatorError

_GZIP: Final = b"\x1f\x8b"


class Member(NamedTuple):
    """Where the content of a member begins, and its bytes."""

    offset: int
    size: int


class EvidenceFile:
    """One that is open. See LogFiles, for the log in it."""

    def __init__(self, path: Path) -> None:
        """Raises OperatorError, also for what is no plain file."""
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise OperatorError(f"cannot read {path}: {error.strerror}") from None
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._fd)
            raise OperatorError(
                f"{path} is no evidence file: name one, or the folder of a venue with --data"
            )
        self._end = found.st_size
        self._members: dict[str, Member] = {}
        self.part: Records | None = None
        """Of a file that has not all records, those that are in, once its members were checked."""

    def close(self) -> None:
        """It is of no more use."""
        os.close(self._fd)

    def scan(self) -> int:
        """Go over all headers; how many members there are. Raises Failed, OSError."""
        at = 0
        while True:
            block = os.pread(self._fd, BLOCK_BYTES, at)
            if len(block) < BLOCK_BYTES:
                raise Failed(INCOMPLETE, "the file ends before its end mark", f"byte {at}")
            if not any(block):
                self._check_end(at)
                return len(self._members)
            at = self._take(at, block)

    def _take(self, at: int, block: bytes) -> int:
        """Note the member whose header is at `at`; where the next one's is."""
        where = f"byte {at}"
        found = parse_header(block)
        if found is None:
            hint = ": unpack it first, it is compressed" if block.startswith(_GZIP) else ""
            raise Failed(UNREADABLE, f"this is no header of an evidence file{hint}", where)
        name, size = found
        if size > most_bytes(name):
            raise Failed(UNREADABLE, "no evidence file has such a member, or so large", where)
        if name in self._members:
            raise Failed(TAMPERED, "it is there twice", name)
        if len(self._members) == MAX_MEMBERS:
            text = f"it has more than {MAX_MEMBERS:,} members: verify a copy of the folder"
            raise Failed(UNREADABLE, text, where)
        begin = at + BLOCK_BYTES
        end = begin + size
        filled = os.pread(self._fd, padding(size), end) if padding(size) else b""
        if end + padding(size) > self._end or len(filled) < padding(size):
            raise Failed(INCOMPLETE, "the file ends within it", name)
        if any(filled):
            raise Failed(UNREADABLE, "it is filled up with something", name)
        self._members[name] = Member(begin, size)
        return end + padding(size)

    def _check_end(self, at: int) -> None:
        end = os.pread(self._fd, len(END) + 1, at)
        if len(end) < len(END) and not any(end):
            raise Failed(INCOMPLETE, "the file ends within its end mark", f"byte {at}")
        if end != END:
            raise Failed(UNREADABLE, "something follows the file's end", f"byte {at}")

    # --- the log ------------------------------------------------------------------------------

    def read(self, path: str) -> bytes | None:
        """See LogFiles."""
        return self._content(LOG_FOLDER + path)

    def checkpoint(self) -> bytes | None:
        """See LogFiles."""
        return self._content(CHECKPOINT)

    def cosigned(self) -> bytes | None:
        """What witnesses have cosigned, None if nothing is there."""
        return self._content(COSIGNED)

    def there(self) -> bool:
        """See LogFiles: a file that lacks it is no evidence."""
        return True

    def has(self, folder: str) -> bool:
        """See LogFiles."""
        return any(name.startswith(f"{LOG_FOLDER}{folder}/") for name in self._members)

    def names(self) -> Iterator[str]:
        """See LogFiles."""
        tiles = f"{LOG_FOLDER}tile/"
        for name in self._members:
            if name.startswith(tiles):
                yield name.removeprefix(LOG_FOLDER)

    # --- what belongs in ----------------------------------------------------------------------

    def check_members(self, size: int) -> str:
        """That all is in, in its place, and nothing else; what is to be said of it. Raises Failed.

        size: of the checkpoint. What the tree's members have in them its root shows.
        """
        data = self._needed(CONTENTS)
        contents = parse_contents(data)
        records = contents.records
        if not 0 <= records.begin <= records.end or records != whole_bundles(size, *records):
            raise Failed(TAMPERED, f"a log of {size} records has no such range", CONTENTS)
        listed = {name: self._needed(name) for name in contents.files if is_listed(name)}
        head = (name for name in HEAD if name in listed)
        exports = sorted(name for name in self._members if parse_export(name) is not None)
        wanted: dict[str, None] = {}
        tree = (
            LOG_FOLDER + path for path in log_paths(size, records)
        )  # a log may claim 2^62 records
        for name in chain([CONTENTS], head, tree, exports):
            if name not in self._members:
                raise Failed(INCOMPLETE, "it is missing", name)
            wanted[name] = None
        for name in self._members:
            if name not in wanted:
                raise Failed(TAMPERED, f"it does not belong to {size} records", name)
        for name, expected in zip(self._members, wanted, strict=True):
            if name != expected:
                raise Failed(TAMPERED, f"it is where {expected} should be", name)
        if contents_of(size, records, listed) != data:
            raise Failed(TAMPERED, "it is not what is in the file", CONTENTS)
        self.part = None if records == (0, size) else records
        return f"{len(wanted):,}, each in its place"

    def check_keys(self, known: tuple[VerifierKey, ...], origin: str) -> str:
        """That the keys in the file are keys of the log `origin`; what is to be said of them.

        known: those that the auditor has brought, the only ones that are believed. Raises Failed.
        """
        lines = self._needed(KEYS).split(b"\n")
        try:
            keys = [parse_verifier(line.decode()) for line in lines[:-1]]
        except (AuditRefused, UnicodeDecodeError) as error:
            raise Failed(UNREADABLE, f"these are no keys: {error}", KEYS) from None
        if lines[-1] or not keys:
            raise Failed(UNREADABLE, "each key has a line that ends", KEYS)
        if any(key.name != origin for key in keys):
            raise Failed(TAMPERED, f"they are not all of {origin}", KEYS)
        brought = {key.text for key in known}
        both = sum(key.text in brought for key in keys)
        return f"{len(keys)}, {both} of them are among those you brought"

    def exports(self) -> list[tuple[int, "EvidenceExport"]]:
        """Those in the file, by number."""
        found: dict[int, dict[str, Member]] = defaultdict(dict)
        for name, member in self._members.items():
            if (place := parse_export(name)) is not None:
                found[place.number][place.name] = member
        return [(number, EvidenceExport(self._fd, found[number])) for number in sorted(found)]

    def _needed(self, name: str) -> bytes:
        data = self._content(name)
        if data is None:
            raise Failed(INCOMPLETE, "it is missing", name)
        return data

    def _content(self, name: str) -> bytes | None:
        member = self._members.get(name)
        return None if member is None else os.pread(self._fd, member.size, member.offset)


class EvidenceExport:
    """An export in an evidence file. See ExportFiles."""

    def __init__(self, fd: int, members: dict[str, Member]) -> None:
        self._fd = fd
        self._members = members

    def names(self) -> set[str]:
        """See ExportFiles."""
        return set(self._members)

    def open(self, name: str) -> BinaryIO:
        """See ExportFiles."""
        return cast("BinaryIO", io.BufferedReader(_Content(self._fd, self._members[name])))


class _Content(io.RawIOBase):
    """The content of a member as a file."""

    def __init__(self, fd: int, member: Member) -> None:
        super().__init__()
        self._fd = fd
        self._member = member
        self._at = 0

    def readable(self) -> bool:  # type: ignore[explicit-override] # typing has it from 3.12
        """See io.RawIOBase."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[explicit-override, override]
        """See io.RawIOBase."""
        size = min(len(buffer), self._member.size - self._at)
        data = os.pread(self._fd, size, self._member.offset + self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
