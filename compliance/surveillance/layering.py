"""Layering: several prices of one side at once, an execution on the other, and all are gone."""

from compliance.surveillance.alerts import NANOS_PER_MS, Finding
from compliance.surveillance.facts import Pulled, Step, Traded
from compliance.surveillance.leaning import Leaning, lean
from compliance.surveillance.rules import Layering
from compliance.surveillance.windows import share


class LayeringDetector:
    """Judged at each order that its owner pulls."""

    kind = "layering"
    hears = (Pulled, Traded)

    def __init__(self, rules: Layering) -> None:
        self.rules = rules
        self._window = rules.window_ms * NANOS_PER_MS
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
        if found is None or found.levels < rules.min_levels:
            return None
        filled = found.traded
        if not share(found.pulled, found.pulled + filled, rules.min_canceled_bps):
            return None
        if not share(found.pulled, found.filled, rules.bait_to_fill_bps):
            return None
        typical = step.market.typical_level(order.owner)
        if not typical or not share(found.pulled, typical, rules.size_bps):
            return None
        return Finding(
            (order.member,),
            found.records,
            (
                ("levels", found.levels),
                ("pulled_lots", found.pulled),
                ("filled_lots", found.filled),
                ("level_lots", typical),
            ),
            f"pulled {found.pulled} lots at {found.levels} prices after {found.filled} lots filled "
            f"on the other side",
        )
