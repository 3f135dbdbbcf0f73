"""Spoofing: a large order that is not meant, a fill on the other side, and it is gone.

The five conditions: it is large beside what else stands there; it stands near enough to be seen; it
is hardly filled itself; its owner is filled on the other side while it stands; it is pulled soon
after. A sixth keeps market makers out: at that fill the owner leaned on one side.
"""

from compliance.surveillance.alerts import NANOS_PER_MS, Finding
from compliance.surveillance.facts import Pulled, Step, Traded
from compliance.surveillance.leaning import Leaning, lean
from compliance.surveillance.rules import Spoofing
from compliance.surveillance.windows import share


class SpoofingDetector:
    """Judged at each order that its owner pulls."""

    kind = "spoofing"
    hears = (Pulled, Traded)

    def __init__(self, rules: Spoofing) -> None:
        self.rules = rules
        self._window = rules.cancel_ms * NANOS_PER_MS
        self.state = Leaning()

    def take(self, step: Step, fact: Pulled | Traded) -> Finding | None:
        """A trade, or an order that is pulled."""
        rules = self.rules
        if isinstance(fact, Traded):
            self.state.note(step, fact, rules.imbalance_bps)
            return None
        order, since = fact.order, step.time - self._window
        if not fact.own or self.state.since(step, order) < since:
            return None
        found = lean(step.market, order, since, rules.near_bps)
        if found is None or not share(found.pulled, found.filled, rules.bait_to_fill_bps):
            return None
        filled = found.traded
        if filled * 10_000 > (filled + found.pulled) * rules.max_filled_bps:
            return None
        typical = step.market.typical_level(order.owner)
        if not typical or not share(found.pulled, typical, rules.size_bps):
            return None
        return Finding(
            (order.member,),
            found.records,
            (("pulled_lots", found.pulled), ("filled_lots", found.filled), ("level_lots", typical)),
            f"pulled {found.pulled} lots after {found.filled} lots filled on the other side; a "
            f"level near the top has {typical}",
        )
