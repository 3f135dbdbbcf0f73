"""Order records: what happened to each order, by the fields of RTS 24 (EU 2017/580, Table 2) and of
MiCA's (EU) 2025/416, under the element names of ISO 20022 auth.113. Pure.

What a value means where the regulation leaves it to the venue is in docs/exports.md, and which of
it nobody has confirmed yet.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from compliance.exports.kind import Column, Kind, Path, Row
from compliance.exports.names import Names, exec_ids, words
from compliance.exports.senders import Saved, Senders, Who
from compliance.exports.times import MICRO, Period, day_text, time_text
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import Command, NewOrder, RefusedOrder, ReplaceOrder
from engine.model.enums import (
    BUY,
    DAY,
    FOK,
    GTC,
    IOC,
    LIMIT,
    MAKER,
    PARTIALLY_FILLED,
    RESTATEMENT_NONE,
    SELL,
)
from engine.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
)
from engine.model.money import is_decimal
from engine.model.refdata import Instrument
from engine.replay import Whole

VALIDITY: Final = {DAY: "DAVY", GTC: "GTCV", IOC: "IOCV", FOK: "FOKV"}
"""Validity period (RTS 24 field 10) by TimeInForce(59)."""

MAX_WHOLE: Final = 20
"""Digits before the point of what Parquet's columns hold; compliance.exports.parquet.DECIMAL."""

MAX_SCALE: Final = 18
"""Digits behind it."""


class Known(Struct, gc=False):
    """What an open order's later records need. stamp: when it got its place in the book, ns UTC,
    0 if it never rests. received: ns UTC. price in ticks, qty in lots."""

    stamp: int
    received: int
    price: int
    qty: int


_Saved = tuple[
    list[Command],
    Saved,
    list[tuple[int, int, int, int, int]],
    dict[int, tuple[int, int]],
]


