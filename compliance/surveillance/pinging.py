"""Pinging: many tiny orders that ask the market how it answers, then a large one."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Added, Step
from compliance.surveillance.rules import Pinging
from compliance.surveillance.windows import known, share

MAX_PINGS = 128
"""Tiny orders of an owner and instrument that are remembered: the last ones."""


class _Pings(Struct):
    times: list[int] = []
    records: list[int] = []


class _State(Struct):
    owners: dict[tuple[int, int], _Pings] = {}


class PingingDetector:
    """What is tiny is measured against the typical level of the last second."""

    kind = "pinging"
    hears = (Added,)

    def __init__(self, rules: Pinging) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Added) -> Finding | None:
        """A new order."""
        order, rules, now = fact.order, self.rules, step.time
        typical = step.market.typical_now(now)
        if not typical:
            return None
        key = (step.market.id, order.owner)
        if order.lots * 10_000 <= typical * rules.max_size_bps:
            row = known(self.state.owners, key, _Pings)
            row.times.append(now)
            row.records.append(step.record)
            del row.times[:-MAX_PINGS], row.records[:-MAX_PINGS]
            return None
        found = self.state.owners.get(key)
        if found is None or not share(order.lots, typical, rules.large_bps):
            return None
        if found.times[-1] < now - rules.after_s * NANOS_PER_S:
            return None
        since = found.times[-1] - rules.window_s * NANOS_PER_S
        pings = sum(1 for time in found.times if time >= since)
        if pings < rules.min_pings:
            return None
        return Finding(
            (order.member,),
            (*found.records[-pings:], step.record),
            (("pings", pings), ("order_lots", order.lots), ("level_lots", typical)),
            f"{pings} tiny orders within {rules.window_s} s, then one of {order.lots} lots; a "
            f"level near the top has {typical}",
        )
