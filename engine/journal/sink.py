"""Files that are written through the disk's own calls, for libraries that want a stream."""

import io
from hashlib import sha256
from typing import Protocol

from engine.journal.disk import Disk


class Writes(Protocol):
    """What takes bytes, all that it is given."""

    def write(self, data: bytes, /) -> object:
        """Take them."""
        ...


class DiskSink:
    """An open file, written from byte `at` on."""

    def __init__(self, disk: Disk, fd: int, at: int = 0) -> None:
        self._disk = disk
        self._fd = fd
        self._at = at

    def write(self, data: bytes, /) -> None:
        """See Writes. Raises OSError."""
        while data:
            count = self._disk.pwrite(self._fd, data, self._at)
            self._at += count
            data = data[count:]


class HashedStream(io.RawIOBase):
    """Hands bytes on. at: how many there were; digest: their SHA-256."""

    def __init__(self, out: Writes) -> None:
        super().__init__()
        self.digest = sha256()
        self.at = 0
        self._out = out

    def passed(self, data: bytes) -> None:
        """Count what was written before."""
        self.digest.update(data)
        self.at += len(data)

    def writable(self) -> bool:  # type: ignore[explicit-override] # typing has it from 3.12
        """See io.RawIOBase."""
        return True

    def tell(self) -> int:  # type: ignore[explicit-override]
        """See io.RawIOBase."""
        return self.at

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override,explicit-override]
        """See io.RawIOBase."""
        whole = bytes(data)
        self._out.write(whole)
        self.digest.update(whole)
        self.at += len(whole)
        return len(whole)
