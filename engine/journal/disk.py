"""The one file that opens, writes, syncs, allocates and locks the files of journal and indexes.

Files are read through it too, so that one fake disk can stand for all of them.
"""

import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

from engine.journal.mark import BOOT_ID_BYTES


class Disk(Protocol):
    """The system calls on journal and session index files; each raises OSError. Tests inject
    faults here."""

    def open(self, path: Path, flags: int) -> int:
        """open(2); a new file is private to the user."""
        ...

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """pwrite(2)."""
        ...

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """pread(2): fewer bytes at the end of the file."""
        ...

    def size(self, fd: int) -> int:
        """The file's size, bytes."""
        ...

    def names(self, folder: Path) -> list[str]:
        """The names in a folder, in any order. Raises FileNotFoundError if there is none."""
        ...

    def make_folder(self, folder: Path) -> None:
        """mkdir(2), also of the folders above; each new name is on disk when it returns."""
        ...

    def lock(self, fd: int) -> None:
        """flock(2), exclusive. Raises BlockingIOError if another process holds it."""
        ...

    def sync_data(self, fd: int) -> None:
        """fdatasync(2)."""
        ...

    def allocate(self, fd: int, size: int) -> None:
        """posix_fallocate(3) of bytes 0 to size."""
        ...

    def truncate(self, fd: int, size: int) -> None:
        """ftruncate(2)."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """rename(2)."""
        ...

    def unlink(self, path: Path) -> None:
        """unlink(2)."""
        ...

    def remove_folder(self, folder: Path) -> None:
        """rmdir(2)."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """fsync(2) of a directory, so that the names in it are on disk."""
        ...

    def free_bytes(self, folder: Path) -> int:
        """Bytes that are free for this user on the file system of `folder`."""
        ...

    def boot_id(self) -> bytes:
        """Which start of the machine this is: 16 bytes, zeros where the system does not say."""
        ...

    def close(self, fd: int) -> None:
        """close(2)."""
        ...


class RealDisk:
    """The operating system's."""

    def open(self, path: Path, flags: int) -> int:
        """See Disk."""
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        """See Disk."""
        return os.pwrite(fd, data, offset)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """See Disk."""
        return os.pread(fd, size, offset)

    def size(self, fd: int) -> int:
        """See Disk."""
        return os.fstat(fd).st_size

    def names(self, folder: Path) -> list[str]:
        """See Disk."""
        return os.listdir(folder)

    def make_folder(self, folder: Path) -> None:
        """See Disk."""
        if not folder.is_dir():
            self.make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
        self.sync_folder(folder.parent)  # a start that was killed may have made the folder

    def lock(self, fd: int) -> None:
        """See Disk."""
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def sync_data(self, fd: int) -> None:
        """See Disk."""
        os.fdatasync(fd)

    def allocate(self, fd: int, size: int) -> None:
        """See Disk."""
        os.posix_fallocate(fd, 0, size)

    def truncate(self, fd: int, size: int) -> None:
        """See Disk."""
        os.ftruncate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        """See Disk."""
        os.rename(old, new)

    def unlink(self, path: Path) -> None:
        """See Disk."""
        os.unlink(path)

    def remove_folder(self, folder: Path) -> None:
        """See Disk."""
        os.rmdir(folder)

    def sync_folder(self, folder: Path) -> None:
        """See Disk."""
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def free_bytes(self, folder: Path) -> int:
        """See Disk."""
        room = os.statvfs(folder)
        return room.f_bavail * room.f_frsize

    def boot_id(self) -> bytes:
        """See Disk."""
        return read_boot_id()

    def close(self, fd: int) -> None:
        """See Disk."""
        os.close(fd)


def read_boot_id() -> bytes:
    """Which start of the machine this is; zeros where the system does not say."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        return bytes.fromhex(text.strip().replace("-", ""))
    except (OSError, ValueError):
        return bytes(BOOT_ID_BYTES)


REAL_DISK: Final = RealDisk()
