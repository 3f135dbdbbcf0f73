"""Matching: an incoming order against the book, and the money that changes hands.

Price, then time. Each trade is at the resting order's price. The maker's report comes before the
taker's, with the same match number. A member's orders never trade with each other: the incoming
order stops in front of the member's own.
"""

from typing import NamedTuple

from msgspec import Struct

from engine.core import reports
from engine.core.accounts import Balance
from engine.core.book import EMPTY
from engine.core.orders import Order, hold_of
from engine.core.state import Market, State
from engine.model.enums import BUY, FILLED, MAKER, MARKET, PARTIALLY_FILLED, TAKER
from engine.model.events import Event
from engine.model.ids import VENUE_ACCOUNT
from engine.model.money import BASIS_POINT, PPM, ceil_div


class Fillable(NamedTuple):
    """What the book would fill: lots, and their notional and taker fee in quote minor units."""

    lots: int
    notional: int
    fee: int


def limit_key(market: Market, order: Order) -> int:
    """The worst book key that an order may trade at.

    A market order's is a protection price, the best opposite price plus or minus the collar;
    without a collar there is none.
    """
    sign = 1 if order.side == BUY else -1
    if order.ord_type != MARKET:
        return order.price * sign
    best = market.book.opposite(order.side).best
    if best == EMPTY or not market.collar_bps:
        return EMPTY - 1
    price = best * sign
    if order.side == BUY:
        return price * (BASIS_POINT + market.collar_bps) // BASIS_POINT
    return -max(1, ceil_div(price * (BASIS_POINT - market.collar_bps), BASIS_POINT))


def fillable(market: Market, order: Order, key_limit: int) -> Fillable:
    """What an order would fill at once, down to `key_limit` and up to an order of its member."""
    side = market.book.opposite(order.side)
    wanted = order.qty - order.cum
    lots = notional = fee = 0
    for key, level in side.levels.items():
        if key > key_limit:
            break
        for maker in level.orders.values():
            if maker.member == order.member or lots == wanted:
                return Fillable(lots, notional, fee)
            taken = min(wanted - lots, maker.qty - maker.cum)
            value = taken * maker.price * market.quote_per_tick_lot
            lots += taken
            notional += value
            fee += value * order.taker_ppm // PPM
    return Fillable(lots, notional, fee)


def take(
    state: State, market: Market, order: Order, key_limit: int, time: int, events: list[Event]
) -> Order | None:
    """Trade an incoming order, which holds nothing, with the book as far as it goes.

    Its account must have what it needs available. Returns the resting order of the same member
    that stopped it, or None.
    """
    assert order.held == 0
    is_buy = order.side == BUY
    side = market.book.asks if is_buy else market.book.bids
    leaves = order.qty - order.cum
    members, accounts = state.members, state.accounts
    member = members[order.member]
    scale, per_lot, taker_ppm = market.quote_per_tick_lot, market.base_per_lot, order.taker_ppm
    fees = accounts[VENUE_ACCOUNT].balances[market.quote]
    taker = accounts[order.account].balances
    while leaves and side.best <= key_limit:
        level = side.top
        resting = next(iter(level.orders.values()))
        if resting.member == order.member:
            return resting
        assert resting.expire_at > time
        price = resting.price
        lots = resting.qty - resting.cum
        if lots > leaves:
            lots = leaves
        leaves -= lots
        notional = lots * price * scale
        maker_fee = notional * resting.maker_ppm // PPM
        taker_fee = notional * taker_ppm // PPM
        _count(resting, lots, price)
        _count(order, lots, price)
        hold = hold_of(resting, scale, per_lot)
        trade = Trade(lots * per_lot, notional, resting.held - hold, maker_fee, taker_fee)
        resting.held = hold
        _settle(market, is_buy, accounts[resting.account].balances, taker, fees, trade)
        if resting.status == FILLED:
            side.remove(resting, lots)
            state.close_order(resting, FILLED)
        else:
            level.lots -= lots
            assert level.lots > 0
        market.last_price = price
        state.match = match = state.match + 1
        events.append(
            reports.filled(members[resting.member], resting, lots, price, maker_fee, match, MAKER)
        )
        events.append(reports.filled(member, order, lots, price, taker_fee, match, TAKER))
    return None


def _count(order: Order, lots: int, price: int) -> None:
    """Add one fill to an order."""
    order.cum = cum = order.cum + lots
    order.cum_value += lots * price
    assert cum <= order.qty
    order.status = FILLED if cum == order.qty else PARTIALLY_FILLED


class Trade(Struct, gc=False, eq=False):
    """The money of one trade, in minor units; freed is what the maker no longer needs to hold."""

    base: int
    notional: int
    freed: int
    maker_fee: int
    taker_fee: int


def _settle(
    market: Market,
    taker_buys: bool,
    maker: dict[int, Balance],
    taker: dict[int, Balance],
    fees: Balance,
    trade: Trade,
) -> None:
    """Move the money of one trade: the maker pays from its hold, the taker from its available.

    A pair assertion: each balance is changed for itself, and what was there of each asset before
    must be there afterwards.
    """
    maker_quote, maker_base = maker[market.quote], maker[market.base]
    taker_quote, taker_base = taker[market.quote], taker[market.base]
    quote = maker_quote.available + maker_quote.held + taker_quote.available + fees.available
    base = maker_base.available + maker_base.held + taker_base.available
    freed, notional = trade.freed, trade.notional
    assert freed >= 0
    if taker_buys:
        assert freed == trade.base
        taker_quote.available -= notional + trade.taker_fee
        taker_base.available += trade.base
        maker_base.held -= freed
        maker_quote.available += notional - trade.maker_fee
    else:
        taker_base.available -= trade.base
        taker_quote.available += notional - trade.taker_fee
        maker_quote.held -= freed
        maker_quote.available += freed - notional - trade.maker_fee
        maker_base.available += trade.base
    fees.available += trade.maker_fee + trade.taker_fee
    assert taker_quote.available >= 0
    assert taker_base.available >= 0
    assert maker_quote.available >= 0
    assert maker_quote.held >= 0
    assert maker_base.held >= 0
    quote -= maker_quote.available + maker_quote.held + taker_quote.available + fees.available
    base -= maker_base.available + maker_base.held + taker_base.available
    assert quote == 0
    assert base == 0
