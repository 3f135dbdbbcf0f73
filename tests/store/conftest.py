"""Every test here runs on SQLite, and in `make proof` on PostgreSQL too."""

import pytest

from custody.store.database import open_database
from tests.support.postgres import postgres_server


@pytest.fixture(scope="session")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.proof)])
def url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def opens(url):
    """Opens the test's database, as often as asked; all are closed afterwards."""
    engines = []

    def make():
        engines.append(open_database(url))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()
