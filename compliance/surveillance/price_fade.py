"""Price fade: what stands there goes away whenever somebody trades with that side.

A trade opens a watch on every owner who still has lots at the taken side's best price. What it
pulls at once and does not bring back within the watch has faded. One fade is prudence, a habit of
it is a size that was never there.
"""

from itertools import islice
from typing import Final

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_MS, NANOS_PER_S, Finding
from compliance.surveillance.facts import Added, Pulled, Step, Traded
from compliance.surveillance.rules import PriceFade
from compliance.surveillance.windows import MAX_OWNERS, known, share
from engine.model.enums import BUY

MAX_WATCHED: Final = 16
"""Orders at the best price that are looked at after a trade: the first in the queue."""

MAX_OUTCOMES: Final = 128
"""Watches of an owner and instrument that are remembered."""


class _Watch(Struct):
    member: int
    began: int
    record: int
    lots: int
    pulled: int = 0
    restored: int = 0
    last: int = 0


class _State(Struct):
    open: dict[tuple[int, int, int], _Watch] = {}
    """By instrument, owner, side."""
    outcomes: dict[tuple[int, int], list[tuple[int, int, bool]]] = {}
    """By instrument, owner: (ns UTC, record, whether it faded)."""


class PriceFadeDetector:
    """A watch is over with the first fact of that owner, or trade, after its time."""

    kind = "price_fade"
    hears = (Traded, Added, Pulled)

    def __init__(self, rules: PriceFade) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Traded | Added | Pulled) -> Finding | None:
        """A trade, a new order, or lots pulled."""
        if isinstance(fact, Traded):
            return self._traded(step, fact)
        order = fact.order
        key = (step.market.id, order.owner, order.side)
        watch = self.state.open.get(key)
        if watch is None:
            return None
        after = step.time - watch.began
        if after > self.rules.watch_ms * NANOS_PER_MS:
            return self._close(key, watch)
        if isinstance(fact, Added):
            watch.restored += order.lots
        elif fact.own and after <= self.rules.pull_ms * NANOS_PER_MS:
            watch.pulled += fact.lots
            watch.last = step.record
        return None

    def _traded(self, step: Step, fact: Traded) -> Finding | None:
        market, side = step.market, fact.maker.side
        if side == BUY:
            level = market.book.bids.get(-market.bid)
        else:
            level = market.book.asks.get(market.ask)
        if level is None:
            return None
        found = None
        for k in islice(level.orders, MAX_WATCHED):
            order = market.orders[k]
            key = (market.id, order.owner, side)
            watch = self.state.open.get(key)
            if watch is not None:
                if step.time - watch.began <= self.rules.watch_ms * NANOS_PER_MS:
                    continue
                found = self._close(key, watch) or found
            lots = market.lots_of(order.owner, side)
            if order.owner == fact.taker.owner:
                continue
            if share(lots, fact.lots, self.rules.min_times_trade_bps):
                watches = self.state.open
                watches[key] = _Watch(order.member, step.time, step.record, lots)
                if len(watches) > MAX_OWNERS:
                    del watches[next(iter(watches))]
        return found

    def _close(self, key: tuple[int, int, int], watch: _Watch) -> Finding | None:
        rules = self.rules
        del self.state.open[key]
        faded = share(watch.pulled, watch.lots, rules.pulled_bps)
        faded = faded and watch.restored * 10_000 <= watch.lots * rules.restored_bps
        rows = known(self.state.outcomes, key[:2], list)
        rows.append((watch.began, watch.record, faded))
        while len(rows) > MAX_OUTCOMES or rows[0][0] < watch.began - rules.window_s * NANOS_PER_S:
            del rows[0]
        if not faded:
            return None
        fades = [row for row in rows if row[2]]
        if len(fades) < rules.min_fades or not share(len(fades), len(rows), rules.min_share_bps):
            return None
        return Finding(
            (watch.member,),
            (*(row[1] for row in fades), watch.last),
            (("fades", len(fades)), ("watches", len(rows)), ("lots", watch.lots)),
            f"in {len(fades)} of {len(rows)} trades at its price it pulled what it had there "
            f"within {rules.pull_ms} ms and did not bring it back",
        )
