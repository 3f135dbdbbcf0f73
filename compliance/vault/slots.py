"""Files of equal slots that are overwritten in place, so that what was in one is gone.

Data keys have two copies, written and synced one after the other: whatever a loss of power does to
the one that is being written, the other is whole.
"""

import os
from pathlib import Path

from engine.journal.disk import Disk


class Slots:
    """The same slots in each of some files. Everything raises OSError."""

    def __init__(self, paths: tuple[Path, ...], size: int, disk: Disk) -> None:
        """size: of a slot, bytes."""
        self._paths = paths
        self._size = size
        self._disk = disk

    def read(self) -> list[bytes]:
        """All bytes of each file."""
        return [self._bytes(path, 0, None) for path in self._paths]

    def slot(self, number: int) -> list[bytes]:
        """What each file has in a slot; fewer bytes behind its end."""
        return [self._bytes(path, number * self._size, self._size) for path in self._paths]

    def part(self, data: bytes, number: int) -> bytes:
        """The slot in a file's bytes; fewer bytes behind its end."""
        return data[number * self._size : (number + 1) * self._size]

    def write(self, slots: dict[int, bytes]) -> None:
        """Have these in their slots, on disk, in one file after the other."""
        for path in self._paths:
            fd = self._disk.open(path, os.O_RDWR | os.O_CREAT)
            try:
                if not self._disk.size(fd):
                    self._disk.sync_folder(path.parent)  # the name first: it may be new
                for number, data in slots.items():
                    assert len(data) == self._size
                    if self._disk.pwrite(fd, data, number * self._size) != len(data):
                        raise OSError(f"{path} was written in part")
                self._disk.sync_data(fd)
            finally:
                self._disk.close(fd)

    def _bytes(self, path: Path, start: int, size: int | None) -> bytes:
        try:
            fd = self._disk.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return b""
        try:
            return self._disk.pread(fd, self._disk.size(fd) if size is None else size, start)
        finally:
            self._disk.close(fd)
