"""From what the channels tell, in ticks, lots and ns, to what a client reads. Pure."""

from collections.abc import Iterable
from typing import Final

from engine.market.book import OrderChange
from engine.market.candles import Candle
from engine.market.channel import BookChanged, BookShown, OrdersChanged, OrdersShown
from engine.market.feed import InstrumentFeed, TapeTrade
from engine.model.clock import NANOS_PER_SECOND
from engine.model.enums import BUY, SELL
from engine.model.money import format_scaled
from engine.model.refdata import Instrument
from gateway.fix.timestamps import format_utc
from gateway.market_data.messages import (
    BookSnapshot,
    BookUpdate,
    CandleReport,
    InstrumentReport,
    Level,
    OrdersSnapshot,
    OrdersUpdate,
    RestingOrder,
    Ticker,
    TradeReport,
)

AVERAGE_EXTRA_PLACES: Final = 6
"""Decimals of an average price beyond the instrument's price."""


def time_text(time: int) -> str:
    """ns UTC as RFC 3339 with nanoseconds."""
    text = format_utc(time, 9).decode()
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[9:]}Z"


class Wording:
    """The words of one instrument."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol

    def price(self, ticks: int) -> str:
        """A price."""
        return self.instrument.format_price(ticks).decode()

    def quantity(self, lots: int) -> str:
        """A quantity of the base asset."""
        return self.instrument.format_qty(lots).decode()

    def turnover(self, lots_ticks: int) -> str:
        """A sum of lots x ticks, in the quote asset."""
        i = self.instrument
        units = lots_ticks * i.tick_units * i.lot_units
        return format_scaled(units, i.price_places + i.qty_places).decode()

    def average(self, lots_ticks: int, lots: int) -> str:
        """The price at which so many lots have that turnover, rounded half up."""
        i = self.instrument
        units = lots_ticks * i.tick_units * 10**AVERAGE_EXTRA_PLACES
        rounded = (2 * units + lots) // (2 * lots)
        return format_scaled(rounded, i.price_places + AVERAGE_EXTRA_PLACES).decode()

    def status(self, halted: str | None, record: int, time: int) -> InstrumentReport:
        """What it is, and whether it can be traded; halted: why not, None if it can."""
        i = self.instrument
        return InstrumentReport(
            self.symbol,
            i.base.code,
            i.quote.code,
            self.price(1),
            self.quantity(1),
            _basis_points(i.maker_ppm),
            _basis_points(i.taker_ppm),
            "open" if halted is None else "halted",
            record,
            time_text(time),
            halted,
        )

    # --- books --------------------------------------------------------------------------------

    def book_snapshot(
        self, shown: BookShown, depth: int | None, interval_ms: int, *, conflated: bool = False
    ) -> BookSnapshot:
        """The whole of a channel."""
        place = shown.place
        return BookSnapshot(
            self.symbol,
            place.seq,
            place.record,
            time_text(place.time),
            self._levels(shown.bids),
            self._levels(shown.asks),
            shown.checksum,
            depth,
            interval_ms,
            conflated,
        )

    def book_update(self, changed: BookChanged, depth: int | None, interval_ms: int) -> BookUpdate:
        """What has changed in it."""
        place = changed.place
        bids, asks = (
            self._levels(
                (level.price, level.lots, level.orders)
                for level in changed.levels
                if level.side == side
            )
            for side in (BUY, SELL)
        )
        return BookUpdate(
            self.symbol,
            changed.prev,
            place.seq,
            place.record,
            time_text(place.time),
            bids,
            asks,
            changed.checksum,
            depth,
            interval_ms,
        )

    def orders_snapshot(self, shown: OrdersShown) -> OrdersSnapshot:
        """All resting orders."""
        place = shown.place
        return OrdersSnapshot(
            self.symbol,
            place.seq,
            place.record,
            time_text(place.time),
            self._orders(shown.bids),
            self._orders(shown.asks),
            shown.checksum,
        )

    def orders_update(self, changed: OrdersChanged) -> OrdersUpdate:
        """What has become of some."""
        place = changed.place
        bids, asks = (self._orders(_of_side(changed.orders, side)) for side in (BUY, SELL))
        return OrdersUpdate(
            self.symbol,
            changed.prev,
            place.seq,
            place.record,
            time_text(place.time),
            bids,
            asks,
            changed.checksum,
        )

    def _levels(self, levels: Iterable[tuple[int, int, int]]) -> list[Level]:
        return [(self.price(price), self.quantity(lots), orders) for price, lots, orders in levels]

    def _orders(self, orders: Iterable[tuple[int, int, int]]) -> list[RestingOrder]:
        return [(ident, self.price(price), self.quantity(lots)) for ident, price, lots in orders]

    # --- trades -------------------------------------------------------------------------------

    def trade(self, found: TapeTrade, prev: int) -> TradeReport:
        """A trade; prev: the match before it."""
        trade = found.trade
        return TradeReport(
            self.symbol,
            trade.match,
            prev,
            found.record,
            time_text(found.time),
            self.price(trade.price),
            self.quantity(trade.lots),
            "buy" if trade.aggressor == BUY else "sell",
        )

    def candle(self, candle: Candle, interval: int, now: int) -> CandleReport:
        """A candle of so many seconds, as of `now`, ns UTC."""
        return CandleReport(
            self.symbol,
            interval,
            time_text(candle.start),
            self.price(candle.open),
            self.price(candle.high),
            self.price(candle.low),
            self.price(candle.close),
            self.quantity(candle.lots),
            self.turnover(candle.turnover),
            candle.trades,
            now >= candle.start + interval * NANOS_PER_SECOND,
            candle.last,
        )

    def ticker(self, feed: InstrumentFeed, now: int) -> Ticker:
        """Best prices, and the 24 hours before `now`, ns UTC."""
        bids, asks = feed.book.depth(BUY, 1), feed.book.depth(SELL, 1)
        words: dict[str, str] = {}
        for name, levels in (("bid", bids), ("ask", asks)):
            for price, lots, _ in levels:
                words |= {name: self.price(price), f"{name}_quantity": self.quantity(lots)}
        if feed.tape:
            words["last"] = self.price(feed.tape[-1].trade.price)
        day = feed.candles.last_day(now)
        if day is not None:
            words |= {
                "open": self.price(day.open),
                "high": self.price(day.high),
                "low": self.price(day.low),
                "quantity": self.quantity(day.lots),
                "turnover": self.turnover(day.turnover),
                "average": self.average(day.turnover, day.lots),
            }
        return Ticker(
            self.symbol,
            feed.seq,
            feed.record,
            time_text(feed.time),
            trades=day.trades if day else 0,
            **words,
        )


def _basis_points(ppm: int) -> str:
    return format_scaled(ppm, 2).decode()


def _of_side(orders: Iterable[OrderChange], side: int) -> list[tuple[int, int, int]]:
    return [(order.order_id, order.price, order.lots) for order in orders if order.side == side]
