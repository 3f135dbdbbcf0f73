"""Reads the history: the files of the days that are over, and the parts of the open one.

For another process than the one that writes. What is newer than `History.record` is not in the
files yet: the live feed has it.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from engine.journal.disk import REAL_DISK, Disk
from engine.market.candles import INTERVALS, Candle
from engine.market.feed import TapeTrade
from engine.model.clock import NANOS_PER_SECOND
from engine.model.refdata import Instrument
from gateway.history.cursor import Cursor, read_cursor
from gateway.history.files import KINDS, HistoryDamaged, HistoryFolder
from gateway.history.rows import candles_of, day_of, fold_candles, trades_of

MAX_ROWS: Final = 10_000
"""Most rows of one answer: some 2 MiB. Whoever wants more asks again, from where this one ends."""

ATTEMPTS: Final = 3
"""Times that a read begins anew because a day was closed under it; a day is closed once a day."""


class History:
    """The history in `folder`. Each call sees the files as they are at that moment.

    Times are ns UTC, `start` counted and `end` not; at most `limit` rows come, the oldest first.
    All calls raise HistoryDamaged, OSError, and KeyError for a symbol without history.
    """

    def __init__(self, folder: Path, disk: Disk = REAL_DISK) -> None:
        self._folder = HistoryFolder(folder, disk)

    @property
    def record(self) -> int:
        """All trades up to this record of the journal are in the files, -1: none."""
        return read_cursor(self._folder).record

    def trades(self, symbol: str, start: int, end: int, limit: int) -> list[TapeTrade]:
        """Trades in [start, end)."""
        assert 0 < limit <= MAX_ROWS
        for _ in range(ATTEMPTS):
            try:
                cursor, _ = self._cursor(symbol)
                return list(islice(self._trades(cursor, symbol, start, end), limit))
            except FileNotFoundError:
                continue
        raise HistoryDamaged(f"files of {symbol} are missing: they will be written anew")

    def candles(self, symbol: str, interval: int, start: int, end: int, limit: int) -> list[Candle]:
        """Candles of so many seconds, one of INTERVALS, that begin in [start, end); that of now may
        still grow."""
        assert interval in INTERVALS
        assert 0 < limit <= MAX_ROWS
        for _ in range(ATTEMPTS):
            try:
                cursor, instrument = self._cursor(symbol)
                found = self._candles(cursor, instrument, interval, start, end)
                return list(islice(found, limit))
            except FileNotFoundError:
                continue
        raise HistoryDamaged(f"files of {symbol} are missing: they will be written anew")

    def _cursor(self, symbol: str) -> tuple[Cursor, Instrument]:
        cursor = read_cursor(self._folder)
        for instrument in cursor.reference_data().instruments.values():
            if instrument.symbol == symbol:
                return cursor, instrument
        raise KeyError(symbol)

    def _day(self, cursor: Cursor, kind: str, symbol: str, day: int) -> pq.ParquetFile:
        digest = cursor.closed[day][symbol][KINDS.index(kind)]
        return self._folder.open_day(kind, symbol, day, digest)

    # --- trades -------------------------------------------------------------------------------

    def _trades(self, cursor: Cursor, symbol: str, start: int, end: int) -> Iterator[TapeTrade]:
        for day in _days(cursor, symbol, start, end):
            with self._day(cursor, "trades", symbol, day) as file:
                yield from _between(_tables(file, "time", start, end), start, end)
        yield from self._open_day(cursor, symbol, start, end)

    def _open_day(self, cursor: Cursor, symbol: str, start: int, end: int) -> Iterator[TapeTrade]:
        if not start < end or not day_of(start) <= cursor.day <= day_of(end):
            return
        parts = [part for part in cursor.parts if part.symbol == symbol]
        tables = (
            self._folder.read_part(symbol, cursor.day, part.first, part.digest) for part in parts
        )
        yield from _between(tables, start, end)

    # --- candles ------------------------------------------------------------------------------

    def _candles(
        self, cursor: Cursor, instrument: Instrument, interval: int, start: int, end: int
    ) -> Iterator[Candle]:
        length = interval * NANOS_PER_SECOND
        start, end = -(-start // length) * length, -(-end // length) * length
        for day in _days(cursor, instrument.symbol, start, end):
            with self._day(cursor, "candles", instrument.symbol, day) as file:
                for table in _tables(file, "interval", interval, interval + 1):
                    for candle in candles_of(instrument, table):
                        if start <= candle.start < end:
                            yield candle
        trades = self._open_day(cursor, instrument.symbol, start, end)
        yield from fold_candles(trades, interval)


def _days(cursor: Cursor, symbol: str, start: int, end: int) -> list[int]:
    """The days that are over and have to do with [start, end), oldest first."""
    if start >= end:
        return []
    return sorted(
        day
        for day, symbols in cursor.closed.items()
        if day_of(start) <= day <= day_of(end - 1) and symbol in symbols
    )


def _tables(file: pq.ParquetFile, column: str, low: int, high: int) -> Iterator[pa.Table]:
    """The row groups in which `column` has values of [low, high)."""
    index = file.schema_arrow.get_field_index(column)
    for group in range(file.num_row_groups):
        statistics = file.metadata.row_group(group).column(index).statistics
        least, most = statistics.min_raw, statistics.max_raw
        if most < low or least >= high:
            continue
        try:
            yield file.read_row_group(group, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise HistoryDamaged(f"a row group cannot be read: {error}") from None


def _between(tables: Iterable[pa.Table], start: int, end: int) -> Iterator[TapeTrade]:
    for table in tables:
        for trade in trades_of(table):
            if trade.time >= end:
                return
            if trade.time >= start:
                yield trade
