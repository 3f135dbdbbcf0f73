"""What a reader of the history is told: the same trades and candles as the journal's."""

from random import Random

import pytest

from engine.market.candles import INTERVALS
from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.enums import TAKER
from engine.model.events import OrderFilled
from engine.replay import folder_records, join_parts
from gateway.history import files, recorder
from gateway.history.files import HistoryDamaged
from gateway.history.reader import MAX_ROWS, History
from tests.history.support import HOUR, Venues, candles, follow

SYMBOL = "BTC-USD"


@pytest.fixture
def venue(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "GROUP_ROWS", 8)
    monkeypatch.setattr(recorder, "PART_TRADES", 20)
    made = Venues(tmp_path)
    for _ in range(3):
        made.trade(150, pause=HOUR // 100)
        made.days(1)
    made.trade(150, pause=HOUR // 100)
    yield made
    made.close()


@pytest.fixture
def history(venue):
    running = venue.recorder()
    follow(running)
    running.flush()
    return History(venue.folder)


def every_trade(venue):
    """(match, record, time, ticks, lots, side) of the whole journal."""
    return [
        (event.match, whole.last, whole.time, event.last_price, event.last_qty, event.side)
        for whole in join_parts(folder_records(venue.journal))
        for event in whole.events
        if isinstance(event, OrderFilled) and event.liquidity == TAKER and event.instrument == 1
    ]


def plain(trades):
    return [
        (t.trade.match, t.record, t.time, t.trade.price, t.trade.lots, t.trade.aggressor)
        for t in trades
    ]


def ranges(trades, seed):
    """Pairs of times, at trades, a nanosecond beside them, and anywhere."""
    chance = Random(seed)
    times = [t[2] + d for t in trades for d in (-1, 0, 1)]
    times += [t[2] // NANOS_PER_DAY * NANOS_PER_DAY for t in trades]
    return [tuple(chance.choice(times) for _ in range(2)) for _ in range(60)]


def test_all_trades_are_told_of_days_that_are_over_and_of_the_open_one(venue, history):
    trades = every_trade(venue)
    assert len({time // NANOS_PER_DAY for _, _, time, *_ in trades}) >= 4
    assert plain(history.trades(SYMBOL, 0, 1 << 62, MAX_ROWS)) == trades
    for start, end in ranges(trades, 1):
        expected = [t for t in trades if start <= t[2] < end]
        assert plain(history.trades(SYMBOL, start, end, MAX_ROWS)) == expected
        assert plain(history.trades(SYMBOL, start, end, 5)) == expected[:5]


def test_all_candles_are_told(venue, history):
    trades = every_trade(venue)
    days = {}
    for trade in trades:
        days.setdefault(trade[2] // NANOS_PER_DAY, []).append(trade)
    rows = [row for day in sorted(days) for row in candles(days[day])]
    for interval in INTERVALS:
        mine = [row[1:] for row in rows if row[0] == interval]
        for start, end in [(0, 1 << 62), *ranges(trades, interval)]:
            expected = [row for row in mine if start <= row[0] < end]
            found = history.candles(SYMBOL, interval, start, end, MAX_ROWS)
            told = [tuple(getattr(c, f) for f in c.__struct_fields__) for c in found]
            assert told == expected
            assert len(history.candles(SYMBOL, interval, start, end, 2)) == min(2, len(expected))


def test_what_is_not_flushed_is_not_told_and_record_says_so(venue, history):
    before = history.record
    venue.trade(20)
    running = venue.recorder()
    follow(running)
    assert history.record == before
    running.flush()
    assert history.record == running.last > before


def test_who_asks_for_an_unknown_symbol_or_before_there_is_anything_is_told_so(tmp_path, history):
    with pytest.raises(KeyError):
        history.trades("BTC-EUR", 0, 1 << 62, 1)
    with pytest.raises(KeyError):
        History(tmp_path / "nothing").trades(SYMBOL, 0, 1, 1)


def test_a_file_that_is_damaged_is_never_told_as_if_it_were_good(venue, history):
    path = min((venue.folder / "trades" / SYMBOL).glob("*.parquet"))
    data = path.read_bytes()
    good = plain(history.trades(SYMBOL, 0, 1 << 62, MAX_ROWS))
    noticed = 0
    for at in range(4, len(data), 97):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :])
        try:
            assert plain(history.trades(SYMBOL, 0, 1 << 62, MAX_ROWS)) == good
        except HistoryDamaged:
            noticed += 1
    assert noticed
    path.unlink()
    with pytest.raises(HistoryDamaged, match="missing"):
        history.trades(SYMBOL, 0, 1 << 62, 1)


def test_a_candle_begins_where_it_should(history):
    for candle in history.candles(SYMBOL, 300, 0, 1 << 62, MAX_ROWS):
        assert candle.start % (300 * NANOS_PER_SECOND) == 0
