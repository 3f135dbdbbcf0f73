"""Price-time priority, audited from the events alone, by a plain queue for each price.

Nothing of the engine's matching is used here, so that an engine that is wrong is found as well as a
record that was changed. The rules (docs/fix.md):

- a trade hits the best price of the other side and the oldest order there, at that order's price,
  within the incoming order's limit, for as much as both have;
- what arrives, or is replaced at another price or to a larger quantity, goes behind all others of
  its price; a smaller quantity keeps its place;
- what rests crosses nothing that it could have traded with; what is cancelled on arrival has
  nothing left to trade with but an order of its own member; fill-or-kill fills whole or not at all;
- trades are numbered without holes.

What a market order may pay, whether a fill-or-kill order could have been filled, and which order a
limit or a block refuses, is not looked at here: the re-run sees it. Memory: the open orders.
"""

from heapq import heappop, heappush
from typing import Final

from msgspec import Struct

from compliance.verify.findings import TAMPERED, Failed
from compliance.verify.records import Step
from engine.model.enums import BUY, DAY, FOK, GTC, LIMIT, MAKER, MARKET, SELL
from engine.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderReplaced,
)

Queues = dict[tuple[int, int], list[tuple[int, list[tuple[int, int]]]]]
"""By instrument and side, from the best price on: price, and (order, open lots) by arrival."""

RESTING_TIFS: Final = (DAY, GTC)


class Waiting(Struct):
    """An open order: lots, ticks."""

    order: int
    member: int
    instrument: int
    side: int
    ord_type: int
    tif: int
    price: int
    qty: int
    leaves: int

    @classmethod
    def of(cls, e: OrderEvent) -> "Waiting":
        """As an event has it."""
        return cls(
            e.order_id, e.member, e.instrument, e.side, e.ord_type, e.tif, e.price, e.qty, e.leaves
        )

    def reaches(self, price: int) -> bool:
        """Whether it may trade at a price of the other side."""
        if self.ord_type == MARKET:
            return True
        return price <= self.price if self.side == BUY else price >= self.price


class _Side:
    """The queues of one side of a book. A price's rank is lower the better it is."""

    def __init__(self, side: int) -> None:
        self.sign = -1 if side == BUY else 1
        self.levels: dict[int, dict[int, Waiting]] = {}
        self._ranks: list[int] = []
        """A heap of all ranks that have a queue, and of some that had one."""

    def add(self, order: Waiting) -> None:
        rank = order.price * self.sign
        level = self.levels.get(rank)
        if level is None:
            level = self.levels[rank] = {}
            heappush(self._ranks, rank)
        level[order.order] = order

    def remove(self, order: Waiting) -> None:
        rank = order.price * self.sign
        level = self.levels[rank]
        del level[order.order]
        if not level:
            del self.levels[rank]

    def first(self) -> Waiting | None:
        """The oldest order of the best price."""
        ranks = self._ranks
        while ranks and ranks[0] not in self.levels:
            heappop(ranks)
        return next(iter(self.levels[ranks[0]].values())) if ranks else None


