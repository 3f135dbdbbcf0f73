"""The numbered stream of an instrument, and what survives a restart of its process."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.market import feed as feed_module
from engine.market import saved, trade_index
from engine.market.book import BookUpdate, Trade
from engine.market.candles import INTERVALS
from engine.market.feed import InstrumentFeed, MarketFeed, OrderBook
from engine.market.saved import read_market, write_market
from engine.model.enums import BUY, SELL
from engine.model.errors import SnapshotDamaged
from tests.market.along import commands

START = 1_800_000_000 * 10**9


def everything(market):
    """All that anybody can see, but for the history."""
    return {
        feed.instrument: (
            (feed.seq, feed.record, feed.time),
            [list(feed.book.queue(side)) for side in (BUY, SELL)],
            list(feed.tape),
            (list(feed.trades.rows()), feed.trades.count),
            {interval: list(feed.candles.since(interval, 0)) for interval in INTERVALS},
            feed.candles.last_day(feed.time),
        )
        for feed in market.feeds.values()
    }


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(20, 200),
    rows=st.sampled_from((1, 3, 4_096)),
)
def test_a_market_that_was_saved_at_any_time_goes_on_as_if_it_had_never_stopped(seed, count, rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved, "CHUNK_ROWS", rows)
        patch.setattr(trade_index, "STRIDE", 3)
        chance = Random(seed)
        market, again = MarketFeed(), MarketFeed()
        for number, (time, events) in enumerate(commands(seed, count)):
            assert again.apply(number, time, events) == market.apply(number, time, events)
            if chance.random() < 0.1:
                again = read_market(list(write_market(again)))
        assert everything(again) == everything(market)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), kept=st.sampled_from((1, 5, 1_000)))
def test_who_comes_back_gets_all_updates_since_or_is_told_that_they_are_gone(seed, kept):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_module, "HISTORY_UPDATES", kept)
        market, all_updates = MarketFeed(), {}
        for number, (time, events) in enumerate(commands(seed, 150)):
            for update in market.apply(number, time, events):
                all_updates.setdefault(update.change.instrument, []).append(update)
        for instrument, updates in all_updates.items():
            feed = market.feed(instrument)
            assert [update.seq for update in updates] == list(range(1, feed.seq + 1))
            for seq in range(feed.seq + 1):
                rest = updates[seq:]
                assert feed.after(seq) == (rest if len(rest) <= kept else None)


def test_a_number_that_was_never_given_out_has_nothing_behind_it():
    feed = InstrumentFeed(1, OrderBook())
    assert feed.after(0) == []
    assert feed.after(1) is None
    assert feed.after(-1) is None


def test_the_tape_keeps_the_last_trades():
    feed = InstrumentFeed(1, OrderBook())
    for k in range(feed_module.TAPE_TRADES + 2):
        feed.take(k, START + k, BookUpdate(1, (), (), (Trade(k, 100, 1, BUY),)), k)
    assert len(feed.tape) == feed_module.TAPE_TRADES
    assert feed.tape[0] == (2, START + 2, Trade(2, 100, 1, BUY))


@pytest.mark.parametrize(("record", "time"), [(5, START + 9), (6, START - 1)])
def test_records_and_their_times_only_go_up(record, time):
    feed = InstrumentFeed(1, OrderBook())
    nothing = BookUpdate(1, (), (), ())
    feed.take(5, START, nothing, 5)
    with pytest.raises(AssertionError):
        feed.take(record, time, nothing, record)


@pytest.mark.parametrize(
    "chunks", [[b"\xc1"], [b"\x92\x07\x01"], [b"\x93\x02\x01\x90"]], ids=["torn", "tag", "first"]
)
def test_what_is_no_market_is_refused(chunks):
    with pytest.raises(SnapshotDamaged):
        read_market(chunks)
