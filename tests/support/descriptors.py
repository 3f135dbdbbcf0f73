"""Files that a played death leaves open.

A test that kills a venue in its own process drops the objects and goes on; of a real process the
kernel would close the files. Without this a run of many such tests runs out of descriptors.
"""

import contextlib
import os
from pathlib import Path

FOLDER = Path("/proc/self/fd")
VENUE_FILES = (".idx", ".bod", ".seg", ".tmp", "/mark", "/lock")


def _open_files():
    found = {}
    for entry in os.listdir(FOLDER):
        with contextlib.suppress(OSError):
            found[int(entry)] = os.readlink(FOLDER / entry).removesuffix(" (deleted)")
    return found


@contextlib.contextmanager
def closed_afterwards():
    """Close the venue files that were opened inside and are still open at its end."""
    before = _open_files()
    yield
    for descriptor, path in _open_files().items():
        if before.get(descriptor) != path and path.endswith(VENUE_FILES):
            os.close(descriptor)
