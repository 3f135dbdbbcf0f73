"""A real file system of a size that a test can fill."""

import subprocess
from contextlib import contextmanager

from tests.support.needs import needs


@contextmanager
def small_disk(folder, size):
    """`folder`, made for it, is a file system of `size` bytes in memory meanwhile."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    needs(f"to mount a tmpfs, as root: {mounted.stderr.strip()}", there=not mounted.returncode)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
