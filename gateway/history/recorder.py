"""Folds the journal's trades into the files of the history.

The open day's trades are flushed as parts, and the cursor, written behind them, says which parts
count and up to which record; when the first command of another day comes, the parts become the
day's files. Every step can be cut anywhere and done again: the files of a day that is over depend
on the journal alone.
"""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import open_reader
from engine.journal.follow import Follower
from engine.market.book import Trade
from engine.market.feed import TapeTrade
from engine.model.enums import TAKER
from engine.model.events import OrderFilled
from engine.model.record import Record
from engine.model.refdata import Instrument, ReferenceData, configuration_key
from engine.replay import Whole, join_parts
from gateway.history.cursor import Cursor, Part, read_cursor, write_cursor
from gateway.history.files import (
    KINDS,
    PART_SUFFIX,
    SUFFIX,
    TEMPORARY,
    HistoryDamaged,
    HistoryFolder,
    footer_digest,
    regrouped,
)
from gateway.history.rows import (
    all_candles,
    candles_schema,
    candles_table,
    day_of,
    day_text,
    trades_of,
    trades_schema,
    trades_table,
)

PART_TRADES: Final = 65_536
"""Trades of all instruments in memory, at most; then they are flushed: some 20 MiB."""

Log = Callable[[str], None]
Closed = dict[int, dict[str, tuple[str, ...]]]
"""See Cursor.closed."""


