"""The public order book of one instrument, folded from events alone.

A reader of the journal has no venue. What rests follows from the events of whole commands: an
accepted or replaced order that still has something open when its command is over has gone to the
end of its price's queue; until then it is on its way and in no book.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from msgspec import Struct
from sortedcontainers import SortedDict

from engine.model.enums import BUY, MAKER
from engine.model.events import (
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderReplaced,
)

# FIX MDUpdateAction, tag 279
MD_NEW: Final = 0
MD_CHANGE: Final = 1
MD_DELETE: Final = 2


class OrderChange(NamedTuple):
    """What became of one resting order: MDUpdateAction(279) and its open lots after it.

    price in ticks. A change keeps the order's place in the queue; one that loses its place is a
    deletion and a new one. lots is 0 for a deletion.
    """

    action: int
    side: int
    price: int
    order_id: int
    lots: int


class LevelChange(NamedTuple):
    """What became of one price: MDUpdateAction(279), its lots and number of orders after it.

    price in ticks. Both are 0 for a deletion.
    """

    action: int
    side: int
    price: int
    lots: int
    orders: int


class Trade(NamedTuple):
    """One trade: TrdMatchID(880), price in ticks, lots, and the side that came to take."""

    match: int
    price: int
    lots: int
    aggressor: int


class BookUpdate(NamedTuple):
    """All that one command did to one book, in order; each price is named once in `levels`."""

    instrument: int
    orders: tuple[OrderChange, ...]
    levels: tuple[LevelChange, ...]
    trades: tuple[Trade, ...]


class Level(Struct, gc=False, eq=False):
    """Open lots by order id in order of arrival, and their sum."""

    lots: int
    orders: dict[int, int]


class OrderBook:
    """Resting orders of one instrument. A level's key is lowest for the best price of a side."""

    __slots__ = ("_resting", "asks", "bids")

    def __init__(self) -> None:
        self.bids: SortedDict[int, Level] = SortedDict()
        self.asks: SortedDict[int, Level] = SortedDict()
        self._resting: dict[int, tuple[int, int, Level]] = {}
        """Order id to (side, price, the level there)."""

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._resting

    @property
    def resting(self) -> int:
        """How many orders rest."""
        return len(self._resting)

    def add(self, order_id: int, side: int, price: int, lots: int) -> OrderChange:
        """An order goes to the end of the queue of its price."""
        assert lots > 0
        assert order_id not in self._resting
        levels, key = self._place(side, price)
        level = levels.get(key)
        if level is None:
            level = levels[key] = Level(0, {})
        level.orders[order_id] = lots
        level.lots += lots
        self._resting[order_id] = (side, price, level)
        return OrderChange(MD_NEW, side, price, order_id, lots)

    def reduce(self, order_id: int, lots: int) -> OrderChange:
        """An order has only `lots` open any more, and keeps its place."""
        side, price, level = self._resting[order_id]
        assert 0 < lots <= level.orders[order_id]
        level.lots -= level.orders[order_id] - lots
        level.orders[order_id] = lots
        return OrderChange(MD_CHANGE, side, price, order_id, lots)

    def remove(self, order_id: int) -> OrderChange:
        """An order is gone."""
        side, price, level = self._resting.pop(order_id)
        level.lots -= level.orders.pop(order_id)
        if not level.orders:
            assert level.lots == 0
            levels, key = self._place(side, price)
            del levels[key]
        return OrderChange(MD_DELETE, side, price, order_id, 0)

    def find(self, order_id: int) -> tuple[int, int]:
        """Where an order rests, and what is open of it: (price in ticks, lots)."""
        _, price, level = self._resting[order_id]
        return price, level.orders[order_id]

    def level_of(self, order_id: int) -> tuple[int, int]:
        """The price where an order rests, in ticks, and how many orders are there."""
        _, price, level = self._resting[order_id]
        return price, len(level.orders)

    def lots_at(self, side: int, price: int) -> tuple[int, int]:
        """Open lots and number of orders at a price; (0, 0) if there are none."""
        levels, key = self._place(side, price)
        level = levels.get(key)
        return (0, 0) if level is None else (level.lots, len(level.orders))

    def depth(self, side: int, most: int | None = None) -> list[tuple[int, int, int]]:
        """Levels from the best on, at most `most`: (price in ticks, lots, number of orders)."""
        sign = -1 if side == BUY else 1
        levels = self.bids if side == BUY else self.asks
        keys = levels.islice(stop=most)
        return [(key * sign, levels[key].lots, len(levels[key].orders)) for key in keys]

    def queue(self, side: int) -> Iterator[tuple[int, int, int]]:
        """All orders of a side, best price first, then first in first: (id, price, open lots)."""
        sign = -1 if side == BUY else 1
        levels = self.bids if side == BUY else self.asks
        for key, level in levels.items():
            for order_id, lots in level.orders.items():
                yield order_id, key * sign, lots

    def _place(self, side: int, price: int) -> tuple["SortedDict[int, Level]", int]:
        return (self.bids, -price) if side == BUY else (self.asks, price)


