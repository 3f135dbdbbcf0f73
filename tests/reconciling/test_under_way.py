"""Each thing that may be under way, at each place where a look may find it: known, to the unit."""

import pytest
from msgspec.structs import replace
from sqlalchemy import select, update

from custody.policy.intents import canonical
from custody.reconciling.reconciler import last_look
from custody.service import Custody
from custody.store.custody_schema import outgoing, withdrawals
from custody.store.reconciling_schema import breaks
from engine.model.clock import NANOS_PER_SECOND
from tests.custody.people import ALICE, CAROL
from tests.custody.test_cold import from_cold
from tests.custody.test_refills import KEEP, MOST, rest
from tests.custody.test_restocks import ALL_UP
from tests.custody.world import COLD, ETHER, STRANGER, USDC
from tests.reconciling.watched import step_looking

HOURS = 3_600 * NANOS_PER_SECOND
GAS = 21_000 * 2 * 10**9


def step(world, *parts):
    for part in parts:
        world.runner.run(getattr(world.custody, part).step())


def flying(world, code="ETH"):
    """What the chain has beyond the books, at a look now; nothing of it is a break."""
    step(world, "reconciler")
    with world.database.connect() as connection:
        assert connection.execute(select(breaks)).all() == []
    look = last_look(world.database)
    assert look.undecided == ()
    return next(int(a.in_flight) for a in look.assets if a.code == code)


def mine(world, blocks=12, nanos=NANOS_PER_SECOND):
    world.clock.time += nanos
    world.chain.mine(world.clock.time, blocks)


@pytest.fixture
def paying(world):
    """One ETH is in the pool on its way to a stranger."""
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    for _ in range(8):
        world.clock.time += NANOS_PER_SECOND
        world.step()
    assert world.withdrawal_state(ident) == "sending"
    assert flying(world) == 0
    return world


def test_a_payment_in_a_final_block_that_nobody_has_looked_at_for_it(paying):
    mine(paying)
    step(paying, "scanner")
    assert flying(paying) == -ETHER - GAS
    step(paying, "sender")
    assert flying(paying) == -ETHER - GAS
    step(paying, "lifecycle")
    assert flying(paying) == 0


def test_a_payment_that_ended_long_ago_and_is_not_in_the_books(paying):
    mine(paying)
    step(paying, "sender")
    mine(paying, nanos=5 * HOURS)
    step(paying, "scanner")
    assert flying(paying) == -ETHER - GAS


def test_a_payment_in_the_books_that_is_final_behind_the_block_of_the_look(paying):
    mine(paying)
    step(paying, "sender", "lifecycle")
    assert flying(paying) == ETHER + GAS
    step(paying, "scanner")
    assert flying(paying) == 0


def test_a_payment_that_reverts_costs_its_gas(paying):
    mine(paying, 1)
    where = paying.chain._bodies[paying.chain.blocks[-1].hash]
    ((tx, there),) = where.included.items()
    state = where.state
    state.move(STRANGER, paying.hot, "", ETHER)
    reverted = replace(there, receipt=replace(there.receipt, succeeded=False), movements=())
    where.included[tx] = reverted
    mine(paying)
    step(paying, "scanner")
    assert flying(paying) == -GAS
    step(paying, "sender", "lifecycle")
    assert flying(paying) == 0


def test_a_nonce_that_pays_nobody_costs_its_gas(world, monkeypatch):
    monkeypatch.setattr(Custody, "step", step_looking)
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 5 * 10**8, STRANGER, "trader7")
    world.go(4)
    for person in (ALICE, CAROL):
        world.desk.approve(ident, person.says(world.intent(ident)))
    intent = replace(world.intent(ident), destination="0x" + "66" * 20)
    with world.database.begin() as connection:
        change = update(withdrawals).where(withdrawals.c.id == ident)
        connection.execute(change.values(intent=canonical(intent), state="approved"))
    for _ in range(4):
        world.clock.time += NANOS_PER_SECOND
        world.step()
    mine(world)
    step(world, "scanner")
    assert flying(world) == -GAS
    world.settle()
    assert world.withdrawal_state(ident) == "cancelled"
    assert flying(world) == 0


@pytest.mark.parametrize("token", [pytest.param("", marks=pytest.mark.proof), USDC])
def test_sweeps_with_their_fuel_are_known_at_both_ends(world, token):
    world.step()
    code = "USD" if token else "ETH"
    address = world.desk.deposit_address("ACME", code)
    world.chain.pay(STRANGER, (address, token, 700 * 10**6 if token else 3 * ETHER))
    parts = ("scanner", "crediting", "lifecycle", "sender", "treasury")
    seen = set()
    for _ in range(12):
        mine(world, 3, 6 * NANOS_PER_SECOND)
        for part in parts:
            step(world, part)
            seen.update((code, flying(world, code)) for code in ("ETH", "USD"))
        while world.custody.post():
            pass
        world.runner.run(world.custody.telling.send())
    assert world.on_chain(world.hot, token) > (5_000_000 * 10**6 if token else 1_002 * ETHER)
    assert ("USD", 700 * 10**8) in seen if token else ("ETH", 3 * ETHER) in seen
    assert any(code == "ETH" and units < 0 for code, units in seen)  # gas, and what a sweep left
    assert flying(world) == flying(world, "USD") == 0


