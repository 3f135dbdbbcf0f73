"""What the hot wallet has too much of goes to the cold one, and nothing that is promised."""

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from custody.chains.simulated import TokenKind
from custody.signing.requests import Refill, read_purpose
from custody.store.custody_schema import outgoing
from tests.custody import schedule
from tests.custody.people import ALICE, CAROL
from tests.custody.schedule import Schedule
from tests.custody.world import COLD, ETHER, GWEI, THEIRS, USDC, Killed, World

MOST = {"ETH": 900 * 10**8, "USD": 4_000_000 * 10**8}
KEEP = {"ETH": 700 * 10**8, "USD": 1_000_000 * 10**8}
GAS = 21_000 * 500 * GWEI
"""What the most expensive refill of coins costs, wei."""


def rows(world):
    with world.database.connect() as connection:
        query = select(outgoing).where(outgoing.c.purpose == "refill")
        return connection.execute(query.order_by(outgoing.c.nonce)).all()


def sent(world):
    """Every refill so far: (token, amount)."""
    purposes = [read_purpose(row.request) for row in rows(world)]
    return [(p.token, p.amount) for p in purposes if isinstance(p, Refill)]


def rest(world, rounds=4):
    """On, until the treasury has looked a few times and nothing is under way."""
    for _ in range(rounds):
        world.go(2, blocks=9, seconds=10)
        world.settle()
    world.check()
    world.check_chain()


def test_all_over_what_is_kept_goes_to_the_cold_wallet(new_world):
    world = new_world(hot_most=MOST, hot_keep=KEEP)
    rest(world)
    tokens, (coin, amount) = sent(world)
    assert (tokens, coin) == ((USDC, 4_000_000 * 10**6), "")
    assert 300 * ETHER - GAS < amount < 300 * ETHER
    assert world.on_chain(COLD) == amount
    assert world.on_chain(COLD, USDC) == 4_000_000 * 10**6
    books = world.custody.poster.ledger.accounts
    assert books[f"ETH/chain/{COLD}"].balance == amount
    assert 700 * ETHER - 10 * GAS < world.on_chain(world.hot) < 700 * ETHER
    assert world.on_chain(world.hot, USDC) == 1_000_000 * 10**6
    assert world.deposit_states() == []


def test_what_is_not_too_much_stays(new_world):
    world = new_world(hot_most={"ETH": 1_000 * 10**8}, hot_keep=KEEP)
    rest(world)
    assert sent(world) == []


def test_an_asset_without_a_limit_stays(world):
    rest(world)
    assert sent(world) == []


def test_a_wallet_that_keeps_nothing_keeps_what_its_gas_may_cost(new_world):
    world = new_world(hot_most={"ETH": 1}, hot_keep={"ETH": 0})
    world.go(4, blocks=9, seconds=10)
    (first, *_) = sent(world)
    assert first == ("", 1_000 * ETHER - GAS)
    world.settle()


def test_one_goes_at_a_time(new_world):
    world = new_world(hot_most=MOST, hot_keep=KEEP)
    for _ in range(12):
        world.go(1, seconds=6)
        assert sum(not row.booked for row in rows(world)) <= 1
    rest(world)
    assert len(sent(world)) == 2


def test_what_a_withdrawal_waits_for_stays(new_world):
    world = new_world()
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 40 * 10**8, THEIRS, "trader7")
    other = world.desk.withdraw("BOREAS", "ETH", 40 * 10**8, THEIRS, "trader7")
    while world.withdrawal_state(other) != "awaiting":
        world.step()
    world.terms = replace(world.terms, hot_most={"ETH": 900 * 10**8}, hot_keep=KEEP)
    world.start()
    rest(world)
    assert sent(world) == [("", (1_000 - 80 - 700) * ETHER)]
    for each in (ident, other):
        for person in (ALICE, CAROL):
            world.desk.approve(each, person.says(world.intent(each)))
    rest(world)
    assert world.withdrawal_state(ident) == world.withdrawal_state(other) == "settled"
    assert len(sent(world)) == 1


def test_a_token_whose_gas_is_not_there_stays(new_world):
    world = new_world(
        hot_most={"ETH": 1, "USD": 1}, hot_keep={"ETH": 0, "USD": 0}, max_fee=3 * 10**7 * GWEI
    )
    rest(world)  # at that price a token's transfer may cost more than all that is there
    assert [token for token, _ in sent(world)] == [""]


def test_while_everything_is_stopped_nothing_goes(new_world):
    from custody.alarms import EVERYTHING, raise_alarm

    world = new_world(hot_most=MOST, hot_keep=KEEP)
    with world.database.begin() as connection:
        raise_alarm(connection, "look", "somebody looks", 1, EVERYTHING)
    world.go(5, seconds=10)
    assert sent(world) == []
    world.desk.clear_alarm("look")
    rest(world)
    assert len(sent(world)) == 2


def test_a_cold_wallet_that_would_not_take_it_is_told_and_tried_once(new_world):
    world = new_world(hot_most={"USD": 1}, hot_keep={"USD": 0})
    world.chain.tokens[USDC] = TokenKind.BLACKLIST
    world.chain.blacklist.add(COLD)
    world.go(10, seconds=10)
    assert (sent(world), world.alarms()) == ([], ["refills"])
    world.chain.blacklist.clear()
    world.go(5, seconds=10)
    assert sent(world) == []
    world.desk.clear_alarm("refills")
    rest(world)
    assert sent(world) == [(USDC, 5_000_000 * 10**6)]


def test_what_the_signer_refuses_is_tried_once_and_holds_nobody_up(new_world):
    """The signer knows no cold wallet: its settings are not custody's."""
    world = new_world(hot_most=MOST, hot_keep=KEEP)
    world.signer._rules = replace(world.signer._rules, cold="")
    rest(world)
    assert [row.state for row in rows(world)] == ["cancelled"]
    assert "refills" in world.alarms()
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    rest(world)
    assert world.withdrawal_state(ident) == "settled"


@pytest.mark.parametrize(
    "place",
    [
        "refill planned",
        "signed",
        "refill booked",
        *(
            pytest.param(at, marks=pytest.mark.proof)
            for at in ("signature kept", "broadcast", "final")
        ),
    ],
)
def test_a_death_anywhere_is_one_refill(new_world, place):
    world = new_world(hot_most={"ETH": 900 * 10**8}, hot_keep=KEEP)
    world.kill_at = (place, 1)
    with pytest.raises(Killed):
        rest(world)
    world.kill_at = None
    world.start_signer()
    world.start()
    rest(world)
    assert sent(world) == [("", 300 * ETHER)]
    assert world.on_chain(COLD) == 300 * ETHER


def run_with_refills(seed, tmp_path, template, monkeypatch):
    """A schedule of faults on a venue whose hot wallet keeps little."""
    monkeypatch.setattr(
        schedule, "World",
        lambda *words: World(
            *words,
            hot_most={"ETH": 996 * 10**8, "USD": 4_999_990 * 10**8},
            hot_keep={"ETH": 990 * 10**8, "USD": 4_999_980 * 10**8},
        ),
    )  # fmt: skip
    run = Schedule(seed, tmp_path, template).run(40)
    try:
        assert sent(run.world)
    finally:
        run.world.close()


def test_a_schedule_of_faults_ends_with_all_in_agreement(tmp_path, template, monkeypatch):
    run_with_refills(0, tmp_path, template, monkeypatch)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(1, 48))
def test_many_schedules_end_so(seed, tmp_path, template, monkeypatch):
    run_with_refills(seed, tmp_path, template, monkeypatch)
