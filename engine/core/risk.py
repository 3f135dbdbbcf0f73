"""The one place with pre-trade checks: an ordered list of named rules.

Each rule looks at a request and returns nothing, or (OrdRejReason(103), Text(58)). The first
refusal counts. A text names the rule, the limit and the value in the units that the member sent,
and what to do. A rule never changes anything. To add one, write it and put it into NEW_ORDER
(and into REPLACE if it holds for OrderCancelReplaceRequest(35=G) too).
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from engine.core.accounts import AccountState
from engine.core.holds import held_back
from engine.core.orders import Order
from engine.core.state import Market, Refusal, SessionState, State
from engine.model.enums import (
    BLOCK_ACCOUNT,
    BLOCK_ALL,
    BLOCK_INSTRUMENT,
    BLOCK_MEMBER,
    BLOCK_SESSION,
    BUY,
    DAY,
    FOK,
    GTC,
    IOC,
    LIMIT,
    MARKET,
    ORD_REJ_BROKER_OPTION,
    ORD_REJ_DUPLICATE,
    ORD_REJ_EXCEEDS_LIMIT,
    ORD_REJ_OTHER,
    ORD_REJ_QUANTITY,
    ORD_REJ_UNKNOWN_ACCOUNT,
    ORD_REJ_UNSUPPORTED,
    SELL,
)
from engine.model.money import BASIS_POINT, INT64_MAX, ceil_div, format_scaled
from engine.model.refdata import Asset, Instrument


class Request(Struct, gc=False, eq=False):
    """An order that asks to be let in, or an order as it would be after a replace.

    account is the venue's own where the order names none of the member's. notional in quote minor
    units: of the whole order at its limit, or for a market order of what the book would fill.
    need: minor units of quote (buy) or base (sell) that must be available.
    """

    state: State
    session: SessionState
    account: AccountState
    market: Market
    order: Order
    notional: int
    need: int


def blocks(r: Request) -> Refusal | None:
    """Blocks of the session, account, member, instrument or of the whole venue."""
    in_force = r.state.blocks
    refdata = r.state.refdata
    account = refdata.accounts.get(r.account.id)
    for scope, target, name in (
        (BLOCK_SESSION, r.session.id, f"session {r.session.comp_id}"),
        (BLOCK_ACCOUNT, r.account.id, f"account {account.name}" if account else ""),
        (BLOCK_MEMBER, r.session.member.id, "the member"),
        (BLOCK_INSTRUMENT, r.market.id, r.market.instrument.symbol),
        (BLOCK_ALL, 0, "the venue"),
    ):
        reason = in_force.get((scope, target))
        if reason is not None:
            return (
                ORD_REJ_BROKER_OPTION,
                f"{name} is blocked: {reason}; cancels still work, ask the venue to lift it",
            )
    return None


def held(r: Request) -> Refusal | None:
    """What the account is held to, if it is. The text tells no reason: see engine.core.holds."""
    text = held_back(r.state, r.account.id, r.market, r.order.side)
    return (ORD_REJ_OTHER, f"{text}; cancels still work, ask the venue") if text else None


def duplicate_cl_ord_id(r: Request) -> Refusal | None:
    """ClOrdID(11) is unique per session for 24 hours and while its order is open."""
    if r.order.cl_ord_id not in r.session.names:
        return None
    return ORD_REJ_DUPLICATE, f"ClOrdID {_shown(r.order.cl_ord_id)} was used before; use a new one"


def cl_ord_id_cap(r: Request) -> Refusal | None:
    """A session's table of known ClOrdIDs is bounded."""
    if len(r.session.names) < r.session.cap:
        return None
    return (
        ORD_REJ_OTHER,
        f"session {r.session.comp_id} used {r.session.cap} ClOrdIDs, the most that it may have "
        "known in 24 hours; wait or use another session",
    )


def known_account(r: Request) -> Refusal | None:
    """The account exists and is the member's."""
    if r.account.member == r.session.member.id:
        return None
    return ORD_REJ_UNKNOWN_ACCOUNT, "unknown account; use one of the member's own or leave it out"