def test_a_sweep_that_ended_long_ago_and_is_not_in_the_books(world):
    world.step()
    world.chain.pay(STRANGER, (world.desk.deposit_address("ACME", "ETH"), "", 3 * ETHER))
    mine(world)
    for _ in range(3):
        world.clock.time += 6 * NANOS_PER_SECOND
        world.step()
    with world.database.connect() as connection:
        (row,) = connection.execute(select(outgoing)).all()
    assert row.purpose == "sweep"
    mine(world)
    step(world, "sender")
    mine(world, nanos=5 * HOURS)
    step(world, "scanner")
    assert flying(world) == -GAS


def test_a_deposit_that_is_found_and_not_posted(world):
    world.step()
    world.chain.pay(STRANGER, (world.desk.deposit_address("ACME", "ETH"), "", ETHER // 2))
    mine(world)
    step(world, "scanner")
    assert flying(world) == ETHER // 2
    step(world, "crediting")
    step(world, "crediting")
    assert flying(world) == 0


def test_a_deposit_that_the_chain_took_back_and_the_books_still_have(world):
    world.step()
    world.chain.pay(STRANGER, (world.desk.deposit_address("ACME", "ETH"), "", ETHER // 2))
    mine(world)
    world.go(2)
    world.settle()
    assert world.deposit_states() == ["credited"]
    world.chain.reorganize(len(world.chain.blocks) - 11, world.clock.time)
    step(world, "scanner")
    assert world.deposit_states() == ["reversing"]
    assert flying(world) == -ETHER // 2
    world.go(3)
    world.settle()
    assert world.deposit_states() == ["reversed"]
    assert flying(world) == 0


def test_where_nobody_says_how_far_a_wallet_is_it_is_not_compared(paying):
    mine(paying)
    step(paying, "scanner")

    async def nobody(address, block):
        return None

    paying.custody.witnesses.nonce = nobody
    step(paying, "reconciler")
    look = last_look(paying.database)
    assert [(u.asset, u.address) for u in look.undecided] == [("ETH", paying.hot)]
    assert look.breaks == ()


def test_what_people_send_from_the_cold_wallet_is_known_at_both_ends(world):
    world.chain.fund(COLD, 50 * ETHER)
    world.chain.mine(world.clock.time, 10)
    world.step()
    from_cold(world, world.hot, 20 * ETHER)
    mine(world)
    step(world, "scanner")
    assert flying(world) == 0  # it is at another address of ours, and known to be
    step(world, "crediting")
    assert flying(world) == 0
    assert world.deposit_states() == ["internal"]
    assert world.custody.poster.ledger.accounts[f"ETH/chain/{COLD}"].balance == 30 * ETHER


@pytest.mark.parametrize("comes_back", [pytest.param(False, marks=pytest.mark.proof), True])
def test_refills_of_the_cold_wallet_are_known_at_each_step(new_world, monkeypatch, comes_back):
    monkeypatch.setattr(Custody, "step", step_looking)
    world = new_world(hot_most={"ETH": 900 * 10**8}, hot_keep=KEEP)
    world.step()
    for _ in range(3):
        world.clock.time += NANOS_PER_SECOND
        world.step()
    assert flying(world) == 0
    world.chain.mine(world.clock.time, 1)
    if comes_back:
        from_cold(world, world.hot, 250 * ETHER)
    mine(world, 30)
    step(world, "scanner")
    assert flying(world) == -GAS
    step(world, "crediting")
    assert flying(world) == -GAS
    rest(world, rounds=2)
    assert flying(world) == 0
    assert world.on_chain(COLD) >= (50 if comes_back else 300) * ETHER


def test_coins_on_their_way_between_our_own_wallets(new_world):
    """Down to the warm wallet, and up from it: at each place where a look may find them, the sum of
    what flies is their gas, and no place has too much or too little."""
    world = new_world(warm=True, policy=ALL_UP, stock=(950, 10), hot_most=MOST, hot_keep=KEEP)
    world.step()
    for _ in range(3):
        mine(world, 0)
        world.step()
    up = world.desk.restocks.request("ETH", 2 * 10**8, "operator")
    for part in ("decisions", "decisions", "sender"):
        step(world, part)
    assert sorted(row.purpose for row in under_way(world)) == ["refill", "restock"]
    assert flying(world) == 0
    mine(world)
    step(world, "scanner")
    assert flying(world) == -2 * GAS
    step(world, "sender")
    assert flying(world) == -2 * GAS
    step(world, "treasury")
    assert flying(world) == 0
    step(world, "decisions")
    assert world.decision_state(up) == "done"


def under_way(world):
    with world.database.connect() as connection:
        return connection.execute(select(outgoing).where(~outgoing.c.booked)).all()
