"""The screen as text: what stands where, at a fixed size."""

from zlib import crc32

import pytest
from rich.console import Console

from gateway.market_data.messages import (
    BookSnapshot,
    CandleReport,
    CandlesSnapshot,
    InstrumentReport,
    Ticker,
    TradeReport,
    TradesSnapshot,
)
from gateway.watch.model import Picture
from gateway.watch.screen import ASCII, MIN_COLUMNS, MIN_LINES, draw
from tests.market_data.floor import floor
from tests.watch.support import connected

TIME = "2026-11-23T12:34:56.789000000Z"


def rendered(picture, depth=3, width=80, height=None, **options):
    console = Console(width=width, height=height or 60, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(draw(picture, depth, width, height, **options))
    return [line.rstrip() for line in capture.get().splitlines()]


def instrument(state="open", reason=None):
    return InstrumentReport(
        "BTC-USD", "BTC", "USD", "0.01", "0.001", "1", "5", state, 9, TIME, reason
    )


def candle(start, opened, high, low, close):
    return CandleReport("BTC-USD", 60, start, opened, high, low, close, "1.5", "90000", 3, False, 9)


@pytest.fixture
def picture():
    bids = [("60000", "1", 2), ("59999.5", "0.5", 1), ("59990", "0.001", 1), ("59980", "9", 1)]
    asks = [("60001.25", "2", 3), ("60010", "4", 1)]
    texts = (",".join(f"{p}:{q}" for p, q, _ in side) for side in (bids, asks))
    checksum = crc32("|".join(texts).encode())
    trades = [
        TradeReport("BTC-USD", 7, 0, 8, TIME, "60000.5", "0.25", "buy"),
        TradeReport("BTC-USD", 8, 7, 9, TIME, "60000", "0.5", "sell"),
    ]
    candles = [
        candle("2026-11-23T12:32:00.0Z", "100", "100", "100", "100"),
        candle("2026-11-23T12:33:00.0Z", "100", "180", "100", "140"),
        candle("2026-11-23T12:34:00.0Z", "140", "180", "140", "180"),
    ]
    ticker = Ticker(
        "BTC-USD",
        5,
        9,
        TIME,
        open="59000",
        high="61000",
        low="58000.1",
        quantity="12.5",
        trades=1234,
    )
    found = Picture("BTC-USD")
    for message in (
        instrument(),
        BookSnapshot("BTC-USD", 5, 9, TIME, bids, asks, checksum, 5, 100),
        TradesSnapshot("BTC-USD", trades),
        CandlesSnapshot("BTC-USD", 60, candles),
        ticker,
    ):
        found.hear(message)
    return found


def test_one_picture(picture):
    assert rendered(picture) == [
        "BTC-USD  last 60,000.00 x 0.500 12:34:56",
        "24 h  open 59,000.00 high 61,000.00 low 58,000.10 volume 12.500 BTC trades 1,234",
        "─" * 80,
        " orders   quantity                price trades                price     quantity",
        "                                        12:34:56          60,000.00        0.500",
        "      1      4.000  ████████  60,010.00 12:34:56          60,000.50        0.250",
        "      3      2.000  ████      60,001.25",
        "            spread                 1.25",
        "      2      1.000  ██        60,000.00",
        "      1      0.500  █         59,999.50",
        "      1      0.001  █         59,990.00",
        "─" * 80,
        "1 min ▁▄█",
        "12:34  open 140.00 high 180.00 low 140.00 close 180.00 volume 1.500",
        "live  change 5  record 9",
    ]


def test_a_screen_is_never_higher_or_wider_than_the_terminal(picture):
    for height in range(1, 50):
        for width in (20, MIN_COLUMNS, 80, 200):
            lines = rendered(picture, depth=50, width=width, height=height)
            assert max(map(len, lines)) <= width
            small = width < MIN_COLUMNS or height < MIN_LINES
            assert ("are needed" in " ".join(lines)) is small
            assert small or len(lines) <= height


def test_the_spread_keeps_its_place_whatever_the_book_is(picture):
    full = rendered(picture, depth=4, height=30)
    picture.ladder._asks.clear()
    picture.ladder._bids.clear()
    empty = rendered(picture, depth=4, height=30)
    assert [k for k, line in enumerate(full) if "spread" in line] == [
        k for k, line in enumerate(empty) if "spread" in line
    ]
    assert len(full) == len(empty)


def test_a_small_terminal_says_what_is_needed(picture):
    (line,) = rendered(picture, height=5)
    assert line == f"The terminal has 80 x 5: {MIN_COLUMNS} x {MIN_LINES} are needed."


def test_nothing_is_known_yet():
    lines = rendered(Picture("BTC-USD"))
    assert lines[0] == "BTC-USD  no trade yet"
    assert lines[1] == "24 h nothing traded"
    assert lines[-1] == "NOT LIVE: connecting"


def test_what_was_known_last_is_shown_while_it_connects_again(picture):
    before = rendered(picture)
    picture.lost("the venue hung up; connecting again")
    after = rendered(picture)
    assert after[:-1] == before[:-1]
    assert after[-1] == "NOT LIVE: the venue hung up; connecting again"


def test_a_halt_is_told_and_obeys_nobody(picture):
    picture.hear(instrument("halted", "oracle \x1b[2Jlost\r\n[red]x"))
    assert rendered(picture)[0].startswith("BTC-USD  HALTED: oracle ?[2Jlost??[red]x  last")


def test_a_terminal_without_unicode_gets_ascii(picture):
    text = "\n".join(rendered(picture, glyphs=ASCII))
    assert text.isascii()
    assert "1 min _=#" in text


def test_a_real_market_is_drawn(tmp_path):
    with floor(tmp_path) as here:
        here.trade(400)
        picture = connected(here).picture
        lines = rendered(picture, depth=5)
        assert sum("spread" in line for line in lines) == 1
        shown = sum("█" in line and "1 min" not in line for line in lines)
        assert shown == sum(len(side) for side in here.levels(depth=5).values())