class Priority:
    """All queues, folded from events."""

    def __init__(self) -> None:
        self.trades = 0
        self._open: dict[int, Waiting] = {}
        self._sides: dict[tuple[int, int], _Side] = {}
        self._incoming: Waiting | None = None
        self._maker: OrderFilled | None = None
        """The first half of a trade whose second half must be next."""

    def take(self, step: Step) -> None:
        """Follow the events of one command. Raises Failed."""
        for event in step.events:
            if isinstance(event, OrderFilled):
                self._fill(step, event)
            elif self._maker is not None:
                break
            elif isinstance(event, OrderAccepted):
                self._require(event.order_id == step.first, step, "an order that came before")
                self._arrive(step, Waiting.of(event))
            elif isinstance(event, OrderReplaced):
                self._replace(step, event)
            elif isinstance(event, OrderCanceled | OrderExpired):
                self._leave(step, event)
        self._require(self._maker is None, step, "a trade has one side")
        if self._incoming is not None:
            self._rest(step, self._incoming)

    def end(self) -> str:
        """What is to be said."""
        return (
            f"{self.trades:,} trades hit the best price and the oldest order there; "
            f"{len(self._open):,} orders are open"
        )

    def queues(self) -> Queues:
        """All books as they are by now."""
        return {
            key: [
                (rank * side.sign, [(o.order, o.leaves) for o in side.levels[rank].values()])
                for rank in sorted(side.levels)
            ]
            for key, side in self._sides.items()
            if side.levels
        }

    # --- what events do -----------------------------------------------------------------------

    def _arrive(self, step: Step, order: Waiting) -> None:
        self._require(self._incoming is None, step, "two orders arrive at once")
        self._incoming = order

    def _fill(self, step: Step, e: OrderFilled) -> None:
        incoming = self._incoming
        if incoming is None:
            raise Failed(TAMPERED, f"order {e.order_id} trades and nothing arrived", step.where)
        if e.liquidity == MAKER:
            self._require(self._maker is None, step, "a trade has two makers")
            self._hit(step, incoming, e)
            self._maker = e
            return
        maker = self._maker
        if maker is None:
            raise Failed(TAMPERED, f"order {e.order_id} trades with nobody", step.where)
        same = (e.match, e.instrument, e.last_qty, e.last_price) == (
            maker.match, maker.instrument, maker.last_qty, maker.last_price
        )  # fmt: skip
        self._require(
            same and e.order_id == incoming.order, step, f"the sides of trade {e.match} differ"
        )
        self._maker = None
        incoming.leaves -= e.last_qty

    def _hit(self, step: Step, incoming: Waiting, e: OrderFilled) -> None:
        """The maker's half: is it the order whose turn it is?"""
        self.trades += 1
        first = self._opposite(incoming).first()
        if first is None or first.order != e.order_id:
            turn = "no order" if first is None else f"order {first.order} at {first.price}"
            raise Failed(
                TAMPERED,
                f"order {e.order_id} trades at {e.last_price}, and it was the turn of {turn}",
                step.where,
            )
        self._require(e.match == self.trades, step, f"trade {self.trades} is numbered {e.match}")
        self._require(e.last_price == first.price, step, f"trade {e.match} is at another price")
        self._require(incoming.reaches(first.price), step, f"trade {e.match} is beyond the limit")
        self._require(first.member != incoming.member, step, f"trade {e.match} is with itself")
        lots = min(first.leaves, incoming.leaves)
        self._require(
            e.last_qty == lots, step, f"trade {e.match} is of {e.last_qty} lots, and not of {lots}"
        )
        first.leaves -= lots
        if not first.leaves:
            self._remove(first)

    def _replace(self, step: Step, e: OrderReplaced) -> None:
        order = self._known(step, e)
        if e.price == order.price and e.qty <= order.qty and e.leaves:
            order.qty, order.leaves = e.qty, e.leaves
            return
        self._remove(order)
        if e.leaves:
            self._arrive(step, Waiting.of(e))

    def _leave(self, step: Step, e: OrderCanceled | OrderExpired) -> None:
        incoming = self._incoming
        if incoming is None or incoming.order != e.order_id:
            self._remove(self._known(step, e))
            return
        self._incoming = None
        if incoming.ord_type != LIMIT:
            return
        if incoming.tif == FOK:
            self._require(incoming.leaves == incoming.qty, step, "fill-or-kill was filled in part")
            return
        first = self._opposite(incoming).first()
        meets = first is not None and incoming.reaches(first.price)
        if first is not None and meets and first.member != incoming.member:
            raise Failed(
                TAMPERED,
                f"order {incoming.order} is cancelled and could trade with order {first.order}",
                step.where,
            )
        self._require(
            meets or incoming.tif not in RESTING_TIFS, step, "an order that can rest is cancelled"
        )

    def _rest(self, step: Step, order: Waiting) -> None:
        """What is left of the incoming order goes behind all others of its price."""
        self._incoming = None
        if not order.leaves:
            return
        self._require(
            order.ord_type == LIMIT and order.tif in RESTING_TIFS, step, "this order cannot rest"
        )
        first = self._opposite(order).first()
        if first is not None and order.reaches(first.price):
            raise Failed(
                TAMPERED,
                f"order {order.order} rests and could trade with order {first.order}",
                step.where,
            )
        self._open[order.order] = order
        self._side(order.instrument, order.side).add(order)

    # --- help ---------------------------------------------------------------------------------

    def _side(self, instrument: int, side: int) -> _Side:
        found = self._sides.get((instrument, side))
        if found is None:
            found = self._sides[instrument, side] = _Side(side)
        return found

    def _opposite(self, order: Waiting) -> _Side:
        return self._side(order.instrument, SELL if order.side == BUY else BUY)

    def _known(self, step: Step, e: OrderEvent) -> Waiting:
        order = self._open.get(e.order_id)
        if order is None:
            raise Failed(TAMPERED, f"order {e.order_id} is not open", step.where)
        return order

    def _remove(self, order: Waiting) -> None:
        del self._open[order.order]
        self._side(order.instrument, order.side).remove(order)

    def _require(self, holds: bool, step: Step, text: str) -> None:
        if not holds:
            raise Failed(TAMPERED, text, step.where)
