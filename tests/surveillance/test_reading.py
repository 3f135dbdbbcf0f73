"""The facts agree with the venue, whatever members, operators and time do to it."""

import msgspec
import pytest

from compliance.surveillance.facts import Added, Pulled, Sent, Traded
from compliance.surveillance.links import Links
from compliance.surveillance.reading import Reading
from engine.model.commands import CancelOrder, MassCancel, NewOrder, ReplaceOrder
from engine.model.enums import BUY, RESTATEMENT_NONE, SELL
from engine.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderReplaced,
)
from tests.engine.streams import RANDOM_BALANCES, START, bootstrap, bootstrap_commands
from tests.engine.streams import random_commands as stream


def both(seed, count, links=Links()):  # noqa: B008 - frozen
    """A venue and a reading side by side; yields (command, events, steps, venue, reading)."""
    venue, _ = bootstrap(balances=RANDOM_BALANCES)
    reading = Reading(links)
    for number, command in enumerate(bootstrap_commands(balances=RANDOM_BALANCES)):
        reading.take(number, number, START, command, ())
    for command, number, time in stream(seed, count, holds=seed % 2 == 1):
        events = tuple(venue.apply(command, number, time))
        steps = reading.take(number, number, time, command, events)
        yield command, events, steps, venue, reading


def check(venue, reading):
    """Every order, best price and sum by owner, compared with the venue's own."""
    resting = {k: o for k, o in venue.state.orders.items() if o.qty > o.cum and o.status <= 1}
    assert {k: (o.side, o.price, o.shown) for k, o in reading.orders.items()} == {
        k: (o.side, o.price, o.qty - o.cum) for k, o in resting.items()
    }
    for instrument, market in venue.state.markets.items():
        mine = reading.market(instrument)
        here = [o for o in resting.values() if o.instrument == instrument]
        bids = [o.price for o in here if o.side == BUY]
        asks = [o.price for o in here if o.side == SELL]
        assert (mine.bid, mine.ask) == (max(bids, default=0), min(asks, default=0))
        assert mine.last == (market.last_price or 0)
        for owner, shown in mine.shown.items():
            for side in (BUY, SELL):
                own = [o.qty - o.cum for o in here if o.member == -owner and o.side == side]
                assert shown[side - 1] == sum(own)


@pytest.mark.parametrize("seed", range(6))
def test_orders_prices_and_owners_are_those_of_the_venue(seed):
    for k, (*_, venue, reading) in enumerate(both(seed, 1_200)):
        if k % 50 == 0:
            check(venue, reading)


@pytest.mark.parametrize("seed", range(3))
def test_every_message_order_and_trade_is_a_fact(seed):
    kinds = (NewOrder, CancelOrder, ReplaceOrder, MassCancel)
    for command, events, steps, *_ in both(seed, 1_500):
        facts = [fact for step in steps for fact in step.facts]
        sent = [fact for fact in facts if isinstance(fact, Sent)]
        if isinstance(command, kinds):
            assert not sent or len(sent) == 1 or command.instrument == 0
            assert command.instrument == 0 or sent
        accepted = [e for e in events if isinstance(e, OrderAccepted)]
        added = [f for f in facts if isinstance(f, Added)]
        assert len(added) >= len(accepted)
        fills = [e.match for e in events if isinstance(e, OrderFilled)]
        assert [f.match for f in facts if isinstance(f, Traded)] == fills[::2]


def test_what_the_venue_cancels_is_not_pulled_by_its_owner():
    seen = set()
    for _, events, steps, *_ in both(1, 3_000):
        pulled = {f.order.id: f.own for s in steps for f in s.facts if isinstance(f, Pulled)}
        replaced = any(type(event) is OrderReplaced for event in events)
        for event in events:
            kind = type(event)
            if kind is OrderReplaced and event.order_id in pulled:
                assert pulled[event.order_id]
                seen.add((kind, True))
            elif kind is OrderExpired:
                assert not pulled[event.order_id]
                seen.add((kind, False))
            elif kind is OrderCanceled and event.order_id in pulled and not replaced:
                own = event.restatement == RESTATEMENT_NONE
                assert pulled[event.order_id] == own
                seen.add((kind, own))
    assert seen == {
        (OrderReplaced, True),
        (OrderExpired, False),
        (OrderCanceled, True),
        (OrderCanceled, False),
    }


def test_owners_stand_for_all_their_members():
    owners = set()
    for *_, reading in both(2, 300, Links(owners={1: 7, 2: 7})):
        owners |= {order.owner for order in reading.orders.values()}
    assert owners == {7, -3}


def rows_of(steps):
    """Facts that can be compared: structs of orders are the same if their fields are."""
    return [(step.record, [msgspec.to_builtins(fact) for fact in step.facts]) for step in steps]


def test_a_state_that_was_written_down_goes_on_alike():
    first = second = Reading(Links())
    for number, command in enumerate(bootstrap_commands(balances=RANDOM_BALANCES)):
        first.take(number, number, START, command, ())
    for k, (command, events, *_) in enumerate(both(5, 800)):
        if k == 400:
            second = Reading(Links())
            second.load(first.save())
        number = 1_000 + k
        steps = first.take(number, number, START, command, events)
        if second is not first:
            again = second.take(number, number, START, command, events)
            assert rows_of(again) == rows_of(steps)
    assert second is not first
    assert first.save() == second.save()
