"""A real file system of a size that a test can fill."""

import os
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def small_disk(folder, size):
    """`folder`, made for it, is a file system of `size` bytes in memory meanwhile."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        text = f"needs to mount a tmpfs, as root: {mounted.stderr.strip()}"
        if os.environ.get("FIXGATE_REQUIRE_ALL"):
            pytest.fail(text)
        pytest.skip(text)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
