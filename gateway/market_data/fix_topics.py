"""What the subscribers of one shape of one instrument are told over FIX. Pure.

Each message is rendered once for all of them, without its MDReqID(262). Whoever joins gets the
whole; from then on each message names the one before it (20002), so that a client sees at once
whether it has missed one.
"""

from collections import deque
from typing import Final, Protocol

from engine.market.book import MD_CHANGE, MD_DELETE, MD_NEW, LevelChange, OrderChange
from engine.market.candles import MINUTE
from engine.market.channel import BookChannel, OrdersChannel, Place
from engine.market.checksum import book_checksum
from engine.market.feed import TAPE_TRADES, InstrumentFeed, MarketUpdate, TapeTrade
from engine.model.enums import BUY
from engine.model.refdata import Instrument
from gateway.market_data.fix_messages import (
    MARKET_DATA_INCREMENTAL,
    MARKET_DATA_SNAPSHOT,
    Phrases,
)
from gateway.market_data.fix_requests import AVERAGE, HIGH, LOW, OPENING, VOLUME, Shape
from gateway.market_data.wording import Wording

SHOWN_TRADES: Final = 100
"""Last trades that a snapshot shows, entries."""

Frame = tuple[bytes, bytes]
"""MsgType(35), and the body behind MDReqID(262)."""

Frames = list[Frame]


class Market(Protocol):
    """What a topic needs of the market beside its instrument."""

    @property
    def time(self) -> int:
        """Of the last command that was folded, ns UTC."""
        ...


class FixTopic(Protocol):
    """A shape of an instrument."""

    def update(self, update: MarketUpdate) -> None:
        """What a command has done to the instrument; its book has it already."""
        ...

    def news(self) -> Frames:
        """The messages since this was last asked."""
        ...

    def whole(self, *, conflated: bool = False) -> Frames:
        """For who joins, or has missed something. First give `news` to those who are there."""
        ...


def topic_of(
    instrument: Instrument, feed: InstrumentFeed, shape: Shape, digits: int, market: Market
) -> FixTopic:
    """What tells `shape` of an instrument. digits: of a second, in times."""
    if shape.statistics:
        return StatisticsTopic(instrument, feed, shape, digits, market)
    return BookTopic(instrument, feed, shape, digits)


def entries_of(feed: InstrumentFeed, shape: Shape) -> int:
    """About how many entries a snapshot of `shape` has now, at most."""
    book = feed.book
    count = SHOWN_TRADES if shape.trades else 0
    if shape.by_order:
        return count + book.resting
    for side in shape.sides:
        levels = len(book.bids if side == BUY else book.asks)
        count += levels if shape.depth is None else min(levels, shape.depth)
    return count


