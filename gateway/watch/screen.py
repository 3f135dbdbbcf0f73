"""From a picture to what a terminal shows: ladder, tape, candles, statistics. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.market_data.messages import CandleReport, TradeReport
from gateway.watch.model import Picture, Shown
from gateway.watch.words import clean

MIN_COLUMNS: Final = 64
"""Narrowest screen that has room for ladder and tape side by side, characters."""

FIXED_LINES: Final = 9
"""Lines of a screen beside the levels."""

MIN_LEVELS: Final = 2
MIN_LINES: Final = FIXED_LINES + 2 * MIN_LEVELS

BAR_CHARACTERS: Final = 8
"""Longest bar of a level's quantity."""

BID: Final = "green"
ASK: Final = "red"
FAINT: Final = "bright_black"


class Glyphs(NamedTuple):
    """What bars, candles and lines are drawn with; candles from lowest to highest."""

    bar: str
    heights: str
    line: str


UNICODE: Final = Glyphs("█", "▁▂▃▄▅▆▇█", "─")
ASCII: Final = Glyphs("#", "_.-=+*%#", "-")


def draw(
    picture: Picture, depth: int, width: int, height: int | None, glyphs: Glyphs = UNICODE
) -> RenderableType:
    """The picture with at most `depth` levels a side, for so many columns and lines.

    height None: as many lines as there are levels; else the spread keeps its place on the screen.
    """
    if width < MIN_COLUMNS or (height is not None and height < MIN_LINES):
        size = f"{width} x {height}" if height is not None else f"{width} columns"
        return Text(f"The terminal has {size}: {MIN_COLUMNS} x {MIN_LINES} are needed.")
    ladder = picture.ladder
    bids = ladder.bids[:depth] if ladder else []
    asks = ladder.asks[:depth] if ladder else []
    levels = max(len(bids), len(asks), 1)
    if height is not None:
        levels = min(depth, (height - FIXED_LINES) // 2)
        bids, asks = bids[:levels], asks[:levels]
    write = Places(picture)
    body = Table.grid(expand=True, padding=(0, 1))
    body.add_column(ratio=1)
    body.add_column(ratio=1)
    body.add_row(
        _ladder(bids, asks, levels, write, glyphs),
        _tape(picture.trades, 2 * levels + 1, write),
    )
    rule = Text(glyphs.line * width, style=FAINT, no_wrap=True)
    return Group(
        _title(picture, write),
        _statistics(picture, write),
        rule,
        body,
        rule,
        *_candles(picture.candles, width, write, glyphs),
        _status(picture),
    )


class Places:
    """Writes prices and quantities with as many decimals as the instrument has."""

    def __init__(self, picture: Picture) -> None:
        instrument = picture.instrument
        self._price = _decimals(instrument.tick) if instrument else None
        self._quantity = _decimals(instrument.lot) if instrument else None
        self.base = clean(instrument.base) if instrument else ""
        self.quote = clean(instrument.quote) if instrument else ""

    def price(self, text: str | None) -> str:
        """A price, "-" for none."""
        return _number(text, self._price)

    def quantity(self, text: str | None) -> str:
        """A quantity, "-" for none."""
        return _number(text, self._quantity)


def _decimals(step: str) -> int:
    return len(step.partition(".")[2])


def _number(text: str | None, places: int | None) -> str:
    if text is None:
        return "-"
    value = Decimal(text)
    return f"{value:,}" if places is None else f"{value:,.{places}f}"


# --- head -----------------------------------------------------------------------------------------


def _title(picture: Picture, write: Places) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(clean(picture.symbol), style="bold")
    instrument = picture.instrument
    if instrument is not None and instrument.state != "open":
        reason = clean(instrument.reason or "no reason given")
        line.append(f"  {clean(instrument.state).upper()}: {reason}", style="bold yellow")
    if picture.trades:
        last = picture.trades[-1]
        line.append("  last ")
        line.append(
            f"{write.price(last.price)} x {write.quantity(last.quantity)}", style=_style(last.side)
        )
        line.append(f" {_clock(last.time)}", style=FAINT)
    else:
        line.append("  no trade yet", style=FAINT)
    return line


def _statistics(picture: Picture, write: Places) -> Text:
    line = Text("24 h ", style=FAINT, no_wrap=True, overflow="ellipsis")
    ticker = picture.ticker
    if ticker is None or not ticker.trades:
        return line.append("nothing traded")
    for label, text in (
        ("open", write.price(ticker.open)),
        ("high", write.price(ticker.high)),
        ("low", write.price(ticker.low)),
        ("volume", f"{write.quantity(ticker.quantity)} {write.base}"),
        ("trades", f"{ticker.trades:,}"),
    ):
        line.append(f" {label} ").append(text, style="default")
    return line


# --- ladder and tape ------------------------------------------------------------------------------


def _ladder(
    bids: Sequence[Shown], asks: Sequence[Shown], levels: int, write: Places, glyphs: Glyphs
) -> Table:
    """Asks above, the worst on top; bids below, the best on top."""
    table = Table(box=None, expand=True, padding=(0, 1), pad_edge=False, header_style=FAINT)
    table.add_column("orders", justify="right", no_wrap=True)
    table.add_column("quantity", justify="right", no_wrap=True)
    table.add_column("", width=BAR_CHARACTERS, no_wrap=True)
    table.add_column("price", justify="right", no_wrap=True)
    largest = max((Decimal(level.quantity) for level in (*bids, *asks)), default=Decimal(0))

    def add(level: Shown, style: str) -> None:
        table.add_row(
            str(level.orders),
            write.quantity(level.quantity),
            Text(glyphs.bar * _length(level, largest), style=style),
            Text(write.price(level.price), style=style),
        )

    for _ in range(levels - len(asks)):
        table.add_row()
    for level in reversed(asks):
        add(level, ASK)
    table.add_row("", Text("spread", style=FAINT), "", Text(_spread(bids, asks, write)))
    for level in bids:
        add(level, BID)
    for _ in range(levels - len(bids)):
        table.add_row()
    return table


def _length(level: Shown, largest: Decimal) -> int:
    """Of a level's bar: what is there at all is seen."""
    return max(1, int(BAR_CHARACTERS * Decimal(level.quantity) / largest)) if largest else 0


def _spread(bids: Sequence[Shown], asks: Sequence[Shown], write: Places) -> str:
    if not bids or not asks:
        return "-"
    return write.price(str(Decimal(asks[0].price) - Decimal(bids[0].price)))


def _tape(trades: Sequence[TradeReport], rows: int, write: Places) -> Table:
    """The newest trade on top."""
    table = Table(box=None, expand=True, padding=(0, 1), pad_edge=False, header_style=FAINT)
    table.add_column("trades", no_wrap=True)
    table.add_column("price", justify="right", no_wrap=True)
    table.add_column("quantity", justify="right", no_wrap=True)
    for trade in islice(reversed(trades), rows):
        table.add_row(
            Text(_clock(trade.time), style=FAINT),
            Text(write.price(trade.price), style=_style(trade.side)),
            write.quantity(trade.quantity),
        )
    return table


def _style(side: str) -> str:
    return BID if side == "buy" else ASK


def _clock(time: str) -> str:
    """The time of day of an RFC 3339 time, to the second."""
    return clean(time[11:19])


# --- candles and status ---------------------------------------------------------------------------


def _candles(
    candles: Sequence[CandleReport], width: int, write: Places, glyphs: Glyphs
) -> tuple[Text, Text]:
    """A row of closing prices, one character a minute that had trades; and the last candle."""
    label = "1 min "
    drawn = list(candles)[-(width - len(label)) :]
    row = Text(label, style=FAINT, no_wrap=True)
    if not drawn:
        return row, Text("no candle yet", style=FAINT)
    lowest = min(Decimal(c.low) for c in drawn)
    span = max(Decimal(c.high) for c in drawn) - lowest
    for candle in drawn:
        close = Decimal(candle.close)
        top = len(glyphs.heights) - 1
        step = int((close - lowest) * top // span) if span else 0
        style = BID if close >= Decimal(candle.open) else ASK
        row.append(glyphs.heights[step], style=style)
    last = drawn[-1]
    text = Text(f"{_clock(last.start)[:5]} ", style=FAINT, no_wrap=True, overflow="ellipsis")
    for name, value in (
        ("open", write.price(last.open)),
        ("high", write.price(last.high)),
        ("low", write.price(last.low)),
        ("close", write.price(last.close)),
        ("volume", write.quantity(last.quantity)),
    ):
        text.append(f" {name} ").append(value, style="default")
    return row, text


def _status(picture: Picture) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    if picture.trouble:
        return line.append(f"NOT LIVE: {clean(picture.trouble)}", style="bold yellow")
    seq = picture.ladder.seq if picture.ladder else 0
    line.append("live", style=BID)
    return line.append(f"  change {seq:,}  record {picture.record:,}", style=FAINT)
