"""Events from orders: each takes the member's next application sequence number."""

from engine.core.orders import Order
from engine.core.state import MemberState
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
    )


def canceled(
    member: MemberState,
    o: Order,
    *,
    cl_ord_id: bytes | None = None,
    restatement: int = RESTATEMENT_NONE,
    text: str = "",
) -> OrderCanceled:
    """ExecType(150)=4; cl_ord_id is that of the request, if there was one."""
    member.appl_seq = seq = member.appl_seq + 1
    return OrderCanceled(
        member.id,
        o.session,
        seq,
        o.id,
        o.cl_ord_id if cl_ord_id is None else cl_ord_id,
        o.account,
        o.instrument,
        o.side,
        o.ord_type,
        o.tif,
        o.qty,
        o.price,
        o.status,
        o.cum,
        0,
        o.cum_value,
        b"" if cl_ord_id is None else o.cl_ord_id,
        restatement,
        text,
    )


def expired(member: MemberState, o: Order, text: str) -> OrderExpired:
    """ExecType(150)=C."""
    member.appl_seq = seq = member.appl_seq + 1
    return OrderExpired(
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
        0,
        o.cum_value,
        text,
    )


def replaced(member: MemberState, o: Order, orig_cl_ord_id: bytes) -> OrderReplaced:
    """ExecType(150)=5; the order already has its new ClOrdID."""
    member.appl_seq = seq = member.appl_seq + 1
    return OrderReplaced(
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
        orig_cl_ord_id,
    )


def rejected(member: MemberState, o: Order, reason: int) -> OrderRejected:
    """ExecType(150)=8 with the order's own text."""
    member.appl_seq = seq = member.appl_seq + 1
    return OrderRejected(
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
        0,
        0,
        reason,
        o.text,
    )


def status_of(o: Order, cl_ord_id: bytes) -> OrderStatusReported:
    """ExecType(150)=I, asked for under `cl_ord_id`; changes nothing, so it has no number."""
    return OrderStatusReported(
        o.member,
        o.session,
        0,
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
        o.qty - o.cum if o.status <= PARTIALLY_FILLED else 0,
        o.cum_value,
        b"" if cl_ord_id == o.cl_ord_id else o.cl_ord_id,
        o.text,
    )


def cancel_rejected(
    member: MemberState,
    session: int,
    order: Order | None,
    names: tuple[bytes, bytes],
    response_to: int,
    refusal: tuple[int, str],
) -> CancelRejected:
    """OrderCancelReject(35=9). names: (ClOrdID, OrigClOrdID); refusal: (102, 58)."""
    member.appl_seq = seq = member.appl_seq + 1
    return CancelRejected(
        member.id,
        session,
        seq,
        NOBODY if order is None else order.id,
        names[0],
        names[1],
        NOBODY if order is None else order.account,
        REJECTED if order is None else order.status,
        response_to,
        refusal[0],
        refusal[1],
    )
