"""Rows into bytes: one kind, one format, one stream. The bytes are a function of records, period
and release alone, so that whoever has the records can make them again."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Protocol

import msgspec

from compliance.exports.errors import ExportRefused
from compliance.exports.kind import Format, Kind, Row, value_at
from compliance.exports.times import Period
from engine.journal.sink import HashedStream, Writes
from engine.model.record import Record
from engine.replay import Whole, join_parts

WRITE_BYTES: Final = 256 * 1024
"""Bytes that are gathered before they are written."""


class Written(NamedTuple):
    """What a stream has got. missing: by name, rows without what every row should have. first,
    last: records of the period, -1 for none."""

    rows: int
    bytes: int
    sha256: str
    missing: dict[str, int]
    first: int
    last: int


class RowWriter(Protocol):
    """A format. Nothing is whole before `close`."""

    def write(self, row: Row) -> None:
        """Add a row."""
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

    def __init__(self, kind: Kind, stream: HashedStream) -> None:
        self._text = _Text(stream)
        self._text.add(kind.begin)
        self._end = kind.end
        self._between = b"\n"
        self._encode = msgspec.json.Encoder().encode

    def write(self, row: Row) -> None:
        """See RowWriter."""
        self._text.add(self._between + self._encode(row))
        self._between = b",\n"

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
        self._add([column.name for column in kind.columns])

    def write(self, row: Row) -> None:
        """See RowWriter."""
        self._add([value_at(row, path) for path in self._paths])

    def _add(self, fields: Iterable[object]) -> None:
        self._csv.writerow(fields)
        self._text.add(self._line.getvalue().encode())
        self._line.seek(0)
        self._line.truncate()

    def close(self) -> None:
        """See RowWriter."""
        self._text.flush()


def _writer(kind: Kind, fmt: Format, stream: HashedStream) -> RowWriter:
    if fmt not in kind.formats:
        raise ExportRefused(f"{kind.name} can be had as {', '.join(kind.formats)}, not as {fmt}")
    match fmt:
        case "json":
            return JsonWriter(kind, stream)
        case "csv":
            return CsvWriter(kind, stream)
        case "parquet":
            # Loaded where it is used: it is in an extra, and takes a quarter of a second.
            from compliance.exports.parquet import ParquetWriter

            return ParquetWriter(kind, stream)


class _Passing:
    """Commands on their way, and which records of them are in the period."""

    def __init__(self, period: Period) -> None:
        self.first = self.last = -1
        self._period = period

    def __call__(self, wholes: Iterable[Whole]) -> Iterator[Whole]:
        begin, end = self._period.begin, self._period.end
        for whole in wholes:
            if begin <= whole.time < end:
                if self.first < 0:
                    self.first = whole.first
                self.last = whole.last
            yield whole


def write_export(
    kind: Kind,
    fmt: Format,
    records: Iterable[Record],
    period: Period,
    out: Writes,
) -> Written:
    """Write an export of `records`, which begin with record 0, to `out`.

    Raises ExportRefused for a format that the kind has not, JournalDamaged for records that do not
    follow each other. Parts of a command whose last part is not among the records are left out.
    """
    if period.member and not kind.by_member:
        raise ExportRefused(f"{kind.name} are of all members")
    stream = HashedStream(out)
    writer = _writer(kind, fmt, stream)
    passing = _Passing(period)
    missing = dict.fromkeys(kind.wanted, 0)
    rows = 0
    for row in kind.derive(passing(join_parts(records)), period):
        rows += 1
        for path in missing:
            if value_at(row, path) is None:
                missing[path] += 1
        writer.write(row)
    writer.close()
    found = {".".join(path): count for path, count in sorted(missing.items()) if count}
    digest = stream.digest.hexdigest()
    return Written(rows, stream.at, digest, found, passing.first, passing.last)
