"""What tells a mirror from a data folder, so that nobody takes one for the other."""

import fcntl
import os
from pathlib import Path
from typing import Final

from engine.model.errors import OperatorError

MIRROR_NAME: Final = "mirror"
"""The file that makes a folder a mirror; whoever writes or restores from it holds its lock."""

RESTORING_NAME: Final = "restoring"
"""The file that a data folder has until a restore into it is complete."""

_TEXT: Final = (
    "This folder is the mirror of a fixgate venue. Do not run a venue in it; make one from it:\n"
    "    fixgate restore --from THIS_FOLDER --data NEW_FOLDER\n"
)


def open_mirror(folder: Path) -> int:
    """Lock `folder` as a mirror, made if it is not there; the lock's descriptor.

    Raises OperatorError if it is something else or in use, OSError if its disk cannot be used.
    """
    if not folder.parent.is_dir():
        raise OperatorError(f"there is no folder {folder.parent} for a mirror: is a disk missing?")
    folder.mkdir(exist_ok=True)
    marker = folder / MIRROR_NAME
    if not marker.exists():
        if any(folder.iterdir()):
            raise OperatorError(
                f"{folder} is not empty and no mirror: name an empty or a new folder"
            )
        marker.write_text(_TEXT)
    return lock_mirror(folder)


def lock_mirror(folder: Path) -> int:
    """Lock a mirror; the lock's descriptor. Raises OperatorError if it is none, or in use."""
    try:
        fd = os.open(folder / MIRROR_NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise OperatorError(f"{folder} is not a mirror: it has no file {MIRROR_NAME!r}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise OperatorError(
            f"the mirror {folder} is in use: another venue writes it, or a restore reads it. Stop "
            "that, or name another folder"
        ) from None
    return fd


def refuse_as_data(data: Path) -> None:
    """Raise OperatorError if `data` is a mirror, or a restore into it has not been completed."""
    if (data / MIRROR_NAME).exists():
        raise OperatorError(
            f"{data} is a mirror: a venue that ran in it would use MsgSeqNums twice. Make a data "
            f"folder from it: fixgate restore --from {data} --data NEW_FOLDER"
        )
    if (data / RESTORING_NAME).exists():
        raise OperatorError(
            f"the restore into {data} was not completed: remove the folder and restore again"
        )