class Orders:
    """The order records of a period, of one member where the period has one."""

    def __init__(self, period: Period) -> None:
        self._names = Names()
        self._member = period.member
        self._open: dict[int, Known] = {}
        self._sequence: dict[int, tuple[int, int]] = {}
        """By book, the day and the last sequence number that was given out in it."""
        self._senders = Senders()

    def opening(self) -> Iterable[Row]:
        """See Fold."""
        return ()

    def closing(self) -> Iterable[Row]:
        """See Fold. Raises ExportRefused for a member that there is not."""
        self._names.refuse_unknown(self._member)
        return ()

    def save(self) -> bytes:
        """See Fold."""
        orders = [(ident, o.stamp, o.received, o.price, o.qty) for ident, o in self._open.items()]
        saved = self._names.save(), self._senders.save(), orders, self._sequence
        return msgspec.msgpack.encode(saved)

    def load(self, data: bytes) -> None:
        """See Fold."""
        names, senders, orders, self._sequence = msgspec.msgpack.decode(data, type=_Saved)
        self._names.load(names)
        self._senders.load(senders)
        self._open = {ident: Known(*known) for ident, *known in orders}

    def take(self, whole: Whole, *, inside: bool) -> Iterator[Row]:
        """See Fold."""
        if self._names.take(whole):
            return
        for exec_id, event in zip(exec_ids(whole), whole.events, strict=True):
            if isinstance(event, OrderRefused):
                number = self._next(self._book(event), whole.time)
                if inside and self._concerns(event.member):
                    yield self._refused(exec_id, number, whole, event)
            elif isinstance(event, OrderEvent) and (code := event_code(whole, event)):
                who = self._senders.take(whole.command, event)
                known = self._follow(code, whole, event)
                number = self._next(event.instrument, whole.time)
                if inside and self._concerns(event.member):
                    yield self._row(exec_id, number, code, whole.time, event, known, who)

    def _concerns(self, member: int) -> bool:
        return not self._member or self._names.member(member) == self._member

    def _next(self, book: int, time: int) -> int:
        """The next sequence number of a book, which begins with 1 on each day."""
        day = time // NANOS_PER_DAY
        then, last = self._sequence.get(book, (day, 0))
        number = last + 1 if then == day else 1
        self._sequence[book] = day, number
        return number

    def _book(self, event: OrderRefused) -> int:
        """The instrument of an order that was refused as it came; 0 if none has its name."""
        symbol = words(event.symbol)
        instruments = self._names.refdata.instruments.values()
        return next((i.id for i in instruments if i.symbol == symbol), 0)

    def _follow(self, code: str, whole: Whole, event: OrderEvent) -> Known:
        """What is known of the event's order, which may end by it."""
        command = whole.command
        if code in ("NEWO", "REMO"):
            assert isinstance(command, NewOrder)
            rests = event.ord_type == LIMIT and event.tif in (DAY, GTC)
            stamp = whole.time if rests and code == "NEWO" else 0
            received = command.origin.received or whole.time
            known = Known(stamp, received, event.price, event.qty)
            if code == "NEWO":
                self._open[event.order_id] = known
            return known
        known = self._open[event.order_id]
        if isinstance(event, OrderReplaced):
            if event.price != known.price or event.qty > known.qty:
                known.stamp = whole.time
            known.price, known.qty = event.price, event.qty
        if event.status > PARTIALLY_FILLED:
            del self._open[event.order_id]
        return known

    # --- rows ---------------------------------------------------------------------------------

    def _row(
        self,
        exec_id: str,
        number: int,
        code: str,
        time: int,
        event: OrderEvent,
        known: Known,
        who: Who,
    ) -> Row:
        instrument = self._names.refdata.instruments[event.instrument]
        is_open = event.status <= PARTIALLY_FILLED
        id_data = self._id_data(number, code, time, instrument)
        id_data["OrdrId"] = str(event.order_id)
        id_data["DtOfRct"] = day_text(known.received // NANOS_PER_DAY)
        quantities = {
            "InitlQty": instrument.format_qty(event.qty).decode(),
            "RmngQty": instrument.format_qty(event.leaves).decode(),
        }
        if known.stamp and is_open:
            left = quantities["RmngQty"]
            id_data["Prty"] = {"TmStmp": time_text(known.stamp, MICRO), "Sz": left}
            quantities["DispdQty"] = left
        if event.tif in VALIDITY:
            id_data["VldtyPrd"] = VALIDITY[event.tif]
        prices: Row = {"PricNtn": "MONE"}
        if event.ord_type == LIMIT:
            prices["LmtPric"] = instrument.format_price(event.price).decode()
        if currency := self._names.token(instrument.quote.id):
            prices["PricCcy"] = currency
        data = self._order_data(event.member, who, quantities, is_open=is_open)
        data["OrdrClssfctn"] = {
            "OrdrTp": "LIMIT" if event.ord_type == LIMIT else "MARKET",
            "OrdrTpClssfctn": "LMTO",
        }
        data["OrdrPrics"] = prices
        if event.side in (BUY, SELL):
            data["InstrData"]["BuySellInd"] = "BUYI" if event.side == BUY else "SELL"
        if currency := self._names.token(instrument.base.id):
            data["InstrData"]["QtyCcy"] = currency
        if isinstance(event, OrderFilled):
            data["TxData"] = {
                "TxPric": instrument.format_price(event.last_price).decode(),
                "TraddQty": instrument.format_qty(event.last_qty).decode(),
                "PssvOrAggrssvInd": "PASV" if event.liquidity == MAKER else "AGRE",
                "TxId": str(event.match),
            }
        own = _own(event.cl_ord_id, known.received, self._names.member(event.member))
        own["Acct"] = self._names.account(event.account)
        if isinstance(event, OrderRejected):
            own |= {"RjctRsn": event.reason, "Txt": event.text}
        elif isinstance(event, OrderCanceled | OrderExpired) and event.text:
            own["Txt"] = event.text
        return _report(exec_id, id_data, data, own)

    def _refused(self, exec_id: str, number: int, whole: Whole, event: OrderRefused) -> Row:
        """Of an order whose words could not be put into ticks and lots: these words, where they are
        what the element may hold."""
        command = whole.command
        assert isinstance(command, RefusedOrder)
        origin = command.origin
        received = origin.received or whole.time
        instrument = self._names.refdata.instruments.get(self._book(event))
        id_data = self._id_data(number, "REMO", whole.time, instrument)
        id_data["OrdrId"] = str(whole.first)
        id_data["DtOfRct"] = day_text(received // NANOS_PER_DAY)
        quantities = {}
        if is_exact(event.qty):
            quantities["InitlQty"] = event.qty.decode()
        data = self._order_data(event.member, self._senders.of(origin), quantities, is_open=False)
        if is_exact(event.price):
            data["OrdrPrics"] = {"PricNtn": "MONE", "LmtPric": event.price.decode()}
        side = {b"1": "BUYI", b"2": "SELL"}.get(event.side)
        if side:
            data["InstrData"]["BuySellInd"] = side
        own = _own(event.cl_ord_id, received, self._names.member(event.member))
        own |= {"RjctRsn": event.reason, "Txt": event.text}
        return _report(exec_id, id_data, data, own)

    def _id_data(self, number: int, code: str, time: int, instrument: Instrument | None) -> Row:
        found: Row = {"SeqNb": number, "TmStmp": time_text(time, MICRO), "EvtTp": {"Cd": code}}
        if mic := self._names.venue().mic:
            found["TradVn"] = mic
        if instrument is not None:
            found["OrdrBookId"] = instrument.symbol
            token = self._names.token(instrument.base.id)
            if "DTI" in token:
                found["FinInstrm"] = token
        return found

    def _order_data(self, member: int, who: Who, quantities: Row, *, is_open: bool) -> Row:
        data: Row = {
            "InstrData": {
                "OrdrVldtySts": "ACTI" if is_open else "INAC",
                "OrdrSts": ["FIRM"],
                "QtyNtn": "UNIT",
                "PssvOnlyInd": False,
                "SlfExctnPrvntn": True,
                **quantities,
            },
            **who.parties,
            **who.capacity,
        }
        if lei := self._names.lei(member):
            data["SubmitgNtty"] = {"LEI": lei}
        return data


def is_exact(text: bytes) -> bool:
    """Whether a member's word is a number that every format holds: 20 digits, a point, 18 more."""
    whole, _, fraction = text.lstrip(b"-").partition(b".")
    return is_decimal(text) and len(whole) <= MAX_WHOLE and len(fraction) <= MAX_SCALE


def event_code(whole: Whole, event: OrderEvent) -> str:
    """The event of RTS 24 field 21; "" for what is none, such as an answer about an order."""
    match event:
        case OrderAccepted():
            return "NEWO"
        case OrderFilled():
            return "PARF" if event.leaves else "FILL"
        case OrderReplaced():
            return "REME"
        case OrderExpired():
            return "EXPI"
        case OrderRejected():
            return "REMO"
        case OrderCanceled():
            if event.restatement != RESTATEMENT_NONE:
                return "CAMO"
            own_terms = isinstance(whole.command, NewOrder | ReplaceOrder)
            return "EXPI" if own_terms else "CAME"
        case _:
            return ""


def _own(cl_ord_id: bytes, received: int, member: str) -> Row:
    """What the venue adds to the standard's elements."""
    return {
        "ClOrdId": words(cl_ord_id),
        "RctTmStmp": time_text(received, MICRO),
        "Mmbr": member,
    }


def _report(exec_id: str, id_data: Row, data: Row, own: Row) -> Row:
    order = {"OrdrIdData": id_data, "OrdrData": data, "SplmtryData": own}
    return {"New": {"RptId": exec_id, "Ordr": order}}


_ORDER: Final = ("New", "Ordr")
_WANTED: Final[tuple[Path, ...]] = tuple(
    (*_ORDER, *name.split("."))
    for name in (
        "OrdrIdData.OrdrBookId",
        "OrdrIdData.TradVn",
        "OrdrIdData.FinInstrm",
        "OrdrData.SubmitgNtty",
        "OrdrData.TradgCpcty",
        "OrdrData.ExctgPrsn",
        "OrdrData.OrdrPrics.PricCcy",
    )
)


def _columns() -> Iterator[Column]:
    yield Column(("New", "RptId"), above=1)
    for names, holds in (
        ("OrdrIdData.OrdrBookId", "text"),
        ("OrdrIdData.SeqNb", "integer"),
        ("OrdrIdData.Prty.TmStmp", "time"),
        ("OrdrIdData.Prty.Sz", "decimal"),
        ("OrdrIdData.TmStmp", "time"),
        ("OrdrIdData.TradVn OrdrIdData.FinInstrm.DTI OrdrIdData.OrdrId", "text"),
        ("OrdrIdData.DtOfRct OrdrIdData.VldtyPrd OrdrIdData.EvtTp.Cd", "text"),
        ("OrdrData.SubmitgNtty.LEI OrdrData.ClntId.ShrtCd", "text"),
        ("OrdrData.InvstmtDcsnPrsn.ShrtCd OrdrData.ExctgPrsn.ShrtCd", "text"),
        ("OrdrData.TradgCpcty", "text"),
        ("OrdrData.LqdtyPrvsnActvty", "boolean"),
        ("OrdrData.OrdrClssfctn.OrdrTp OrdrData.OrdrClssfctn.OrdrTpClssfctn", "text"),
        ("OrdrData.OrdrPrics.LmtPric", "decimal"),
        ("OrdrData.OrdrPrics.PricCcy.Ccy OrdrData.OrdrPrics.PricCcy.DTI", "text"),
        ("OrdrData.OrdrPrics.PricNtn OrdrData.InstrData.BuySellInd", "text"),
        ("OrdrData.InstrData.OrdrVldtySts OrdrData.InstrData.QtyNtn", "text"),
        ("OrdrData.InstrData.QtyCcy.Ccy OrdrData.InstrData.QtyCcy.DTI", "text"),
        ("OrdrData.InstrData.InitlQty OrdrData.InstrData.RmngQty", "decimal"),
        ("OrdrData.InstrData.DispdQty", "decimal"),
        ("OrdrData.InstrData.PssvOnlyInd OrdrData.InstrData.SlfExctnPrvntn", "boolean"),
        ("OrdrData.TxData.TxPric OrdrData.TxData.TraddQty", "decimal"),
        ("OrdrData.TxData.PssvOrAggrssvInd OrdrData.TxData.TxId", "text"),
        ("SplmtryData.ClOrdId SplmtryData.Mmbr SplmtryData.Acct SplmtryData.Txt", "text"),
        ("SplmtryData.RctTmStmp", "time"),
        ("SplmtryData.RjctRsn", "integer"),
    ):
        for name in names.split():
            yield Column((*_ORDER, *name.split(".")), holds, above=2)  # type: ignore[arg-type]


ORDERS: Final = Kind(
    "orders",
    1,
    ("json", "parquet"),
    Orders,
    tuple(_columns()),
    wanted=_WANTED,
    begin=b'{"OrdrBookRpt":{"OrdrRpt":[',
    end=b"]}}",
    by_member=True,
)
