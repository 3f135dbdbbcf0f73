"""The files of the history: their names, and how each appears whole or not at all.

DIR/history/trades/SYMBOL/2026-11-23.parquet     a day that is over
DIR/history/candles/SYMBOL/2026-11-23.parquet    the same, all intervals in one file
DIR/history/trades/SYMBOL/2026-11-23.812.part    trades of the day that is not, from record 812
DIR/history/cursor                               what all of these add up to
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.sink import DiskSink, HashedStream
from engine.model.errors import FixgateError
from gateway.history.rows import belongs, day_text

GROUP_ROWS: Final = 65_536
"""Rows of a row group: what a reader holds in memory at once, some 5 MiB."""

KINDS: Final = ("trades", "candles")
SUFFIX: Final = ".parquet"
PART_SUFFIX: Final = ".part"
TEMPORARY: Final = ".new"
CURSOR: Final = "cursor"

MAX_FOOTER_BYTES: Final = 64 * 1024 * 1024
"""Largest footer that is read: some 30,000 row groups."""

_LENGTH_BYTES: Final = 8
"""At a file's end: the length of its footer, and PAR1."""


class HistoryDamaged(FixgateError):
    """A file of the history cannot be used; the journal still has all that was in it."""


class HistoryFolder:
    """The folder of the history."""

    def __init__(self, folder: Path, disk: Disk = REAL_DISK) -> None:
        self.folder = folder
        self.disk = disk

    # --- names --------------------------------------------------------------------------------

    def of_symbol(self, kind: str, symbol: str) -> Path:
        """The folder of an instrument's trades or candles."""
        return self.folder / kind / safe_name(symbol)

    def day_file(self, kind: str, symbol: str, day: int) -> Path:
        """The file of a day that is over."""
        return self.of_symbol(kind, symbol) / f"{day_text(day)}{SUFFIX}"

    def part_file(self, symbol: str, day: int, first: int) -> Path:
        """Trades of a day that is not over, from record `first` on."""
        return self.of_symbol("trades", symbol) / f"{day_text(day)}.{first}{PART_SUFFIX}"

    # --- writing ------------------------------------------------------------------------------

    def write_tables(self, path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> str:
        """A Parquet file of these tables, a row group each; its SHA-256. Raises OSError."""

        def fill(sink: HashedStream) -> None:
            with pq.ParquetWriter(sink, schema, write_page_checksum=True) as writer:
                for table in tables:
                    writer.write_table(table, row_group_size=max(table.num_rows, 1))

        return self._write(path, fill)

    def write_bytes(self, path: Path, data: bytes) -> None:
        """A file of bytes. Raises OSError."""
        self._write(path, lambda sink: sink.write(data))

    def _write(self, path: Path, fill: Callable[[HashedStream], object]) -> str:
        """Under another name first, on disk before it has its own."""
        disk, temporary = self.disk, path.with_name(path.name + TEMPORARY)
        disk.make_folder(path.parent)
        fd = disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            sink = HashedStream(DiskSink(disk, fd))
            fill(sink)
            disk.sync_data(fd)
        finally:
            disk.close(fd)
        disk.rename(temporary, path)
        disk.sync_folder(path.parent)
        return sink.digest.hexdigest()

    # --- reading ------------------------------------------------------------------------------

    def read_part(self, symbol: str, day: int, first: int, digest: str) -> pa.Table:
        """The table of a part. Raises HistoryDamaged, OSError."""
        path = self.part_file(symbol, day, first)
        data = path.read_bytes()
        if sha256(data).hexdigest() != digest:
            raise HistoryDamaged(f"{path} is not what was written")
        return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)

    def open_day(self, kind: str, symbol: str, day: int, digest: str) -> pq.ParquetFile:
        """The file of a day that is over; digest: of its footer, as footer_digest. Its pages have
        checksums of their own. Raises HistoryDamaged, OSError."""
        path = self.day_file(kind, symbol, day)
        if footer_digest(path) != digest:
            raise HistoryDamaged(f"{path} is not what was written")
        try:
            file = pq.ParquetFile(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            raise HistoryDamaged(f"{path} cannot be read: {error}") from None
        if not belongs(file.schema_arrow, kind, symbol, day):
            file.close()
            raise HistoryDamaged(f"{path} is something else")
        return file

    # --- tidying ------------------------------------------------------------------------------

    def names(self) -> Iterator[Path]:
        """All files in the folders of instruments."""
        for kind in KINDS:
            for symbol in sorted((self.folder / kind).glob("*")):
                if symbol.is_dir():
                    yield from sorted(symbol.iterdir())


def footer_digest(path: Path) -> str:
    """The SHA-256 of a Parquet file's size and footer, which has no checksum in the file. Raises
    OSError."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - _LENGTH_BYTES, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - _LENGTH_BYTES - min(length, MAX_FOOTER_BYTES), 0))
        return sha256(size.to_bytes(8, "little") + file.read()).hexdigest()


def safe_name(symbol: str) -> str:
    """A symbol as the name of a folder, whatever it is."""
    name = quote(symbol, safe="")
    return "%2E" + name[1:] if name.startswith(".") else name


def regrouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of GROUP_ROWS, so that a file does not tell how it was cut."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        while rows >= GROUP_ROWS:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, GROUP_ROWS).combine_chunks()
            waiting, rows = [whole.slice(GROUP_ROWS)], rows - GROUP_ROWS
    if rows:
        yield pa.concat_tables(waiting).combine_chunks()
