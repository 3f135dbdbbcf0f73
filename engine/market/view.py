"""Part of a book as subscribers see it, and what has changed in it since it was last shown. Pure.

The same serves who wants every change and who wants one message in so many milliseconds: however
many updates lie between two showings, each price is named at most once, and what is named is
exactly what leads from the one showing to the other.
"""

from collections.abc import Iterable
from typing import Protocol

from engine.market.book import MD_CHANGE, MD_DELETE, MD_NEW, LevelChange, OrderBook
from engine.model.enums import BUY, SELL

Levels = list[tuple[int, int, int]]
"""Best first: (price in ticks, lots, number of orders)."""


class LevelView(Protocol):
    """Some levels of a book."""

    def touch(self, levels: Iterable[LevelChange]) -> None:
        """What a command has done to the book, which has it already."""
        ...

    def changes(self) -> list[LevelChange]:
        """What has changed since this was last asked."""
        ...


def view_of(book: OrderBook, depth: int | None) -> LevelView:
    """All levels of a book (depth None), or the best ones of each side."""
    return AllLevels(book) if depth is None else BestLevels(book, depth)


class AllLevels:
    """All levels of a book."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._touched: dict[tuple[int, int], bool] = {}
        """(side, price) to whether the level was there when it was last shown."""

    def touch(self, levels: Iterable[LevelChange]) -> None:
        """What a command has done to the book."""
        touched = self._touched
        for change in levels:
            place = (change.side, change.price)
            if place not in touched:
                touched[place] = change.action != MD_NEW

    def changes(self) -> list[LevelChange]:
        """What has changed since this was last asked, in the order in which it was first touched.

        A level that came and went in between is not named; one that went and came again has
        changed, even if it is as it was.
        """
        found = []
        for (side, price), was in self._touched.items():
            lots, orders = self._book.lots_at(side, price)
            if orders:
                found.append(LevelChange(MD_CHANGE if was else MD_NEW, side, price, lots, orders))
            elif was:
                found.append(LevelChange(MD_DELETE, side, price, 0, 0))
        self._touched.clear()
        return found


class BestLevels:
    """The best `depth` levels of each side. One that falls out of them is deleted for whoever
    sees only these; one that moves up into them is new."""

    def __init__(self, book: OrderBook, depth: int) -> None:
        assert depth > 0
        self._sides = [_Side(book, side, depth) for side in (BUY, SELL)]

    def touch(self, levels: Iterable[LevelChange]) -> None:
        """What a command has done to the book."""
        bids, asks = self._sides
        for change in levels:
            (bids if change.side == BUY else asks).touch(change.price)

    def changes(self) -> list[LevelChange]:
        """What has changed since this was last asked: of each side first what is gone, so that
        there are never more than `depth` levels, then the others from the best on."""
        return [change for side in self._sides for change in side.changes()]


class _Side:
    """One side of BestLevels."""

    __slots__ = ("_book", "_depth", "_shown", "_side", "_sign", "_touched", "_worst")

    def __init__(self, book: OrderBook, side: int, depth: int) -> None:
        self._book = book
        self._side = side
        self._depth = depth
        self._sign = -1 if side == BUY else 1
        self._shown: dict[int, tuple[int, int]] = {}
        self._worst: int | None = None
        """Price of the last level if there are `depth` of them; beyond it nothing is seen."""
        self._touched = False
        self._show(book.depth(side, depth))

    def touch(self, price: int) -> None:
        if self._worst is None or price * self._sign <= self._worst * self._sign:
            self._touched = True

    def changes(self) -> list[LevelChange]:
        if not self._touched:
            return []
        side, before = self._side, self._shown
        now = self._book.depth(side, self._depth)
        self._show(now)
        shown = self._shown
        found = [
            LevelChange(MD_DELETE, side, price, 0, 0) for price in before if price not in shown
        ]
        for price, lots, orders in now:
            was = before.get(price)
            if was is None:
                found.append(LevelChange(MD_NEW, side, price, lots, orders))
            elif was != (lots, orders):
                found.append(LevelChange(MD_CHANGE, side, price, lots, orders))
        return found

    def _show(self, levels: Levels) -> None:
        self._shown = {price: (lots, orders) for price, lots, orders in levels}
        self._worst = levels[-1][0] if len(levels) == self._depth else None
        self._touched = False
