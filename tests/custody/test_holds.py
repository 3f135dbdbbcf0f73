"""Accounts that the venue holds: nothing of theirs is paid, from a look at the journal on."""

import pytest

from custody import holds
from custody.screening import Verdict
from engine.model.commands import Origin, SetHold
from engine.model.enums import HOLD_NONE, HOLD_RESTRICTED
from tests.custody.people import ALICE, CAROL
from tests.custody.test_decided_deposits import agreed, came, finalize, held_coins, stray_coins
from tests.custody.world import ETHER, GWEI, STRANGER, THEIRS
from tests.engine.streams import ACME_ACCOUNT, ETH, RANDOM_BALANCES

START = RANDOM_BALANCES[ETH]
FEE = 10**5
OTHERS = "0x" + "6b" * 20


def asked(world, account="ACME", to=THEIRS):
    """A withdrawal that waits for its approvals, its money set aside."""
    world.step()
    ident = world.desk.withdraw(account, "ETH", 5 * 10**8, to, "trader7")
    world.settle()
    assert world.withdrawal_state(ident) == "awaiting"
    return ident


def approve(world, ident):
    for person in (ALICE, CAROL):
        world.desk.approve(ident, person.says(world.intent(ident)))


def shown(world, ident):
    row, _ = world.desk.withdrawal(ident)
    return row.state, row.text


def paying(world):
    """What the signer was asked to pay out, cancels apart."""
    return [a for a in world.signing.asked if not a.cancels and hasattr(a.purpose, "intent")]


def waits(world):
    """A withdrawal that is approved, of an account that is frozen."""
    ident = asked(world)
    world.hold(ACME_ACCOUNT)
    approve(world, ident)
    world.go(3)
    assert shown(world, ident) == ("approved", holds.HELD)
    return ident


def test_what_is_approved_waits_while_its_account_is_frozen_and_goes_on_after_it(world):
    ident = waits(world)
    world.go(5, seconds=60)
    assert paying(world) == []
    world.hold(ACME_ACCOUNT, HOLD_RESTRICTED)
    world.settle()
    assert world.withdrawal_state(ident) == "settled"
    assert world.on_chain(THEIRS) == 5 * ETHER
    assert world.logged.count(f"withdrawal {ident} is approved: {holds.GOES_ON}") == 1


def test_one_who_asks_for_a_lift_lets_nothing_go(world):
    ident = waits(world)
    of = world.venue.state.holds[ACME_ACCOUNT].reference
    lift = SetHold(Origin(0, 0, 0), ACME_ACCOUNT, HOLD_NONE, "case 7", "lift/1", "ben", of)
    world.sequencer.submit(lift, world.clock.now())
    world.sequencer.commit()
    world.go(3)
    assert shown(world, ident) == ("approved", holds.HELD)


def test_what_waits_can_be_taken_back_and_stays_with_its_account(world):
    ident = waits(world)
    world.desk.cancel(ident, "trader7")
    world.settle()
    assert world.withdrawal_state(ident) == "cancelled"
    assert world.available(ACME_ACCOUNT, ETH) == START


def test_what_waits_too_long_expires(world):
    ident = waits(world)
    world.go(2, seconds=3_600)
    world.settle()
    assert world.withdrawal_state(ident) == "expired"
    assert (world.available(ACME_ACCOUNT, ETH), world.held(ACME_ACCOUNT, ETH)) == (START, 0)


def test_a_frozen_account_asks_for_nothing_new_and_its_deposits_are_credited(world):
    world.step()
    world.hold(ACME_ACCOUNT)
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.chain.pay(STRANGER, (world.desk.deposit_address("ACME", "ETH"), "", 2 * ETHER))
    finalize(world)
    assert shown(world, ident) == (
        "refused",
        f"withdrawal withdrawal/{ident}: the account is held by the venue",
    )
    assert world.deposit_states() == ["credited"]
    assert world.available(ACME_ACCOUNT, ETH) == START + 2 * 10**8


# --- at the last moment -----------------------------------------------------------------------


def test_a_hold_that_custody_has_not_posted_counts(world):
    ident = asked(world)
    approve(world, ident)
    world.hold(ACME_ACCOUNT)
    world.runner.run(world.custody.step())
    assert shown(world, ident) == ("approved", holds.HELD)
    world.go(5)
    assert paying(world) == [], "it was paid by an old view"


class Slow:
    """Screening during which somebody freezes the account."""

    def __init__(self, world):
        self.world = world

    async def deposit(self, *_):
        return Verdict.CLEAR

    async def withdrawal(self, *_):
        self.world.hold(ACME_ACCOUNT)
        return Verdict.CLEAR


