"""For all tests: a slow machine is not a failed property, collected tests are no garbage, and what
a test played has ended with it."""

import contextlib
import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from engine.journal.disk import RealDisk

settings.register_profile(
    "fixgate", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixgate")


def pytest_collection_modifyitems(items):
    """Each worker of four begins with a quarter. What waits for processes comes first in two of
    them, so that beside it there is always something that only reckons."""
    waits = [item for item in items if "system" in item.path.parts]
    reckons = [item for item in items if "system" not in item.path.parts]
    some, others = waits[: len(waits) // 2], waits[len(waits) // 2 :]
    between = len(items) // 2 - len(some)
    items[:] = some + reckons[:between] + others + reckons[between:]


def pytest_collection_finish():
    """Thousands of tests live to the end: looking through them again and again costs seconds."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def ended(monkeypatch):
    """A process that ends has nothing open. Tests play hundreds of readers in one process, and
    where these are killed nobody closes their files."""
    here = set()

    def opened(disk, path, flags, really=RealDisk.open):
        fd = really(disk, path, flags)
        here.add(fd)
        return fd

    def closed(disk, fd, really=RealDisk.close):
        here.discard(fd)
        really(disk, fd)

    monkeypatch.setattr(RealDisk, "open", opened)
    monkeypatch.setattr(RealDisk, "close", closed)
    yield
    for fd in here:
        with contextlib.suppress(OSError):
            os.close(fd)
