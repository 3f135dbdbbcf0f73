"""An export's folder appears whole or not at all.

Everything is written into a folder of another name beside it, synced, and then renamed: one call of
the disk. What a run that was cut has left there, the next one removes.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.sink import DiskSink
from engine.model.errors import OperatorError

MANIFEST_NAME: Final = "manifest.json"
CHECKPOINT_NAME: Final = "checkpoint"
LOCK_NAME: Final = "lock"
UNFINISHED: Final = ".unfinished"
"""Of the folder's name while it is written."""

T = TypeVar("T")


class UnfinishedFolder:
    """A folder that will be `out`. Raises OSError."""

    def __init__(self, out: Path, disk: Disk) -> None:
        self.folder = out.with_name(out.name + UNFINISHED)
        self._out = out
        self._disk = disk
        self._lock = -1

    def begin(self) -> None:
        """Make it, empty, ours alone. Raises OperatorError."""
        disk = self._disk
        disk.make_folder(self.folder)
        self._lock = disk.open(self.folder / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        try:
            disk.lock(self._lock)
        except BlockingIOError:
            raise OperatorError(f"another export is writing {self._out}: wait for it") from None
        self._refuse_existing()
        for name in disk.names(self.folder):
            if name != LOCK_NAME:
                disk.unlink(self.folder / name)

    def write(self, name: str, fill: Callable[[DiskSink], T]) -> T:
        """A file of it, on disk when this returns; what `fill` returns."""
        disk = self._disk
        fd = disk.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            filled = fill(DiskSink(disk, fd))
            disk.sync_data(fd)
        finally:
            disk.close(fd)
        return filled

    def publish(self) -> None:
        """Give it its name."""
        disk = self._disk
        self._refuse_existing()
        disk.unlink(self.folder / LOCK_NAME)
        disk.sync_folder(self.folder)
        disk.rename(self.folder, self._out)
        disk.sync_folder(self._out.parent)

    def close(self) -> None:
        """Let others write."""
        if self._lock >= 0:
            self._disk.close(self._lock)

    def _refuse_existing(self) -> None:
        if self._out.name in self._disk.names(self._out.parent):
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
