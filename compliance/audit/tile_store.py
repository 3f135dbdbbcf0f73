"""The log's folder: tiles, bundles, and the checkpoint that vouches for them.

All that the audit log does to its folder is done here, by calls that can be cut anywhere:

1. The tiles and bundles of the new size are written and synced. None of their names is in a tree
   that is published, so nothing that anybody relies on is written to.
2. The signed checkpoint is written beside the published one, synced, and its name synced.
3. It is renamed over the published one, and the folder synced.

From 2 on it is the only checkpoint of its size that there will ever be: a start that finds it
publishes it as it is, whether somebody has seen it by then or not.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from compliance.audit.tiles import File, completed, partial_folder
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import read_file
from engine.model.errors import OperatorError

CHECKPOINT_NAME: Final = "checkpoint"
PREPARED_NAME: Final = "checkpoint.next"
COSIGNED_NAME: Final = "checkpoint.cosigned"
"""The last checkpoint that witnesses have cosigned, a moment behind the published one."""

LOCK_NAME: Final = "lock"

MAX_OPEN_FILES: Final = 64
"""Files that are written before they are synced one by one: the first sync brings most of what a
file system journals of all."""


class LogFolder:
    """A log's folder, for reading, also while it grows. Raises OSError."""

    def __init__(self, folder: Path, disk: Disk = REAL_DISK) -> None:
        self.folder = folder
        self._disk = disk

    def read(self, path: str) -> bytes | None:
        """What is at a path of compliance.audit.tiles, None if there is nothing."""
        try:
            return read_file(self.folder / path, self._disk)
        except FileNotFoundError:
            return None

    def checkpoint(self) -> bytes | None:
        """The published checkpoint, None before the first one."""
        return self.read(CHECKPOINT_NAME)


class TileStore(LogFolder):
    """A log's folder, for its one writer. After an OSError it is of no more use: what came before
    in the page cache may not be on disk, and has to be written again."""

    def __init__(self, folder: Path, disk: Disk = REAL_DISK) -> None:
        """Raises OperatorError if another process writes there, OSError."""
        super().__init__(folder, disk)
        self._known: set[Path] = set()
        self._make(folder)
        self._lock = disk.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        try:
            disk.lock(self._lock)
            disk.sync_folder(folder)  # a run that was cut may have published without syncing
        except BlockingIOError:
            self.close()
            raise OperatorError(
                f"another process writes the audit log {folder}: stop it; one log has one writer"
            ) from None
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let another one write."""
        self._disk.close(self._lock)

    def prepared(self) -> bytes | None:
        """What `prepare` has written and `publish` not renamed: maybe a part, if it was cut."""
        return self.read(PREPARED_NAME)

    def write(self, files: Iterable[File]) -> None:
        """Write tiles and bundles; they are on disk when this returns."""
        touched: set[Path] = set()
        waiting: list[int] = []
        try:
            for file in files:
                path = self.folder / file.path
                self._make(path.parent)
                fd = self._disk.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
                waiting.append(fd)
                touched.add(path.parent)
                self._put(fd, file.data)
                if len(waiting) == MAX_OPEN_FILES:
                    self._sync(waiting)
            self._sync(waiting)
        finally:
            for fd in waiting:
                self._disk.close(fd)
        for folder in sorted(touched):
            self._disk.sync_folder(folder)

    def prepare(self, note: bytes) -> None:
        """Have a signed checkpoint on disk, beside the published one.

        Written over what is there and not begun anew: if that is the same note, somebody may have
        seen it, and it must not be lost again.
        """
        fd = self._disk.open(self.folder / PREPARED_NAME, os.O_RDWR | os.O_CREAT)
        try:
            self._put(fd, note)
            if self._disk.size(fd) != len(note):
                self._disk.truncate(fd, len(note))
            self._disk.sync_data(fd)
        finally:
            self._disk.close(fd)
        self._disk.sync_folder(self.folder)

    def publish(self) -> None:
        """Let everybody see what was prepared."""
        self._disk.rename(self.folder / PREPARED_NAME, self.folder / CHECKPOINT_NAME)
        self._disk.sync_folder(self.folder)

    def discard(self) -> None:
        """Forget what was prepared in part: nobody can have seen it."""
        self._disk.unlink(self.folder / PREPARED_NAME)

    def tidy(self, before: int, after: int) -> None:
        """Remove the partial tiles and bundles of a tree of `before` entries that full ones in the
        published tree of `after` have replaced."""
        for path in completed(before, after):
            folder = self.folder / partial_folder(path)
            try:
                names = self._disk.names(folder)
            except FileNotFoundError:
                continue
            for name in names:
                self._disk.unlink(folder / name)
            with contextlib.suppress(FileNotFoundError):
                self._disk.remove_folder(folder)
            self._known.discard(folder)

    def _make(self, folder: Path) -> None:
        if folder not in self._known:
            self._disk.make_folder(folder)
            self._known.add(folder)

    def _put(self, fd: int, data: bytes) -> None:
        at = 0
        while at < len(data):
            written = self._disk.pwrite(fd, data[at:], at)
            if not written:
                raise OSError(f"only {at} of {len(data)} bytes were written")
            at += written

    def _sync(self, waiting: list[int]) -> None:
        while waiting:
            self._disk.sync_data(waiting[0])
            self._disk.close(waiting.pop(0))
