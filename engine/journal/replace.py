"""A small file that is replaced whole, or not at all."""

import os
from pathlib import Path
from typing import Final

from engine.journal.disk import Disk

TEMPORARY: Final = ".tmp"
"""Ends the name of a file on its way: nobody reads it."""


def replace_file(path: Path, data: bytes, disk: Disk) -> None:
    """Give a file these bytes, for its owner alone; they are on disk when this returns, and what
    was there before until then. Raises OSError."""
    disk.make_folder(path.parent)
    temporary = path.with_name(path.name + TEMPORARY)
    fd = disk.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        if disk.pwrite(fd, data, 0) != len(data):
            raise OSError(f"{temporary} was written in part")
        disk.sync_data(fd)
    finally:
        disk.close(fd)
    disk.rename(temporary, path)
    disk.sync_folder(path.parent)
