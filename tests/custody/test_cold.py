"""What people send from the cold wallet: ours before, and ours afterwards."""

import pytest
from msgspec.structs import replace

from tests.custody.test_refills import KEEP, rest, sent
from tests.custody.world import COLD, ETHER, STRANGER, USDC, Killed
from tests.engine.streams import ACME_ACCOUNT, ETH, RANDOM_BALANCES

RICH = 500 * ETHER


def from_cold(world, target, amount, token=""):
    """The Safe pays: an internal call, or a token's event."""
    world.chain.fund(COLD, -amount, token)  # `pay` makes what it pays
    return world.chain.pay(COLD, (STRANGER, "", 1), (target, token, amount))


@pytest.fixture
def vault(world):
    """A world whose cold wallet had coins when custody began."""
    world.chain.fund(COLD, RICH)
    world.chain.fund(COLD, 1_000_000 * 10**6, USDC)
    world.chain.mine(world.clock.time, 10)
    world.step()
    return world


def books(world, place):
    account = world.custody.poster.ledger.accounts.get(place)
    return account.balance if account else 0


def in_suspense(world):
    accounts = world.custody.poster.ledger.accounts.items()
    return {name: a.balance for name, a in accounts if "/suspense/" in name and a.balance}


@pytest.mark.parametrize(("token", "amount"), [("", 20 * ETHER), (USDC, 300_000 * 10**6)])
def test_coins_for_the_hot_wallet_are_a_move_and_no_deposit(vault, token, amount):
    code = "USD" if token else "ETH"
    scale = 100 if token else 1
    before = books(vault, f"{code}/chain/{vault.hot}")
    from_cold(vault, vault.hot, amount, token)
    rest(vault)
    assert vault.deposit_states() == ["internal"]
    assert vault.alarms() == []
    assert books(vault, f"{code}/chain/{vault.hot}") == before + amount * scale
    whole = 1_000_000 * 10**6 if token else RICH
    assert books(vault, f"{code}/chain/{COLD}") == (whole - amount) * scale
    assert in_suspense(vault) == {}


def test_it_is_nobodys_credit_wherever_it_goes(vault):
    address = vault.desk.deposit_address("ACME", "ETH")
    from_cold(vault, address, 2 * ETHER)
    from_cold(vault, vault.tank, 3 * ETHER)
    rest(vault)  # what is at the deposit address is swept, as anything else there
    assert vault.deposit_states() == ["internal", "internal"]
    assert vault.available(ACME_ACCOUNT, ETH) == RANDOM_BALANCES[ETH]
    assert books(vault, f"ETH/chain/{COLD}") == RICH - 5 * ETHER


def test_strangers_coins_for_the_cold_wallet_are_nobodys(vault):
    vault.chain.pay(STRANGER, (COLD, "", ETHER))
    rest(vault)
    assert vault.deposit_states() == ["unattributed"]
    assert books(vault, "ETH/suspense/unattributed") == ETHER


def test_a_chain_that_takes_it_back_has_the_coins_in_the_cold_wallet_again(vault):
    from_cold(vault, vault.hot, 20 * ETHER)
    hot = books(vault, f"ETH/chain/{vault.hot}")
    vault.go(3, blocks=5)
    assert books(vault, f"ETH/chain/{COLD}") == RICH - 20 * ETHER
    vault.chain.reorganize(len(vault.chain.blocks) - 15, vault.clock.time)
    vault.go(4, blocks=5)
    assert vault.deposit_states() == ["reversed"]
    assert books(vault, f"ETH/chain/{COLD}") == RICH
    assert books(vault, f"ETH/chain/{vault.hot}") == hot
    assert any(name.startswith("finality/") for name in vault.alarms())


@pytest.mark.parametrize("place", ["deposit found", "deposit posted"])
def test_a_death_between_is_one_move(vault, place):
    from_cold(vault, vault.hot, 20 * ETHER)
    vault.kill_at = (place, 1)
    with pytest.raises(Killed):
        vault.go(4, blocks=5)
    vault.kill_at = None
    vault.start()
    rest(vault)
    assert books(vault, f"ETH/chain/{COLD}") == RICH - 20 * ETHER


def test_what_went_to_cold_and_came_back_while_custody_was_away_is_no_break(new_world):
    """The chain has both, and the ledger has booked neither: nothing is in suspense afterwards."""
    world = new_world(hot_most={"ETH": 900 * 10**8}, hot_keep=KEEP)
    world.step()
    for _ in range(3):
        world.clock.time += 10**9
        world.step()
    (refill,) = sent(world)
    world.chain.mine(world.clock.time, 1)
    assert world.on_chain(COLD) == refill[1] == 300 * ETHER
    world.terms = replace(world.terms, hot_most={}, hot_keep={})
    from_cold(world, world.hot, 250 * ETHER)
    world.chain.mine(world.clock.time, 30)
    world.start()
    rest(world)
    assert books(world, f"ETH/chain/{COLD}") == 50 * ETHER
    assert in_suspense(world) == {}
