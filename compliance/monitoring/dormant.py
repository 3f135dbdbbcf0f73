"""A dormant account that moves money."""

from compliance.monitoring.facts import Moved, Nothing, Step, members_of, records_of, total
from compliance.monitoring.rules import Dormant
from compliance.surveillance.alerts import NANOS_PER_S, Finding
from engine.model.clock import NANOS_PER_DAY


class DormantDetector:
    """Trading ends a silence as well: what moves in the days after it counts."""

    kind = "dormant"
    hears = (Moved,)

    def __init__(self, rules: Dormant) -> None:
        self.rules = rules
        self.state = Nothing()

    def take(self, step: Step, fact: Moved) -> Finding | None:
        """A movement."""
        rules, customer = self.rules, fact.customer
        if customer.silence < rules.silence_days * NANOS_PER_DAY:
            return None
        if step.time > customer.since + rules.window_s * NANOS_PER_S:
            return None
        moves = customer.recent(customer.since)
        value = total(moves)
        if not step.unit or value < max(1, rules.min_value_units * step.unit):
            return None
        days = customer.silence // NANOS_PER_DAY
        return Finding(
            members_of(moves),
            records_of(moves),
            (("silence_days", days), ("transfers", len(moves)), ("sum_minor", value)),
            f"after {days} d without a transfer or a trade {step.words(value)} moved",
        )
