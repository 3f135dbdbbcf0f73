"""Some tests of changes once more, on a real PostgreSQL: all statements of custody.changes,
and of custody.decisions."""

import pytest

from custody.store.database import open_database
from tests.custody.test_changes import (  # noqa: F401 - found by pytest
    test_a_forbidden_address_is_off_the_list_at_once_and_may_come_back,
    test_a_process_that_is_killed_goes_on_as_if_it_had_not_been,
    test_a_restart_has_the_policy_in_force_and_the_one_to_come,
    test_intents_that_wait_have_a_limit_and_what_forbids_has_its_own,
    world,
)
from tests.custody.world import World
from tests.support.postgres import postgres_server

pytestmark = pytest.mark.proof


class PostgresWorld(World):
    def make_database(self, template):
        return open_database(template)


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture
def new_world(tmp_path, postgres):
    made = []

    def make(**options):
        folder = tmp_path / f"world{len(made)}"
        folder.mkdir()
        made.append(PostgresWorld(folder, postgres.new_database(), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
