"""The public book, folded from events, is the engine's own; its changes alone rebuild it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.venue import Venue
from engine.market.book import (
    MD_CHANGE,
    MD_DELETE,
    MD_NEW,
    BookUpdate,
    LevelChange,
    MarketFold,
    OrderChange,
    Trade,
)
from engine.model.enums import BUY, IOC, SELL
from tests.engine.desk import Desk
from tests.engine.streams import (
    ACME_OE1,
    BOREAS_OE1,
    BTC_USD,
    CYGNUS_OE1,
    ETH_USD,
)
from tests.market.along import trading


class Listener:
    """A client that knows nothing but the changes: levels and queues in plain dicts and lists."""

    def __init__(self):
        self.levels = {}
        self.orders = []

    def hear(self, update: BookUpdate) -> None:
        for change in update.orders:
            found = [k for k, order in enumerate(self.orders) if order[0] == change.order_id]
            if change.action == MD_NEW:
                assert not found
                self.orders.append(
                    (change.order_id, update.instrument, change.side, change.price, change.lots)
                )
            elif change.action == MD_CHANGE:
                order_id, *place, lots = self.orders[found[0]]
                assert change.lots < lots
                self.orders[found[0]] = (order_id, *place, change.lots)
            else:
                assert change.action == MD_DELETE
                del self.orders[found[0]]
        for level in update.levels:
            place = (update.instrument, level.side, level.price)
            assert (place in self.levels) == (level.action != MD_NEW)
            if level.action == MD_DELETE:
                del self.levels[place]
            else:
                self.levels[place] = (level.lots, level.orders)

    def depth(self, instrument: int, side: int) -> list[tuple[int, int, int]]:
        found = [(p, *v) for (i, s, p), v in self.levels.items() if (i, s) == (instrument, side)]
        return sorted(found, reverse=side == BUY)

    def queue(self, instrument: int, side: int) -> list[tuple[int, int, int]]:
        found = [(o, p, n) for o, i, s, p, n in self.orders if (i, s) == (instrument, side)]
        return sorted(found, key=lambda order: order[1] * (-1 if side == BUY else 1))


def compare(venue: Venue, fold: MarketFold, listener: Listener) -> None:
    for market in venue.state.markets.values():
        for side in (BUY, SELL):
            engine = market.book.side(side)
            depth = engine.depth()
            queue = [
                (order.id, order.price, order.qty - order.cum)
                for level in engine.levels.values()
                for order in level.orders.values()
            ]
            book = fold.book(market.id)
            assert book.depth(side) == depth == listener.depth(market.id, side)
            assert list(book.queue(side)) == queue == listener.queue(market.id, side)


def trade_along(seed: int, count: int, mass_slice: int) -> int:
    """Random commands; the number of trades seen."""
    listener, trades = Listener(), []
    for venue, fold, updates in trading(seed, count, mass_slice):
        for update in updates:
            listener.hear(update)
            trades.extend(trade.match for trade in update.trades)
        compare(venue, fold, listener)
    assert trades == list(range(1, venue.state.match + 1))
    return len(trades)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), count=st.integers(1, 150), mass_slice=st.sampled_from((1, 500)))
def test_any_stream_of_commands_folds_into_the_engines_books(seed, count, mass_slice):
    trade_along(seed, count, mass_slice)


def test_a_long_stream_folds_into_the_engines_books_and_has_trades():
    assert trade_along(2, 1_500, 2) > 100


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.fold = MarketFold()
    return desk


def seen(desk: Desk) -> list[BookUpdate]:
    return desk.fold.apply(desk.events)


def test_an_order_that_rests_is_new_at_its_price_and_so_is_the_level(desk):
    desk.buy(ACME_OE1, "b1", 5, 6_000_000)
    order = desk.number - 1
    assert seen(desk) == [
        BookUpdate(
            BTC_USD,
            (OrderChange(MD_NEW, BUY, 6_000_000, order, 5),),
            (LevelChange(MD_NEW, BUY, 6_000_000, 5, 1),),
            (),
        )
    ]


def test_a_trade_shrinks_the_maker_ends_a_level_and_the_rest_of_the_taker_rests(desk):
    desk.sell(BOREAS_OE1, "s1", 2, 6_000_000)
    seen(desk)
    desk.sell(BOREAS_OE1, "s2", 3, 6_000_001)
    first = desk.number - 2
    seen(desk)
    desk.buy(ACME_OE1, "b1", 4, 6_000_001)
    assert seen(desk) == [
        BookUpdate(
            BTC_USD,
            (
                OrderChange(MD_DELETE, SELL, 6_000_000, first, 0),
                OrderChange(MD_CHANGE, SELL, 6_000_001, first + 1, 1),
            ),
            (
                LevelChange(MD_DELETE, SELL, 6_000_000, 0, 0),
                LevelChange(MD_CHANGE, SELL, 6_000_001, 1, 1),
            ),
            (Trade(1, 6_000_000, 2, BUY), Trade(2, 6_000_001, 2, BUY)),
        )
    ]
    desk.buy(ACME_OE1, "b2", 4, 6_000_001)
    [update] = seen(desk)
    assert update.orders[-1] == OrderChange(MD_NEW, BUY, 6_000_001, desk.number - 1, 3)
    assert update.levels == (
        LevelChange(MD_DELETE, SELL, 6_000_001, 0, 0),
        LevelChange(MD_NEW, BUY, 6_000_001, 3, 1),
    )


def test_an_order_that_never_rests_is_not_shown(desk):
    desk.buy(ACME_OE1, "b1", 5, 6_000_000, tif=IOC)
    assert seen(desk) == []
    desk.buy(ACME_OE1, "b2", 5, 6_000_000)
    seen(desk)
    desk.sell(ACME_OE1, "own", 5, 6_000_000)  # self-match prevention
    assert seen(desk) == []


def test_less_quantity_keeps_the_place_another_price_or_more_loses_it(desk):
    for session, name in ((ACME_OE1, "b1"), (BOREAS_OE1, "b2"), (CYGNUS_OE1, "b3")):
        desk.buy(session, name, 5, 6_000_000)
        seen(desk)
    first = desk.number - 3
    desk.replace(ACME_OE1, "b1a", "b1", 3, 6_000_000)
    assert seen(desk)[0].orders == (OrderChange(MD_CHANGE, BUY, 6_000_000, first, 3),)
    desk.replace(ACME_OE1, "b1b", "b1a", 4, 6_000_000)
    [update] = seen(desk)
    assert update.orders == (
        OrderChange(MD_DELETE, BUY, 6_000_000, first, 0),
        OrderChange(MD_NEW, BUY, 6_000_000, first, 4),
    )
    assert update.levels == (LevelChange(MD_CHANGE, BUY, 6_000_000, 14, 3),)
    desk.replace(ACME_OE1, "b1c", "b1b", 4, 6_000_000)
    assert seen(desk) == []
    queue = [order for order, _, _ in desk.fold.book(BTC_USD).queue(BUY)]
    assert queue == [first + 1, first + 2, first]


def test_depth_may_be_asked_for_the_best_levels_only(desk):
    for k in range(5):
        desk.buy(ACME_OE1, f"b{k}", 1 + k, 6_000_000 - k)
        seen(desk)
    assert desk.fold.book(BTC_USD).depth(BUY, 2) == [(6_000_000, 1, 1), (5_999_999, 2, 1)]
    assert desk.fold.book(ETH_USD).depth(SELL) == []
