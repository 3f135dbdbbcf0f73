"""Where cases are kept: one file, an event a frame, in a chain of digests.

Surveillance appends alerts and people append what they decide, in processes of their own. Whoever
appends locks the file, looks whether somebody else was faster, and has its events on disk before it
lets go. A last frame that is cut short was never answered, and the next one is written over it.
"""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from compliance.cases.desk import CaseRefused
from compliance.cases.events import CaseEvent, decode_event, encode_event
from engine.journal.disk import REAL_DISK, Disk
from engine.model.errors import OperatorError

CASES_NAME: Final = "cases"
"""Its place under DIR/compliance."""

_MAGIC: Final = b"fixgate cases 1\n"
_LENGTH_BYTES: Final = 4
_DIGEST_BYTES: Final = 32
_FRAME_BYTES: Final = _LENGTH_BYTES + _DIGEST_BYTES
"""Before an event: its length, big-endian, and SHA-256 of the digest before it and the event."""

MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
"""Of one event: a report of a case of a thousand alerts has some 2 MiB."""


class CasesBusy(CaseRefused):
    """Somebody else has written, or is writing: look again, then decide again."""


class CaseFile:
    """The cases of one journal. journal: 16 bytes that are that journal's alone, the salt of its
    record 0. Raises OSError everywhere, and OperatorError if the file is not what was written."""

    def __init__(self, path: Path, journal: bytes, disk: Disk = REAL_DISK) -> None:
        self._path = path
        self._disk = disk
        self._head = _MAGIC + journal
        self._count = 0
        self._end = len(self._head)
        """Behind the last event that was read or written."""
        self._digest = sha256(self._head).digest()

    def read(self, after: int) -> list[CaseEvent]:
        """The events behind the first `after` ones, which are those that were read before."""
        assert after == self._count, "whoever reads on knows what was read"
        try:
            fd = self._disk.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return []
        try:
            return self._read_on(fd)
        finally:
            self._disk.close(fd)

    def append(self, after: int, events: Sequence[CaseEvent]) -> None:
        """Keep events behind the first `after` ones. Raises CasesBusy if there are others, or
        somebody is writing them; after an OSError none of them is kept."""
        assert after == self._count, "who decides has read all that was there"
        self._disk.make_folder(self._path.parent)
        fd = self._disk.open(self._path, os.O_RDWR | os.O_CREAT)
        try:
            self._lock(fd)
            end, digest = self._end, self._digest
            if self._read_on(fd):
                # What was read here is not known to whoever decided: it reads it itself.
                self._count, self._end, self._digest = after, end, digest
                raise CasesBusy("somebody else was faster: look at the case again")
            self._write(fd, events)
        finally:
            self._disk.close(fd)

    def _lock(self, fd: int) -> None:
        try:
            self._disk.lock(fd)
        except BlockingIOError:
            raise CasesBusy("somebody else is writing to the cases: try again") from None

    def _read_on(self, fd: int) -> list[CaseEvent]:
        """All whole events behind the last one that is known."""
        size = self._disk.size(fd)
        if not self._count and size < len(self._head):
            return []  # its making was cut
        if size < self._end:
            raise OperatorError(f"{self._path} is shorter than it was: put back its copy")
        if self._disk.pread(fd, len(self._head), 0) != self._head:
            raise OperatorError(
                f"{self._path} has no cases of this journal: give each data folder its own"
            )
        data = self._disk.pread(fd, size - self._end, self._end) if size > self._end else b""
        found, at = [], 0
        while at + _FRAME_BYTES <= len(data):
            length = int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
            begin, end = at + _FRAME_BYTES, at + _FRAME_BYTES + length
            if length <= MAX_EVENT_BYTES and end > len(data):
                break
            digest = sha256(self._digest + data[begin:end]).digest()
            event = _event(data[begin:end])
            if event is None or digest != data[at + _LENGTH_BYTES : begin]:
                raise OperatorError(
                    f"{self._path} was changed behind event {self._count}, at byte"
                    f" {self._end}: find out by whom, and put back its copy"
                )
            found.append(event)
            self._count += 1
            self._end += end - at
            self._digest, at = digest, end
        return found

    def _write(self, fd: int, events: Sequence[CaseEvent]) -> None:
        data, digest = b"", self._digest
        for event in events:
            row = encode_event(event)
            if len(row) > MAX_EVENT_BYTES:
                raise CaseRefused(f"{len(row):,} bytes are too many: at most {MAX_EVENT_BYTES:,}")
            digest = sha256(digest + row).digest()
            data += len(row).to_bytes(_LENGTH_BYTES, "big") + digest + row
        new = self._disk.size(fd) < len(self._head)
        start = 0 if new else self._end
        whole = self._head + data if new else data
        try:
            self._put(fd, start, whole)
            if new:
                self._disk.sync_folder(self._path.parent)
        except OSError:
            self._disk.truncate(fd, start)
            raise
        self._count += len(events)
        self._end += len(data)
        self._digest = digest

    def _put(self, fd: int, start: int, data: bytes) -> None:
        """Bytes over whatever is there from `start` on, on disk."""
        self._disk.truncate(fd, start)
        if self._disk.pwrite(fd, data, start) != len(data):
            raise OSError(f"{self._path} was written in part")
        self._disk.sync_data(fd)


def _event(row: bytes) -> CaseEvent | None:
    try:
        event: CaseEvent = decode_event(row)
    except msgspec.DecodeError:
        return None
    return event
