"""Events to FIX: the body of every report, a pure function of (record, event, session).

Order entry and drop copy render the same event through the same code, so their reports differ
only where the session's settings say so (timestamp digits, extension tags), and by what a drop
copy adds behind the body: that it is one, and whose report it is a copy of. A resend renders again
and gets the same bytes. Fields: FIX 4.4 volume 4, "Execution Report", "Order Cancel
Reject", "Order Mass Cancel Report".
"""

from collections.abc import Callable
from typing import Final, TypeGuard

from engine.model.enums import (
    BUSINESS_OTHER,
    CANCELED,
    EXPIRED,
    FILLED,
    NEW,
    PARTIALLY_FILLED,
    REJECTED,
    RESTATEMENT_MARKET_OPTION,
)
from engine.model.events import (
    CancelRejected,
    Event,
    MassCancelReported,
    MemberEvent,
    MessageRefused,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
    OrderReport,
    OrderStatusReported,
)
from engine.model.ids import NOBODY
from engine.model.money import format_scaled
from engine.model.record import Record
from engine.model.refdata import Instrument, ReferenceData
from gateway.fix.answers import business_reject_body
from gateway.fix.timestamps import format_utc

EXECUTION_REPORT: Final = b"8"
ORDER_CANCEL_REJECT: Final = b"9"
ORDER_MASS_CANCEL_REPORT: Final = b"r"
BUSINESS_MESSAGE_REJECT: Final = b"j"

ORD_STATUS: Final = {
    NEW: b"0",
    PARTIALLY_FILLED: b"1",
    FILLED: b"2",
    CANCELED: b"4",
    REJECTED: b"8",
    EXPIRED: b"C",
}

_UNASKED: Final = b"378=%d\x01" % RESTATEMENT_MARKET_OPTION
"""Of a report that nobody's request caused: by the venue's own rules."""

REPORTED: Final = frozenset(
    {
        OrderAccepted,
        OrderFilled,
        OrderCanceled,
        OrderExpired,
        OrderReplaced,
        OrderRejected,
        OrderStatusReported,
        OrderRefused,
        CancelRejected,
        MassCancelReported,
        MessageRefused,
    }
)
"""The event types that answer a session; all others are the venue's own."""

CopiedEvent = OrderReport | OrderRefused | CancelRejected | MassCancelReported
"""What has a copy: every report; a MessageRefused answers its session alone."""

_MSG_TYPES: Final[dict[type, bytes]] = {
    CancelRejected: ORDER_CANCEL_REJECT,
    MassCancelReported: ORDER_MASS_CANCEL_REPORT,
    MessageRefused: BUSINESS_MESSAGE_REJECT,
}
"""MsgType(35) by event type; all others are ExecutionReports."""

LAST_PUBLISHED_REASON: Final = 7
"""The highest BusinessRejectReason(380) of FIX 4.4 as it was published."""

AVG_PX_EXTRA_PLACES: Final = 6
"""Decimals of AvgPx(6) beyond the instrument's price; the last one is rounded half up."""

TEXT_CACHE_ENTRIES: Final = 65_536
"""Number texts kept per instrument, entries: about 8 MiB; prices and sizes repeat all day."""


def is_report(event: Event) -> TypeGuard[MemberEvent]:
    """Whether an event reports to a session."""
    return type(event) in REPORTED


