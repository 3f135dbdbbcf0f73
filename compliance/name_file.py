"""Names of people in one file of JSON, until the vault takes its place (compliance.vault).

The file is private to the venue's user and no more: its bytes are the names. A vault keeps each
person under a key of its own, which can be destroyed; here a name is erased by hand, and what asks
for it afterwards is told that nobody knows it. See compliance.kyc.names for what both promise.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from engine.journal.disk import REAL_DISK, Disk
from engine.model.errors import OperatorError

NAMES_NAME: Final = "names.json"
"""Its place under DIR/compliance."""

MAX_BYTES: Final = 64 * 2**20
"""Largest file, bytes: half a million people."""


class NameFile:
    """Names of people by ids; see Names. Raises OSError everywhere, and OperatorError if the file
    is no such file."""

    def __init__(self, path: Path, disk: Disk = REAL_DISK) -> None:
        self._path = path
        self._disk = disk

    def name(self, person: str) -> str | None:
        """See Names."""
        return self._read().get(person)

    def add(self, names: Mapping[str, str]) -> None:
        """See Names. One after another, by a lock beside it; the old file or the new one is there,
        never a part."""
        self._disk.make_folder(self._path.parent)
        lock = self._disk.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
        try:
            self._lock(lock)
            known = self._read()
            for person, name in names.items():
                if known.setdefault(person, name) != name:
                    raise ValueError(f"{person} is another name's")
            self._write(msgspec.json.encode(known))
        finally:
            self._disk.close(lock)

    def _lock(self, fd: int) -> None:
        try:
            self._disk.lock(fd)
        except BlockingIOError:
            raise OperatorError("somebody else is writing names: try again") from None

    def _read(self) -> dict[str, str]:
        try:
            fd = self._disk.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return {}
        try:
            data = self._disk.pread(fd, MAX_BYTES + 1, 0)
        finally:
            self._disk.close(fd)
        if len(data) > MAX_BYTES:
            raise OperatorError(f"{self._path} is larger than {MAX_BYTES:,} bytes")
        try:
            return msgspec.json.decode(data, type=dict[str, str])
        except msgspec.MsgspecError:
            raise OperatorError(f"{self._path} holds no names: put back its copy") from None

    def _write(self, data: bytes) -> None:
        new = self._path.with_suffix(".new")
        fd = self._disk.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            if self._disk.pwrite(fd, data, 0) != len(data):
                raise OSError(f"{new} was written in part")
            self._disk.sync_data(fd)
        finally:
            self._disk.close(fd)
        self._disk.rename(new, self._path)
        self._disk.sync_folder(self._path.parent)
