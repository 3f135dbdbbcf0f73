"""The staffed vault."""

import pytest

from tests.vault.support import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)
