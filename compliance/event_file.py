"""A file of events that several processes append to, an event a frame, in a chain of digests.

Whoever appends locks the file, looks whether somebody else was faster, and has its event on disk
before it lets go. A frame that is not whole and has none behind it was never answered: its write
was cut, and the next one is written over it. One that has others behind it was changed.
"""

import os
import struct
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, TypeVar

import msgspec

from engine.journal.disk import REAL_DISK, Disk
from engine.model.errors import OperatorError

MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
"""Of one event: a report of a case of a thousand alerts has some 2 MiB."""

MAGIC_BYTES: Final = 16
"""Of what a file begins with, so that none is taken for another."""

_HEADER: Final = struct.Struct(">IQ8s32s")
"""Before an event: its length, its number from 1 on, the check of these two, and SHA-256 of the
digest before it and the event."""


class EventsBusy(Exception):
    """Somebody else has written, or is writing: look again, then decide again."""


class EventTooLarge(OperatorError):
    """More than MAX_EVENT_BYTES."""


Event = TypeVar("Event")


class EventFile(Generic[Event]):
    """The events beside one journal, of the kind that a subclass says. Raises OSError everywhere,
    and OperatorError if the file is not what was written."""

    magic: ClassVar[bytes]
    """Of this kind of events."""
    kind: ClassVar[Any]
    """Type of an event, as msgspec decodes it."""

    def __init__(self, path: Path, journal: bytes, disk: Disk = REAL_DISK) -> None:
        """journal: 16 bytes that are that journal's alone, the salt of its record 0."""
        assert len(self.magic) == MAGIC_BYTES
        self.torn = 0
        """Bytes of a write that was cut, seen when the file was read last."""
        self._path = path
        self._decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(self.kind)
        self._disk = disk
        self._head = self.magic + journal
        self._count = 0
        self._end = len(self._head)
        """Behind the last event that was read or written."""
        self._digest = sha256(self._head).digest()

    def read(self, after: int) -> list[Event]:
        """The events behind the first `after` ones, which are those that were read before."""
        assert after == self._count, "whoever reads on knows what was read"
        try:
            fd = self._disk.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            if self._count:
                raise OperatorError(f"{self._path} is gone: put back its copy") from None
            return []
        try:
            return self._take_whole(self._tail(fd))
        finally:
            self._disk.close(fd)

    def append(self, after: int, event: Event) -> None:
        """Keep an event behind the first `after` ones. Raises EventsBusy if there are others,
        or somebody is writing one, and EventTooLarge; after an OSError it may be kept all the same:
        look."""
        assert after == self._count, "who decides has read all that was there"
        self._disk.make_folder(self._path.parent)
        fd = self._disk.open(self._path, os.O_RDWR | os.O_CREAT)
        try:
            self._lock(fd)
            if self._next(self._tail(fd), 0) is not None:
                raise EventsBusy("somebody else was faster: look again")
            self._write(fd, event)
        finally:
            self._disk.close(fd)

    def _lock(self, fd: int) -> None:
        try:
            self._disk.lock(fd)
        except BlockingIOError:
            raise EventsBusy("somebody else is writing: try again") from None

    # --- reading ------------------------------------------------------------------------------

    def _tail(self, fd: int) -> bytes:
        """What is behind the last event that is known."""
        size = self._disk.size(fd)
        head = self._disk.pread(fd, len(self._head), 0)
        if head != self._head:
            if len(head) == len(self._head) and head.startswith(self.magic):
                raise OperatorError(
                    f"{self._path} belongs to another journal: give each data folder its own"
                )
            if self._count or self._any_header(self._disk.pread(fd, size, 0), 0):
                raise self._changed()
            return b""  # its making was cut
        if size < self._end:
            raise OperatorError(f"{self._path} is shorter than it was: put back its copy")
        return self._disk.pread(fd, size - self._end, self._end) if size > self._end else b""

    def _take_whole(self, data: bytes) -> list[Event]:
        found: list[Event] = []
        at = 0
        while (frame := self._next(data, at)) is not None:
            event, self._digest, end = frame
            found.append(event)
            self._count += 1
            self._end += end - at
            at = end
        self.torn = len(data) - at
        return found

    def _next(self, data: bytes, at: int) -> tuple[Event, bytes, int] | None:
        """The event at a place, its digest, and where it ends; None if nothing whole is there, nor
        behind it. Raises OperatorError if something whole is behind it."""
        header = self._header(data, at)
        if header is not None and header[1] == self._count + 1:
            length, _, digest = header
            begin = at + _HEADER.size
            row = data[begin : begin + length]
            if len(row) == length and sha256(self._digest + row).digest() == digest:
                event = self._event(row)
                if event is not None:
                    return event, digest, begin + length
        if self._any_header(data, at + 1):
            raise self._changed()
        return None

    def _any_header(self, data: bytes, at: int) -> bool:
        """Whether a header of an event that is not known yet is anywhere from a place on."""
        return any(self._header(data, k) for k in range(at, len(data) - _HEADER.size + 1))

    def _changed(self) -> OperatorError:
        return OperatorError(
            f"{self._path} was changed behind event {self._count}, at byte {self._end}: find out by"
            " whom, and put back its copy"
        )

    def _header(self, data: bytes, at: int) -> tuple[int, int, bytes] | None:
        """Length, number and digest in the header of an event that is not known yet, if there is
        one at that place."""
        if at + _HEADER.size > len(data):
            return None
        length, number, check, digest = _HEADER.unpack_from(data, at)
        if (
            number <= self._count
            or length > MAX_EVENT_BYTES
            or check != self._check(length, number)
        ):
            return None
        return length, number, digest

    def _check(self, length: int, number: int) -> bytes:
        return sha256(b"%s %d %d" % (self._head, length, number)).digest()[:8]

    def _event(self, row: bytes) -> Event | None:
        try:
            return self._decoder.decode(row)
        except msgspec.DecodeError:
            return None

    # --- writing ------------------------------------------------------------------------------

    def _write(self, fd: int, event: Event) -> None:
        row = msgspec.msgpack.encode(event)
        if len(row) > MAX_EVENT_BYTES:
            raise EventTooLarge(f"{len(row):,} bytes are too many: at most {MAX_EVENT_BYTES:,}")
        number = self._count + 1
        digest = sha256(self._digest + row).digest()
        check = self._check(len(row), number)
        data = _HEADER.pack(len(row), number, check, digest) + row
        if number == 1:
            self._disk.sync_folder(self._path.parent)  # the name first: it may be new
            self._put(fd, 0, self._head + data)
        else:
            self._put(fd, self._end, data)
        self._count = number
        self._end += len(data)
        self._digest = digest

    def _put(self, fd: int, start: int, data: bytes) -> None:
        """Bytes over whatever is there from `start` on, on disk."""
        self._disk.truncate(fd, start)
        try:
            written = self._disk.pwrite(fd, data, start)
            self._disk.sync_data(fd)
        except OSError:
            self._disk.truncate(fd, start)  # pages that failed to sync pass for clean: drop them
            raise
        if written != len(data):
            raise OSError(f"{self._path} was written in part")
