"""What the subscribers of one channel get: each message encoded once, for all of them.

A topic collects frames while commands are folded, and gives them out together: in one turn of the
process, or, if it is conflated, once in its interval. Whoever joins gets the whole first.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from engine.market.channel import BookChanged, BookChannel, OrdersChannel
from engine.market.feed import InstrumentFeed, MarketUpdate, TapeTrade
from engine.model.refdata import Instrument
from gateway.market_data.messages import CandlesSnapshot, TradeReport, TradesSnapshot
from gateway.market_data.wording import Wording
from gateway.stream.answers import ErrorCode, Refused, frame

SHOWN_TRADES: Final = 100
"""Last trades that a new subscriber is shown, entries."""

SHOWN_CANDLES: Final = 500
"""Last candles that a new subscriber is shown, entries."""


class TopicKey(NamedTuple):
    """Which channel of which instrument, in the words of a subscription; interval in seconds."""

    channel: str
    symbol: str
    depth: int | None = None
    interval_ms: int = 0
    interval: int | None = None


class Market(Protocol):
    """What a topic needs of the market beside its instrument."""

    @property
    def time(self) -> int:
        """Of the last command that was folded, ns UTC."""
        ...


class Topic(Protocol):
    """A channel of an instrument."""

    def update(self, update: MarketUpdate) -> None:
        """What a command has done to the instrument; its book has it already."""
        ...

    def news(self) -> bytes:
        """The frames since this was last asked, b"" if there are none."""
        ...

    def whole(self, *, conflated: bool = False) -> bytes:
        """The frame for who joins. First give `news` to those who are there."""
        ...

    def missed(self, seq: int) -> bytes | None:
        """The frames for who has everything up to `seq`; None if that is too long ago. First give
        `news` to those who are there. Raises Refused if there is no such place."""
        ...


class BookTopic:
    """Levels of a book."""

    def __init__(
        self,
        instrument: Instrument,
        feed: InstrumentFeed,
        depth: int | None,
        interval_ms: int,
    ) -> None:
        self._channel = BookChannel(instrument, feed, depth)
        self._feed = feed
        self._words = Wording(instrument)
        self._depth = depth
        self._interval_ms = interval_ms
        self._frames: list[bytes] = []

    def update(self, update: MarketUpdate) -> None:
        """See Topic."""
        self._channel.take(update)
        if not self._interval_ms:
            self._tell()

    def news(self) -> bytes:
        """See Topic."""
        if self._interval_ms:
            self._tell()
        frames, self._frames = self._frames, []
        return b"".join(frames)

    def whole(self, *, conflated: bool = False) -> bytes:
        """See Topic."""
        shown = self._channel.shown()
        return frame(
            self._words.book_snapshot(shown, self._depth, self._interval_ms, conflated=conflated)
        )

    def missed(self, seq: int) -> bytes | None:
        """See Topic. All that was missed comes as one message."""
        if self._depth is not None:
            return None
        updates = self._feed.after(seq)
        if updates is None:
            return None
        changed = self._channel.since(seq, updates)
        return self._frame(changed) if changed is not None else b""

    def _tell(self) -> None:
        changed = self._channel.changed()
        if changed is not None:
            self._frames.append(self._frame(changed))

    def _frame(self, changed: BookChanged) -> bytes:
        return frame(self._words.book_update(changed, self._depth, self._interval_ms))


class OrdersTopic:
    """Resting orders, one by one."""

    def __init__(self, instrument: Instrument, feed: InstrumentFeed) -> None:
        self._channel = OrdersChannel(instrument, feed)
        self._feed = feed
        self._words = Wording(instrument)
        self._frames: list[bytes] = []

    def update(self, update: MarketUpdate) -> None:
        """See Topic."""
        changed = self._channel.take(update)
        if changed is not None:
            self._frames.append(frame(self._words.orders_update(changed)))

    def news(self) -> bytes:
        """See Topic."""
        frames, self._frames = self._frames, []
        return b"".join(frames)

    def whole(self, *, conflated: bool = False) -> bytes:
        """See Topic."""
        return frame(self._words.orders_snapshot(self._channel.shown()))

    def missed(self, seq: int) -> bytes | None:
        """See Topic. All that was missed comes as one message."""
        updates = self._feed.after(seq)
        if updates is None:
            return None
        changed = self._channel.since(seq, updates)
        return frame(self._words.orders_update(changed)) if changed is not None else b""


class TradesTopic:
    """Trades, each with the one before it."""

    def __init__(self, instrument: Instrument, feed: InstrumentFeed) -> None:
        self._feed = feed
        self._words = Wording(instrument)
        self._last = feed.tape[-1].trade.match if feed.tape else 0
        self._frames: list[bytes] = []

    def update(self, update: MarketUpdate) -> None:
        """See Topic."""
        for trade in update.change.trades:
            found = TapeTrade(update.record, update.time, trade)
            self._frames.append(frame(self._words.trade(found, self._last)))
            self._last = trade.match

    def news(self) -> bytes:
        """See Topic."""
        frames, self._frames = self._frames, []
        return b"".join(frames)

    def whole(self, *, conflated: bool = False) -> bytes:
        """See Topic."""
        trades = list(self._reports())[-SHOWN_TRADES:]
        return frame(TradesSnapshot(self._words.symbol, trades))

    def missed(self, seq: int) -> bytes | None:
        """See Topic. seq: a TrdMatchID."""
        if seq > self._last:
            raise Refused(ErrorCode.UNKNOWN_SEQUENCE, f"the last trade is {self._last}")
        tape = self._feed.tape
        if seq < (tape[0].trade.match if len(tape) == tape.maxlen else 0):
            return None
        return b"".join(frame(report) for report in self._reports() if report.match > seq)

    def _reports(self) -> Iterator[TradeReport]:
        """The tape. Of its first trade the one before is known only if there was none."""
        prev = 0
        tape = self._feed.tape
        for k, found in enumerate(tape):
            if k or len(tape) < (tape.maxlen or 0):
                yield self._words.trade(found, prev)
            prev = found.trade.match


class CandlesTopic:
    """Candles of one length: those that have changed, at most so often."""

    def __init__(
        self, instrument: Instrument, feed: InstrumentFeed, interval: int, market: Market
    ) -> None:
        self._feed = feed
        self._words = Wording(instrument)
        self._interval = interval
        self._market = market
        series = feed.candles.series[interval]
        self._from = series[-1].start if series else 0
        self._changed = False

    def update(self, update: MarketUpdate) -> None:
        """See Topic."""
        self._changed = self._changed or bool(update.change.trades)

    def news(self) -> bytes:
        """See Topic. A candle that a later one has closed comes first, closed."""
        if not self._changed:
            return b""
        self._changed = False
        candles = list(self._feed.candles.since(self._interval, self._from))
        self._from = candles[-1].start
        words, now = self._words, self._market.time
        return b"".join(frame(words.candle(c, self._interval, now)) for c in candles)

    def whole(self, *, conflated: bool = False) -> bytes:
        """See Topic."""
        series = list(self._feed.candles.series[self._interval])[-SHOWN_CANDLES:]
        words, now = self._words, self._market.time
        candles = [words.candle(c, self._interval, now) for c in series]
        return frame(CandlesSnapshot(words.symbol, self._interval, candles))

    def missed(self, seq: int) -> bytes | None:
        """See Topic. Candles have no numbers."""
        return None


class TickerTopic:
    """Best prices and 24 hours, at most so often."""

    def __init__(self, instrument: Instrument, feed: InstrumentFeed, market: Market) -> None:
        self._feed = feed
        self._words = Wording(instrument)
        self._market = market
        self._changed = False

    def update(self, update: MarketUpdate) -> None:
        """See Topic."""
        self._changed = True

    def news(self) -> bytes:
        """See Topic."""
        if not self._changed:
            return b""
        self._changed = False
        return self.whole()

    def whole(self, *, conflated: bool = False) -> bytes:
        """See Topic."""
        return frame(self._words.ticker(self._feed, self._market.time))

    def missed(self, seq: int) -> bytes | None:
        """See Topic. A ticker is always the whole."""
        return None
