"""Breaks that people have booked: to the right side, to the unit, once; they never come again."""

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from custody.known import DeskRefused
from custody.ledger import chart
from custody.policy.intents import canonical
from custody.policy.policy import Quorum, Rule
from custody.store.custody_schema import decisions
from tests.custody.people import ALICE, CAROL
from tests.custody.world import ETHER, POLICY, STRANGER, USDC, Killed
from tests.reconciling.test_breaks import figures, finalize, found, plant, suspense


@pytest.fixture
def started(world):
    world.step()
    return world


def asked(world, code="ETH"):
    """An intent to book what differs at the hot wallet."""
    return world.desk.asking.book(code, world.hot, "nobody knows any more", "trader7")


def booked(world, code="ETH"):
    ident = asked(world, code)
    world.say(ident, ALICE, CAROL)
    finalize(world)
    return ident


def house(world, code="ETH"):
    books = world.custody.books
    return books.balance(chart.loss(code)), books.balance(chart.found(code))


@pytest.mark.parametrize(
    ("amount", "token", "code", "sides"),
    [
        (-3 * ETHER, "", "ETH", (3 * ETHER, 0)),
        (ETHER, "", "ETH", (0, ETHER)),
        (-7, USDC, "USD", (700, 0)),
        (1, USDC, "USD", (0, 100)),
    ],
)
def test_what_is_booked_is_the_houses_and_ends(started, amount, token, code, sides):
    plant(started, started.hot, amount, token)
    finalize(started)
    assert started.alarms() == [f"break/{code}/{started.hot}"]
    ident = booked(started, code)
    assert started.decision_state(ident) == "done"
    assert house(started, code) == sides
    assert (found(started), suspense(started, code), started.alarms()) == ({}, 0, [])
    for _ in range(2):  # the same difference never comes again
        started.start()
        finalize(started)
    assert (found(started), house(started, code)) == ({}, sides)
    asset = figures(started, code)
    assert (asset.ledger, asset.suspense) == (asset.on_chain, "0")
    started.custody.poster.ledger.check()
    with pytest.raises(DeskRefused, match=f"no break of {code}"):
        asked(started, code)


def test_its_assets_withdrawals_go_on(started):
    plant(started, started.hot, -ETHER)
    finalize(started)
    waits = started.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    started.go(6)
    assert started.withdrawal_state(waits) == "approved"
    booked(started)
    started.settle()
    assert started.withdrawal_state(waits) == "settled"


def test_a_break_that_has_changed_is_not_booked_as_it_was(started):
    plant(started, started.hot, -ETHER)
    finalize(started)
    ident = asked(started)
    plant(started, started.hot, -ETHER)
    finalize(started)
    row, _ = started.desk.decisions.one(ident)
    assert row.state == "refused"
    assert row.text.endswith(f"is {-2 * ETHER:+} units now")
    assert house(started) == (0, 0)
    booked(started)
    assert house(started) == (2 * ETHER, 0)


def test_an_amount_that_is_not_the_breaks_is_not_booked(started):
    """As if somebody had changed the database, approvals and all."""
    plant(started, started.hot, -ETHER)
    finalize(started)
    ident = asked(started)
    intent = replace(started.decided(ident), amount=-2 * ETHER)
    with started.database.begin() as connection:
        connection.execute(
            update(decisions).where(decisions.c.id == ident)
            .values(intent=canonical(intent), state="agreed")
        )  # fmt: skip
    finalize(started)
    assert started.decision_state(ident) == "failed"
    assert (house(started), found(started)) == ((0, 0), {("ETH", started.hot): -ETHER})


def test_a_rules_amount_is_of_the_difference_without_its_sign(new_world):
    small = Rule(
        name="small", action="allow", kinds=("book-break",), assets=("USD",), amount_up_to="0.5",
    )  # fmt: skip
    large = Rule(
        name="large", action="approve", kinds=("book-break",),
        approve=(Quorum(group="risk", quorum=1),),
    )  # fmt: skip
    world = new_world(policy=replace(POLICY, rules=(small, large)))
    world.step()
    for amount, state in ((-500_000, "done"), (-500_001, "awaiting")):
        plant(world, world.hot, amount, USDC)
        finalize(world)
        ident = asked(world, "USD")
        finalize(world)
        assert world.decision_state(ident) == state


@pytest.mark.parametrize("place", ["decision judged", "break booked", "break ended"])
@pytest.mark.parametrize("more", [0, -5])
def test_a_process_that_is_killed_books_once(started, place, more):
    """More may be missing by the time that it begins again."""
    plant(started, started.hot, -ETHER)
    finalize(started)
    ident = asked(started)
    started.say(ident, ALICE, CAROL)
    started.kill_at = (place, started.reached.count(place) + 1)
    with pytest.raises(Killed):
        finalize(started)
    started.kill_at = None
    if place != "decision judged":
        plant(started, started.hot, more)
    else:
        more = 0
    started.start()
    finalize(started)
    assert started.decision_state(ident) == "done"
    assert house(started) == (ETHER, 0)
    assert suspense(started) == more
    assert found(started) == ({("ETH", started.hot): more} if more else {})
    assert started.alarms() == ([f"break/ETH/{started.hot}"] if more else [])
    started.custody.poster.ledger.check()


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("BTC", "hot", "x", "t"), "BTC is not on the chain"),
        (("ETH", "hot", "", "t"), "why: 1 to"),
        (("ETH", "hot", "x", ""), "initiator"),
        (("USD", "hot", "x", "t"), "no break of USD"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_its_reason(started, words, refusal):
    plant(started, started.hot, -ETHER)
    finalize(started)
    code, _, why, who = words
    with pytest.raises(DeskRefused, match=refusal):
        started.desk.asking.book(code, started.hot, why, who)
