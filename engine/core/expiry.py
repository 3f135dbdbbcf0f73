"""Orders past their expiry: they never trade, even before their end of day has reached them."""

from datetime import date

from engine.core import reports
from engine.core.book import EMPTY
from engine.core.orders import Order
from engine.core.state import Market, State
from engine.model.clock import NANOS_PER_DAY
from engine.model.enums import EXPIRED, MARKET
from engine.model.events import Event

_DAY_ZERO = date(1970, 1, 1).toordinal()


def day_name(day: int) -> str:
    """Days since 1970-01-01 as YYYY-MM-DD."""
    return date.fromordinal(_DAY_ZERO + day).isoformat()


def expire(state: State, order: Order, events: list[Event]) -> None:
    """End an open order whose day is over."""
    state.take_out(order, EXPIRED)
    day = order.expire_at // NANOS_PER_DAY - 1
    text = f"Day order: trading day {day_name(day)} has ended"
    events.append(reports.expired(state.members[order.member], order, text))


def expire_in_the_way(
    state: State, market: Market, order: Order, time: int, events: list[Event]
) -> None:
    """Expire the resting orders past their expiry that an incoming order could meet.

    Only needed while an end of day is under way. A market order's protection price depends on
    the best order that is alive, so for it every price counts.
    """
    assert state.expiring > 0
    side = market.book.opposite(order.side)
    key_limit = EMPTY - 1 if order.ord_type == MARKET else order.price * side.sign
    wanted = order.qty - order.cum
    dead: list[Order] = []
    for key, level in side.levels.items():
        if key > key_limit or wanted <= 0:
            break
        for resting in level.orders.values():
            if resting.expire_at <= time:
                dead.append(resting)
            elif resting.member == order.member:
                wanted = 0
                break
            else:
                wanted -= resting.qty - resting.cum
                if wanted <= 0:
                    break
    for resting in dead:
        expire(state, resting, events)
