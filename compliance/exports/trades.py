"""Trades: one row each, with both sides. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from compliance.exports.kind import Column, Kind, Row
from compliance.exports.names import Names, exec_ids, words
from compliance.exports.times import Period, time_text
from engine.model.commands import Command
from engine.model.enums import BUY, MAKER
from engine.model.events import OrderFilled
from engine.model.money import format_scaled
from engine.replay import Whole

_SIDE: Final = ("member", "lei", "account", "order", "cl_ord_id", "exec_id", "fee")


class Trades:
    """The trades of a period."""

    def __init__(self, period: Period) -> None:
        self._names = Names()

    def opening(self) -> Iterable[Row]:
        """See Fold."""
        return ()

    closing = opening

    def save(self) -> bytes:
        """See Fold."""
        return msgspec.msgpack.encode(self._names.save())

    def load(self, data: bytes) -> None:
        """See Fold."""
        self._names.load(msgspec.msgpack.decode(data, type=list[Command]))

    def take(self, whole: Whole, *, inside: bool) -> Iterator[Row]:
        """See Fold."""
        if self._names.take(whole) or not inside:
            return
        maker: tuple[str, OrderFilled] | None = None
        for exec_id, event in zip(exec_ids(whole), whole.events, strict=True):
            if not isinstance(event, OrderFilled):
                continue
            if event.liquidity == MAKER:
                maker = exec_id, event
                continue
            assert maker is not None, "the maker's report comes before the taker's"
            assert maker[1].match == event.match
            yield self._row(whole, maker, (exec_id, event))
            maker = None

    def _row(
        self, whole: Whole, maker: tuple[str, OrderFilled], taker: tuple[str, OrderFilled]
    ) -> Row:
        event = taker[1]
        taker_buys = event.side == BUY
        instrument = self._names.refdata.instruments[event.instrument]
        quote = instrument.quote
        value = event.last_qty * event.last_price * instrument.quote_per_tick_lot
        buyer, seller = (taker, maker) if taker_buys else (maker, taker)
        return {
            "trade": event.match,
            "record": int(taker[0].partition("-")[0]),
            "time": time_text(whole.time),
            "symbol": instrument.symbol,
            "price": instrument.format_price(event.last_price).decode(),
            "quantity": instrument.format_qty(event.last_qty).decode(),
            "base": instrument.base.code,
            "notional": format_scaled(value, quote.scale).decode(),
            "quote": quote.code,
            "aggressor": "buyer" if taker_buys else "seller",
            "buyer": self._side(*buyer, quote.scale),
            "seller": self._side(*seller, quote.scale),
        }

    def _side(self, exec_id: str, event: OrderFilled, scale: int) -> Row:
        side: Row = {
            "member": self._names.member(event.member),
            "account": self._names.account(event.account),
            "order": event.order_id,
            "cl_ord_id": words(event.cl_ord_id),
            "exec_id": exec_id,
            "fee": format_scaled(event.fee, scale).decode(),
        }
        if lei := self._names.lei(event.member):
            side["lei"] = lei
        return side


def _columns() -> Iterator[Column]:
    yield Column(("trade",), "integer")
    yield Column(("record",), "integer")
    yield Column(("time",), "time")
    yield Column(("symbol",))
    yield Column(("price",), "decimal")
    yield Column(("quantity",), "decimal")
    yield Column(("base",))
    yield Column(("notional",), "decimal")
    yield Column(("quote",))
    yield Column(("aggressor",))
    for side in ("buyer", "seller"):
        for name in _SIDE:
            holds = {"order": "integer", "fee": "decimal"}.get(name, "text")
            yield Column((side, name), holds)  # type: ignore[arg-type]


TRADES: Final = Kind(
    "trades",
    1,
    ("csv", "parquet"),
    Trades,
    tuple(_columns()),
    (("buyer", "lei"), ("seller", "lei")),
)
