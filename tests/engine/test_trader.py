"""Who traded: every event says which trader sent what it answers."""

import pytest

from engine.core.venue import Venue
from engine.model.commands import NewOrder, Origin
from engine.model.enums import BUY, GTC, LIMIT, SOURCE_FIX
from engine.model.record import Record, decode_record, encode_record
from engine.replay import replay
from tests.engine.desk import Desk
from tests.engine.streams import ACME_ACCOUNT, ACME_OE1, BOREAS_OE1, BTC_USD, bootstrap

PRICE = 6_000_000


@pytest.fixture
def desk():
    made = Desk()
    made.trader = b""
    made.origin = lambda session: Origin(session, made.number, 0, SOURCE_FIX, trader=made.trader)
    return made


def by(desk, trader):
    """The desk, with someone else at it."""
    desk.trader = trader
    return desk


def traders(desk):
    return [event.trader for event in desk.events]


def test_a_fill_of_a_resting_order_has_the_trader_of_that_order(desk):
    by(desk, b"ANN").sell(ACME_OE1, "s1", 5, PRICE)
    assert traders(desk) == [b"ANN"]
    by(desk, b"BOB").buy(BOREAS_OE1, "b1", 5, PRICE)
    assert traders(desk) == [b"BOB", b"ANN", b"BOB"]


def test_an_order_that_names_no_trader_has_none(desk):
    by(desk, b"").sell(ACME_OE1, "s1", 5, PRICE)
    by(desk, b"BOB").buy(BOREAS_OE1, "b1", 2, PRICE)
    assert traders(desk) == [b"BOB", b"", b"BOB"]


def test_a_request_has_its_own_trader_and_the_order_keeps_its(desk):
    by(desk, b"ANN").buy(ACME_OE1, "b1", 5, PRICE)
    by(desk, b"JIM").replace(ACME_OE1, "b2", "b1", 4, PRICE)
    assert traders(desk) == [b"JIM"]
    by(desk, b"BOB").sell(BOREAS_OE1, "s1", 1, PRICE)
    assert traders(desk) == [b"BOB", b"ANN", b"BOB"]
    by(desk, b"JIM").cancel(ACME_OE1, "b3", "b2")
    assert traders(desk) == [b"JIM"]
    by(desk, b"JIM").cancel(ACME_OE1, "b4", "b2")
    assert traders(desk) == [b"JIM"], "too late"


def test_a_request_that_names_no_trader_has_that_of_the_order(desk):
    by(desk, b"ANN").buy(ACME_OE1, "b1", 5, PRICE)
    by(desk, b"").replace(ACME_OE1, "b2", "b1", 4, PRICE)
    assert traders(desk) == [b"ANN"]
    desk.cancel(ACME_OE1, "b3", "b2")
    assert traders(desk) == [b"ANN"]
    desk.cancel(ACME_OE1, "b4", "b2")
    assert traders(desk) == [b"ANN"], "too late"
    desk.cancel(ACME_OE1, "b5", "nothing")
    assert traders(desk) == [b""], "nobody knows whose it is"


def test_a_mass_cancel_ends_each_order_under_its_own_trader(desk):
    by(desk, b"ANN").buy(ACME_OE1, "b1", 5, PRICE)
    by(desk, b"JIM").buy(ACME_OE1, "b2", 5, PRICE)
    by(desk, b"BOSS").mass_cancel(ACME_OE1, "m1")
    assert traders(desk) == [b"ANN", b"JIM", b"BOSS"]


def test_the_trader_is_part_of_the_state(desk):
    other = Desk()
    assert desk.venue.state_hash() == other.venue.state_hash()
    by(desk, b"ANN").buy(ACME_OE1, "b1", 5, PRICE)
    other.buy(ACME_OE1, "b1", 5, PRICE)
    assert desk.venue.state_hash() != other.venue.state_hash()


def test_a_record_from_before_traders_were_reported_replays_to_the_events_it_has():
    """Its parties name one all the same."""
    venue, number = bootstrap()
    origin = Origin(ACME_OE1, 1, 0, SOURCE_FIX, ((12, b"ANN"),))
    command = NewOrder(origin, b"b1", ACME_ACCOUNT, BTC_USD, BUY, LIMIT, GTC, 5, PRICE)
    events = tuple(venue.apply(command, number, venue.state.last_time))
    assert [event.trader for event in events] == [b""]
    record = Record(number, venue.state.last_time, bytes(16), command, events)
    old = decode_record(encode_record(record))
    again, _ = bootstrap()
    assert isinstance(again, Venue)
    assert replay([old], again).last == number
    assert again.state_hash() == venue.state_hash()
