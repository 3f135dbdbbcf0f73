"""What follows from a customer's state: holds, reviews, and who is one owner with whom."""

import pytest
from msgspec.structs import replace

from compliance.kyc.groups import links_of
from compliance.kyc.holds import hold_for
from compliance.kyc.institution import Owner
from compliance.kyc.reviews import YEAR_NS, review_at, reviews_due
from compliance.kyc.states import Customer
from compliance.kyc.words import Act, Risk, State
from compliance.surveillance.links import Links
from engine.model.enums import HOLD_FROZEN, HOLD_NONE, HOLD_RESTRICTED
from tests.kyc.support import (
    BASIS,
    BEN,
    COMPLIANCE,
    FIRM,
    HOUR,
    ONBOARDING,
    START,
    agree,
    desk_with,
)
from tests.kyc.test_institution import people

LESS = {State.ACTIVE: HOLD_NONE, State.RESTRICTED: HOLD_RESTRICTED}
APPROVED_AT = START + HOUR


@pytest.mark.parametrize("state", list(State))
def test_what_an_account_is_held_to(state):
    assert hold_for(state) == LESS.get(state, HOLD_FROZEN)


@pytest.mark.parametrize(("risk", "years"), [(Risk.HIGH, 1), (Risk.MEDIUM, 2), (Risk.LOW, 3)])
def test_a_file_is_due_again_by_its_risk(risk, years):
    desk = desk_with("active", risk)
    at = APPROVED_AT + years * YEAR_NS
    assert review_at(desk.customers[1]) == at
    assert reviews_due(desk.customers.values(), at - 1) == []
    assert reviews_due(desk.customers.values(), at) == [(1, at)]
    agree(desk, Act.REVIEW, at)
    assert review_at(desk.customers[1]) == at + years * YEAR_NS


def test_a_higher_risk_is_due_sooner_and_counts_from_the_last_look():
    desk = desk_with("active", Risk.LOW)
    agree(desk, Act.RISK, START + 9 * HOUR, Risk.HIGH)
    assert review_at(desk.customers[1]) == APPROVED_AT + YEAR_NS


def test_a_review_that_is_refused_stays_due():
    desk = desk_with("active")
    desk.propose(1, Act.REVIEW, ONBOARDING, "x", BEN, START + 9 * HOUR)
    desk.decide(1, False, COMPLIANCE, "the chart is old", BASIS, "p-dora", START + 9 * HOUR)
    assert review_at(desk.customers[1]) == APPROVED_AT + 2 * YEAR_NS


@pytest.mark.parametrize("state", ["invited", "approved", "offboarding", "closed", "rejected"])
def test_who_does_not_trade_is_not_reviewed(state):
    assert review_at(desk_with(state).customers[1]) is None


# --- links ------------------------------------------------------------------------------------

A, B, C, D = people(4)
LEIS = [f"LEI-{k}" for k in range(9)]
MEMBERS = {f"M{k}": 100 + k for k in range(1, 9)}


def customer(number, owners=(), parent="", state=State.ACTIVE, house=(), maker=False):
    firm = replace(
        FIRM, lei=LEIS[number], parent=parent, house=house, market_maker=maker,
        owners=tuple(Owner(person, 2_500) for person in owners),
    )  # fmt: skip
    return Customer(number, f"M{number}", state, file=firm)


@pytest.mark.parametrize(
    ("customers", "owners"),
    [
        ([customer(1, [A]), customer(2, [B])], {}),
        ([customer(1, [A]), customer(2, [A, B])], {101: 1, 102: 1}),
        ([customer(1), customer(2)], {}),
        ([customer(1, parent="P"), customer(2, parent="P")], {101: 1, 102: 1}),
        ([customer(1), customer(2, parent=LEIS[1])], {101: 1, 102: 1}),
        ([customer(2, parent=LEIS[1]), customer(1)], {101: 1, 102: 1}),
        # two that are one through a third, whichever comes first
        ([customer(1, [A]), customer(2, [B]), customer(3, [A, B])], {101: 1, 102: 1, 103: 1}),
        ([customer(3, [A, B]), customer(2, [B]), customer(1, [A])], {101: 1, 102: 1, 103: 1}),
        ([customer(1, [A]), customer(2, [B]), customer(3, [C]), customer(4, [B])],
         {102: 2, 104: 2}),
        ([customer(1, [A]), customer(2, [A], state=State.CLOSED)], {101: 1, 102: 1}),
        ([customer(1, [A]), customer(2, [A], state=State.FROZEN)], {101: 1, 102: 1}),
        ([customer(1, [A]), customer(2, [A], state=State.REVIEW)], {}),
        ([customer(1, [A]), customer(2, [A], state=State.REJECTED)], {}),
    ],
)  # fmt: skip
def test_who_shares_an_owner_or_a_parent_is_one_owner(customers, owners):
    assert links_of(customers, MEMBERS, {}).owners == owners


def test_accounts_of_the_house_and_market_makers_are_by_the_ids_that_the_venue_has():
    customers = [
        customer(1, house=("OWN", "GONE"), maker=True),
        customer(2, house=("OWN",)),
        replace_member(customer(3, house=("OWN",), maker=True), "UNKNOWN"),
    ]
    accounts = {("M1", "OWN"): 7, ("M2", "OWN"): 5, ("M1", "CLIENTS"): 8}
    assert links_of(customers, MEMBERS, accounts) == Links({}, (5, 7), (101,))


def replace_member(one, member):
    one.member = member
    return one
