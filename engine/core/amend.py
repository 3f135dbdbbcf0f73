"""Cancels and replaces: OrderCancelRequest(35=F) and OrderCancelReplaceRequest(35=G)."""

from typing import Final

from engine.core import reports, risk
from engine.core.entry import cancel_self_match, rest
from engine.core.expiry import expire
from engine.core.matching import limit_key, take
from engine.core.orders import Order, hold_of
from engine.core.state import Market, SessionState, State
from engine.core.way import clear_the_way
from engine.model.commands import CancelOrder, RefusedCancel, ReplaceOrder
from engine.model.enums import (
    BUY,
    CANCELED,
    CXL_REJ_BROKER_OPTION,
    CXL_REJ_DUPLICATE,
    CXL_REJ_OTHER,
    CXL_REJ_TOO_LATE,
    CXL_REJ_UNKNOWN_ORDER,
    FILLED,
    ORD_REJ_BROKER_OPTION,
    REJECTED,
    RESPONSE_TO_CANCEL,
    RESPONSE_TO_REPLACE,
)
from engine.model.events import CommandRefused, Event

Refusal = tuple[int, str]
"""(CxlRejReason(102), Text(58))."""

TIF_UNCHANGED: Final = -1


def find_order(
    state: State, session: SessionState, cl_ord_id: bytes, order_id: int
) -> Order | None:
    """The session's accepted order of a ClOrdID, else of an OrderID; finished ones too."""
    order = session.names.get(cl_ord_id)
    if order is None and order_id:
        order = state.orders.get(order_id)
        if order is not None and order.session != session.id:
            return None
    if order is None or order.status == REJECTED:
        return None
    return order


def _refusal(
    session: SessionState, c: CancelOrder | ReplaceOrder, order: Order | None
) -> Refusal | None:
    """What is wrong with a request whatever it asks for."""
    if c.cl_ord_id in session.names:
        return CXL_REJ_DUPLICATE, "this ClOrdID was used before; use a new one"
    if order is None:
        return CXL_REJ_UNKNOWN_ORDER, "no order of this session has that OrigClOrdID or OrderID"
    if not order.is_open():
        return CXL_REJ_TOO_LATE, "the order is finished"
    if c.instrument != order.instrument:
        return CXL_REJ_OTHER, "Symbol is not that of the order"
    if c.side != order.side:
        return CXL_REJ_OTHER, "Side is not that of the order"
    return None


def cancel_order(state: State, c: CancelOrder, number: int, time: int) -> list[Event]:
    """Apply CancelOrder. It works whatever is blocked."""
    session = state.session_of(c.origin)
    if session is None:
        return [CommandRefused(f"cancel of unknown session {c.origin.session}")]
    if c.poss_resend and c.cl_ord_id in session.names:
        return [reports.status_of(session.names[c.cl_ord_id], c.cl_ord_id)]
    events: list[Event] = []
    order = find_order(state, session, c.orig_cl_ord_id, c.order_id)
    if order is not None and order.expire_at <= time and order.is_open():
        expire(state, order, events)
    refusal = _refusal(session, c, order)
    if refusal is not None or order is None:
        events.append(_rejected(session, c, order, RESPONSE_TO_CANCEL, refusal))
        return events
    state.take_out(order, CANCELED)
    events.append(
        reports.canceled(session.member, order, cl_ord_id=c.cl_ord_id, trader=c.origin.trader)
    )
    state.remember(session, c.cl_ord_id, order, time)
    return events


def _rejected(
    session: SessionState,
    c: CancelOrder | ReplaceOrder,
    order: Order | None,
    response_to: int,
    refusal: Refusal | None,
) -> Event:
    assert refusal is not None
    names = (c.cl_ord_id, c.orig_cl_ord_id)
    return reports.cancel_rejected(session.member, c.origin, order, names, response_to, refusal)


def replace_order(state: State, c: ReplaceOrder, number: int, time: int) -> list[Event]:
    """Apply ReplaceOrder. Refused, it leaves the old order untouched."""
    assert time < state.day_end, "EndOfDay is due first"
    session = state.session_of(c.origin)
    if session is None:
        return [CommandRefused(f"replace of unknown session {c.origin.session}")]
    if c.poss_resend and c.cl_ord_id in session.names:
        return [reports.status_of(session.names[c.cl_ord_id], c.cl_ord_id)]
    events: list[Event] = []
    order = find_order(state, session, c.orig_cl_ord_id, c.order_id)
    if order is not None and order.expire_at <= time and order.is_open():
        expire(state, order, events)
    refusal = _refusal(session, c, order) or _changed_terms(c, order)
    if refusal is not None or order is None:
        events.append(_rejected(session, c, order, RESPONSE_TO_REPLACE, refusal))
        return events
    market = state.markets[order.instrument]
    wish = _as_replaced(market, order, c)
    if state.expiring or (state.holds and state.operations):
        clear_the_way(state, market, wish, time, events)
    need = 0
    if wish.qty > wish.cum:
        need = hold_of(wish, market.quote_per_tick_lot, market.base_per_lot)
    refusal = _failed_check(state, session, market, wish, need)
    if refusal is not None:
        events.append(_rejected(session, c, order, RESPONSE_TO_REPLACE, refusal))
        return events
    _replace(state, session, market, order, wish, need, time, events)
    return events


