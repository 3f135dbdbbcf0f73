"""What the books cannot explain is found, on the right side and to the unit, once; and closed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from custody.chains.simulated import TokenKind
from custody.ledger import chart
from custody.ledger.ledger import check_chain
from custody.reconciling.reconciler import last_look
from custody.service import Custody
from custody.store.reconciling_schema import breaks
from tests.custody.world import ETHER, STRANGER, USDC, Killed
from tests.engine.streams import RANDOM_BALANCES
from tests.reconciling.watched import step_looking


def plant(world, address, amount, token=""):
    """The chain has this more at an address than anything has told of."""
    world.chain.fund(address, amount, token)


def finalize(world):
    world.go(3, blocks=5)
    world.settle()
    world.step()


def found(world):
    return {(b.asset, b.address): int(b.amount) for b in last_look(world.database).breaks}


def suspense(world, code="ETH"):
    return world.custody.reconciler._books.balance(chart.suspense(code, "break"))


def in_books(world, address, code="ETH"):
    return world.custody.reconciler._books.balance(chart.chain(code, address))


def entries(world):
    posted = world.custody.poster.store.posted()
    return [entry.batch for entry in posted if entry.batch.key.startswith("break/")]


def figures(world, code="ETH"):
    return next(a for a in last_look(world.database).assets if a.code == code)


@pytest.fixture
def started(world):
    world.step()
    return world


def test_where_all_is_well_nothing_is_found(started):
    finalize(started)
    look = last_look(started.database)
    assert (look.breaks, look.undecided, look.mismatched) == ((), (), ())
    assert look.compared == 3 * 2  # hot wallet, gas tank and the cold one; ETH and USD
    assert look.block == started.chain.final().number
    assert look.hash == "0x" + started.chain.final().hash.hex()
    assert {(h.asset, h.address, h.amount) for h in look.holdings} == {
        ("ETH", started.hot, str(1_000 * ETHER)),
        ("ETH", started.tank, str(10 * ETHER)),
        ("USD", started.hot, str(5_000_000 * 10**6)),
    }


@pytest.mark.parametrize("amount", [-3 * ETHER, 1])
def test_coins_that_come_or_go_by_nobodys_word_are_a_break(started, amount):
    plant(started, started.hot, amount)
    finalize(started)
    assert found(started) == {("ETH", started.hot): amount}
    assert in_books(started, started.hot) == 1_000 * ETHER + amount
    assert suspense(started) == amount
    (entry,) = entries(started)
    assert entry.transfers[0].amount == abs(amount)
    assert started.alarms() == [f"break/ETH/{started.hot}"]
    started.custody.poster.ledger.check()


def test_the_same_difference_is_posted_once_however_often_it_is_looked_at(started):
    plant(started, started.hot, -ETHER)
    finalize(started)
    for _ in range(3):
        started.start()
        started.go(1, blocks=3)
    assert len(entries(started)) == 1
    assert found(started) == {("ETH", started.hot): -ETHER}


def test_a_second_difference_at_the_same_address_adds_to_the_first_and_keeps_its_age(started):
    plant(started, started.hot, -ETHER)
    finalize(started)
    (first,) = last_look(started.database).breaks
    plant(started, started.hot, -2 * ETHER)
    finalize(started)
    (both,) = last_look(started.database).breaks
    assert both.amount == str(-3 * ETHER)
    assert both.since == first.since < started.clock.time
    assert both.block > first.block
    assert len(entries(started)) == 2


def test_tokens_are_counted_in_the_ledgers_units(started):
    plant(started, started.hot, -7, USDC)
    finalize(started)
    assert found(started) == {("USD", started.hot): -700}
    assert suspense(started, "USD") == -700


def test_a_deposit_address_that_the_books_have_nothing_of_is_looked_at_too(started):
    address = started.desk.deposit_address("ACME", "ETH")
    plant(started, address, 9)
    finalize(started)
    assert found(started) == {("ETH", address): 9}


def test_a_wrong_entry_in_the_books_is_a_break(started):
    books = started.custody.reconciler._books
    there, loss = books.opened(chart.chain("ETH", started.tank)), books.opened(chart.loss("ETH"))
    books.post([("by/mistake", [(loss, there, 2 * ETHER)])])
    finalize(started)
    assert found(started) == {("ETH", started.tank): 2 * ETHER}
    assert in_books(started, started.tank) == 10 * ETHER


def test_a_break_stops_its_asset_and_nothing_else(started):
    plant(started, started.tank, -5)
    finalize(started)
    ether = started.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    started.go(6)
    assert started.withdrawal_state(ether) == "approved"
    address = started.desk.deposit_address("ACME", "ETH")
    started.chain.pay(STRANGER, (address, "", ETHER))
    started.go(5, blocks=5)
    assert started.deposit_states() == ["credited"]
    started.desk.clear_alarm(f"break/ETH/{started.tank}")  # a person has looked at it
    started.settle()
    assert started.withdrawal_state(ether) == "settled"
    assert found(started) == {("ETH", started.tank): -5}
    assert len(entries(started)) == 1


def test_a_break_that_is_explained_later_is_closed_by_an_entry_the_other_way(started):
    plant(started, started.hot, 4 * ETHER)
    finalize(started)
    books = started.custody.reconciler._books
    there = books.opened(chart.chain("ETH", started.hot))
    books.post([("found/out", [(there, books.opened(chart.opening("ETH")), 4 * ETHER)])])
    finalize(started)
    assert found(started) == {}
    assert started.alarms() == []
    assert suspense(started) == 0
    assert in_books(started, started.hot) == 1_004 * ETHER
    assert [batch.transfers[0].amount for batch in entries(started)] == [4 * ETHER] * 2
    finalize(started)
    assert len(entries(started)) == 2


def test_coins_that_come_back_close_their_break(started):
    plant(started, started.hot, -ETHER)
    finalize(started)
    plant(started, started.hot, ETHER)
    finalize(started)
    assert (found(started), started.alarms(), suspense(started)) == ({}, [], 0)


@pytest.mark.parametrize("place", ["break found", "break posted"])
def test_a_process_that_is_killed_over_a_break_posts_it_once(started, place):
    plant(started, started.hot, -ETHER)
    started.kill_at = (place, 1)
    with pytest.raises(Killed):
        finalize(started)
    started.kill_at = None
    started.start()
    finalize(started)
    assert found(started) == {("ETH", started.hot): -ETHER}
    assert len(entries(started)) == 1
    assert suspense(started) == -ETHER
    with started.database.connect() as connection:
        (row,) = connection.execute(select(breaks)).all()
    assert (row.amount, row.due, row.entry) == (-ETHER, 0, "")


def test_books_are_never_brought_below_nothing(started, monkeypatch):
    """Coins of a deposit are gone again before the books have it: the entry waits for them."""
    monkeypatch.setattr(Custody, "step", step_looking)
    address = started.desk.deposit_address("ACME", "ETH")
    started.chain.pay(STRANGER, (address, "", ETHER // 2))
    started.chain.mine(started.clock.time)
    plant(started, address, -ETHER // 4)
    started.clock.time += 10**9
    started.chain.mine(started.clock.time, 8)
    run, custody = started.runner.run, started.custody
    run(custody.scanner.step())
    run(custody.reconciler.step())
    assert found(started) == {}
    assert figures(started).in_flight == str(ETHER // 2)
    finalize(started)
    assert found(started) == {("ETH", address): -ETHER // 4}
    started.custody.poster.ledger.check()


@pytest.mark.parametrize("kind", [TokenKind.FEE, TokenKind.LIAR])
def test_a_mismatched_deposit_waits_for_a_person_and_is_no_break(started, kind):
    started.chain.tokens[USDC] = kind
    address = started.desk.deposit_address("ACME", "USD")
    started.chain.pay(STRANGER, (address, USDC, 1_000 * 10**6))
    finalize(started)
    assert started.deposit_states() == ["mismatched"]
    assert found(started) == {}
    moved = [b.amount for b in last_look(started.database).mismatched]
    assert moved == ([str(990 * 10**8)] if kind == TokenKind.FEE else [])


def test_what_is_missing_where_a_deposit_is_mismatched_is_a_break_all_the_same(started):
    address = started.desk.deposit_address("ACME", "USD")
    started.chain.pay(STRANGER, (address, USDC, 50 * 10**6))
    finalize(started)
    started.chain.tokens[USDC] = TokenKind.LIAR
    started.chain.pay(STRANGER, (address, USDC, 10**6))
    started.chain.mine(started.clock.time)
    plant(started, address, -20 * 10**6, USDC)
    finalize(started)
    assert "mismatched" in started.deposit_states()
    assert found(started) == {("USD", address): -20 * 10**8}


def test_a_nonce_that_somebody_else_has_used_leaves_the_wallet_undecided_and_says_so(started):
    started.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    for _ in range(8):
        started.clock.time += 10**9
        started.step()
    started.chain.drop()
    started.chain.spend_nonce(started.hot)
    started.chain.mine(started.clock.time, 12)
    started.step()
    (undecided,) = last_look(started.database).undecided
    assert (undecided.asset, undecided.address) == ("ETH", started.hot)
    assert "withdrawal/W00000001 is under way" in undecided.why
    assert found(started) == {}


def test_where_nodes_differ_only_that_address_is_left_out_and_a_person_is_called(new_world):
    world = new_world()
    world.nodes.pop()
    world.start()
    world.step()
    plant(world, world.hot, -ETHER)
    finalize(world)
    honest = world.nodes[0].balance

    async def other(address, token, block):
        there = await honest(address, token, block)
        return there + 1 if address == world.tank and not token else there

    world.nodes[0].balance = other
    world.go(2)
    assert found(world) == {("ETH", world.hot): -ETHER}
    (undecided,) = last_look(world.database).undecided
    assert undecided.address == world.tank
    assert "nodes" in world.alarms()


def test_what_is_owed_and_not_there_is_named(started):
    """Members were given 60 ETH each without a chain; the hot wallet has 1,000."""
    finalize(started)
    ether, dollars = figures(started), figures(started, "USD")
    assert int(ether.clients) == 3 * RANDOM_BALANCES[2] * 10**10
    assert ether.shortfall == "0"
    assert int(dollars.clients) == 3 * RANDOM_BALANCES[3]
    started.chain.fund(started.tank, 10**6, USDC)
    plant(started, started.hot, -4_999_999 * 10**6, USDC)
    finalize(started)
    dollars = figures(started, "USD")
    assert int(dollars.shortfall) == 3 * RANDOM_BALANCES[3] - 2 * 10**8
    assert dollars.on_chain == str(2 * 10**8)


PLACES = st.sampled_from(["hot", "tank", "deposit"])


@settings(
    max_examples=3, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(plants=st.lists(st.tuples(PLACES, st.integers(-5, 5)), min_size=1, max_size=4))
def test_any_differences_sum_up_to_what_stands(new_world, plants):
    world = new_world()
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    world.chain.pay(STRANGER, (address, "", ETHER // 2))  # too little to be swept
    finalize(world)
    where = {"hot": world.hot, "tank": world.tank, "deposit": address}
    sums = {}
    for place, amount in plants:
        if amount:
            plant(world, where[place], amount)
        sums["ETH", where[place]] = sums.get(("ETH", where[place]), 0) + amount
        finalize(world)
        assert found(world) == {place: units for place, units in sums.items() if units}
    assert suspense(world) == sum(sums.values())
    ledger = world.custody.poster.ledger
    ledger.check()
    assert check_chain(world.custody.poster.store.posted()) == ledger.digest
