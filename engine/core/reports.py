"""Events from orders: each takes the member's next application sequence number."""

from engine.core.orders import Order
from engine.core.state import MemberState
from engine.model.commands import Origin
from engine.model.enums import PARTIALLY_FILLED, REJECTED, RESTATEMENT_NONE
from engine.model.events import (
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderStatusReported,
)
from engine.model.ids import NOBODY


def accepted(member: MemberState, o: Order) -> OrderAccepted:
    """ExecType(150)=0."""
    member.appl_seq = seq = member.appl_seq + 1
    return OrderAccepted(
        member.id,
        o.session,
        seq,
        o.id,
        o.cl_ord_id,
        o.account,
        o.instrument,
        o.side,
        o.ord_type,
        o.tif,
        o.qty,
        o.price,
        o.status,
        0,
        o.qty,
        0,
        o.trader,
    )


def filled(
    member: MemberState, o: Order, lots: int, price: int, fee: int, match: int, liquidity: int
) -> OrderFilled:
    """ExecType(150)=F: `lots` at `price` ticks, already counted in the order."""
    member.appl_seq = seq = member.appl_seq + 1
    return OrderFilled(
        member.id,
        o.session,
        seq,
        o.id,
        o.cl_ord_id,
        o.account,
        o.instrument,
        o.side,
        o.ord_type,
        o.tif,
        o.qty,
        o.price,
        o.status,
        o.cum,
        o.qty - o.cum,
        o.cum_value,
        lots,
        price,
        fee,
        match,
        liquidity,
        o.trader,
    )


Common = tuple[int, int, int, int, bytes, int, int, int, int, int, int, int, int, int, int, int]
"""The fields of an OrderEvent."""


def _common(o: Order, appl_seq: int, cl_ord_id: bytes, leaves: int) -> Common:
    """What all reports of an order share; the two that every trade makes spell it out above."""
    return (
        o.member,
        o.session,
        appl_seq,
        o.id,
        cl_ord_id,
        o.account,
        o.instrument,
        o.side,
        o.ord_type,
        o.tif,
        o.qty,
        o.price,
        o.status,
        o.cum,
        leaves,
        o.cum_value,
    )


def _next(member: MemberState) -> int:
    """The member's next ApplSeqNum(1181)."""
    member.appl_seq += 1
    return member.appl_seq


def canceled(
    member: MemberState,
    o: Order,
    *,
    cl_ord_id: bytes | None = None,
    trader: bytes = b"",
    restatement: int = RESTATEMENT_NONE,
    text: str = "",
) -> OrderCanceled:
    """ExecType(150)=4; cl_ord_id and trader are those of the request, if there was one."""
    if cl_ord_id is None:
        common = _common(o, _next(member), o.cl_ord_id, 0)
        return OrderCanceled(*common, b"", restatement, text, o.trader)
    common = _common(o, _next(member), cl_ord_id, 0)
    return OrderCanceled(*common, o.cl_ord_id, restatement, text, trader or o.trader)


def expired(member: MemberState, o: Order, text: str) -> OrderExpired:
    """ExecType(150)=C."""
    return OrderExpired(*_common(o, _next(member), o.cl_ord_id, 0), text, o.trader)


def replaced(member: MemberState, o: Order, orig_cl_ord_id: bytes, trader: bytes) -> OrderReplaced:
    """ExecType(150)=5; the order already has its new ClOrdID. trader: of the request."""
    common = _common(o, _next(member), o.cl_ord_id, o.qty - o.cum)
    return OrderReplaced(*common, orig_cl_ord_id, trader or o.trader)


def rejected(member: MemberState, o: Order, reason: int) -> OrderRejected:
    """ExecType(150)=8 with the order's own text."""
    assert o.cum == 0
    return OrderRejected(*_common(o, _next(member), o.cl_ord_id, 0), reason, o.text, o.trader)


def status_of(o: Order, cl_ord_id: bytes) -> OrderStatusReported:
    """ExecType(150)=I, asked for under `cl_ord_id`; changes nothing, so it has no number."""
    leaves = o.qty - o.cum if o.status <= PARTIALLY_FILLED else 0
    current = b"" if cl_ord_id == o.cl_ord_id else o.cl_ord_id
    return OrderStatusReported(*_common(o, 0, cl_ord_id, leaves), current, o.text, o.trader)


def cancel_rejected(
    member: MemberState,
    origin: Origin,
    order: Order | None,
    names: tuple[bytes, bytes],
    response_to: int,
    refusal: tuple[int, str],
) -> CancelRejected:
    """OrderCancelReject(35=9). names: (ClOrdID, OrigClOrdID); refusal: (102, 58)."""
    trader = origin.trader
    if not trader and order is not None:
        trader = order.trader
    return CancelRejected(
        member.id,
        origin.session,
        _next(member),
        NOBODY if order is None else order.id,
        names[0],
        names[1],
        NOBODY if order is None else order.account,
        REJECTED if order is None else order.status,
        response_to,
        refusal[0],
        refusal[1],
        trader,
    )