def supported_terms(r: Request) -> Refusal | None:
    """Side(54), OrdType(40) and TimeInForce(59) are among those that the venue trades."""
    o = r.order
    if o.side in _SIDES and o.ord_type in (LIMIT, MARKET) and o.tif in _TIFS:
        return None
    return (
        ORD_REJ_UNSUPPORTED,
        "only buy and sell, market and limit, Day, GTC, IOC and FOK are supported",
    )


def positive_quantity(r: Request) -> Refusal | None:
    """OrderQty(38) is above zero."""
    if r.order.qty > 0:
        return None
    return ORD_REJ_QUANTITY, f"OrderQty {_qty(r.market.instrument, r.order.qty)} must be above 0"


def positive_price(r: Request) -> Refusal | None:
    """Price(44) of a limit order is above zero."""
    if r.order.price > 0 or r.order.ord_type == MARKET:
        return None
    return ORD_REJ_OTHER, f"Price {_price(r.market.instrument, r.order.price)} must be above 0"


def fits_int64(r: Request) -> Refusal | None:
    """Every amount that the order may ever cause fits int64.

    A sell may fill at better prices than its own, up to the best bid; the value of its fills
    counts too.
    """
    o = r.order
    market = r.market
    price = o.price
    if o.side == SELL:
        bid = -market.book.bids.best
        if bid > price:
            price = bid
    value = (o.cum_value + (o.qty - o.cum) * price) * market.quote_per_tick_lot
    if value <= INT64_MAX and o.qty * market.base_per_lot <= INT64_MAX and r.need <= INT64_MAX:
        return None
    return (
        ORD_REJ_EXCEEDS_LIMIT,
        f"OrderQty {_qty(r.market.instrument, o.qty)} is worth more than the venue can count; "
        "send a smaller order",
    )


def order_size(r: Request) -> Refusal | None:
    """The largest OrderQty(38) of the instrument, and of the account in it."""
    qty = r.order.qty
    limit, whose = r.market.max_order_lots, "of the instrument"
    if not limit or qty <= limit:
        if not r.account.limits:
            return None
        limit, whose = r.account.limits.get(r.market.id, _NO_LIMITS)[0], "of the account"
        if not limit or qty <= limit:
            return None
    i = r.market.instrument
    return (
        ORD_REJ_EXCEEDS_LIMIT,
        f"OrderQty {_qty(i, qty)} is above the order size limit {whose}, {_qty(i, limit)}; "
        "send a smaller order",
    )


def order_notional(r: Request) -> Refusal | None:
    """The largest notional of an order in the instrument, and of the account in it."""
    limit, whose = r.market.max_order_notional, "of the instrument"
    if not limit or r.notional <= limit:
        if not r.account.limits:
            return None
        limit, whose = r.account.limits.get(r.market.id, _NO_LIMITS)[1], "of the account"
        if not limit or r.notional <= limit:
            return None
    quote = r.market.instrument.quote
    return (
        ORD_REJ_EXCEEDS_LIMIT,
        f"notional {_amount(quote, r.notional)} is above the order notional limit {whose}, "
        f"{_amount(quote, limit)}; send a smaller order",
    )


def open_orders(r: Request) -> Refusal | None:
    """The most orders that an account may have open; orders that cannot rest do not count."""
    limit = r.account.max_open_orders
    o = r.order
    if not limit or r.account.open_orders < limit or o.ord_type == MARKET or o.tif in (IOC, FOK):
        return None
    return (
        ORD_REJ_EXCEEDS_LIMIT,
        f"{r.account.open_orders} orders are open, the account may have {limit}; "
        "cancel one before sending another",
    )


def price_collar(r: Request) -> Refusal | None:
    """Price(44) lies within the collar around the last trade, else the reference price."""
    bps = r.market.collar_bps
    if not bps or r.order.ord_type == MARKET:
        return None
    i = r.market.instrument
    centre = r.market.last_price or i.reference_price
    if not centre or abs(r.order.price - centre) * BASIS_POINT <= centre * bps:
        return None
    low = max(1, ceil_div(centre * (BASIS_POINT - bps), BASIS_POINT))
    high = centre * (BASIS_POINT + bps) // BASIS_POINT
    return (
        ORD_REJ_OTHER,
        f"Price {_price(i, r.order.price)} is outside the collar of "
        f"{format_scaled(bps, 2).decode()}% around {_price(i, centre)}; "
        f"send a price from {_price(i, low)} to {_price(i, high)}",
    )


