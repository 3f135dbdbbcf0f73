"""The market as a stream of chunks, and back again, so that a start need not fold it all. Pure.

What is read back goes on as if it had never stopped: the same books in the same order of arrival,
the same RptSeq, tape and candles. Only the history is left out: who comes back after a restart
finds the updates since, or the whole book.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar, Union

import msgspec
from msgspec import Struct

from engine.market.book import Trade
from engine.market.candles import Candle
from engine.market.feed import InstrumentFeed, MarketFeed, TapeTrade
from engine.model.enums import BUY, SELL
from engine.model.errors import SnapshotDamaged

MARKET_FORMAT: Final = 1
"""Grows with each change of what the chunks hold; what has another format is not read."""

CHUNK_ROWS: Final = 4_096
"""Rows of a chunk: some 100 KiB."""

T = TypeVar("T")


class _Chunk(Struct, array_like=True, gc=False):
    """A part of the market; the tag says of what. All but the first go on with its instrument."""


class _Instrument(_Chunk, tag=1):
    instrument: int
    seq: int
    record: int
    time: int


class _Orders(_Chunk, tag=2):
    """Resting orders of a side, best price first, then first in first: (id, price, lots)."""

    side: int
    rows: list[tuple[int, int, int]]


class _Tape(_Chunk, tag=3):
    rows: list[TapeTrade]


class _Candles(_Chunk, tag=4):
    """interval in seconds; 0: the minutes of the 24 hour statistics."""

    interval: int
    rows: list[Candle]


class _Halts(_Chunk, tag=5):
    """Of the whole market, before all instruments: why which are halted."""

    halts: dict[int, str]


class _Trades(_Chunk, tag=6):
    """Where trades are in the journal: (match, first record) of some, and how many there were."""

    rows: list[tuple[int, int]]
    count: int


_Any = Union[_Instrument, _Orders, _Tape, _Candles, _Halts, _Trades]  # noqa: UP007 - msgspec wants it as a value

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Any).decode


def write_market(market: MarketFeed) -> Iterator[bytes]:
    """All of the market, in chunks. Nothing may be applied before the last one is taken."""
    yield _encode(_Halts(market.halts))
    for feed in market.feeds.values():
        yield _encode(_Instrument(feed.instrument, feed.seq, feed.record, feed.time))
        for side in (BUY, SELL):
            for orders in _pieces(feed.book.queue(side)):
                yield _encode(_Orders(side, orders))
        for trades in _pieces(feed.tape):
            yield _encode(_Tape(trades))
        for places in _pieces(feed.trades.rows()):
            yield _encode(_Trades(places, feed.trades.count))
        for interval, series in feed.candles.saved():
            for candles in _pieces(series):
                yield _encode(_Candles(interval, candles))


def read_market(chunks: Iterable[bytes]) -> MarketFeed:
    """Inverse of write_market. Raises SnapshotDamaged."""
    market = MarketFeed()
    feed: InstrumentFeed | None = None
    for payload in chunks:
        try:
            chunk = _decode(payload)
        except msgspec.DecodeError as error:
            raise SnapshotDamaged(f"not a part of the market: {error}") from error
        if isinstance(chunk, _Halts):
            market.halts = chunk.halts
        elif isinstance(chunk, _Instrument):
            feed = market.feed(chunk.instrument)
            feed.seq, feed.record, feed.time = chunk.seq, chunk.record, chunk.time
        elif feed is None:
            raise SnapshotDamaged("a part of the market without its instrument")
        else:
            _read(feed, chunk)
    return market


def _read(feed: InstrumentFeed, chunk: _Orders | _Tape | _Candles | _Trades) -> None:
    match chunk:
        case _Orders(side, rows):
            for order_id, price, lots in rows:
                feed.book.add(order_id, side, price, lots)
        case _Tape(rows):
            feed.tape.extend(TapeTrade(record, time, Trade(*trade)) for record, time, trade in rows)
        case _Trades(rows, count):
            feed.trades.load(rows, count)
        case _Candles(interval, rows):
            feed.candles.load(interval, rows)


def _pieces(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while piece := list(islice(left, CHUNK_ROWS)):
        yield piece
