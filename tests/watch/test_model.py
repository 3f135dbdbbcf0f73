"""What a watcher knows is what the venue has, or it knows that it does not know."""

import re
from random import Random
from zlib import crc32

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.enums import BUY
from gateway.market_data.messages import (
    BookSnapshot,
    BookUpdate,
    CandleReport,
    CandlesSnapshot,
    TradeReport,
    TradesSnapshot,
)
from gateway.watch.model import TAPE_TRADES, Ladder, OutOfStep, Picture
from tests.market_data.floor import floor
from tests.watch.support import Line, connected

TIME = "2026-11-23T12:00:00.000000000Z"


@pytest.fixture
def here(tmp_path):
    with floor(tmp_path) as found:
        yield found


def sides(picture):
    return {
        "bids": [(level.price, level.quantity) for level in picture.ladder.bids],
        "asks": [(level.price, level.quantity) for level in picture.ladder.asks],
    }


def tape(picture):
    return [(t.match, t.price, t.quantity, t.side) for t in picture.trades]


def venues_tape(here):
    feed = here.feed()
    instrument = here.market.refdata.instruments[feed.instrument]
    return [
        (
            trade.match,
            instrument.format_price(trade.price).decode(),
            instrument.format_qty(trade.lots).decode(),
            "buy" if trade.aggressor == BUY else "sell",
        )
        for _, _, trade in feed.tape
    ][-TAPE_TRADES:]


def venues_minutes(here):
    candles = here.feed().candles.series[60]
    return [(candle.trades, candle.last) for candle in candles]


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_the_picture_is_the_venues_through_any_cuts_and_reconnections(seed, tmp_path_factory):
    chance = Random(seed)
    with floor(tmp_path_factory.mktemp("floor"), seed) as here:
        here.trade(chance.randrange(60))
        line = connected(here)
        for _ in range(15):
            here.trade(chance.randrange(12))
            here.wait(chance.choice((0, 90, 500)))
            if chance.random() < 0.3:  # what is on its way is lost
                line.leave()
                line.picture.lost("gone")
                assert line.picture.trouble == "gone"
                here.trade(chance.randrange(12))
                line = Line(here, line.picture)
            line.flow(chance.choice((1, 7, 4096)))
        here.wait(5_000)
        line.flow()
        picture = line.picture
        assert picture.trouble == ""
        assert sides(picture) == here.levels(depth=5)
        assert tape(picture) == venues_tape(here)
        assert [(c.trades, c.record) for c in picture.candles] == venues_minutes(here)
        day = here.feed().candles.last_day(here.market.time)
        assert picture.ticker.trades == (day.trades if day else 0)


def test_of_each_message_that_is_lost_the_picture_tells(here):
    here.trade(40)
    lost = 0
    for _ in range(30):
        line = connected(here)
        here.trade(6)
        here.wait(200)
        missed, line.down = line.down, b""
        here.trade(30)
        here.wait(200)
        kinds = set(re.findall(rb'"type":"(book_update|trade)"', missed))
        if kinds and all(b'"type":"%b"' % kind in line.down for kind in kinds):
            lost += 1
            with pytest.raises(OutOfStep):
                line.flow()
        line.leave()
    assert lost > 5, "something was lost"


def test_before_all_is_shown_it_says_that_it_is_not_live(here):
    picture = Picture("BTC-USD")
    line = Line(here, picture)
    assert not picture.complete
    assert picture.trouble == "connecting"
    line.flow()
    assert picture.complete
    assert picture.trouble == ""


def test_a_halt_is_seen_and_its_end(here):
    line = connected(here)
    instrument = here.feed().instrument
    here.halt(instrument, "a test of the halt")
    line.flow()
    assert line.picture.instrument.state == "halted"
    assert line.picture.instrument.reason == "a test of the halt"
    here.open(instrument, "over")
    line.flow()
    assert line.picture.instrument.state == "open"


# --- messages of a venue that lies ----------------------------------------------------------------