class HistoryRecorder:
    """Follows a journal and keeps `folder` up to date. keep_days: older days are removed.

    What raises OSError can be called again: nothing is lost or done twice.
    """

    def __init__(
        self, journal: Path, folder: Path, keep_days: int, log: Log, disk: Disk = REAL_DISK
    ) -> None:
        assert keep_days > 0
        self.folder = HistoryFolder(folder, disk)
        self._keep_days = keep_days
        self._log = log
        self._reader = open_reader(journal, disk)
        self._waiting: deque[Whole] = deque()
        self._rest: list[Record] = []
        self._trades: dict[int, list[TapeTrade]] = {}
        self._count = 0
        self._begin(self._sound_cursor())
        self._tidy()

    @property
    def last(self) -> int:
        """The last record that the files hold, -1 for none."""
        return self.cursor.record

    @property
    def last_read(self) -> int:
        """The last record that was folded, -1 for none; what is not flushed is in memory only."""
        return self._done

    @property
    def behind(self) -> int:
        """Records that are on disk and not folded yet."""
        return self._reader.mark().number - self._done

    def step(self, limit: int) -> int:
        """Fold the next records, at most `limit`; how many were read. Raises JournalDamaged and
        OSError."""
        read = 0
        if not self._waiting:
            records = self._follower.poll(limit)
            read = len(records)
            batch = [*self._rest, *records]
            self._waiting.extend(join_parts(batch))
            end = self._waiting[-1].last if self._waiting else -1
            self._rest = [record for record in batch if record.number > end]
        while self._waiting:
            whole = self._waiting[0]
            if self._day >= 0 and day_of(whole.time) > self._day:
                self._close_day(day_of(whole.time))
            elif self._count >= PART_TRADES:
                self.flush()
            self._take(whole)
            self._waiting.popleft()
        return read

    def flush(self) -> None:
        """Write what is in memory. Raises OSError."""
        if self._done == self.cursor.record:
            return
        parts = [self._write_part(i, trades) for i, trades in sorted(self._trades.items())]
        self._store((*self.cursor.parts, *parts), self._day, self.cursor.closed)
        self._trades, self._count = {}, 0

    def close(self) -> None:
        """Give the journal's files back."""
        self._reader.close()

    # --- folding ------------------------------------------------------------------------------

    def _begin(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self._refdata: ReferenceData = cursor.reference_data()
        self._day = cursor.day
        self._done = cursor.record
        self._follower: Follower = self._reader.follow(cursor.record)
        self._waiting.clear()
        self._rest, self._trades, self._count = [], {}, 0

    def _take(self, whole: Whole) -> None:
        if configuration_key(whole.command):
            self._refdata.apply(whole.command)
        for event in whole.events:
            if isinstance(event, OrderFilled) and event.liquidity == TAKER:
                trade = Trade(event.match, event.last_price, event.last_qty, event.side)
                found = TapeTrade(whole.last, whole.time, trade)
                self._trades.setdefault(event.instrument, []).append(found)
                self._count += 1
        self._done, self._day = whole.last, day_of(whole.time)

    # --- the open day -------------------------------------------------------------------------

    def _write_part(self, instrument_id: int, trades: list[TapeTrade]) -> Part:
        instrument = self._refdata.instruments[instrument_id]
        first, day = trades[0].record, self._day
        path = self.folder.part_file(instrument.symbol, day, first)
        table = trades_table(instrument, day, trades)
        digest = self.folder.write_tables(path, table.schema, [table])
        return Part(instrument.symbol, first, digest)

    def _store(self, parts: tuple[Part, ...], day: int, closed: Closed) -> None:
        salt = self._reader.read(self._done).salt if self._done >= 0 else b""
        names = tuple(self._refdata.configured.values())
        cursor = Cursor(self._done, salt, day, parts, closed, names)
        write_cursor(self.folder, cursor)
        self.cursor = cursor

    # --- the end of a day ---------------------------------------------------------------------

    def _close_day(self, day: int) -> None:
        """The open day is over: write its files, then say so. Raises OSError, HistoryDamaged."""
        self.flush()
        oldest = day - self._keep_days
        symbols = sorted({part.symbol for part in self.cursor.parts})
        written = {
            symbol: self._write_day(self._instrument(symbol))
            for symbol in symbols
            if self._day >= oldest
        }
        closed = {**self.cursor.closed, self._day: written}
        closed = {d: names for d, names in closed.items() if d >= oldest and names}
        self._store((), day, closed)
        self._day = day
        self._tidy()

    def _write_day(self, instrument: Instrument) -> tuple[str, ...]:
        """Both files of an instrument; their digests."""
        folder, day, symbol = self.folder, self._day, instrument.symbol
        schema = trades_schema(instrument, day)
        path = folder.day_file("trades", symbol, day)
        folder.write_tables(path, schema, regrouped(self._parts(symbol)))
        trades = (trade for table in self._parts(symbol) for trade in trades_of(table))
        tables = (
            candles_table(instrument, day, interval, candles)
            for interval, candles in all_candles(trades)
        )
        path = folder.day_file("candles", symbol, day)
        folder.write_tables(path, candles_schema(instrument, day), tables)
        return tuple(footer_digest(folder.day_file(kind, symbol, day)) for kind in KINDS)

    def _parts(self, symbol: str) -> Iterator[pa.Table]:
        for part in self.cursor.parts:
            if part.symbol == symbol:
                yield self.folder.read_part(symbol, self._day, part.first, part.digest)

    def _instrument(self, symbol: str) -> Instrument:
        return next(i for i in self._refdata.instruments.values() if i.symbol == symbol)

    # --- what is there already ----------------------------------------------------------------

    def _sound_cursor(self) -> Cursor:
        """The cursor, if all that it names is there and of this journal; else one before
        everything: the journal has it all."""
        try:
            cursor = read_cursor(self.folder)
            self._check(cursor)
        except (HistoryDamaged, FileNotFoundError) as error:
            self._log(f"written anew from the journal: {error}")
            cursor = Cursor()
            write_cursor(self.folder, cursor)
        return cursor

    def _check(self, cursor: Cursor) -> None:
        if cursor.record < 0:
            return
        try:
            salt = self._reader.read(cursor.record).salt
        except LookupError:
            salt = b""
        if salt != cursor.salt:
            raise HistoryDamaged(f"it names record {cursor.record} of another journal")
        cursor.reference_data()
        for part in cursor.parts:
            self.folder.read_part(part.symbol, cursor.day, part.first, part.digest)
        for day, symbols in cursor.closed.items():
            for symbol, digests in symbols.items():
                for kind, digest in zip(KINDS, digests, strict=True):
                    self.folder.open_day(kind, symbol, day, digest).close()

    def start_over(self, why: object) -> None:
        """Write everything anew. Raises OSError."""
        self._log(f"written anew from the journal: {why}")
        write_cursor(self.folder, Cursor())
        self._begin(Cursor())

    def _tidy(self) -> None:
        """Remove what counts no more: parts that the cursor does not name, files that were not
        finished, days beyond keeping. What is not ours by its name is left alone."""
        folder, cursor = self.folder, self.cursor
        parts = {folder.part_file(p.symbol, cursor.day, p.first) for p in cursor.parts}
        oldest = day_text(max(cursor.day - self._keep_days, 0))
        for path in folder.names():
            unfinished = path.name.endswith((SUFFIX + TEMPORARY, PART_SUFFIX + TEMPORARY))
            left_over = path.suffix == PART_SUFFIX and path not in parts
            expired = path.suffix == SUFFIX and _is_day(path.stem) and path.stem < oldest
            if unfinished or left_over or expired:
                try:
                    folder.disk.unlink(path)
                except OSError as error:
                    self._log(f"cannot remove {path}: {error}")


def _is_day(text: str) -> bool:
    return len(text) == len("2026-11-23") and text.replace("-", "").isdigit()