class _Words:
    """The texts of an instrument's prices and quantities, kept because they repeat."""

    __slots__ = ("instrument", "prices", "qtys", "symbol")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol.encode()
        self.prices: dict[int, bytes] = {}
        self.qtys: dict[int, bytes] = {}

    def price(self, ticks: int) -> bytes:
        text = self.prices.get(ticks)
        if text is None:
            if len(self.prices) >= TEXT_CACHE_ENTRIES:
                self.prices.clear()
            text = self.prices[ticks] = self.instrument.format_price(ticks)
        return text

    def qty(self, lots: int) -> bytes:
        text = self.qtys.get(lots)
        if text is None:
            if len(self.qtys) >= TEXT_CACHE_ENTRIES:
                self.qtys.clear()
            text = self.qtys[lots] = self.instrument.format_qty(lots)
        return text

    def avg_px(self, cum_value: int, cum: int) -> bytes:
        if cum == 0:
            return b"0"
        ticks, rest = divmod(cum_value, cum)
        if rest == 0:
            return self.price(ticks)
        extra = 10**AVG_PX_EXTRA_PLACES
        scaled = (2 * cum_value * self.instrument.tick_units * extra + cum) // (2 * cum)
        return format_scaled(scaled, self.instrument.price_places + AVG_PX_EXTRA_PLACES)


