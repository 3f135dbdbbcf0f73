"""Breaks once more, on a real node of a chain and a real database."""

import pytest

from custody.reconciling.engine_books import compare_with_engine
from custody.reconciling.every_record import compare_every_record
from custody.settlement.cut import Cut
from custody.settlement.reader import read_period
from custody.store.database import open_existing
from tests.custody.test_on_real_components import new_world, postgres, world
from tests.custody.world import ETHER, STRANGER, USDC
from tests.reconciling.test_breaks import *  # noqa: F403
from tests.reconciling.test_breaks import finalize, found

pytestmark = pytest.mark.proof
__all__ = ["new_world", "postgres", "world"]


def test_the_books_on_postgresql_agree_with_the_engine_and_with_the_node(world):
    world.step()
    world.chain.pay(STRANGER, (world.desk.deposit_address("ACME", "ETH"), "", 2 * ETHER + 7))
    world.chain.pay(STRANGER, (world.desk.deposit_address("BOREAS", "USD"), USDC, 500 * 10**6))
    ident = world.desk.withdraw("BOREAS", "ETH", 10**8, "0x" + "77" * 20, "trader7")
    for _ in range(6):
        world.go(3, seconds=10, blocks=3)
        assert found(world) == {}
    finalize(world)
    assert world.withdrawal_state(ident) == "settled"
    journal, decimals = world.folder / "journal", {"ETH": 18}
    url = world.database.url.render_as_string(hide_password=False)
    database = open_existing(url)
    look = compare_with_engine(journal, world.folder / "none", database, decimals, print)
    every = compare_every_record(journal, database, decimals)
    assert (look.agree, every.agree) == (True, True)
    assert look.state_hash == every.state_hash == world.venue.state_hash()
    period = read_period(database, Cut(), Cut())
    assert period.closing[1, "ETH"].balance == 62 * ETHER
    database.dispose()
