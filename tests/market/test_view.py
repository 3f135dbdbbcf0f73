"""What a subscriber is shown of a book: the changes alone lead from one showing to the next."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.market.book import MD_CHANGE, MD_DELETE, MD_NEW, LevelChange, OrderBook
from engine.market.view import AllLevels, BestLevels, view_of
from engine.model.enums import BUY, SELL
from tests.market.along import trading


class Screen:
    """A client's levels, by the changes alone."""

    def __init__(self, book, depth):
        self.depth = depth
        self.view = view_of(book, depth)
        self.levels = {BUY: {}, SELL: {}}
        for side, levels in self.levels.items():
            levels.update({p: (lots, orders) for p, lots, orders in book.depth(side, depth)})

    def show(self):
        changes = self.view.changes()
        assert len({(c.side, c.price) for c in changes}) == len(changes), "each price once"
        for change in changes:
            levels = self.levels[change.side]
            assert (change.price in levels) == (change.action != MD_NEW)
            if change.action == MD_DELETE:
                del levels[change.price]
                continue
            now = (change.lots, change.orders)
            if self.depth is not None:
                assert levels.get(change.price) != now, "nothing is told that was known"
            levels[change.price] = now
            assert self.depth is None or len(levels) <= self.depth

    def side(self, side):
        levels = [(p, *now) for p, now in self.levels[side].items()]
        return sorted(levels, reverse=side == BUY)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(20, 200),
    often=st.sampled_from((1.0, 0.3, 0.05)),
    mass_slice=st.sampled_from((1, 500)),
)
def test_changes_lead_from_any_showing_of_any_depth_to_the_next(seed, count, often, mass_slice):
    chance = Random(seed)
    screens = {}
    for venue, fold, updates in trading(seed, count, mass_slice):
        for market in venue.state.markets:
            for depth in (1, 2, 5, None):
                if (market, depth) not in screens:
                    screens[market, depth] = Screen(fold.book(market), depth)
        for update in updates:
            for (market, _), screen in screens.items():
                if market == update.instrument:
                    screen.view.touch(update.levels)
        for (market, depth), screen in screens.items():
            if chance.random() < often:
                screen.show()
                for side in (BUY, SELL):
                    assert screen.side(side) == fold.book(market).depth(side, depth)


@pytest.fixture
def book():
    book = OrderBook()
    for order_id, price in enumerate((100, 99, 98, 97), 1):
        book.add(order_id, BUY, price, 5)
    return book


def touch(view, *changes):
    view.touch([LevelChange(*change) for change in changes])


def test_the_level_behind_the_last_one_moves_up_when_a_level_goes(book):
    view = BestLevels(book, 2)
    book.remove(1)
    touch(view, (MD_DELETE, BUY, 100, 0, 0))
    assert view.changes() == [(MD_DELETE, BUY, 100, 0, 0), (MD_NEW, BUY, 98, 5, 1)]


def test_a_level_that_is_pushed_out_is_deleted_before_the_new_one_comes(book):
    view = BestLevels(book, 2)
    book.add(9, BUY, 101, 7)
    touch(view, (MD_NEW, BUY, 101, 7, 1))
    assert view.changes() == [(MD_DELETE, BUY, 99, 0, 0), (MD_NEW, BUY, 101, 7, 1)]


def test_what_happens_below_is_not_seen(book):
    view = BestLevels(book, 2)
    book.remove(3)
    touch(view, (MD_DELETE, BUY, 98, 0, 0))
    assert view.changes() == []


@pytest.mark.parametrize("depth", [None, 2])
def test_a_level_that_came_and_went_between_two_showings_is_not_named(book, depth):
    view = view_of(book, depth)
    book.add(9, BUY, 101, 7)
    touch(view, (MD_NEW, BUY, 101, 7, 1))
    book.remove(9)
    touch(view, (MD_DELETE, BUY, 101, 0, 0))
    assert view.changes() == []


def test_of_several_changes_of_a_level_the_last_one_is_told(book):
    view = AllLevels(book)
    book.add(9, BUY, 100, 7)
    touch(view, (MD_CHANGE, BUY, 100, 12, 2))
    book.remove(1)
    touch(view, (MD_CHANGE, BUY, 100, 7, 1))
    assert view.changes() == [(MD_CHANGE, BUY, 100, 7, 1)]
    assert view.changes() == []
