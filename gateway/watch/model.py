"""One instrument's market as a watcher knows it, from the venue's messages and nothing else. Pure.

What comes from the network is checked before it is believed: a message that is missing, a book
whose checksum differs or a price that is no number end the connection, and the next one shows the
whole again.
"""

import re
from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple
from zlib import crc32

from gateway.market_data.messages import (
    BookSnapshot,
    BookUpdate,
    CandleReport,
    CandlesSnapshot,
    InstrumentReport,
    Level,
    MarketMessage,
    Ticker,
    TradeReport,
    TradesSnapshot,
)

TAPE_TRADES: Final = 100
"""Last trades that are kept: what the venue shows whoever joins, and more than a screen has."""

MINUTES: Final = 240
"""Last one-minute candles that are kept: a wide screen draws so many."""

MINUTE_SECONDS: Final = 60
"""The interval of the candles that are watched, seconds."""

INSTRUMENTS: Final = 10_000
"""Instruments whose names are kept; a venue has some dozens."""

CHECKED_LEVELS: Final = 10
"""Best levels of each side that a book's checksum covers."""

_NUMBER: Final = re.compile(r"[0-9]{1,40}(\.[0-9]{1,40})?")


class OutOfStep(Exception):
    """What was heard does not fit what was heard before; only the whole, shown anew, helps."""


class Shown(NamedTuple):
    """One price of a ladder, as the venue wrote it."""

    price: str
    quantity: str
    orders: int


def number(text: str) -> Decimal:
    """A price or quantity of a message. Raises OutOfStep."""
    if not _NUMBER.fullmatch(text):
        raise OutOfStep(f"{text[:60]!r} is no price and no quantity")
    return Decimal(text)


class Ladder:
    """The best levels of a book, kept up to date by its updates and checked with each of them."""

    def __init__(self, shown: BookSnapshot) -> None:
        """Raises OutOfStep, as `change`."""
        self.seq = shown.seq
        self.depth = shown.depth
        self._bids: dict[Decimal, Shown] = {}
        self._asks: dict[Decimal, Shown] = {}
        self._take(shown)

    @property
    def bids(self) -> list[Shown]:
        """Best first."""
        return [self._bids[price] for price in sorted(self._bids, reverse=True)]

    @property
    def asks(self) -> list[Shown]:
        """Best first."""
        return [self._asks[price] for price in sorted(self._asks)]

    @property
    def checksum(self) -> int:
        """As the venue makes it: CRC-32 of the best ten levels' text."""
        sides = (self.bids[:CHECKED_LEVELS], self.asks[:CHECKED_LEVELS])
        texts = (",".join(f"{s.price}:{s.quantity}" for s in side) for side in sides)
        return crc32("|".join(texts).encode())

    def change(self, update: BookUpdate) -> None:
        """The next update. Raises OutOfStep if it is not the next one, or leads to another book
        than the venue's."""
        if update.prev != self.seq:
            raise OutOfStep(f"after change {self.seq} came one that follows {update.prev}")
        self.seq = update.seq
        self._take(update)

    def _take(self, message: BookSnapshot | BookUpdate) -> None:
        _apply(self._bids, message.bids)
        _apply(self._asks, message.asks)
        deepest = max(len(self._bids), len(self._asks))
        if self.depth is not None and deepest > self.depth:
            raise OutOfStep(f"{deepest} levels are more than the {self.depth} asked for")
        if self.checksum != message.checksum:
            raise OutOfStep(f"the book of change {message.seq} has another checksum")


def _apply(side: dict[Decimal, Shown], levels: Iterable[Level]) -> None:
    for price, quantity, orders in levels:
        number(quantity)
        if orders:
            side[number(price)] = Shown(price, quantity, orders)
        else:
            side.pop(number(price), None)


class Picture:
    """All that is known of one instrument.

    trouble: why it is not up to date now, empty if it is; what was known last stays to be seen.
    record: the highest one that was named.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.trouble = "connecting"
        self.record = -1
        self.ladder: Ladder | None = None
        self.trades: deque[TradeReport] = deque(maxlen=TAPE_TRADES)
        self.candles: deque[CandleReport] = deque(maxlen=MINUTES)
        self.ticker: Ticker | None = None
        self.instruments: dict[str, InstrumentReport] = {}
        self._missing: set[str] = set()
        self.begin()

    @property
    def instrument(self) -> InstrumentReport | None:
        """What it is and whether it can be traded."""
        return self.instruments.get(self.symbol)

    @property
    def complete(self) -> bool:
        """Whether this connection has shown all of it."""
        return not self._missing

    def begin(self) -> None:
        """A new connection: everything will be shown anew."""
        self._missing = {"instrument", "book", "trades", "candles", "ticker"}

    def lost(self, why: str) -> None:
        """The connection has ended."""
        self.trouble = why

    def hear(self, message: MarketMessage) -> None:
        """A message of the venue. Raises OutOfStep."""
        if isinstance(message, InstrumentReport):
            self._instrument(message)
        elif message.symbol == self.symbol:
            self._about_it(message)
        if self.complete:
            self.trouble = ""

    def _about_it(self, message: MarketMessage) -> None:
        match message:
            case BookSnapshot():
                self.ladder = Ladder(message)
                self._heard("book", message.record)
            case BookUpdate() if self.ladder is not None and "book" not in self._missing:
                self.ladder.change(message)
                self._heard("book", message.record)
            case TradesSnapshot():
                self.trades.clear()
                for trade in message.trades:
                    self._trade(trade)
                self._missing.discard("trades")
            case TradeReport():
                self._trade(message)
            case CandlesSnapshot():
                self.candles.clear()
                for candle in message.candles:
                    self._candle(candle)
                self._missing.discard("candles")
            case CandleReport():
                self._candle(message)
            case Ticker():
                self._tick(message)
            case _:
                raise OutOfStep("a message that nobody asked for")

    def _heard(self, what: str, record: int) -> None:
        self._missing.discard(what)
        self.record = max(self.record, record)

    def _instrument(self, report: InstrumentReport) -> None:
        if len(self.instruments) >= INSTRUMENTS and report.symbol not in self.instruments:
            raise OutOfStep(f"more than {INSTRUMENTS} instruments")
        number(report.tick), number(report.lot)
        self.instruments[report.symbol] = report
        if report.symbol == self.symbol:
            self._heard("instrument", report.record)

    def _trade(self, trade: TradeReport) -> None:
        number(trade.price), number(trade.quantity)
        if self.trades and trade.prev != self.trades[-1].match:
            raise OutOfStep(f"a trade is missing before {trade.match}")
        self.trades.append(trade)
        self.record = max(self.record, trade.record)

    def _candle(self, candle: CandleReport) -> None:
        for text in (candle.open, candle.high, candle.low, candle.close, candle.quantity):
            number(text)
        if self.candles and candle.start <= self.candles[-1].start:
            if candle.start == self.candles[-1].start:
                self.candles[-1] = candle
            return
        self.candles.append(candle)

    def _tick(self, ticker: Ticker) -> None:
        texts = (ticker.last, ticker.open, ticker.high, ticker.low, ticker.quantity)
        for text in (*texts, ticker.turnover, ticker.average):
            if text is not None:
                number(text)
        self.ticker = ticker
        self._heard("ticker", ticker.record)
