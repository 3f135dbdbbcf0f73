"""New orders: NewOrderSingle(35=D), from the checks to the book or to the refusal."""

from typing import Final

from engine.core import reports, risk
from engine.core.matching import fillable, limit_key, take
from engine.core.orders import GOOD_TILL_CANCEL, Order, hold_of
from engine.core.state import Market, NameAge, SessionState, State
from engine.core.way import clear_the_way
from engine.model.commands import NewOrder, RefusedMessage, RefusedOrder
from engine.model.enums import (
    BUY,
    CANCELED,
    DAY,
    FOK,
    IOC,
    MARKET,
    REJECTED,
    RESTATEMENT_MARKET_OPTION,
)
from engine.model.events import CommandRefused, Event, MessageRefused, OrderRefused
from engine.model.ids import NOBODY, VENUE_ACCOUNT

FOK_TEXT: Final = "fill or kill: the whole quantity cannot be filled at once"
IOC_TEXT: Final = "immediate or cancel: nothing more to fill within the limit price"
MARKET_TEXT: Final = "market order: nothing more to fill within the protection price"
EMPTY_TEXT: Final = "market order: the other side of the book is empty"


def new_order(state: State, c: NewOrder, number: int, time: int) -> list[Event]:
    """Apply NewOrder. The order's id is the number of its record."""
    assert time < state.day_end, "EndOfDay is due first"
    session = state.session_of(c.origin)
    market = state.markets.get(c.instrument)
    if session is None or market is None:
        return [CommandRefused(f"new order of unknown session {c.origin.session} or instrument")]
    if c.poss_resend and c.cl_ord_id in session.names:
        return [reports.status_of(session.names[c.cl_ord_id], c.cl_ord_id)]
    events: list[Event] = []
    account = state.accounts.get(c.account)
    if account is None or account.member != session.member.id:
        account = state.accounts[VENUE_ACCOUNT]
    ord_type = c.ord_type
    order = Order(
        number,
        session.id,
        session.member.id,
        account.id,
        c.instrument,
        c.side,
        ord_type,
        c.tif,
        c.qty,
        0 if ord_type == MARKET else c.price,
        c.cl_ord_id,
        time,
        state.day_end if c.tif == DAY else GOOD_TILL_CANCEL,
        market.maker_ppm,
        market.taker_ppm,
        trader=c.origin.trader,
    )
    if state.expiring or (state.holds and state.operations):
        clear_the_way(state, market, order, time, events)
    if ord_type == MARKET:
        notional, need = _market_terms(market, order)
    else:
        need = hold_of(order, market.quote_per_tick_lot, market.base_per_lot)
        notional = order.qty * order.price * market.quote_per_tick_lot
    request = risk.Request(state, session, account, market, order, notional, need)
    refusal = risk.first_refusal(state.new_rules, request)
    if refusal is not None:
        order.status = REJECTED
        order.text = refusal[1]
        events.append(reports.rejected(session.member, order, refusal[0]))
        state.remember(session, c.cl_ord_id, order, time)
        return events
    events.append(reports.accepted(session.member, order))
    # The rules saw that the ClOrdID is free and that there is room for it.
    order.names = 1
    session.names[c.cl_ord_id] = state.orders[number] = order
    state.name_ages.append(NameAge(time, session.id, c.cl_ord_id))
    _work(state, session, market, order, need, time, events)
    return events


def _market_terms(market: Market, order: Order) -> tuple[int, int]:
    """Notional and need of a market order: those of what the book would fill."""
    fill = fillable(market, order, limit_key(market, order))
    if order.tif == FOK and fill.lots < order.qty:
        return 0, 0
    if order.side == BUY:
        return fill.notional, fill.notional + fill.fee
    return fill.notional, fill.lots * market.base_per_lot


def _work(
    state: State,
    session: SessionState,
    market: Market,
    order: Order,
    need: int,
    time: int,
    events: list[Event],
) -> None:
    """Let an accepted order trade; what is left rests, or is cancelled by its own terms."""
    book = market.book
    is_market = order.ord_type == MARKET
    opposite = book.asks if order.side == BUY else book.bids
    key_limit = limit_key(market, order) if is_market else order.price * opposite.sign
    was_empty = not opposite.levels
    if opposite.best <= key_limit:
        if order.tif == FOK and fillable(market, order, key_limit).lots < order.qty:
            _cancel_rest(session, order, FOK_TEXT, events)
            return
        own = take(state, market, order, key_limit, time, events)
        if order.cum == order.qty:
            return
        if own is not None:
            cancel_self_match(session, order, own, events)
            return
        need = hold_of(order, market.quote_per_tick_lot, market.base_per_lot)
    if is_market:
        _cancel_rest(session, order, EMPTY_TEXT if was_empty else MARKET_TEXT, events)
    elif order.tif == IOC:
        _cancel_rest(session, order, IOC_TEXT, events)
    elif order.tif == FOK:
        _cancel_rest(session, order, FOK_TEXT, events)
    else:
        rest(state, session, market, order, need)


def rest(state: State, session: SessionState, market: Market, order: Order, need: int) -> None:
    """Hold what the order needs and put it into the book."""
    account = state.accounts[order.account]
    account.open_orders += 1
    order.held = need
    session.open[order.id] = order
    book = market.book
    if order.side == BUY:
        account.balances[market.quote].hold(need)
        book.bids.add(order)
    else:
        account.balances[market.base].hold(need)
        book.asks.add(order)
    assert -book.bids.best < book.asks.best, "a crossed book"


def cancel_self_match(session: SessionState, order: Order, own: Order, events: list[Event]) -> None:
    """The rest of an order that would trade with `own` of the same member is cancelled."""
    order.status = CANCELED
    text = f"self-match prevention: the rest would trade with the member's own order {own.id}"
    events.append(
        reports.canceled(session.member, order, restatement=RESTATEMENT_MARKET_OPTION, text=text)
    )


def _cancel_rest(session: SessionState, order: Order, text: str, events: list[Event]) -> None:
    order.status = CANCELED
    events.append(reports.canceled(session.member, order, text=text))


def refused_order(state: State, c: RefusedOrder, number: int, time: int) -> list[Event]:
    """Number a refusal that the gateway found; its ClOrdID is used from now on."""
    session = state.session_of(c.origin)
    if session is None:
        return [CommandRefused(f"refused order of unknown session {c.origin.session}")]
    member = session.member
    member.appl_seq += 1
    # A stand-in for status requests: the words could not be put into ticks and lots, so of its
    # terms nothing is known.
    order = Order(
        number, session.id, member.id, NOBODY, NOBODY, 0, 0, 0, 0, 0, c.cl_ord_id, time, 0, 0, 0
    )
    order.status = REJECTED
    order.text = c.text
    order.trader = c.origin.trader
    state.remember(session, c.cl_ord_id, order, time)
    return [
        OrderRefused(
            member.id,
            session.id,
            member.appl_seq,
            c.cl_ord_id,
            c.account,
            c.symbol,
            c.side,
            c.ord_type,
            c.tif,
            c.qty,
            c.price,
            c.reason,
            c.text,
            c.origin.trader,
        )
    ]


def refused_message(state: State, c: RefusedMessage, number: int, time: int) -> list[Event]:
    """Number a refusal of a message that nobody looked into; nothing of it is remembered."""
    session = state.session_of(c.origin)
    if session is None:
        return [CommandRefused(f"refused message of unknown session {c.origin.session}")]
    return [
        MessageRefused(
            session.member.id,
            session.id,
            c.origin.seq,
            c.msg_type,
            c.cl_ord_id,
            c.reason,
            c.text,
        )
    ]
