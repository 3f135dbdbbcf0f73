"""Candles of any length equal those counted anew from all trades."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.book import Trade
from engine.market.candles import INTERVALS, KEPT, WINDOW, Candle, Candles, merged
from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.enums import BUY

MIDNIGHT = 20_000 * NANOS_PER_DAY

TRADES = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 999_999_999, 10**9, 7 * 10**9, 61 * 10**9, 4_000 * 10**9]),
        st.integers(1, 20),
        st.integers(1, 5),
    ),
    max_size=60,
)
"""(ns since the one before, price, lots)"""


def counted(trades, length: int) -> list[Candle]:
    """The naive way: all trades of each interval, looked at together."""
    found = []
    for start in sorted({time // length * length for time, _, _, _ in trades}):
        inside = [t for t in trades if start <= t[0] < start + length]
        prices = [price for _, price, _, _ in inside]
        lots = [n for _, _, n, _ in inside]
        turnover = sum(p * n for _, p, n, _ in inside)
        found.append(
            Candle(
                start,
                prices[0],
                max(prices),
                min(prices),
                prices[-1],
                sum(lots),
                turnover,
                len(inside),
                inside[0][3],
                inside[-1][3],
            )
        )
    return found


@given(TRADES)
def test_candles_of_all_lengths_are_those_counted_anew(steps):
    candles, trades, time = Candles(), [], MIDNIGHT
    for record, (wait, price, lots) in enumerate(steps):
        time += wait
        trades.append((time, price, lots, record))
        candles.add(Trade(record + 1, price, lots, BUY), time, record)
    for interval in INTERVALS:
        assert list(candles.series[interval]) == counted(trades, interval * NANOS_PER_SECOND)
    whole = candles.last_day(time)
    inside = [t for t in trades if t[0] >= (time - WINDOW) // (60 * 10**9) * 60 * 10**9]
    assert (whole is None) == (not inside)
    if whole is not None:
        [expected] = counted([(0, *rest) for _, *rest in inside], NANOS_PER_DAY)
        expected.start = whole.start
        assert whole == expected


def at(second: int) -> int:
    return MIDNIGHT + second * NANOS_PER_SECOND


def test_a_day_begins_at_midnight_and_ends_before_the_next():
    candles = Candles()
    for second in (0, 86_399, 86_400):
        candles.add(Trade(1, 10, 1, BUY), at(second), 5)
    assert [c.trades for c in candles.series[86_400]] == [2, 1]
    assert [c.start for c in candles.series[86_400]] == [at(0), at(86_400)]


def test_statistics_forget_what_is_more_than_24_hours_ago():
    candles = Candles()
    candles.add(Trade(1, 10, 1, BUY), at(59), 1)
    candles.add(Trade(2, 30, 2, BUY), at(60), 2)
    candles.add(Trade(3, 20, 3, BUY), at(3_600), 3)
    assert candles.last_day(at(3_600)) == Candle(
        at(3_600) - WINDOW, 10, 30, 10, 20, 6, 130, 3, 1, 3
    )
    assert candles.last_day(at(86_400 + 60)).open == 30
    assert candles.last_day(at(86_400 + 3_600)).trades == 1
    assert candles.last_day(at(2 * 86_400)) is None


def test_only_so_many_candles_are_kept():
    candles = Candles()
    for second in range(KEPT[1] + 10):
        candles.add(Trade(second + 1, 10, 1, BUY), at(second), second)
    assert len(candles.series[1]) == KEPT[1]
    assert [c.start for c in candles.since(1, at(KEPT[1] + 8))] == [
        at(KEPT[1] + 8),
        at(KEPT[1] + 9),
    ]
    with pytest.raises(KeyError):
        candles.since(7, 0)


def test_a_time_that_goes_back_is_a_bug_of_ours():
    candles = Candles()
    candles.add(Trade(1, 10, 1, BUY), at(60), 1)
    with pytest.raises(AssertionError, match="went back"):
        candles.add(Trade(2, 10, 1, BUY), at(59), 2)


def test_nothing_merged_is_nothing():
    assert merged(0, []) is None
