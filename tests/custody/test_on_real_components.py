"""The tests of custody once more, on a real node of a chain and a real database."""

import pytest

from tests.custody.anvil_world import AnvilWorld
from tests.custody.test_crashes import *  # noqa: F403
from tests.custody.test_crashes import told
from tests.custody.test_decided_deposits import (  # noqa: F401 - found by pytest
    PLACES_OF_TOKENS,
    killed_there,
    skimmed_tokens,
    test_a_return_that_the_chain_reverts_leaves_the_deposit_where_it_was,
    test_tokens_that_come_in_the_block_that_a_payment_leaves_in_are_known_by_amount,
    test_tokens_that_come_in_the_block_that_a_return_leaves_in_are_their_owners,
    test_what_is_released_is_credited_once,
    test_what_is_returned_arrives_once_and_is_nobodys,
)
from tests.custody.test_deposits import *  # noqa: F403
from tests.custody.test_failures import *  # noqa: F403
from tests.custody.test_withdrawals import *  # noqa: F403
from tests.support.anvil import needs_anvil
from tests.support.postgres import postgres_server

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, postgres):
    needs_anvil()
    world = AnvilWorld(tmp_path_factory.mktemp("untouched"), postgres.new_database())
    _, end = told(world)
    world.close()
    return end, list(world.reached)


@pytest.fixture
def new_world(tmp_path, postgres):
    needs_anvil()
    made = []

    def make(**options):
        folder = tmp_path / f"world{len(made)}"
        folder.mkdir()
        made.append(AnvilWorld(folder, postgres.new_database(), **options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(new_world):
    return new_world()


@pytest.mark.parametrize("place", PLACES_OF_TOKENS)
def test_a_return_that_is_killed_there_ends_as_without_it(world, place):
    killed_there(world, "return", skimmed_tokens, place)
