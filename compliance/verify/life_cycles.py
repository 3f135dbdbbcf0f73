"""Orders from their acceptance to their end, and members' numbers, from the events alone.

Legal is: accepted; then fills, and replaces in between; then filled, cancelled or expired, and
nothing after it. What is filled adds up. Memory: the open orders, and a number a member.
"""

from typing import Final

from msgspec import Struct

from compliance.verify.findings import INCOMPLETE, TAMPERED, Failed
from compliance.verify.records import Step
from engine.model.enums import (
    CANCELED,
    EXPIRED,
    FILLED,
    NEW,
    PARTIALLY_FILLED,
    REJECTED,
)
from engine.model.events import (
    CancelRejected,
    MassCancelReported,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
    OrderStatusReported,
)

ENDS: Final[dict[type, int]] = {OrderCanceled: CANCELED, OrderExpired: EXPIRED}


class _Living(Struct):
    """What may change of an open order, and whose it is."""

    owner: tuple[int, int, int, int, int]
    qty: int
    status: int
    cum: int = 0
    cum_value: int = 0


class LifeCycles:
    """All open orders."""

    def __init__(self) -> None:
        self.orders = 0
        self._open: dict[int, _Living] = {}

    def take(self, step: Step) -> None:
        """Follow the events of one command. Raises Failed."""
        for event in step.events:
            if isinstance(event, OrderEvent):
                why = self._wrong(step, event)
                if why:
                    raise Failed(TAMPERED, f"order {event.order_id}: {why}", step.where)

    def end(self) -> str:
        """What is to be said."""
        return f"{self.orders:,} orders, of which {len(self._open):,} are open"

    def open_orders(self) -> set[int]:
        """Their ids."""
        return set(self._open)

    def _wrong(self, step: Step, e: OrderEvent) -> str:
        """What is wrong with an event; "" for nothing."""
        if isinstance(e, OrderStatusReported):
            return self._told(e)
        if isinstance(e, OrderAccepted | OrderRejected):
            return self._begun(step, e)
        order = self._open.get(e.order_id)
        if order is None:
            return f"{type(e).__name__} though it is not open"
        if order.owner != _owner(e):
            return "it is another order now: session, member, account, instrument or side differ"
        if isinstance(e, OrderFilled):
            return self._filled(order, e)
        if (e.cum, e.cum_value) != (order.cum, order.cum_value):
            return "what is filled of it has changed without a fill"
        if isinstance(e, OrderReplaced):
            return self._replaced(order, e)
        if e.leaves or e.status != ENDS[type(e)]:
            return "it has ended with another status, or with something left"
        del self._open[e.order_id]
        return ""

    def _begun(self, step: Step, e: OrderEvent) -> str:
        if e.order_id != step.first or e.order_id in self._open:
            return "its id is not its record's"
        if e.cum or e.cum_value:
            return "it is filled before it is accepted"
        if isinstance(e, OrderRejected):
            return "" if e.status == REJECTED and not e.leaves else "it is rejected and still there"
        if e.status != NEW or e.leaves != e.qty or e.qty <= 0:
            return "it is accepted with another status or quantity"
        self.orders += 1
        self._open[e.order_id] = _Living(_owner(e), e.qty, NEW)
        return ""

    def _filled(self, order: _Living, e: OrderFilled) -> str:
        order.cum += e.last_qty
        order.cum_value += e.last_qty * e.last_price
        order.status = FILLED if order.cum == order.qty else PARTIALLY_FILLED
        if e.last_qty <= 0 or e.qty != order.qty:
            return "a fill has another quantity"
        if (e.cum, e.cum_value) != (order.cum, order.cum_value):
            return "its fills do not add up"
        if e.cum + e.leaves != e.qty or e.status != order.status or order.cum > order.qty:
            return "filled and open quantity are not the whole"
        if not e.leaves:
            del self._open[e.order_id]
        return ""

    def _replaced(self, order: _Living, e: OrderReplaced) -> str:
        if e.cum + e.leaves != e.qty:
            return "filled and open quantity are not the whole"
        if e.status != (order.status if e.leaves else FILLED):
            return "a replace has changed its status"
        order.qty = e.qty
        if not e.leaves:
            del self._open[e.order_id]
        return ""

    def _told(self, e: OrderStatusReported) -> str:
        """A status changes nothing; of a finished order nothing is known here any more."""
        order = self._open.get(e.order_id)
        if order is None:
            return "it is told to be open" if e.status <= PARTIALLY_FILLED or e.leaves else ""
        known = (order.owner, order.status, order.qty, order.cum, order.cum_value)
        told = (_owner(e), e.status, e.qty, e.cum, e.cum_value)
        if known != told or e.leaves != order.qty - order.cum:
            return "its status is not what happened to it"
        return ""


def _owner(e: OrderEvent) -> tuple[int, int, int, int, int]:
    return e.session, e.member, e.account, e.instrument, e.side


NUMBERED: Final = (OrderEvent, OrderRefused, CancelRejected, MassCancelReported)
"""Events that report to a member under its next ApplSeqNum(1181)."""


class Sequences:
    """The last number of each member."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def take(self, step: Step) -> None:
        """Follow the events of one command. Raises Failed."""
        last = self._last
        for event in step.events:
            if not isinstance(event, NUMBERED):
                continue
            if isinstance(event, OrderStatusReported):
                if event.appl_seq:
                    raise Failed(TAMPERED, "a status answer is numbered", step.where)
                continue
            expected = last.get(event.member, 0) + 1
            if event.appl_seq != expected:
                code = INCOMPLETE if event.appl_seq > expected else TAMPERED
                raise Failed(
                    code,
                    f"report {expected} of member {event.member} is numbered {event.appl_seq}",
                    step.where,
                )
            last[event.member] = expected

    def end(self) -> str:
        """What is to be said."""
        return f"{sum(self._last.values()):,} reports to {len(self._last)} members, without a hole"
