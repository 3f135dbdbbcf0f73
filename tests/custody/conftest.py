"""Worlds for the tests of this folder."""

import json

import pytest

from custody.store.database import open_database
from tests.custody.served import Served
from tests.custody.terminal import fixgate
from tests.custody.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A database with its tables, made once."""
    return make_template(tmp_path_factory)


def make_template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "custody.db"
    database = open_database(f"sqlite:///{path}")
    with database.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    database.dispose()
    return path


@pytest.fixture
def new_world(tmp_path, template):
    """Makes worlds, which end with the test."""
    made = []

    def make(**options):
        folder = tmp_path / f"world{len(made)}"
        folder.mkdir()
        made.append(World(folder, template, **options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(new_world):
    return new_world()


@pytest.fixture
def served(world, tmp_path):
    world.step()
    made = Served(world, tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def typed(served, capsys):
    """Types a command about the served venue; what it printed, read as JSON."""

    def type_(command, action, *argv):
        capsys.readouterr()
        assert fixgate(command, action, "--data", served.data, "--json", *argv) == 0
        return json.loads(capsys.readouterr().out)

    return type_
