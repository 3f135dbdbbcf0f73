"""Orders past their expiry: they never trade, even before their end of day has reached them."""

from datetime import date

from engine.core import reports
from engine.core.orders import Order
from engine.core.state import State
from engine.model.clock import NANOS_PER_DAY
from engine.model.enums import EXPIRED
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
