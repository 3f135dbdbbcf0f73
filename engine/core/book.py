"""The price-time book of one instrument: sorted price levels, first in first out inside a level."""

from typing import Final

from msgspec import Struct
from sortedcontainers import SortedDict

from engine.core.orders import Order
from engine.model.enums import BUY

EMPTY: Final = 2**63
"""Key of the best level of an empty side: worse than the key of any price in int64."""

COMPACT_AFTER: Final = 64
"""Removals from a level, orders, before its dict may be rebuilt.

A dict keeps the slots of removed entries until it grows, and finding its first entry walks over
them: a long queue that is only taken from would cost its length per trade.
"""


class Level(Struct, gc=False, eq=False):
    """The orders at one price, by order id in order of arrival, and their total open lots."""

    lots: int
    orders: dict[int, Order]
    removed: int = 0


_NOTHING: Final = Level(0, {})


class BookSide:
    """Bids or asks. A level's key is price * sign: the lowest key is the best on either side."""

    __slots__ = ("best", "levels", "sign", "top")

    def __init__(self, sign: int) -> None:
        assert sign in (1, -1)
        self.sign = sign
        self.levels: SortedDict[int, Level] = SortedDict()
        self.best = EMPTY
        self.top = _NOTHING

    def add(self, order: Order) -> None:
        """Put an order behind all others of its price."""
        key = order.price * self.sign
        level = self.levels.get(key)
        if level is not None:
            assert order.id not in level.orders
            level.orders[order.id] = order
            level.lots += order.qty - order.cum
            return
        level = Level(order.qty - order.cum, {order.id: order})
        self.levels[key] = level
        if key < self.best:
            self.best = key
            self.top = level

    def remove(self, order: Order, lots: int) -> None:
        """Take an order out, of which the level still counts `lots`."""
        key = order.price * self.sign
        level = self.levels[key]
        orders = level.orders
        del orders[order.id]
        level.lots -= lots
        level.removed += 1
        if not orders:
            assert level.lots == 0
            del self.levels[key]
            if key == self.best:
                if self.levels:
                    self.best, self.top = self.levels.peekitem(0)
                else:
                    self.best, self.top = EMPTY, _NOTHING
        elif level.removed > COMPACT_AFTER and level.removed > 2 * len(orders):
            level.orders = dict(orders)
            level.removed = 0

    def reduce(self, order: Order, lots: int) -> None:
        """An order of this side lost `lots` and keeps its place."""
        level = self.levels[order.price * self.sign]
        level.lots -= lots
        assert level.lots > 0

    def depth(self) -> list[tuple[int, int, int]]:
        """Levels from the best on: (price in ticks, lots, number of orders)."""
        return [(key * self.sign, lv.lots, len(lv.orders)) for key, lv in self.levels.items()]


class Book:
    """Both sides."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(-1)
        self.asks = BookSide(1)

    def side(self, side: int) -> BookSide:
        """Where an order of Side(54) rests."""
        return self.bids if side == BUY else self.asks

    def opposite(self, side: int) -> BookSide:
        """What an order of Side(54) trades against."""
        return self.asks if side == BUY else self.bids

    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which must never last."""
        return -self.bids.best >= self.asks.best