class ReportRenderer:
    """Renders reports for the sessions that share timestamp digits and the two switches.

    digits: sub-second digits of TransactTime(60), 3, 6 or 9. extensions: whether tags 20001,
    880, 1180 and 1181 are added. drop_copy: whether reports are copies, which say so and name the
    session and the trader that they are of.
    """

    __slots__ = (
        "_accounts",
        "_by_type",
        "_copied",
        "_digits",
        "_drop_copy",
        "_extensions",
        "_members",
        "_refdata",
        "_time",
        "_time_text",
        "_words",
    )

    def __init__(
        self,
        refdata: ReferenceData,
        *,
        digits: int,
        extensions: bool,
        drop_copy: bool = False,
    ) -> None:
        self._refdata = refdata
        self._digits = digits
        self._extensions = extensions
        self._drop_copy = drop_copy
        self._copied: dict[int, bytes] = {}
        self._words: dict[int, _Words] = {}
        self._accounts: dict[int, bytes] = {}
        self._members: dict[int, bytes] = {}
        self._time = -1
        self._time_text = b""
        self._by_type: dict[type, Callable[..., bytes]] = {
            OrderAccepted: self._accepted,
            OrderFilled: self._filled,
            OrderCanceled: self._canceled,
            OrderExpired: self._expired,
            OrderReplaced: self._replaced,
            OrderRejected: self._rejected,
            OrderStatusReported: self._status,
            OrderRefused: self._refused,
            CancelRejected: self._cancel_rejected,
            MassCancelReported: self._mass_canceled,
            MessageRefused: self._message_refused,
        }

    def render(self, record: Record, k: int) -> tuple[bytes, bytes]:
        """(MsgType, body) of event `k` (from 1) of `record`. KeyError if it is no report."""
        return self.render_event(record.number, record.time, k, record.events[k - 1])

    def render_event(self, number: int, time: int, k: int, event: object) -> tuple[bytes, bytes]:
        """The same of an event by its record's number and time (ns UTC)."""
        kind = type(event)
        if time != self._time:
            self._time = time
            self._time_text = format_utc(time, self._digits)
        body = self._by_type[kind](number, k, event)
        if self._drop_copy and kind is not MessageRefused:
            body += self._copy(event)
        return _MSG_TYPES.get(kind, EXECUTION_REPORT), body

    # --- pieces ---------------------------------------------------------------------------

    def _instrument(self, ident: int) -> _Words:
        words = self._words.get(ident)
        if words is None:
            words = self._words[ident] = _Words(self._refdata.instruments[ident])
        return words

    def _account(self, ident: int) -> bytes:
        """Account(1) with its separator; empty where there is none."""
        text = self._accounts.get(ident)
        if text is None:
            account = self._refdata.accounts.get(ident)
            text = b"1=%b\x01" % account.name.encode() if account else b""
            self._accounts[ident] = text
        return text

    def _extras(self, number: int, member: int, appl_seq: int) -> bytes:
        """Record number, and the member's application sequence where the report has one."""
        if not self._extensions:
            return b""
        if appl_seq == 0:
            return b"20001=%d\x01" % number
        name = self._members.get(member)
        if name is None:
            name = self._members[member] = self._refdata.members[member].name.encode()
        return b"1180=%b\x011181=%d\x0120001=%d\x01" % (name, appl_seq, number)

    def _copy(self, event: object) -> bytes:
        """CopyMsgIndicator(797) and the Parties: the session, and the trader if there is one.

        PartyRole(452) 55 is FIX 5.0's Session ID; 447=D: a code of our own.
        """
        assert isinstance(event, CopiedEvent)
        session = self._copied.get(event.session)
        if session is None:
            name = self._refdata.sessions[event.session].comp_id.encode()
            session = self._copied[event.session] = b"448=%b\x01447=D\x01452=55\x01" % name
        if not event.trader:
            return b"797=Y\x01453=1\x01%b" % session
        trader = b"448=%b\x01447=D\x01452=12\x01" % event.trader
        return b"797=Y\x01453=2\x01%b%b" % (session, trader)

    def _order(
        self, number: int, k: int, e: OrderEvent, exec_type: bytes, middle: bytes, tail: bytes
    ) -> bytes:
        """An ExecutionReport of a known order; middle and tail are what the type adds."""
        words = self._words.get(e.instrument) or self._instrument(e.instrument)
        price = b"44=%b\x01" % words.price(e.price) if e.price else b""
        cum = e.cum
        return (
            b"37=%d\x0111=%b\x0117=%d-%d\x01150=%b\x0139=%b\x01%b%b55=%b\x0154=%d\x0138=%b\x01"
            b"40=%d\x01%b59=%d\x01151=%b\x0114=%b\x016=%b\x0160=%b\x01%b%b"
            % (
                e.order_id,
                e.cl_ord_id,
                number,
                k,
                exec_type,
                ORD_STATUS[e.status],
                middle,
                self._accounts.get(e.account) or self._account(e.account),
                words.symbol,
                e.side,
                words.qty(e.qty),
                e.ord_type,
                price,
                e.tif,
                words.qty(e.leaves),
                words.qty(cum) if cum else b"0",
                words.avg_px(e.cum_value, cum) if cum else b"0",
                self._time_text,
                tail,
                self._extras(number, e.member, e.appl_seq) if self._extensions else b"",
            )
        )

    # --- one function per event type ------------------------------------------------------

    def _accepted(self, number: int, k: int, e: OrderAccepted) -> bytes:
        return self._order(number, k, e, b"0", b"", b"")

    def _filled(self, number: int, k: int, e: OrderFilled) -> bytes:
        words = self._instrument(e.instrument)
        quote = words.instrument.quote
        middle = b"32=%b\x0131=%b\x01" % (words.qty(e.last_qty), words.price(e.last_price))
        tail = b"851=%d\x01" % e.liquidity
        if e.fee:
            # MiscFeeType 4: exchange fees
            fee = format_scaled(e.fee, quote.scale)
            tail += b"136=1\x01137=%b\x01138=%b\x01139=4\x01" % (fee, quote.code.encode())
        if self._extensions:
            tail += b"880=%d\x01" % e.match
        return self._order(number, k, e, b"F", middle, tail)

    def _canceled(self, number: int, k: int, e: OrderCanceled) -> bytes:
        middle = b"41=%b\x01" % e.orig_cl_ord_id if e.orig_cl_ord_id else b""
        if e.restatement >= 0:
            middle += b"378=%d\x01" % e.restatement
        return self._order(number, k, e, b"4", middle, _text(e.text))

    def _expired(self, number: int, k: int, e: OrderExpired) -> bytes:
        return self._order(number, k, e, b"C", _UNASKED, _text(e.text))

    def _replaced(self, number: int, k: int, e: OrderReplaced) -> bytes:
        return self._order(number, k, e, b"5", b"41=%b\x01" % e.orig_cl_ord_id, b"")

    def _rejected(self, number: int, k: int, e: OrderRejected) -> bytes:
        return self._order(number, k, e, b"8", b"103=%d\x01" % e.reason, _text(e.text))

    def _status(self, number: int, k: int, e: OrderStatusReported) -> bytes:
        """ExecType=I: ExecID is 0, because nothing happened (FIX 4.4 vol. 4, tag 17)."""
        if e.instrument == NOBODY:
            return self._status_of_refused(number, e)
        middle = b"41=%b\x01" % e.orig_cl_ord_id if e.orig_cl_ord_id else b""
        body = self._order(number, k, e, b"I", middle, _text(e.text))
        return body.replace(b"\x0117=%d-%d\x01" % (number, k), b"\x0117=0\x01", 1)

    def _status_of_refused(self, number: int, e: OrderStatusReported) -> bytes:
        """Of an OrderRefused only ClOrdID and text are kept: "[N/A]" and 7 (undisclosed) stand
        for the Symbol(55) and Side(54) that FIX requires."""
        return (
            b"37=NONE\x0111=%b\x0117=0\x01150=I\x0139=%b\x0155=[N/A]\x0154=7\x01"
            b"151=0\x0114=0\x016=0\x0160=%b\x01%b%b"
            % (
                e.cl_ord_id,
                ORD_STATUS[e.status],
                self._time_text,
                _text(e.text),
                self._extras(number, e.member, e.appl_seq),
            )
        )

    def _refused(self, number: int, k: int, e: OrderRefused) -> bytes:
        words = b"".join(
            b"%d=%b\x01" % (tag, value)
            for tag, value in (
                (1, e.account),
                (55, e.symbol),
                (54, e.side),
                (38, e.qty),
                (40, e.ord_type),
                (44, e.price),
                (59, e.tif),
            )
            if value
        )
        return (
            b"37=NONE\x0111=%b\x0117=%d-%d\x01150=8\x0139=8\x01103=%d\x01%b"
            b"151=0\x0114=0\x016=0\x0160=%b\x01%b%b"
            % (
                e.cl_ord_id,
                number,
                k,
                e.reason,
                words,
                self._time_text,
                _text(e.text),
                self._extras(number, e.member, e.appl_seq),
            )
        )

    def _cancel_rejected(self, number: int, k: int, e: CancelRejected) -> bytes:
        return b"37=%b\x0111=%b\x0141=%b\x0139=%b\x01%b434=%d\x01102=%d\x0160=%b\x01%b%b" % (
            b"%d" % e.order_id if e.order_id else b"NONE",
            e.cl_ord_id,
            e.orig_cl_ord_id,
            ORD_STATUS[e.status],
            self._account(e.account),
            e.response_to,
            e.reason,
            self._time_text,
            _text(e.text),
            self._extras(number, e.member, e.appl_seq),
        )

    def _mass_canceled(self, number: int, k: int, e: MassCancelReported) -> bytes:
        """OrderID(37) is required by FIX 4.4; the report's own name stands there."""
        return b"37=%d-%d\x0111=%b\x01530=%b\x01531=%d\x01%b%b60=%b\x01%b%b" % (
            number,
            k,
            e.cl_ord_id,
            e.scope,
            e.response,
            b"533=%d\x01" % e.affected if e.response else b"532=%d\x01" % e.reason,
            b"55=%b\x01" % e.symbol if e.symbol else b"",
            self._time_text,
            _text(e.text),
            self._extras(number, e.member, e.appl_seq),
        )

    def _message_refused(self, number: int, k: int, e: MessageRefused) -> bytes:
        """380=8 (throttled) is younger than FIX 4.4: without extensions it is 0, other."""
        reason = e.reason
        if reason > LAST_PUBLISHED_REASON and not self._extensions:
            reason = BUSINESS_OTHER
        return business_reject_body(e.seq, e.msg_type, reason, e.text, ref_id=e.cl_ord_id)


def _text(text: str) -> bytes:
    """Text(58) with its separator; our texts never hold a control character."""
    return b"58=%b\x01" % text.encode("utf-8", "replace") if text else b""
