"""What others read: Parquet files in DuckDB and pandas, with exact decimals and times."""

from decimal import Decimal
from importlib.util import find_spec

import pytest

from compliance.exports.kind import value_at
from compliance.exports.kinds import KINDS
from compliance.exports.times import parse_time
from compliance.exports.writing import write_export
from engine.replay import folder_records, join_parts
from tests.exports.support import ALL, AuditedVenue
from tests.support.needs import needs

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    venue = AuditedVenue(tmp_path_factory.mktemp("data"), seed=5)
    venue.trade(1_500)
    venue.close()
    return list(folder_records(venue.folder / "journal"))


def written(records, kind, folder):
    path = folder / f"{kind.name}.parquet"
    with path.open("wb") as file:
        write_export(kind, "parquet", records, ALL, file)
    return path


def expected(records, kind):
    """By column, what its values are."""
    rows = list(kind.derive(join_parts(records), ALL))
    read = {"decimal": Decimal, "time": parse_time}
    found = {}
    for column in kind.columns:
        values = [value_at(row, column.path) for row in rows]
        convert = read.get(column.holds, lambda value: value)
        found[column.name] = [None if value is None else convert(value) for value in values]
    return found


PARQUET = [kind for kind in KINDS.values() if "parquet" in kind.formats]


@pytest.mark.parametrize("kind", PARQUET, ids=lambda kind: kind.name)
def test_duckdb_reads_exact_values(records, kind, tmp_path):
    needs("duckdb", there=find_spec("duckdb") is not None)
    import duckdb

    path = written(records, kind, tmp_path)
    columns = ", ".join(
        f'epoch_ns("{c.name}")' if c.holds == "time" else f'"{c.name}"' for c in kind.columns
    )
    rows = duckdb.sql(f"select {columns} from '{path}'").fetchall()
    found = dict(
        zip([c.name for c in kind.columns], map(list, zip(*rows, strict=True)), strict=True)
    )
    assert found == expected(records, kind)


@pytest.mark.parametrize("kind", PARQUET, ids=lambda kind: kind.name)
def test_pandas_reads_exact_values(records, kind, tmp_path):
    needs("pandas", there=find_spec("pandas") is not None)
    import pandas as pd

    frame = pd.read_parquet(written(records, kind, tmp_path), engine="pyarrow")
    for name, values in expected(records, kind).items():
        holds = next(c.holds for c in kind.columns if c.name == name)
        found = [None if pd.isna(value) else value for value in frame[name].tolist()]
        if holds == "time":
            found = [None if time is None else time.value for time in found]
        assert found == values, name
