"""A venue that has traded and published twice."""

import pytest

from tests.verify.support import Traded


@pytest.fixture(scope="session")
def traded(tmp_path_factory):
    """Of some 270 records: a full tile and a partial one."""
    made = Traded(tmp_path_factory.mktemp("traded"))
    made.trade(120).publish().trade(120).publish()
    made.close()
    return made


@pytest.fixture
def data(traded, tmp_path):
    """A copy of it, to be spoilt."""
    return traded.copy(tmp_path / "data")