class BookTopic:
    """Levels or orders of a book, and trades."""

    def __init__(
        self, instrument: Instrument, feed: InstrumentFeed, shape: Shape, digits: int
    ) -> None:
        self._instrument = instrument
        self._feed = feed
        self._shape = shape
        self._phrases = Phrases(instrument, digits)
        self._levels: BookChannel | None = None
        self._orders: OrdersChannel | None = None
        if shape.sides and shape.by_order:
            self._orders = OrdersChannel(instrument, feed)
        elif shape.sides:
            self._levels = BookChannel(instrument, feed, shape.depth)
        self._last = _place(feed)
        self._order_changes: list[OrderChange] = []
        self._trades: deque[TapeTrade] = deque(maxlen=TAPE_TRADES)
        self._frames: Frames = []

    def update(self, update: MarketUpdate) -> None:
        """See FixTopic."""
        if self._levels is not None:
            self._levels.take(update)
        if self._orders is not None:
            changed = self._orders.take(update)
            self._order_changes += changed.orders if changed else ()
        if self._shape.trades:
            self._trades.extend(
                TapeTrade(update.record, update.time, trade) for trade in update.change.trades
            )
        if not self._shape.interval_ms:
            self._tell()

    def news(self) -> Frames:
        """See FixTopic."""
        if self._shape.interval_ms:
            self._tell()
        frames, self._frames = self._frames, []
        return frames

    def whole(self, *, conflated: bool = False) -> Frames:
        """See FixTopic."""
        shape, phrases = self._shape, self._phrases
        entries: list[bytes] = []
        for side in shape.sides:
            if shape.by_order:
                rows = enumerate(self._feed.book.queue(side), 1)
                entries += [phrases.shown_order(side, k, order) for k, order in rows]
            else:
                rows = enumerate(self._feed.book.depth(side, shape.depth), 1)
                entries += [phrases.shown_level(side, k, level) for k, level in rows]
        if shape.trades:
            last = 1 if shape.refresh else SHOWN_TRADES
            entries += [phrases.shown_trade(found) for found in list(self._feed.tape)[-last:]]
        return [(MARKET_DATA_SNAPSHOT, phrases.snapshot(self._last, entries, self._checksum()))]

    def _tell(self) -> None:
        phrases = self._phrases
        entries = [*map(phrases.trade, self._trades), *self._changes()]
        self._trades.clear()
        if not entries:
            return
        prev, self._last = self._last.seq, _place(self._feed)
        if self._shape.refresh:
            self._frames += self.whole()
            return
        body = phrases.incremental(prev, self._last, entries, self._checksum())
        self._frames.append((MARKET_DATA_INCREMENTAL, body))

    def _changes(self) -> list[bytes]:
        """What became of the levels or orders of the sides that are looked at."""
        sides, phrases = self._shape.sides, self._phrases
        if self._orders is not None:
            orders, self._order_changes = self._order_changes, []
            return [phrases.order(change) for change in orders if change.side in sides]
        changed = self._levels.changed() if self._levels is not None else None
        levels: list[LevelChange] = changed.levels if changed is not None else []
        return [phrases.level(change) for change in levels if change.side in sides]

    def _checksum(self) -> int | None:
        """Of the book that the client has; None if it has not both sides."""
        if len(self._shape.sides) < 2:
            return None
        return book_checksum(self._instrument, self._feed.book, self._shape.depth)


class StatisticsTopic:
    """Figures of the last 24 hours, at most so often."""

    def __init__(
        self,
        instrument: Instrument,
        feed: InstrumentFeed,
        shape: Shape,
        digits: int,
        market: Market,
    ) -> None:
        self._feed = feed
        self._shape = shape
        self._market = market
        self._words = Wording(instrument)
        self._phrases = Phrases(instrument, digits)
        self._last = _place(feed)
        self._shown = self._figures()
        self._changed = False
        self._minute = market.time // MINUTE

    def update(self, update: MarketUpdate) -> None:
        """See FixTopic."""
        self._changed = self._changed or bool(update.change.trades)

    def news(self) -> Frames:
        """See FixTopic. Also without a trade the window moves on, minute by minute."""
        minute = self._market.time // MINUTE
        if not self._changed and minute == self._minute:
            return []
        self._changed, self._minute = False, minute
        before, now = self._shown, self._figures()
        figure = self._phrases.figure
        entries = [figure(MD_DELETE, each, b"") for each in before if each not in now]
        for each, value in now.items():
            if value != before.get(each):
                entries.append(figure(MD_CHANGE if each in before else MD_NEW, each, value))
        if not entries:
            return []
        self._shown = now
        prev, self._last = self._last.seq, _place(self._feed)
        if self._shape.refresh:
            return self.whole()
        body = self._phrases.incremental(prev, self._last, entries, None)
        return [(MARKET_DATA_INCREMENTAL, body)]

    def whole(self, *, conflated: bool = False) -> Frames:
        """See FixTopic."""
        entries = [self._phrases.shown_figure(*each) for each in self._shown.items()]
        return [(MARKET_DATA_SNAPSHOT, self._phrases.snapshot(self._last, entries, None))]

    def _figures(self) -> dict[bytes, bytes]:
        """Those that are asked for, by MDEntryType: none if nothing was traded."""
        day = self._feed.candles.last_day(self._market.time)
        if day is None:
            return {}
        words = self._words
        texts = {
            OPENING: "270=" + words.price(day.open),
            HIGH: "270=" + words.price(day.high),
            LOW: "270=" + words.price(day.low),
            AVERAGE: "270=" + words.average(day.turnover, day.lots),
            VOLUME: "271=" + words.quantity(day.lots),
        }
        return {each: texts[each].encode() + b"\x01" for each in self._shape.statistics}


def _place(feed: InstrumentFeed) -> Place:
    return Place(feed.seq, feed.record, feed.time)
