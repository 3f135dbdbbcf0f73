"""Rows into bytes: one kind, one format, one stream. The bytes are a function of records, period
and release alone, so that whoever has the records can make them again."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from compliance.exports.errors import ExportRefused
from compliance.exports.kind import LACKS, Deriving, Format, Kind, Row, value_at
from compliance.exports.markup import comment, element
from compliance.exports.times import Period
from engine.journal.sink import HashedStream, Writes
from engine.model.record import Record
from engine.replay import Whole, join_parts

WRITE_BYTES: Final = 256 * 1024
"""Bytes that are gathered before they are written."""

RESUMABLE: Final = ("csv", "json", "xml")
"""Formats that can be gone on with: a Parquet file is not one before its end."""


class Written(NamedTuple):
    """What a stream has got. missing: by name, rows without what every row should have. first,
    last: records of the period, -1 for none."""

    rows: int
    bytes: int
    sha256: str
    missing: dict[str, int]
    first: int
    last: int


class Cursor(Struct, frozen=True):
    """Where a run is: what was written, in how many bytes with which digest, and what it knows."""

    written: Written
    fold: bytes
    inside: bool


class RowWriter(Protocol):
    """A format. Nothing is whole before `close`."""

    def write(self, row: Row) -> None:
        """Add a row."""
        ...

    def flush(self) -> None:
        """Write what was gathered, as far as the format lets it."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


class _Text:
    """Bytes that follow each other, written in large pieces."""

    def __init__(self, stream: HashedStream) -> None:
        self._stream = stream
        self._waiting = bytearray()

    def add(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) >= WRITE_BYTES:
            self.flush()

    def flush(self) -> None:
        self._stream.write(self._waiting)
        self._waiting.clear()


class JsonWriter:
    """One JSON value, with a row on each line."""

    def __init__(self, kind: Kind, stream: HashedStream, rows: int) -> None:
        """rows: that are there already; at 0 nothing is."""
        self._text = _Text(stream)
        self._end = kind.end
        self._between = b",\n" if rows else b"\n"
        self._encode = msgspec.json.Encoder().encode
        if not stream.at:
            self._text.add(kind.begin)

    def write(self, row: Row) -> None:
        """See RowWriter."""
        self._text.add(self._between + self._encode(row))
        self._between = b",\n"

    def flush(self) -> None:
        """See RowWriter."""
        self._text.flush()

    def close(self) -> None:
        """See RowWriter."""
        self._text.add(b"\n" + self._end + b"\n")
        self._text.flush()


class CsvWriter:
    """RFC 4180, with a header. What is not known is an empty field."""

    def __init__(self, kind: Kind, stream: HashedStream) -> None:
        self._text = _Text(stream)
        self._paths = [column.path for column in kind.columns]
        self._line = io.StringIO(newline="")
        self._csv = csv.writer(self._line)
        if not stream.at:
            self._add([column.name for column in kind.columns])

    def write(self, row: Row) -> None:
        """See RowWriter."""
        self._add([value_at(row, path) for path in self._paths])

    def _add(self, fields: Iterable[object]) -> None:
        self._csv.writerow(fields)
        self._text.add(self._line.getvalue().encode())
        self._line.seek(0)
        self._line.truncate()

    def flush(self) -> None:
        """See RowWriter."""
        self._text.flush()

    close = flush


class XmlWriter:
    """One XML document, with a row on each line."""

    def __init__(self, kind: Kind, stream: HashedStream) -> None:
        self._text = _Text(stream)
        self._kind = kind
        if not stream.at:
            self._text.add(kind.begin)

    def write(self, row: Row) -> None:
        """See RowWriter."""
        lacks = row.get(LACKS)
        line = element(self._kind.element, row) if lacks is None else comment(lacks)
        self._text.add(f"\n{line}".encode())

    def flush(self) -> None:
        """See RowWriter."""
        self._text.flush()

    def close(self) -> None:
        """See RowWriter."""
        self._text.add(b"\n" + self._kind.end + b"\n")
        self._text.flush()


def _writer(kind: Kind, fmt: Format, stream: HashedStream, rows: int) -> RowWriter:
    match fmt:
        case "json":
            return JsonWriter(kind, stream, rows)
        case "csv":
            return CsvWriter(kind, stream)
        case "xml":
            return XmlWriter(kind, stream)
        case "parquet":
            # Loaded where it is used: it is in an extra, and takes a quarter of a second.
            from compliance.exports.parquet import ParquetWriter

            return ParquetWriter(kind, stream)


class Writing:
    """An export that is being written."""

    def __init__(
        self,
        kind: Kind,
        fmt: Format,
        period: Period,
        stream: HashedStream,
        cursor: Cursor | None = None,
    ) -> None:
        """cursor: where to go on; `stream` has been told what was written before it.

        Raises ExportRefused for a format that the kind has not, or one member's rows where it has
        only everybody's.
        """
        if fmt not in kind.formats:
            have = ", ".join(kind.formats)
            raise ExportRefused(f"{kind.name} can be had as {have}, not as {fmt}")
        if period.member and not kind.by_member:
            raise ExportRefused(f"{kind.name} are of all members")
        self._stream = stream
        self._period = period
        self._deriving = Deriving(kind, period)
        self._missing = {".".join(path): (path, 0) for path in sorted(kind.wanted)}
        self._rows, self._first, self._last = 0, -1, -1
        if cursor is not None:
            then = cursor.written
            self._rows, self._first, self._last = then.rows, then.first, then.last
            for name, count in then.missing.items():
                self._missing[name] = (self._missing[name][0], count)
            self._deriving.load(cursor.fold, inside=cursor.inside)
        self._writer = _writer(kind, fmt, stream, self._rows)

    def take(self, whole: Whole) -> bool:
        """Write the rows of the next record; whether it was not after the period yet."""
        if whole.time >= self._period.end:
            return False
        if whole.time >= self._period.begin:
            if self._first < 0:
                self._first = whole.first
            self._last = whole.last
        self._write(self._deriving.take(whole))
        return True

    def cursor(self) -> Cursor:
        """Where it is, with all that was gathered written."""
        self._writer.flush()
        return Cursor(self._written(), self._deriving.save(), self._deriving.inside)

    def close(self) -> Written:
        """Write the end."""
        self._write(self._deriving.close())
        self._writer.close()
        return self._written()

    def _write(self, rows: Iterator[Row]) -> None:
        for row in rows:
            self._rows += 1
            for name, (path, count) in self._missing.items():
                if value_at(row, path) is None:
                    self._missing[name] = (path, count + 1)
            self._writer.write(row)

    def _written(self) -> Written:
        stream = self._stream
        missing = {name: count for name, (_, count) in self._missing.items() if count}
        digest = stream.digest.hexdigest()
        return Written(self._rows, stream.at, digest, missing, self._first, self._last)


def write_export(
    kind: Kind, fmt: Format, records: Iterable[Record], period: Period, out: Writes
) -> Written:
    """Write an export of `records`, which begin with record 0, to `out`.

    Raises ExportRefused for what the kind has not, JournalDamaged for records that do not follow
    each other. Parts of a command whose last part is not among the records are left out.
    """
    writing = Writing(kind, fmt, period, HashedStream(out))
    for whole in join_parts(records):
        if not writing.take(whole):
            break
    return writing.close()
