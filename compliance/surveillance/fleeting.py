"""Fleeting orders: pulled before anybody can trade with them, again and again over a day."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_MS, Finding
from compliance.surveillance.facts import Pulled, Step
from compliance.surveillance.rules import Fleeting
from compliance.surveillance.windows import known
from engine.model.clock import NANOS_PER_DAY


class _Day(Struct):
    day: int = -1
    count: int = 0
    lots: int = 0
    records: list[int] = []


class _State(Struct):
    owners: dict[tuple[int, int], _Day] = {}


class FleetingDetector:
    """What an immediate order leaves is not pulled by its owner and does not count."""

    kind = "fleeting"
    hears = (Pulled,)

    def __init__(self, rules: Fleeting) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Pulled) -> Finding | None:
        """An order is pulled."""
        order = fact.order
        held = step.time - order.time
        if not fact.own or order.filled or held > self.rules.hold_ms * NANOS_PER_MS:
            return None
        row = known(self.state.owners, (step.market.id, order.owner), _Day)
        day = step.time // NANOS_PER_DAY
        if row.day != day:
            row.day, row.count, row.lots = day, 0, 0
            row.records.clear()
        row.count += 1
        row.lots += fact.lots
        row.records.append(step.record)
        del row.records[:-32]
        if row.count != self.rules.min_orders:
            return None
        return Finding(
            (order.member,),
            tuple(row.records),
            (("orders", row.count), ("lots", row.lots)),
            f"{row.count} orders of {row.lots} lots pulled within {self.rules.hold_ms} ms each, "
            f"since 00:00 UTC",
        )
