"""An export's folder appears whole or not at all.

Everything is written into a folder of another name beside it, synced, and then renamed: one call of
the disk. What a run that was cut has left there, the next one goes on with or removes.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import read_file
from engine.model.errors import OperatorError

MANIFEST_NAME: Final = "manifest.json"
CHECKPOINT_NAME: Final = "checkpoint"
CURSOR_NAME: Final = "cursor"
LOCK_NAME: Final = "lock"
UNFINISHED: Final = ".unfinished"
"""Of the folder's name while it is written."""


class UnfinishedFolder:
    """A folder that will be `out`. Raises OSError."""

    def __init__(self, out: Path, disk: Disk) -> None:
        self.folder = out.with_name(out.name + UNFINISHED)
        self.disk = disk
        self._out = out
        self._lock = -1

    def begin(self) -> None:
        """Make it, ours alone. Raises OperatorError."""
        disk = self.disk
        disk.make_folder(self.folder)
        self._lock = disk.open(self.folder / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        try:
            disk.lock(self._lock)
        except BlockingIOError:
            raise OperatorError(f"another export is writing {self._out}: wait for it") from None
        self._refuse_existing()

    def clear(self) -> None:
        """Remove what a run that was cut has left."""
        self.remove(*(name for name in self.disk.names(self.folder) if name != LOCK_NAME))

    def remove(self, *names: str) -> None:
        """Remove files."""
        for name in names:
            self.disk.unlink(self.folder / name)

    def read(self, name: str) -> bytes | None:
        """What is in a file, None if there is none."""
        try:
            return read_file(self.folder / name, self.disk)
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """A file of these bytes, on disk when this returns; the old one is there until it is."""
        new = f"{name}.new"
        fd = self.disk.open(self.folder / new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            at = 0
            while at < len(data):
                at += self.disk.pwrite(fd, data[at:], at)
            self.disk.sync_data(fd)
        finally:
            self.disk.close(fd)
        self.disk.rename(self.folder / new, self.folder / name)
        self.disk.sync_folder(self.folder)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """A file to read and write, which is made if it is not there; what was written to it is on
        disk at the end."""
        fd = self.disk.open(self.folder / name, os.O_RDWR | os.O_CREAT)
        try:
            yield fd
            self.disk.sync_data(fd)
        finally:
            self.disk.close(fd)

    def publish(self) -> None:
        """Give it its name."""
        disk = self.disk
        self._refuse_existing()
        self.remove(LOCK_NAME)
        disk.sync_folder(self.folder)
        disk.rename(self.folder, self._out)
        disk.sync_folder(self._out.parent)

    def close(self) -> None:
        """Let others write."""
        if self._lock >= 0:
            self.disk.close(self._lock)

    def _refuse_existing(self) -> None:
        if self._out.name in self.disk.names(self._out.parent):
            raise OperatorError(f"{self._out} is there already: an export makes a new folder")


@contextlib.contextmanager
def unfinished(out: Path, disk: Disk = REAL_DISK) -> Iterator[UnfinishedFolder]:
    """A folder to write an export into; it is `out` once it is published. Raises OperatorError if
    there is something already, OSError."""
    folder = UnfinishedFolder(out.absolute(), disk)
    try:
        folder.begin()
        yield folder
    finally:
        folder.close()
