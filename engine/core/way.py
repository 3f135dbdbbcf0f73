"""Orders that must not trade any more, and that a mass operation has not come to yet: they are
ended before an incoming order could meet them."""

from engine.core.book import EMPTY
from engine.core.expiry import expire
from engine.core.holds import cancel_held, is_held_back
from engine.core.orders import Order
from engine.core.state import Market, State
from engine.model.enums import MARKET
from engine.model.events import Event


def clear_the_way(
    state: State, market: Market, order: Order, time: int, events: list[Event]
) -> None:
    """End the resting orders past their expiry, or held back, that an incoming order could meet.

    Only needed while an end of day is under way, or the cancels of a hold are. A market order's
    protection price depends on the best order that may trade, so for it every price counts.
    """
    side = market.book.opposite(order.side)
    key_limit = EMPTY - 1 if order.ord_type == MARKET else order.price * side.sign
    wanted = order.qty - order.cum
    dead: list[Order] = []
    for key, level in side.levels.items():
        if key > key_limit or wanted <= 0:
            break
        for resting in level.orders.values():
            if resting.expire_at <= time or is_held_back(state, resting):
                dead.append(resting)
            elif resting.member == order.member:
                wanted = 0
                break
            else:
                wanted -= resting.qty - resting.cum
                if wanted <= 0:
                    break
    for resting in dead:
        if resting.expire_at <= time:
            expire(state, resting, events)
        else:
            cancel_held(state, resting, events)
