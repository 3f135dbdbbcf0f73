"""Trades and candles as Arrow tables, and back: integers as the engine has them, and beside them
the same as decimals of the instrument's exact scale. No float ever. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Context, Decimal
from typing import Final

import pyarrow as pa

from engine.market.book import Trade
from engine.market.candles import INTERVALS, Candle, begin, merged
from engine.market.feed import TapeTrade
from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.enums import BUY, SELL
from engine.model.refdata import Instrument

HISTORY_FORMAT: Final = b"1"
"""Of the columns below; a file of another format is written again."""

DIGITS: Final = 38
"""Of a decimal128: the most that it holds."""

_EXACT: Final = Context(prec=DIGITS)
_TIME: Final = pa.timestamp("ns", tz="UTC")
_EPOCH: Final = date(1970, 1, 1).toordinal()


def day_of(time: int) -> int:
    """The UTC day of a time, ns: days since 1970-01-01."""
    return time // NANOS_PER_DAY


def day_text(day: int) -> str:
    """A day as in a file's name, `2026-11-23`."""
    return date.fromordinal(_EPOCH + day).isoformat()


def _metadata(kind: str, symbol: str, day: int) -> dict[bytes, bytes]:
    return {
        b"fixgate.format": HISTORY_FORMAT,
        b"fixgate.kind": kind.encode(),
        b"fixgate.symbol": symbol.encode(),
        b"fixgate.day": day_text(day).encode(),
    }


def belongs(schema: pa.Schema, kind: str, symbol: str, day: int) -> bool:
    """Whether a file with that schema is what its name says, and of this format."""
    return all((schema.metadata or {}).get(k) == v for k, v in _metadata(kind, symbol, day).items())


# --- trades ---------------------------------------------------------------------------------------


def trades_schema(instrument: Instrument, day: int) -> pa.Schema:
    """match: TrdMatchID(880). record: the journal's, of the command that caused it. side: of who
    came to take. Prices in ticks and in the quote asset, quantities in lots and in the base asset.
    """
    return pa.schema(
        [
            ("match", pa.int64()),
            ("record", pa.int64()),
            ("time", _TIME),
            ("side", pa.string()),
            ("price_ticks", pa.int64()),
            ("quantity_lots", pa.int64()),
            ("price", pa.decimal128(DIGITS, instrument.price_places)),
            ("quantity", pa.decimal128(DIGITS, instrument.qty_places)),
        ],
        metadata=_metadata("trades", instrument.symbol, day),
    )


def trades_table(instrument: Instrument, day: int, trades: Sequence[TapeTrade]) -> pa.Table:
    """Trades of one day, in order."""
    ticks = [t.trade.price for t in trades]
    lots = [t.trade.lots for t in trades]
    columns: list[Sequence[object]] = [
        [t.trade.match for t in trades],
        [t.record for t in trades],
        [t.time for t in trades],
        ["buy" if t.trade.aggressor == BUY else "sell" for t in trades],
        ticks,
        lots,
        _decimals(ticks, instrument.tick_units, instrument.price_places),
        _decimals(lots, instrument.lot_units, instrument.qty_places),
    ]
    return _table(trades_schema(instrument, day), columns)


def trades_of(table: pa.Table) -> Iterator[TapeTrade]:
    """Inverse of trades_table."""
    columns = (
        table["match"].to_pylist(),
        table["record"].to_pylist(),
        table["time"].cast(pa.int64()).to_pylist(),
        table["side"].to_pylist(),
        table["price_ticks"].to_pylist(),
        table["quantity_lots"].to_pylist(),
    )
    for match, record, time, side, ticks, lots in zip(*columns, strict=True):
        yield TapeTrade(record, time, Trade(match, ticks, lots, BUY if side == "buy" else SELL))


# --- candles --------------------------------------------------------------------------------------