class MarketFold:
    """The books of all instruments, from the events of whole commands."""

    def __init__(self) -> None:
        self.books: dict[int, OrderBook] = {}

    def book(self, instrument: int) -> OrderBook:
        """An instrument's book; an empty one where nothing ever rested."""
        found = self.books.get(instrument)
        if found is None:
            found = self.books[instrument] = OrderBook()
        return found

    def apply(self, events: Iterable[Event]) -> list[BookUpdate]:
        """All events of one command; what everybody may see of it, by instrument."""
        changes: dict[int, _Changes] = {}
        for event in events:
            take = _TAKE.get(type(event))
            if take is not None:
                instrument = event.instrument  # type: ignore[union-attr] # all in _TAKE have it
                found = changes.get(instrument)
                if found is None:
                    found = changes[instrument] = _Changes(self.book(instrument))
                take(found, event)
        updates = []
        for instrument, found in changes.items():
            update = found.update(instrument)
            if update.orders or update.trades:
                updates.append(update)
        return updates


class _Changes:
    """What one command does to one book, while its events go by."""

    __slots__ = ("_before", "_book", "_coming", "_orders", "_trades")

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._orders: list[OrderChange] = []
        self._trades: list[Trade] = []
        self._before: dict[tuple[int, int], int] = {}
        """(side, price) to the number of orders that were there before the command."""
        self._coming: OrderEvent | None = None
        """The order that the command brings, while it may trade."""

    def comes(self, event: OrderAccepted) -> None:
        """An order that may trade, and may rest when the command is over."""
        self._coming = event

    def filled(self, event: OrderFilled) -> None:
        """One side of a trade."""
        if event.liquidity == MAKER:
            self._touch(event.order_id, event.side)
            self._shrink(event.order_id, event.leaves)
            return
        self._coming = event
        self._trades.append(Trade(event.match, event.last_price, event.last_qty, event.side))

    def replaced(self, event: OrderReplaced) -> None:
        """A resting order: less of it keeps its place, anything else comes as if it were new."""
        order_id = event.order_id
        price, lots = self._book.find(order_id)
        if not event.leaves or event.price != price or event.leaves > lots:
            self._remove(order_id, event.side)
            self._coming = event
        elif event.leaves < lots:
            self._touch(order_id, event.side)
            self._shrink(order_id, event.leaves)

    def ends(self, event: OrderCanceled | OrderExpired) -> None:
        """A resting order is gone, or what is left of one that never rested."""
        if event.order_id in self._book:
            self._remove(event.order_id, event.side)
        else:
            self._coming = None

    def update(self, instrument: int) -> BookUpdate:
        """The command is over: what is open of its order rests."""
        coming = self._coming
        if coming is not None and coming.leaves:
            place = (coming.side, coming.price)
            if place not in self._before:
                self._before[place] = self._book.lots_at(*place)[1]
            self._orders.append(self._book.add(coming.order_id, *place, coming.leaves))
        levels = tuple(self._levels())
        return BookUpdate(instrument, tuple(self._orders), levels, tuple(self._trades))

    def _shrink(self, order_id: int, leaves: int) -> None:
        change = self._book.reduce(order_id, leaves) if leaves else self._book.remove(order_id)
        self._orders.append(change)

    def _remove(self, order_id: int, side: int) -> None:
        self._touch(order_id, side)
        self._orders.append(self._book.remove(order_id))

    def _touch(self, order_id: int, side: int) -> None:
        """The level of a resting order is about to change."""
        price, orders = self._book.level_of(order_id)
        self._before.setdefault((side, price), orders)

    def _levels(self) -> Iterator[LevelChange]:
        for (side, price), before in self._before.items():
            lots, orders = self._book.lots_at(side, price)
            if orders:
                yield LevelChange(MD_CHANGE if before else MD_NEW, side, price, lots, orders)
            elif before:
                yield LevelChange(MD_DELETE, side, price, 0, 0)


_TAKE: Final[dict[type, Callable[[_Changes, Any], None]]] = {
    OrderAccepted: _Changes.comes,
    OrderFilled: _Changes.filled,
    OrderReplaced: _Changes.replaced,
    OrderCanceled: _Changes.ends,
    OrderExpired: _Changes.ends,
}
"""The events that move a book; whatever else happens to an order leaves it alone."""
