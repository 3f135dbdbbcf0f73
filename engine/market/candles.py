"""Candles and 24 hour statistics, folded from trades. All in ticks, lots and ns UTC."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from engine.market.book import Trade
from engine.model.clock import NANOS_PER_SECOND

INTERVALS: Final = (1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400)
"""Lengths of candles, seconds. Each divides a day, and begins with it at 00:00 UTC."""

KEPT: Final = {1: 7_200, 5: 4_320, 15: 2_880, 60: 2_880, 300: 2_016, 900: 2_016}
"""Candles of an interval, in seconds, that are kept in memory for who joins late, per instrument:
two hours of seconds, half a day to three weeks of the longer ones."""
KEPT_LONG: Final = 1_100
"""The same of all other intervals: 45 days of hours, three years of days."""

WINDOW: Final = 86_400 * NANOS_PER_SECOND
"""What 24 hour statistics look back on, ns."""
MINUTE: Final = 60 * NANOS_PER_SECOND


class Candle(Struct, array_like=True, gc=False):
    """What traded in [start, start + length), both ns UTC.

    Prices in ticks, lots; turnover is the sum of lots x ticks. first and last are the records of
    its first and last trade. An interval without a trade has no candle.
    """

    start: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    turnover: int
    trades: int
    first: int
    last: int

    def add(self, trade: Trade, record: int) -> None:
        """One more trade."""
        price = trade.price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.lots += trade.lots
        self.turnover += trade.lots * price
        self.trades += 1
        self.last = record


def begin(start: int, trade: Trade, record: int) -> Candle:
    """A candle with its first trade."""
    price, lots = trade.price, trade.lots
    return Candle(start, price, price, price, price, lots, lots * price, 1, record, record)


def merged(start: int, candles: Iterable[Candle]) -> Candle | None:
    """One candle of several, in the order of time; None if there are none."""
    whole: Candle | None = None
    for c in candles:
        if whole is None:
            whole = Candle(
                start, c.open, c.high, c.low, c.close, c.lots, c.turnover, c.trades, c.first, c.last
            )
            continue
        whole.high = max(whole.high, c.high)
        whole.low = min(whole.low, c.low)
        whole.close, whole.last = c.close, c.last
        whole.lots += c.lots
        whole.turnover += c.turnover
        whole.trades += c.trades
    return whole


class Candles:
    """Candles of one instrument, of all intervals, the last ones of each in memory."""

    def __init__(self) -> None:
        self.series: dict[int, deque[Candle]] = {
            interval: deque(maxlen=KEPT.get(interval, KEPT_LONG)) for interval in INTERVALS
        }
        """By interval in seconds, oldest first; the last one may still grow."""
        self._minutes: deque[Candle] = deque(maxlen=WINDOW // MINUTE + 1)

    def add(self, trade: Trade, time: int, record: int) -> None:
        """A trade of a record of that time; times never go back."""
        for interval, series in self.series.items():
            _add(series, interval * NANOS_PER_SECOND, trade, time, record)
        _add(self._minutes, MINUTE, trade, time, record)

    def last_day(self, now: int) -> Candle | None:
        """What traded in the 24 hours before `now`, to the minute; None if nothing did.

        The window begins with the minute that contains `now` - 24 h.
        """
        start = (now - WINDOW) // MINUTE * MINUTE
        while self._minutes and self._minutes[0].start < start:
            self._minutes.popleft()
        return merged(start, self._minutes)

    def since(self, interval: int, start: int) -> Iterator[Candle]:
        """Candles of an interval, in seconds, that begin at `start` or later, oldest first.

        Raises KeyError if there are no candles of that length.
        """
        return (candle for candle in self.series[interval] if candle.start >= start)

    def saved(self) -> Iterator[tuple[int, Iterable[Candle]]]:
        """What `load` takes: (interval in seconds, its candles); 0 for those of `last_day`."""
        yield from self.series.items()
        yield 0, self._minutes

    def load(self, interval: int, candles: Iterable[Candle]) -> None:
        """Take candles over, behind those that are there. Raises KeyError as `since`."""
        (self.series[interval] if interval else self._minutes).extend(candles)


def _add(series: deque[Candle], length: int, trade: Trade, time: int, record: int) -> None:
    start = time // length * length
    if series and series[-1].start == start:
        series[-1].add(trade, record)
        return
    assert not series or series[-1].start < start, "the time of a record went back"
    series.append(begin(start, trade, record))
