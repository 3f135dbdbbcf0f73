"""What the subscribers of one channel are told of a book, each message once for all of them. Pure.

Whoever joins is shown the whole, and from then on gets the same messages as everybody. Each names
the message before it (`prev`), so that a client sees at once whether it has missed one: a change
that is invisible in the channel, too deep or undone in between, has no message.
"""

from collections.abc import Iterable
from typing import NamedTuple

from engine.market.book import LevelChange, OrderChange
from engine.market.checksum import book_checksum
from engine.market.feed import InstrumentFeed, MarketUpdate
from engine.market.view import AllLevels, Levels, view_of
from engine.model.enums import BUY, SELL
from engine.model.refdata import Instrument


class Place(NamedTuple):
    """Where in the stream of its instrument a message stands: RptSeq(83), the record that
    caused it, and that one's time, ns UTC. Of several changes in one message those of the last."""

    seq: int
    record: int
    time: int


class BookShown(NamedTuple):
    """All levels of the channel, best first, and the checksum of book_checksum."""

    place: Place
    bids: Levels
    asks: Levels
    checksum: int


class BookChanged(NamedTuple):
    """What became of levels since the message whose seq was `prev`."""

    prev: int
    place: Place
    levels: list[LevelChange]
    checksum: int


class BookChannel:
    """An instrument's levels, all of them (depth None) or the best ones of each side.

    For every change call `take` and `changed`; for one message in some time, call `take` for each
    update and `changed` when the time is over.
    """

    def __init__(self, instrument: Instrument, feed: InstrumentFeed, depth: int | None) -> None:
        self._instrument = instrument
        self._feed = feed
        self._depth = depth
        self._view = view_of(feed.book, depth)
        self._last = self._now()

    def take(self, update: MarketUpdate) -> None:
        """An update of the instrument; its book has it already."""
        self._view.touch(update.change.levels)

    def changed(self) -> BookChanged | None:
        """What changed since this was last asked; None if nothing can be seen of it."""
        levels = self._view.changes()
        if not levels:
            return None
        prev, self._last = self._last.seq, self._now()
        return BookChanged(prev, self._last, levels, self._checksum())

    def since(self, seq: int, updates: Iterable[MarketUpdate]) -> BookChanged | None:
        """All that happened to all levels behind that seq, as one message; None if nothing did.
        updates: those behind it. First take `changed`, as for `shown`."""
        assert self._depth is None, "what was the worst of the best levels is not known any more"
        if seq >= self._last.seq:
            return None
        view = AllLevels(self._feed.book)
        for update in updates:
            view.touch(update.change.levels)
        return BookChanged(seq, self._last, view.changes(), self._checksum())

    def shown(self) -> BookShown:
        """The whole, for who joins. First take `changed`, and tell it to those who are there."""
        book, depth = self._feed.book, self._depth
        bids, asks = book.depth(BUY, depth), book.depth(SELL, depth)
        return BookShown(self._last, bids, asks, self._checksum())

    def _now(self) -> Place:
        feed = self._feed
        return Place(feed.seq, feed.record, feed.time)

    def _checksum(self) -> int:
        return book_checksum(self._instrument, self._feed.book, self._depth)


class OrdersShown(NamedTuple):
    """All resting orders of an instrument, best price first, then first in first: (OrderID(37),
    price in ticks, open lots); and the checksum of all levels."""

    place: Place
    bids: list[tuple[int, int, int]]
    asks: list[tuple[int, int, int]]
    checksum: int


class OrdersChanged(NamedTuple):
    """What became of orders since the message whose seq was `prev`."""

    prev: int
    place: Place
    orders: tuple[OrderChange, ...]
    checksum: int


class OrdersChannel:
    """An instrument's resting orders, each change by itself: it is never conflated."""

    def __init__(self, instrument: Instrument, feed: InstrumentFeed) -> None:
        self._instrument = instrument
        self._feed = feed
        self._last = Place(feed.seq, feed.record, feed.time)

    def take(self, update: MarketUpdate) -> OrdersChanged | None:
        """An update of the instrument; None if it has left the book alone."""
        if not update.change.orders:
            return None
        prev, self._last = self._last.seq, Place(update.seq, update.record, update.time)
        return OrdersChanged(prev, self._last, update.change.orders, self._checksum())

    def since(self, seq: int, updates: Iterable[MarketUpdate]) -> OrdersChanged | None:
        """All that happened behind that seq, as one message; None if nothing did. updates: those
        behind it."""
        if seq >= self._last.seq:
            return None
        orders = tuple(order for update in updates for order in update.change.orders)
        return OrdersChanged(seq, self._last, orders, self._checksum())

    def shown(self) -> OrdersShown:
        """The whole, for who joins."""
        book = self._feed.book
        return OrdersShown(
            self._last, list(book.queue(BUY)), list(book.queue(SELL)), self._checksum()
        )

    def _checksum(self) -> int:
        return book_checksum(self._instrument, self._feed.book)