def funds(r: Request) -> Refusal | None:
    """What the order needs is available."""
    buy = r.order.side == BUY
    available = r.account.balances[r.market.quote if buy else r.market.base].available
    if available >= r.need:
        return None
    i = r.market.instrument
    asset, fee = (i.quote, " with fees") if buy else (i.base, "")
    return (
        ORD_REJ_EXCEEDS_LIMIT,
        f"insufficient funds: the order needs {_amount(asset, r.need)}{fee}, available are "
        f"{_amount(asset, available)}; deposit or send a smaller order",
    )


Rule = Callable[[Request], Refusal | None]

OWN_TERMS: Final[tuple[Rule, ...]] = (
    duplicate_cl_ord_id,
    cl_ord_id_cap,
    known_account,
    supported_terms,
    positive_quantity,
    positive_price,
    fits_int64,
)
"""What no limit switches on or off: the order's name, account and terms."""


def own_terms(r: Request) -> Refusal | None:
    """All of OWN_TERMS in one look, because every order passes here and few are refused.

    Only an order that does not pass pays for finding out which rule refuses it.
    """
    o, session = r.order, r.session
    names = session.names
    if (
        o.cl_ord_id not in names
        and len(names) < session.cap
        and r.account.member == session.member.id
        and o.side in _SIDES
        and o.tif in _TIFS
        and o.qty > 0
        and (o.ord_type == MARKET or (o.ord_type == LIMIT and o.price > 0))
    ):
        return fits_int64(r)
    return first_refusal(OWN_TERMS, r)


_SIDES: Final = (BUY, SELL)
_TIFS: Final = (DAY, GTC, IOC, FOK)

NEW_ORDER: Final[tuple[Rule, ...]] = (
    blocks,
    held,
    own_terms,
    order_size,
    order_notional,
    open_orders,
    price_collar,
    funds,
)
"""What NewOrderSingle(35=D) must pass, in this order."""

REPLACE: Final[tuple[Rule, ...]] = (
    blocks,
    held,
    cl_ord_id_cap,
    positive_quantity,
    positive_price,
    fits_int64,
    order_size,
    order_notional,
    price_collar,
    funds,
)
"""What an order as it would be after OrderCancelReplaceRequest(35=G) must pass."""


_SWITCHES: Final[dict[Rule, Callable[[State], bool]]] = {
    blocks: lambda state: bool(state.blocks),
    held: lambda state: bool(state.holds),
    order_size: lambda state: (
        any(m.max_order_lots for m in state.markets.values())
        or any(a.limits for a in state.accounts.values())
    ),
    order_notional: lambda state: (
        any(m.max_order_notional for m in state.markets.values())
        or any(a.limits for a in state.accounts.values())
    ),
    open_orders: lambda state: any(a.max_open_orders for a in state.accounts.values()),
    price_collar: lambda state: any(m.collar_bps for m in state.markets.values()),
}
"""Rules that cannot refuse anything while nothing in the state switches them on."""


def switch_rules(state: State) -> None:
    """Choose the rules that are on, after each change of limits, blocks or holds: the others cost
    nothing."""

    def is_on(rule: Rule) -> bool:
        switch = _SWITCHES.get(rule)
        return switch is None or switch(state)

    state.new_rules = tuple(rule for rule in NEW_ORDER if is_on(rule))
    state.replace_rules = tuple(rule for rule in REPLACE if is_on(rule))


def first_refusal(rules: tuple[Rule, ...], request: Request) -> Refusal | None:
    """Of the first rule that refuses, or None if all let the request pass."""
    for rule in rules:
        refusal = rule(request)
        if refusal is not None:
            return refusal
    return None


_NO_LIMITS: Final = (0, 0)


def _shown(cl_ord_id: bytes) -> str:
    return cl_ord_id.decode("ascii", "backslashreplace")


def _price(instrument: Instrument, ticks: int) -> str:
    return instrument.format_price(ticks).decode()


def _qty(instrument: Instrument, lots: int) -> str:
    return instrument.format_qty(lots).decode()


def _amount(asset: Asset, units: int) -> str:
    return f"{format_scaled(units, asset.scale).decode()} {asset.code}"