def test_a_hold_that_comes_while_others_are_asked_counts(world):
    world.screening = Slow(world)
    world.start()
    ident = asked(world)
    approve(world, ident)
    world.go(1)
    assert world.withdrawal_state(ident) == "approved", "a nonce was given out after the hold"
    world.go(6, seconds=11)
    assert paying(world) == []


def test_what_has_a_nonce_and_no_signature_is_not_signed(world):
    """The nonce goes to nobody, so that what is behind it goes on; the money goes back."""
    first, second = asked(world), asked(world, "BOREAS", OTHERS)
    world.signing.away = True
    approve(world, first)
    world.go(2)
    assert world.withdrawal_state(first) == "sending"
    world.hold(ACME_ACCOUNT)
    world.signing.away = False
    approve(world, second)
    world.settle()
    assert [a.cancels for a in world.signing.asked] == [True, False], "it was signed"
    assert world.withdrawal_state(first) == "cancelled"
    assert world.withdrawal_state(second) == "settled"
    assert (world.on_chain(THEIRS), world.on_chain(OTHERS)) == (0, 5 * ETHER)
    assert world.available(ACME_ACCOUNT, ETH) == START


def test_what_is_signed_goes_to_its_end_and_is_recorded(world):
    """A signed form may be in anybody's hands: it is offered more for until it is final."""
    ident = asked(world)
    approve(world, ident)
    world.chain.base_fee = 20 * GWEI
    world.chain.stalled_at = world.chain.final().number
    world.go(1)
    assert len(paying(world)) == 1
    world.hold(ACME_ACCOUNT)
    world.chain.stalled_at = None
    world.settle()
    assert world.withdrawal_state(ident) == "settled"
    assert world.available(ACME_ACCOUNT, ETH) + world.held(ACME_ACCOUNT, ETH) == (
        START - 5 * 10**8 - FEE
    )
    world.check()


def test_a_hold_is_known_after_a_restart(world):
    ident = asked(world)
    world.hold(ACME_ACCOUNT)
    world.step()
    world.start()
    approve(world, ident)
    world.go(5)
    assert shown(world, ident) == ("approved", holds.HELD)
    assert paying(world) == []
    world.hold(ACME_ACCOUNT, HOLD_NONE)
    world.step()
    world.start()
    world.settle()
    assert world.withdrawal_state(ident) == "settled"


def test_nothing_is_paid_while_the_journal_cannot_be_read_to_its_mark(world, monkeypatch):
    ident = asked(world)
    approve(world, ident)
    monkeypatch.setattr(world.custody.poster, "catch_up", lambda: False)
    world.go(3)
    assert shown(world, ident)[0] == "approved"
    assert paying(world) == []
    monkeypatch.undo()
    world.settle()
    assert world.withdrawal_state(ident) == "settled"


# --- returns ----------------------------------------------------------------------------------


def test_a_return_waits_while_the_account_is_frozen(world):
    reference = came(world, held_coins)
    ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    finalize(world)
    world.hold(ACME_ACCOUNT)
    world.say(ident, ALICE, CAROL)
    world.go(5, blocks=5, seconds=11)
    row, _ = world.desk.decisions.one(ident)
    assert (row.state, row.text) == ("agreed", holds.HELD), "it was returned"
    assert paying(world) == []
    world.hold(ACME_ACCOUNT, HOLD_NONE)
    world.go(3, blocks=5, seconds=11)
    finalize(world)
    assert world.deposit_states() == ["returned"]
    world.check()


def test_what_is_nobodys_is_returned_whoever_is_frozen(world):
    reference = came(world, stray_coins)
    ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    world.hold(ACME_ACCOUNT)
    agreed(world, ident)
    assert world.deposit_states() == ["returned"]


@pytest.mark.parametrize("known", [True, False])
def test_a_return_that_has_a_nonce_and_no_signature_is_not_signed(world, known):
    """The deposit stays where it was; people are told."""
    reference = came(world, held_coins)
    ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    finalize(world)
    world.signing.away = True
    world.say(ident, ALICE, CAROL)
    world.go(2)
    assert world.deposit_states() == ["returning"]
    world.hold(ACME_ACCOUNT)
    if known:
        world.step()
    world.signing.away = False
    world.settle()
    assert paying(world) == []
    assert world.deposit_states() == ["held"]
    assert world.on_chain(THEIRS) == 0
    assert f"return/{ident}" in world.alarms()