def _changed_terms(c: ReplaceOrder, order: Order | None) -> Refusal | None:
    """Only quantity and price of an order can be replaced."""
    assert order is not None
    if c.ord_type != order.ord_type:
        return CXL_REJ_OTHER, "OrdType cannot be changed; cancel and send a new order"
    if c.tif not in (TIF_UNCHANGED, order.tif):
        return CXL_REJ_OTHER, "TimeInForce cannot be changed; cancel and send a new order"
    return None


def _as_replaced(market: Market, order: Order, c: ReplaceOrder) -> Order:
    """The order as it would be, under the fee rates of now; trader: who asks for it."""
    return Order(
        order.id,
        order.session,
        order.member,
        order.account,
        order.instrument,
        order.side,
        order.ord_type,
        order.tif,
        c.qty,
        c.price,
        c.cl_ord_id,
        order.created,
        order.expire_at,
        market.maker_ppm,
        market.taker_ppm,
        order.cum,
        order.cum_value,
        order.status,
        trader=c.origin.trader,
    )


def _failed_check(
    state: State, session: SessionState, market: Market, wish: Order, need: int
) -> Refusal | None:
    notional = wish.qty * wish.price * market.quote_per_tick_lot
    account = state.accounts[wish.account]
    request = risk.Request(state, session, account, market, wish, notional, need)
    refusal = risk.first_refusal(state.replace_rules, request)
    if refusal is None:
        return None
    reason, text = refusal
    if reason == ORD_REJ_BROKER_OPTION:
        return CXL_REJ_BROKER_OPTION, text
    return CXL_REJ_OTHER, text


def _replace(
    state: State,
    session: SessionState,
    market: Market,
    order: Order,
    wish: Order,
    need: int,
    time: int,
    events: list[Event],
) -> None:
    """Put a checked replace into force: `order` becomes `wish`."""
    side = market.book.side(order.side)
    old_leaves = order.qty - order.cum
    old_held = order.held
    in_place = wish.price == order.price and wish.qty <= order.qty
    ends = wish.qty <= order.cum
    if ends or not in_place:
        side.remove(order, old_leaves)
    elif wish.qty < order.qty:
        side.reduce(order, order.qty - wish.qty)
    orig_cl_ord_id = order.cl_ord_id
    order.cl_ord_id = wish.cl_ord_id
    order.price = wish.price
    order.qty = order.cum if ends else wish.qty
    order.maker_ppm = wish.maker_ppm
    order.taker_ppm = wish.taker_ppm
    state.remember(session, order.cl_ord_id, order, time)
    if ends:
        state.close_order(order, FILLED)
        events.append(reports.replaced(session.member, order, orig_cl_ord_id, wish.trader))
        return
    account = state.accounts[order.account]
    balance = account.balances[market.quote if order.side == BUY else market.base]
    events.append(reports.replaced(session.member, order, orig_cl_ord_id, wish.trader))
    if in_place:
        balance.hold(need)
        balance.release(old_held)
        order.held = need
        return
    # From here on it is like a new order: it holds nothing, has everything available that it
    # needs, and is in no book.
    balance.release(old_held)
    order.held = 0
    account.open_orders -= 1
    own = take(state, market, order, limit_key(market, order), time, events)
    if own is None and order.cum < order.qty:
        rest(
            state,
            session,
            market,
            order,
            hold_of(order, market.quote_per_tick_lot, market.base_per_lot),
        )
        return
    del session.open[order.id]
    if own is not None:
        cancel_self_match(session, order, own, events)


def refused_cancel(state: State, c: RefusedCancel, number: int, time: int) -> list[Event]:
    """Number a refusal that the gateway found, with the state of the order if it is known."""
    session = state.session_of(c.origin)
    if session is None:
        return [CommandRefused(f"refused cancel of unknown session {c.origin.session}")]
    order = find_order(state, session, c.orig_cl_ord_id, 0)
    names = (c.cl_ord_id, c.orig_cl_ord_id)
    refusal = (c.reason, c.text)
    return [reports.cancel_rejected(session.member, c.origin, order, names, c.response_to, refusal)]
