"""The market as one numbered stream for each instrument: what every public feed is made of. Pure.

RptSeq counts the changes of an instrument from 1 without holes. It follows from the journal alone,
so it is the same on every transport, after every restart and in every copy of the journal.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from engine.market.book import BookUpdate, MarketFold, OrderBook, Trade
from engine.market.candles import Candles
from engine.market.trade_index import TradeIndex
from engine.model.enums import BLOCK_ALL, BLOCK_INSTRUMENT
from engine.model.events import Blocked, Event, Unblocked
from engine.model.ids import NOBODY

TAPE_TRADES: Final = 1_000
"""Trades of an instrument that are kept for who joins late."""

HISTORY_UPDATES: Final = 8_192
"""Updates of an instrument that are kept for who comes back: some 4 MiB. Who has missed more is
shown the whole book again."""

HALTING: Final = frozenset({BLOCK_INSTRUMENT, BLOCK_ALL})
"""Scopes of a block that everybody may know of: the others are a member's own business."""


class MarketUpdate(NamedTuple):
    """What one command did to one instrument: its RptSeq(83), its record and that one's time."""

    seq: int
    record: int
    time: int
    change: BookUpdate


class TapeTrade(NamedTuple):
    """A trade with its record and that one's time, ns UTC."""

    record: int
    time: int
    trade: Trade


class InstrumentFeed:
    """One instrument: its book, its last trades, its candles, and how far its stream has come.

    seq, record and time are of its last update, 0, -1 and 0 before the first.
    """

    def __init__(self, instrument: int, book: OrderBook) -> None:
        self.instrument = instrument
        self.book = book
        self.candles = Candles()
        self.tape: deque[TapeTrade] = deque(maxlen=TAPE_TRADES)
        self.trades = TradeIndex()
        self.seq = 0
        self.record = -1
        self.time = 0
        self._history: deque[MarketUpdate] = deque(maxlen=HISTORY_UPDATES)

    def take(self, record: int, time: int, change: BookUpdate, first: int) -> MarketUpdate:
        """The next update, of a command in records `first` to `record`; the book has it already."""
        assert record > self.record
        assert time >= self.time
        self.seq += 1
        self.record, self.time = record, time
        for trade in change.trades:
            self.tape.append(TapeTrade(record, time, trade))
            self.candles.add(trade, time, record)
            self.trades.note(trade.match, first)
        update = MarketUpdate(self.seq, record, time, change)
        self._history.append(update)
        return update

    def after(self, seq: int) -> list[MarketUpdate] | None:
        """All updates behind that one, in order; None if they are not kept any more, or if there
        never was such a one: then only the whole book helps."""
        missing = self.seq - seq
        if not 0 <= missing <= len(self._history):
            return None
        return list(islice(self._history, len(self._history) - missing, None))


class MarketFeed:
    """All instruments, from the events of whole commands.

    halts: why new orders are refused, by instrument; under NOBODY the reason of a block of all.
    """

    def __init__(self) -> None:
        self._fold = MarketFold()
        self.feeds: dict[int, InstrumentFeed] = {}
        self.halts: dict[int, str] = {}

    def feed(self, instrument: int) -> InstrumentFeed:
        """An instrument's feed, before its first update an empty one."""
        found = self.feeds.get(instrument)
        if found is None:
            book = self._fold.book(instrument)
            found = self.feeds[instrument] = InstrumentFeed(instrument, book)
        return found

    def apply(
        self, record: int, time: int, events: Iterable[Event], first: int | None = None
    ) -> list[MarketUpdate]:
        """All events of one command; record and time are those of its last part, first is its
        first part's number, if it has several."""
        changes = self._fold.apply(events)
        if first is None:
            first = record
        return [
            self.feed(change.instrument).take(record, time, change, first) for change in changes
        ]

    def halt(self, events: Iterable[Event]) -> list[int]:
        """The events of a Block or Unblock; the instruments that are halted by it or open again,
        NOBODY for all of them."""
        found = []
        for event in events:
            if isinstance(event, Blocked | Unblocked) and event.scope in HALTING:
                instrument = event.target if event.scope == BLOCK_INSTRUMENT else NOBODY
                if isinstance(event, Blocked):
                    self.halts[instrument] = event.reason
                else:
                    self.halts.pop(instrument, None)
                found.append(instrument)
        return found

    def halted(self, instrument: int) -> str | None:
        """Why an instrument is halted, None if it is not."""
        return self.halts.get(instrument, self.halts.get(NOBODY))
