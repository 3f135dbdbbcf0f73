"""Deposits: credited once, when they are final, to the right owner, in the right amount."""

from tests.custody.world import BAD, ETHER, STRANGER, USDC
from tests.engine.streams import ACME_ACCOUNT, ETH, RANDOM_BALANCES, USD

START = RANDOM_BALANCES


def test_a_deposit_is_credited_when_it_is_final_and_not_before(world):
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    world.chain.pay(STRANGER, (address, "", 2 * ETHER))
    world.go(8)
    assert world.deposit_states() == []
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH]
    world.go(3)
    world.settle()
    assert world.deposit_states() == ["credited"]
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] + 2 * 10**8
    world.check()
    world.go(2, seconds=10)
    world.settle()
    world.check_chain()


def test_a_tokens_deposit_counts_in_its_own_decimals(world):
    world.step()
    address = world.desk.deposit_address("ACME", "USD")
    world.chain.pay(STRANGER, (address, USDC, 25 * 10**6))
    world.go(9)
    world.settle()
    assert world.available(ACME_ACCOUNT, USD) == START[USD] + 25 * 10**8
    world.check()


def test_parts_of_the_venues_smallest_unit_are_dust(world):
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    world.chain.pay(STRANGER, (address, "", ETHER + 7))
    world.go(9)
    world.settle()
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] + 10**8
    assert world.custody.poster.ledger.accounts["ETH/house/dust"].balance == 7
    world.check()
    world.go(2, seconds=10)
    world.settle()
    world.check_chain()


def test_what_a_bad_address_sends_is_held_for_a_person(world):
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    world.chain.pay(BAD, (address, "", 2 * ETHER))
    world.go(9)
    world.settle()
    assert world.deposit_states() == ["held"]
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH]
    assert len(world.alarms()) == 1
    world.go(2, seconds=10)
    world.settle()
    world.check_chain()
