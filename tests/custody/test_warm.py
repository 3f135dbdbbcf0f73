"""The warm wallet between the hot one and the cold one: what comes to it, and what goes down."""

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from custody.chains.simulated import TokenKind
from custody.known import DeskRefused
from custody.signing.requests import Refill, WarmFuel, read_purpose
from custody.store.custody_schema import outgoing
from custody.wallets.moves import TOKEN_GAS
from tests.custody import schedule
from tests.custody.schedule import Schedule
from tests.custody.test_cold import books, from_cold, in_suspense
from tests.custody.test_refills import KEEP, MOST, rest
from tests.custody.world import COLD, ETHER, GWEI, STRANGER, THEIRS, USDC, Killed, World

WARM_MOST = {"ETH": 200 * 10**8, "USD": 3_000_000 * 10**8}
WARM_KEEP = {"ETH": 100 * 10**8, "USD": 2_000_000 * 10**8}
LIMITS = {
    "hot_most": MOST, "hot_keep": KEEP, "warm_most": WARM_MOST, "warm_keep": WARM_KEEP
}  # fmt: skip
COIN_COST = 21_000 * 500 * GWEI
"""What the dearest move of coins costs, wei."""


def moved(world):
    """What was planned so far, in order: the way and the amount, or the amount of fuel."""
    with world.database.connect() as connection:
        rows = connection.execute(select(outgoing).order_by(outgoing.c.changed, outgoing.c.nonce))
        asked = [read_purpose(row.request) for row in rows]
    refills = [(p.way, p.token, p.amount) for p in asked if isinstance(p, Refill)]
    return refills, [p.amount for p in asked if isinstance(p, WarmFuel)]


def below(world):
    """What the chain has of coins and tokens in the warm and the cold wallet."""
    wallets = (world.warm, COLD)
    return [(world.on_chain(wallet), world.on_chain(wallet, USDC)) for wallet in wallets]


def comes_from_cold(world, token, amount):
    """The Safe's owners have paid the warm wallet."""
    world.chain.fund(COLD, amount, token)
    world.chain.mine(world.clock.time, 10)
    world.step()
    from_cold(world, world.warm, amount, token)


def test_all_over_what_the_hot_wallet_keeps_goes_to_the_warm_one(new_world):
    world = new_world(warm=True, hot_most=MOST, hot_keep=KEEP)
    rest(world)
    (tokens, coins), fuel = moved(world)
    assert (tokens, fuel) == (("hot-warm", USDC, 4_000_000 * 10**6), [])
    assert coins[:2] == ("hot-warm", "")
    assert 300 * ETHER - COIN_COST < coins[2] < 300 * ETHER
    assert below(world) == [(coins[2], tokens[2]), (0, 0)]
    assert books(world, f"ETH/chain/{world.warm}") == coins[2]
    assert world.deposit_states() == []


def test_all_over_what_the_warm_wallet_keeps_goes_on_to_the_cold_one(new_world):
    goes_down(new_world(warm=True, **LIMITS))


def goes_down(world):
    rest(world, 8)
    (warm, dollars), (cold, cold_dollars) = below(world)
    assert (dollars, cold_dollars) == (2_000_000 * 10**6, 2_000_000 * 10**6)
    assert 100 * ETHER - COIN_COST < warm <= 100 * ETHER
    assert 200 * ETHER - COIN_COST < cold < 200 * ETHER + TOKEN_GAS * 500 * GWEI
    assert in_suspense(world) == {}
    assert world.alarms() == []


def test_a_token_that_comes_first_gets_its_gas_from_the_tank_once(new_world):
    """Only what it lacks; what is left of it pays for the next one."""
    limits = {"warm_most": {"USD": 10**8}, "warm_keep": {"USD": 0}}
    world = new_world(warm=True, **limits)
    comes_from_cold(world, USDC, 5_000 * 10**6)
    rest(world, 6)
    refills, fuel = moved(world)
    assert refills == [("warm-cold", USDC, 5_000 * 10**6)]
    assert len(fuel) == 1
    assert 0 < fuel[0] <= TOKEN_GAS * 500 * GWEI
    assert below(world)[1] == (0, 5_000 * 10**6)
    assert books(world, f"ETH/chain/{world.warm}") == world.on_chain(world.warm) < fuel[0]


def test_coins_for_gas_are_not_sent_down_before_they_have_paid_for_it(new_world):
    """Or tank and cold wallet would play ball with them for ever."""
    plays_no_ball(new_world(warm=True, **NOTHING_WARM))


NOTHING_WARM = {"warm_most": {"ETH": 1, "USD": 1}, "warm_keep": {}}


def plays_no_ball(world):
    comes_from_cold(world, USDC, 5_000 * 10**6)
    rest(world, 12)
    refills, fuel = moved(world)
    assert [token for _, token, _ in refills] == [USDC, ""]
    assert len(fuel) == 1