def snapshot(bids=(), asks=(), checksum=None, depth=5):
    shown = BookSnapshot("X", 1, 1, TIME, list(bids), list(asks), 0, depth)
    if checksum is None:
        texts = (",".join(f"{p}:{q}" for p, q, _ in side) for side in (bids, asks))
        checksum = crc32("|".join(texts).encode())
    return msgspec.structs.replace(shown, checksum=checksum)


def update(prev, bids, checksum=0):
    return BookUpdate("X", prev, prev + 1, 1, TIME, bids, [], checksum, 5)


def test_a_book_with_another_checksum_is_not_believed():
    assert Ladder(snapshot([("9", "1", 1)])).bids[0].price == "9"
    with pytest.raises(OutOfStep, match="checksum"):
        Ladder(snapshot([("9", "1", 1)], checksum=1))
    with pytest.raises(OutOfStep, match="checksum"):
        Ladder(snapshot()).change(update(1, [("9", "1", 1)], checksum=7))


def test_an_update_that_does_not_follow_is_not_believed():
    with pytest.raises(OutOfStep, match="after change 1 came one that follows 2"):
        Ladder(snapshot()).change(update(2, []))


def test_more_levels_than_were_asked_for_are_not_kept():
    with pytest.raises(OutOfStep, match="3 levels"):
        Ladder(snapshot([("9", "1", 1), ("8", "1", 1), ("7", "1", 1)], depth=2))


@pytest.mark.parametrize(
    "text", ["", "-1", "1e5", "NaN", "1.", ".5", "\x1b[2J", "9" * 41, "\uff11"]
)
def test_what_is_no_number_is_not_believed(text):
    with pytest.raises(OutOfStep, match="no price"):
        Ladder(snapshot([(text, "1", 1)]))
    with pytest.raises(OutOfStep, match="no price"):
        Ladder(snapshot([("1", text, 1)]))
    with pytest.raises(OutOfStep, match="no price"):
        Picture("X").hear(TradeReport("X", 2, 1, 1, TIME, text, "1", "buy"))
    with pytest.raises(OutOfStep, match="no price"):
        Picture("X").hear(CandleReport("X", 60, TIME, "1", "1", "1", text, "1", "1", 1, False, 1))


def test_what_is_about_others_is_left_alone():
    picture = Picture("X")
    picture.hear(TradesSnapshot("Y", [TradeReport("Y", 2, 1, 1, TIME, "1", "1", "buy")]))
    assert not picture.trades


def test_the_tape_is_bounded():
    picture = Picture("X")
    for k in range(1, 3 * TAPE_TRADES):
        picture.hear(TradeReport("X", k, k - 1, k, TIME, "1", "1", "buy"))
    assert len(picture.trades) == TAPE_TRADES
    assert picture.trades[-1].match == 3 * TAPE_TRADES - 1


def test_a_trade_that_does_not_follow_the_last_one_is_not_believed():
    picture = Picture("X")
    picture.hear(TradeReport("X", 3, 1, 1, TIME, "1", "1", "buy"))
    with pytest.raises(OutOfStep, match="a trade is missing before 9"):
        picture.hear(TradeReport("X", 9, 4, 1, TIME, "1", "1", "buy"))


def test_candles_that_are_shown_anew_take_the_place_of_all():
    picture = Picture("X")
    for start in ("2026-11-23T12:00:00Z", "2026-11-23T11:00:00Z"):
        candle = CandleReport("X", 60, start, "1", "1", "1", "1", "1", "1", 1, False, 1)
        picture.hear(CandlesSnapshot("X", 60, [candle]))
    assert [c.start for c in picture.candles] == ["2026-11-23T11:00:00Z"]


def test_a_candle_that_grows_takes_the_place_of_itself():
    picture = Picture("X")

    def candle(start, trades):
        picture.hear(CandleReport("X", 60, start, "1", "1", "1", "1", "1", "1", trades, False, 1))

    candle("2026-11-23T12:00:00Z", 1)
    candle("2026-11-23T12:00:00Z", 2)
    candle("2026-11-23T12:01:00Z", 1)
    candle("2026-11-23T12:00:00Z", 9)  # closed long ago
    assert [c.trades for c in picture.candles] == [2, 1]
