"""Withdrawals: held, decided on, paid once, settled."""

import pytest
from msgspec.structs import replace

from custody.known import DeskRefused
from tests.custody.people import ALICE, BOB, CAROL, MALLORY
from tests.custody.world import COLD, ETHER, THEIRS, USDC
from tests.engine.streams import ACME_ACCOUNT, ETH, RANDOM_BALANCES, USD

START = RANDOM_BALANCES
FEE = 10**5


def test_a_small_withdrawal_is_paid_by_the_rule_that_allows_it(world):
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.step()
    assert world.held(ACME_ACCOUNT, ETH) == 10**8 + FEE
    world.settle()
    assert world.withdrawal_state(ident) == "settled"
    assert world.on_chain(THEIRS) == ETHER
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] - 10**8 - FEE
    assert world.held(ACME_ACCOUNT, ETH) == 0
    world.check()
    world.go(2, seconds=10)
    world.settle()
    world.check_chain()


def test_a_large_one_waits_for_both_groups(world):
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 5 * 10**8, THEIRS, "trader7")
    world.settle()
    assert world.withdrawal_state(ident) == "awaiting"
    intent = world.intent(ident)
    world.desk.approve(ident, ALICE.says(intent))
    world.settle()
    row, _ = world.desk.withdrawal(ident)
    assert (row.state, row.text) == ("awaiting", "rule large wants 1 of risk")
    world.desk.approve(ident, CAROL.says(intent))
    world.settle()
    assert world.withdrawal_state(ident) == "settled"
    assert world.on_chain(THEIRS) == 5 * ETHER


def test_a_token_is_paid_in_its_own_decimals(world):
    world.step()
    ident = world.desk.withdraw("ACME", "USD", 70 * 10**8, THEIRS, "trader7")
    world.settle()
    intent = world.intent(ident)
    for person in (ALICE, CAROL):
        world.desk.approve(ident, person.says(intent))
    world.settle()
    assert world.withdrawal_state(ident) == "settled"
    assert world.on_chain(THEIRS, USDC) == 70 * 10**6
    assert world.available(ACME_ACCOUNT, USD) == START[USD] - 71 * 10**8
    world.check()
    world.go(2, seconds=10)
    world.settle()
    world.check_chain()


def test_one_rejection_gives_the_money_back(world):
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 5 * 10**8, THEIRS, "trader7")
    world.settle()
    world.desk.approve(ident, BOB.says(world.intent(ident), approves=False))
    world.settle()
    assert world.withdrawal_state(ident) == "rejected"
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH]


def test_what_nobody_decides_on_expires(world):
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 5 * 10**8, THEIRS, "trader7")
    world.settle()
    world.go(2, seconds=3_000)
    world.settle()
    assert world.withdrawal_state(ident) == "expired"
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH]


def test_more_than_there_is_is_refused_by_the_venue(world):
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", START[ETH], THEIRS, "trader7")
    world.settle()
    assert world.withdrawal_state(ident) == "refused"


def test_it_can_be_taken_back_until_it_has_a_nonce(world):
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 5 * 10**8, THEIRS, "trader7")
    world.settle()
    world.desk.cancel(ident, "trader7")
    world.settle()
    assert world.withdrawal_state(ident) == "cancelled"
    small = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.go(6)
    assert world.withdrawal_state(small) == "sending"
    with pytest.raises(DeskRefused, match="it cannot be taken back"):
        world.desk.cancel(small, "trader7")


def test_the_venues_own_addresses_are_no_destination(world):
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    for target in (address, world.hot, world.tank, COLD):
        with pytest.raises(DeskRefused, match="of this venue"):
            world.desk.withdraw("ACME", "ETH", 10**8, target, "trader7")


def test_a_word_that_is_not_the_approvers_is_not_taken(world):
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 5 * 10**8, THEIRS, "alice")
    world.settle()
    intent = world.intent(ident)
    for approval, words in (
        (MALLORY.says(intent), "mallory approves nothing here"),
        (ALICE.says(intent), "alice asked for it"),
        (replace(MALLORY.says(intent), approver="bob"), "not bob's"),
    ):
        with pytest.raises(DeskRefused, match=words):
            world.desk.approve(ident, approval)
