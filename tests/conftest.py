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
    """What waits for processes comes first, so that what only reckons fills the gaps to the end."""
    items.sort(key=lambda item: "system" not in item.path.parts)


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
