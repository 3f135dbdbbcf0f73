"""Rows as Parquet: text, exact decimals, times; no float. The same rows give the same bytes with
the same release of pyarrow: no time, no name of a machine is in a file."""

from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from compliance.exports.kind import Column, Kind, Row, value_at
from engine.journal.sink import HashedStream

GROUP_ROWS: Final = 65_536
"""Rows of a row group: what a reader holds in memory at once."""

BATCH_ROWS: Final = 4_096
"""Rows that are kept as they come, some 10 MiB, before they become columns, a tenth of that."""

DECIMAL: Final = pa.decimal128(38, 18)
"""20 digits before the point hold whatever int64 counts; no asset has more than 18 behind it."""

_TYPES: Final[dict[str, Any]] = {
    "text": pa.string(),
    "decimal": DECIMAL,
    "time": pa.timestamp("ns", tz="UTC"),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
}


class ParquetWriter:
    """See compliance.exports.writing.RowWriter."""

    def __init__(self, kind: Kind, stream: HashedStream) -> None:
        self._columns = kind.columns
        metadata = {b"fixgate.export": f"{kind.name} {kind.version}".encode()}
        fields = [(column.name, _TYPES[column.holds]) for column in kind.columns]
        self._schema = pa.schema(fields, metadata=metadata)
        self._writer = pq.ParquetWriter(
            stream, self._schema, compression="zstd", compression_level=3, write_page_checksum=True
        )
        self._rows: list[Row] = []
        self._batches: list[Any] = []

    def write(self, row: Row) -> None:
        """See RowWriter."""
        self._rows.append(row)
        if len(self._rows) == BATCH_ROWS:
            self._batch()
            if len(self._batches) * BATCH_ROWS == GROUP_ROWS:
                self._group()

    def flush(self) -> None:
        """See RowWriter: a row group is written when it is full, and else at the end."""

    def close(self) -> None:
        """See RowWriter."""
        if self._rows:
            self._batch()
        if self._batches:
            self._group()
        self._writer.close()

    def _batch(self) -> None:
        arrays = [_array(column, self._rows) for column in self._columns]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows = []

    def _group(self) -> None:
        table = pa.Table.from_batches(self._batches).combine_chunks()
        self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self._batches = []


def _array(column: Column, rows: list[Row]) -> Any:  # noqa: ANN401 - an extra without types
    values = [value_at(row, column.path) for row in rows]
    match column.holds:
        case "decimal":
            values = [None if value is None else Decimal(value) for value in values]
        case "time":
            return pa.array(values, pa.string()).cast(_TYPES["time"])
        case _:
            pass
    return pa.array(values, _TYPES[column.holds])