def test_what_a_withdrawal_waits_for_does_not_go_down(new_world):
    keeps_its_promises(new_world(warm=True))


def keeps_its_promises(world):
    world.step()
    for account in ("ACME", "BOREAS"):
        world.desk.withdraw(account, "ETH", 40 * 10**8, THEIRS, "trader7")
    world.go(4, blocks=0)
    world.terms = replace(world.terms, hot_most=MOST, hot_keep=KEEP)
    world.start()
    rest(world)
    _, (way, _, amount) = moved(world)[0]
    assert way == "hot-warm"
    assert 220 * ETHER - COIN_COST < amount < 220 * ETHER


def test_a_cold_wallet_that_takes_nothing_stops_the_warm_one_alone(new_world):
    world = new_world(warm=True, **LIMITS)
    world.chain.tokens[USDC] = TokenKind.BLACKLIST
    world.chain.blacklist.add(COLD)
    world.go(12, seconds=10)
    assert world.alarms() == ["refills/warm"]
    assert [way for way, *_ in moved(world)[0]] == ["hot-warm", "hot-warm"]
    world.chain.blacklist.clear()
    world.desk.clear_alarm("refills/warm")
    rest(world, 8)
    assert below(world)[1][1] == 2_000_000 * 10**6


def test_a_signer_that_knows_no_warm_wallet_holds_nobody_up(new_world):
    """Its settings are not custody's."""
    world = new_world(warm=True, **LIMITS)
    world.signer._rules = replace(world.signer._rules, warm=False)
    rest(world)
    assert "refills" in world.alarms()
    assert below(world) == [(0, 0), (0, 0)]
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    rest(world)
    assert world.withdrawal_state(ident) == "settled"


def test_strangers_coins_for_it_are_nobodys_and_the_safes_are_ours(new_world):
    world = new_world(warm=True)
    comes_from_cold(world, "", 30 * ETHER)
    world.chain.pay(STRANGER, (world.warm, "", 2 * ETHER))
    rest(world)
    assert world.deposit_states() == ["internal", "unattributed"]
    assert books(world, f"ETH/chain/{world.warm}") == 32 * ETHER
    assert in_suspense(world) == {"ETH/suspense/unattributed": 2 * ETHER}


def test_nobody_withdraws_to_it(new_world):
    world = new_world(warm=True)
    world.step()
    with pytest.raises(DeskRefused, match="a wallet of this venue"):
        world.desk.withdraw("ACME", "ETH", 10**8, world.warm, "trader7")


@pytest.mark.parametrize(
    "place",
    [
        ("refill planned", 2),
        ("signed", 3),
        ("warm-fuel planned", 1),
        ("warm-fuel booked", 1),
        ("refill booked", 2),
        *(
            pytest.param((at, 3), marks=pytest.mark.proof)
            for at in ("signature kept", "broadcast", "final")
        ),
    ],
)
def test_a_death_anywhere_is_one_move(new_world, place):
    world = new_world(warm=True, **LIMITS | {"hot_most": {"USD": MOST["USD"]}})
    world.kill_at = place
    with pytest.raises(Killed):
        rest(world, 8)
    world.kill_at = None
    world.start_signer()
    world.start()
    rest(world, 8)
    refills, fuel = moved(world)
    assert refills == [
        ("hot-warm", USDC, 4_000_000 * 10**6),
        ("warm-cold", USDC, 2_000_000 * 10**6),
    ]
    assert len(fuel) == 1
    assert below(world)[1] == (0, 2_000_000 * 10**6)


def run_with_tiers(seed, tmp_path, template, monkeypatch):
    """A schedule of faults on a venue whose hot and warm wallets keep little."""
    monkeypatch.setattr(
        schedule, "World",
        lambda *words: World(
            *words,
            warm=True,
            hot_most={"ETH": 996 * 10**8, "USD": 4_999_990 * 10**8},
            hot_keep={"ETH": 990 * 10**8, "USD": 4_999_980 * 10**8},
            warm_most={"ETH": 4 * 10**8, "USD": 15 * 10**8},
            warm_keep={"ETH": 10**8, "USD": 5 * 10**8},
        ),
    )  # fmt: skip
    run = Schedule(seed, tmp_path, template).run(40)
    try:
        ways = {way for way, *_ in moved(run.world)[0]}
        assert ways == {"hot-warm", "warm-cold"}
    finally:
        run.world.close()


def test_a_schedule_of_faults_ends_with_all_in_agreement(tmp_path, template, monkeypatch):
    run_with_tiers(0, tmp_path, template, monkeypatch)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(1, 32))
def test_many_schedules_end_so(seed, tmp_path, template, monkeypatch):
    run_with_tiers(seed, tmp_path, template, monkeypatch)
