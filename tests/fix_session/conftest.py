"""These tests play deaths of a process within one process."""

import pytest

from tests.support.descriptors import closed_afterwards


@pytest.fixture(autouse=True)
def _no_files_left_open():
    with closed_afterwards():
        yield