def candles_schema(instrument: Instrument, day: int) -> pa.Schema:
    """interval: seconds. start: of the candle. first, last: records of its first and last trade.
    turnover: in the quote asset."""
    price = pa.decimal128(DIGITS, instrument.price_places)
    prices = ("open", "high", "low", "close")
    return pa.schema(
        [
            ("interval", pa.int32()),
            ("start", _TIME),
            *((f"{name}_ticks", pa.int64()) for name in prices),
            ("quantity_lots", pa.int64()),
            *((name, price) for name in prices),
            ("quantity", pa.decimal128(DIGITS, instrument.qty_places)),
            ("turnover", pa.decimal128(DIGITS, instrument.price_places + instrument.qty_places)),
            ("trades", pa.int64()),
            ("first", pa.int64()),
            ("last", pa.int64()),
        ],
        metadata=_metadata("candles", instrument.symbol, day),
    )


def candles_table(
    instrument: Instrument, day: int, interval: int, candles: Sequence[Candle]
) -> pa.Table:
    """Candles of one length, seconds, and one day, in order."""
    i = instrument
    ticks = [[getattr(c, name) for c in candles] for name in ("open", "high", "low", "close")]
    lots = [c.lots for c in candles]
    turnover = [c.turnover for c in candles]
    columns = [
        [interval] * len(candles),
        [c.start for c in candles],
        *ticks,
        lots,
        *(_decimals(column, i.tick_units, i.price_places) for column in ticks),
        _decimals(lots, i.lot_units, i.qty_places),
        _decimals(turnover, i.tick_units * i.lot_units, i.price_places + i.qty_places),
        [c.trades for c in candles],
        [c.first for c in candles],
        [c.last for c in candles],
    ]
    return _table(candles_schema(instrument, day), columns)


def candles_of(instrument: Instrument, table: pa.Table) -> Iterator[Candle]:
    """Inverse of candles_table."""
    unit = instrument.tick_units * instrument.lot_units
    places = instrument.price_places + instrument.qty_places
    turnovers = [
        int(value.scaleb(places, _EXACT)) // unit for value in table["turnover"].to_pylist()
    ]
    names = ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "quantity_lots")
    starts = table["start"].cast(pa.int64()).to_pylist()
    prices = [table[name].to_pylist() for name in names]
    counts = [table[name].to_pylist() for name in ("trades", "first", "last")]
    for row in zip(starts, *prices, turnovers, *counts, strict=True):
        yield Candle(*row)


def fold_candles(trades: Iterable[TapeTrade], interval: int) -> Iterator[Candle]:
    """Candles of so many seconds from trades in order."""
    length = interval * NANOS_PER_SECOND
    candle: Candle | None = None
    for record, time, trade in trades:
        start = time // length * length
        if candle is not None and candle.start == start:
            candle.add(trade, record)
            continue
        if candle is not None:
            yield candle
        candle = begin(start, trade, record)
    if candle is not None:
        yield candle


def all_candles(trades: Iterable[TapeTrade]) -> Iterator[tuple[int, list[Candle]]]:
    """(interval in seconds, candles) of a day: the shortest from its trades, each longer one from
    the one before it, which divides it."""
    candles: list[Candle] = []
    for interval in INTERVALS:
        candles = (
            list(fold_candles(trades, interval)) if not candles else _longer(candles, interval)
        )
        yield interval, candles


def _longer(candles: Iterable[Candle], interval: int) -> list[Candle]:
    length = interval * NANOS_PER_SECOND
    groups: dict[int, list[Candle]] = {}
    for candle in candles:
        groups.setdefault(candle.start // length * length, []).append(candle)
    found = (merged(start, group) for start, group in groups.items())
    return [candle for candle in found if candle is not None]


# --- columns --------------------------------------------------------------------------------------


def _decimals(values: Iterable[int], unit: int, places: int) -> list[Decimal]:
    return [Decimal(value * unit).scaleb(-places, _EXACT) for value in values]


def _table(schema: pa.Schema, columns: Sequence[Sequence[object]]) -> pa.Table:
    arrays = [
        pa.array(column, pa.int64()).cast(_TIME)
        if field.type == _TIME
        else pa.array(column, field.type)
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
