"""Who was erased, beside the keys: a copy of the data that is put back does not bring them back.

A line a subject, with a mark that only this vault's keys make: so a list may go anywhere, and be
given back after keys, too, have come from a copy.
"""

import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from compliance.vault.sealing import tombstone_mark
from engine.journal.disk import Disk
from engine.journal.files import read_file
from engine.journal.replace import replace_file
from engine.model.errors import OperatorError

SUFFIX: Final = ".tombstones"
"""Behind the name of the key file."""


class Tombstones:
    """The file. Everything raises OSError."""

    def __init__(self, key_file: Path, key: bytes, disk: Disk) -> None:
        """key: of the index."""
        self.path = key_file.with_name(key_file.name + SUFFIX)
        self._key = key
        self._disk = disk

    def read(self) -> set[str]:
        """The subjects. Raises OperatorError if a line is not of this vault."""
        try:
            data = read_file(self.path, self._disk)
        except FileNotFoundError:
            return set()
        return self.parse(data)

    def add(self, subjects: Iterable[str]) -> None:
        """Have these there too, on disk, all or none."""
        there = self.read()
        every = there | set(subjects)
        if every != there:
            replace_file(self.path, self.text(every), self._disk)

    def text(self, subjects: Iterable[str]) -> bytes:
        """The lines of some subjects."""
        lines = [f"{name} {tombstone_mark(self._key, name)}\n" for name in sorted(subjects)]
        return "".join(lines).encode()

    def parse(self, data: bytes) -> set[str]:
        """The subjects of such lines. Raises OperatorError if this vault has not written one."""
        found = set()
        for number, line in enumerate(data.splitlines(), 1):
            name, _, mark = line.decode("ascii", "replace").partition(" ")
            if not hmac.compare_digest(mark.encode(), tombstone_mark(self._key, name).encode()):
                raise OperatorError(f"line {number} of the tombstones is not of this vault")
            found.add(name)
        return found
