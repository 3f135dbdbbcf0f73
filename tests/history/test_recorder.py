"""The files of the history are the journal's trades, however the way to them was cut."""

import errno
from decimal import Decimal
from random import Random

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.history import files, recorder
from gateway.history.cursor import read_cursor
from gateway.history.files import CURSOR, HistoryFolder, safe_name
from tests.history.support import HOUR, Venues, candles, follow, projection
from tests.journal.support import FaultyDisk

KINDS_OF_CALLS = ("pwrite", "sync_data", "rename", "sync_folder")


@pytest.fixture
def venue(tmp_path):
    made = Venues(tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """Row groups and parts of a size that a test fills."""
    monkeypatch.setattr(files, "GROUP_ROWS", 8)
    monkeypatch.setattr(recorder, "PART_TRADES", 20)


def all_files(folder):
    """Every day that is over: (kind, symbol, day) to the file's bytes."""
    return {path.relative_to(folder).parts: path.read_bytes() for path in folder.rglob("*.parquet")}


def nanos(table, name):
    return table[name].cast("int64").to_pylist()


def check(folder, journal):
    """Every file against the plain projection; how many trades there are."""
    expected, instruments = projection(journal)
    found = all_files(folder)
    assert set(found) == {
        (kind, symbol, f"{day}.parquet") for symbol, day in expected for kind in files.KINDS
    }
    for (symbol, day), trades in expected.items():
        _check_trades(folder / "trades" / symbol / f"{day}.parquet", trades, instruments[symbol])
        _check_candles(folder / "candles" / symbol / f"{day}.parquet", trades, instruments[symbol])
    return sum(map(len, expected.values()))


def _check_trades(path, trades, i):
    groups = pq.ParquetFile(path).metadata
    sizes = [groups.row_group(k).num_rows for k in range(groups.num_row_groups)]
    assert set(sizes[:-1]) <= {files.GROUP_ROWS}
    assert len(sizes) == -(-len(trades) // files.GROUP_ROWS)
    table = pq.ParquetFile(path).read(use_threads=False)
    names = ("match", "record", "price_ticks", "quantity_lots", "side")
    columns = [table[name].to_pylist() for name in names]
    match, record, ticks, lots, side = columns
    assert list(zip(match, record, nanos(table, "time"), ticks, lots, side, strict=True)) == trades
    price, quantity = table["price"].to_pylist(), table["quantity"].to_pylist()
    assert [str(p) for p in price] == [
        str(Decimal(t[3] * i.tick_units).scaleb(-i.price_places)) for t in trades
    ]
    assert quantity == [Decimal(t[4] * i.lot_units).scaleb(-i.qty_places) for t in trades]


def _check_candles(path, trades, i):
    table = pq.ParquetFile(path).read(use_threads=False)
    names = ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "quantity_lots")
    columns = [table[name].to_pylist() for name in names]
    unit = Decimal(i.tick_units * i.lot_units).scaleb(-i.price_places - i.qty_places)
    turnover = [int(value / unit) for value in table["turnover"].to_pylist()]
    ends = [table[name].to_pylist() for name in ("trades", "first", "last")]
    rows = zip(
        table["interval"].to_pylist(), nanos(table, "start"), *columns, turnover, *ends, strict=True
    )
    assert list(rows) == candles(trades)
    for name in ("open", "high", "low", "close"):
        ticks = table[f"{name}_ticks"].to_pylist()
        exact = [Decimal(t * i.tick_units).scaleb(-i.price_places) for t in ticks]
        assert table[name].to_pylist() == exact


def trade_some_days(venue, chance, between=lambda: None):
    for _ in range(4):
        for _ in range(chance.randrange(1, 5)):
            venue.trade(chance.randrange(1, 25), pause=chance.choice((0, HOUR // 60)))
            between()
        venue.days(chance.choice((1, 1, 3)))
    venue.trade(1)
    between()


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_files_are_the_journals_trades_whatever_the_cuts(seed, tmp_path_factory):
    chance = Random(seed)
    venue = Venues(tmp_path_factory.mktemp("venue"), seed)
    state = {"recorder": venue.recorder()}

    def between():
        """One of the things that happen to a process."""
        what = chance.random()
        if what < 0.2:  # kill -9: what was in memory is gone, and the work is done again
            state["recorder"] = venue.recorder()
        elif what < 0.4:  # the disk is full for some calls, somewhere on the way
            disk = FaultyDisk([chance.choice(KINDS_OF_CALLS)], chance.randrange(6), errno.ENOSPC)
            state["recorder"].folder.disk = disk
            try:
                follow(state["recorder"], chance.choice((1, 7, 500)))
                state["recorder"].flush()
            except OSError:
                if chance.random() < 0.5:
                    state["recorder"] = venue.recorder()
            state["recorder"].folder.disk = files.REAL_DISK
        for _ in range(chance.randrange(8)):
            state["recorder"].step(chance.choice((1, 3, 50)))
        if chance.random() < 0.5:
            state["recorder"].flush()

    trade_some_days(venue, chance, between)
    follow(state["recorder"])
    check(venue.folder, venue.journal)
    straight = venue.folder.with_name("straight")
    follow(venue.recorder(straight))
    assert all_files(straight) == all_files(venue.folder), "the same bytes as without a cut"
    assert not list(venue.folder.rglob("*.new"))
    venue.close()


@pytest.mark.parametrize("many", [8, pytest.param(60, marks=pytest.mark.proof)])
def test_any_call_of_the_disk_may_be_the_last(tmp_path, many):
    venue = Venues(tmp_path)
    trade_some_days(venue, Random(3))
    follow(venue.recorder(tmp_path / "straight"))
    expected = all_files(tmp_path / "straight")
    assert expected
    counting = FaultyDisk(KINDS_OF_CALLS, 1 << 30)
    follow(venue.recorder(tmp_path / "counted", disk=counting))
    cuts = sorted(Random(1).sample(range(counting.calls), many))
    for cut in cuts:
        folder = tmp_path / f"cut{cut}"
        with pytest.raises(OSError, match="error"):
            follow(venue.recorder(folder, disk=FaultyDisk(KINDS_OF_CALLS, cut)))
        follow(venue.recorder(folder))  # the next start
        assert all_files(folder) == expected, f"cut at call {cut} of {counting.calls}"
    venue.close()


def test_the_open_day_lies_in_parts_and_a_start_goes_on_behind_them(venue):
    venue.trade(120)
    first = venue.recorder()
    follow(first)
    first.flush()
    parts = list(venue.folder.rglob("*.part"))
    assert parts
    again = venue.recorder()
    assert again.last == first.last == again._follower.after
    venue.trade(60)
    venue.days(1)
    venue.trade(1)
    follow(again)
    assert check(venue.folder, venue.journal) > 20
    assert not list(venue.folder.rglob("*.part"))


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("what", ["part", "trades", "candles", CURSOR, "another journal"])
@pytest.mark.parametrize("how", ["damaged", "missing", "foreign"])
def test_what_is_damaged_missing_or_foreign_is_written_anew(venue, tmp_path, what, how):
    trade_some_days(venue, Random(5))
    venue.trade(80)
    before = venue.recorder()
    follow(before)
    before.flush()
    folder = venue.folder
    if what == "part":
        path = next(folder.rglob("*.part"))
    elif what == CURSOR:
        path = folder / CURSOR
    elif what == "another journal":
        path = None
        other = Venues(tmp_path / "other", 9)
        trade_some_days(other, Random(5))
        venue.journal = other.journal
    else:
        path = next((folder / what).rglob("*.parquet"))
    if path is not None and how == "missing":
        path.unlink()
    elif path is not None and how == "foreign":
        path.write_bytes(b"PAR1 and something else")
    elif path is not None:
        path.write_bytes(path.read_bytes()[:-9]) if path.suffix == ".parquet" else damage(path)
    venue.log.clear()
    after = venue.recorder()
    follow(after)
    quiet = what == CURSOR and how == "missing"
    assert bool(venue.log) is not quiet
    if what == "another journal":
        expected, _ = projection(venue.journal)
        assert {(s, f"{d}.parquet") for s, d in expected} & {k[1:] for k in all_files(folder)}
        other.close()
    else:
        check(folder, venue.journal)


def test_a_part_that_is_damaged_while_it_runs_is_written_anew(venue):
    venue.trade(120)
    running = venue.recorder()
    follow(running)
    running.flush()
    damage(next(venue.folder.rglob("*.part")))
    venue.days(1)
    venue.trade(1)
    with pytest.raises(files.HistoryDamaged) as raised:
        follow(running)
    running.start_over(raised.value)
    follow(running)
    assert check(venue.folder, venue.journal) > 10


def test_days_beyond_keeping_are_removed_and_nothing_else(venue):
    for _ in range(6):
        venue.trade(60)
        venue.days(1)
    venue.trade(1)
    mine = venue.folder / "trades" / "BTC-USD" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("not of the history")
    old = mine.with_name("2001-01-01.parquet")
    old.write_text("expired long ago")
    follow(venue.recorder(keep=1_000_000, folder=venue.folder.with_name("all")))
    every = sorted({name for _, _, name in all_files(venue.folder.with_name("all"))})
    assert len(every) == 6
    kept = venue.recorder(keep=2)
    follow(kept)
    assert sorted({name for _, _, name in all_files(venue.folder)}) == every[-2:]
    assert mine.exists()
    assert not old.exists()
    assert sorted(kept.cursor.closed) == sorted(kept.cursor.closed)[-2:]
    assert venue.recorder(keep=2).last == kept.last, "and that is no damage"


def test_the_cursor_never_names_what_is_not_on_disk(venue):
    venue.trade(80)
    running = venue.recorder()
    follow(running)
    assert read_cursor(HistoryFolder(venue.folder)).record <= running._done
    running.flush()
    assert read_cursor(HistoryFolder(venue.folder)).record == running._done


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC-USD", "BTC-USD"),
        ("..", "%2E."),
        (".", "%2E"),
        ("../../etc", "%2E.%2F..%2Fetc"),
        ("a/b", "a%2Fb"),
        ("a\0b", "a%00b"),
    ],
)
def test_a_symbol_is_never_a_way_to_elsewhere(symbol, name):
    assert safe_name(symbol) == name
