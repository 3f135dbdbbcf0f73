"""What customers' states make of holds at the venue: the engine itself takes what is told it."""

import pytest

from compliance.kyc.states import Customer
from compliance.kyc.words import State
from engine.model.commands import Origin, SetHold
from engine.model.enums import HOLD_FROZEN, HOLD_NONE, HOLD_RESTRICTED
from engine.model.events import HoldLiftAsked, HoldSet
from gateway.onboarding.kyc_venue import differences, wanted_of
from tests.engine.streams import ACME_ACCOUNT, BOREAS_ACCOUNT
from tests.support.trading import Trading

ANN, BEN = "ann", "ben"


class House:
    """A venue, and customers of it in states of our choice."""

    def __init__(self, folder):
        self.trading = Trading(folder)
        self.state = self.trading.sequencer.venue.state

    def apply(self, who, *customers):
        """The kinds of events that come of applying them, and the accounts whose holds stay."""
        wanted = wanted_of(customers, self.state.refdata)
        commands, left = differences(wanted, self.state.holds, who, 0)
        return [self.submit(c) for c in commands], [stay.account for stay in left]

    def submit(self, command):
        (record,) = self.trading.sequencer.submit(command, self.trading.time)
        self.trading.sequencer.commit()
        return type(record.events[0])

    def hold(self, level, reference, account=ACME_ACCOUNT):
        self.submit(SetHold(Origin(0, 0, 0), account, level, "case 7", reference, "cat"))

    def level(self, account=ACME_ACCOUNT):
        hold = self.state.holds.get(account)
        return HOLD_NONE if hold is None else hold.level


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.trading.close()


def acme(state, number=1):
    return Customer(number, "ACME", State(state))


def test_a_customer_that_may_do_less_is_held_at_once_and_a_second_time_changes_nothing(house):
    for state, level in (("restricted", HOLD_RESTRICTED), ("frozen", HOLD_FROZEN)):
        assert house.apply(ANN, acme(state)) == ([HoldSet], [])
        assert house.level() == level
        assert house.apply(ANN, acme(state)) == ([], [])
    assert house.level(BOREAS_ACCOUNT) == HOLD_NONE  # nobody's customer


@pytest.mark.parametrize(("state", "level"), [("active", HOLD_NONE), ("restricted", 1)])
def test_a_customer_that_may_do_more_is_let_go_by_two(house, state, level):
    house.apply(ANN, acme("frozen"))
    assert house.apply(ANN, acme(state)) == ([HoldLiftAsked], [])
    assert house.apply(ANN, acme(state)) == ([], [ACME_ACCOUNT])
    assert house.level() == HOLD_FROZEN
    assert house.apply(BEN, acme(state)) == ([HoldSet], [])
    assert house.level() == level
    assert house.apply(BEN, acme(state)) == ([], [])


def test_a_hold_of_somebodys_own_is_never_lifted(house):
    house.hold(HOLD_FROZEN, "case/7")
    for who in (ANN, BEN):
        assert house.apply(who, acme("active")) == ([], [ACME_ACCOUNT])
    assert house.apply(ANN, acme("frozen")) == ([], [])
    assert house.state.holds[ACME_ACCOUNT].reference == "case/7"


def test_a_hold_that_is_made_stricter_names_the_one_that_it_replaces(house):
    house.hold(HOLD_RESTRICTED, "case/7")
    assert house.apply(ANN, acme("suspended")) == ([HoldSet], [])
    reason = house.state.holds[ACME_ACCOUNT].reason
    assert reason == "customer 1 is suspended; was restricted by case/7"


def test_of_a_member_that_came_back_the_new_customer_counts(house):
    both = (acme("approved", 3), acme("closed", 1))
    assert house.apply(ANN, *both) == ([HoldSet], [])
    assert house.state.holds[ACME_ACCOUNT].reason == "customer 3 is approved"
    both = (acme("active", 3), acme("closed", 1))
    house.apply(ANN, *both)
    house.apply(BEN, *both)
    assert house.level() == HOLD_NONE
