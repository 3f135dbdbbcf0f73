"""Profile mismatch: more comes and goes in 30 days than the customer said it would."""

from collections.abc import Mapping
from typing import Final

from compliance.monitoring.facts import Moved, Nothing, Settled, Step, records_of
from compliance.monitoring.rules import ProfileMismatch
from compliance.surveillance.alerts import Finding
from compliance.surveillance.windows import share

MONTH: Final = 30
"""Days, with the running one."""


class ProfileMismatchDetector:
    """Deposits count when they are credited, withdrawals when they have left."""

    kind = "profile_mismatch"
    hears = (Moved, Settled)

    def __init__(self, rules: ProfileMismatch, monthly: Mapping[int, int]) -> None:
        """monthly: owner to what it expects, whole units."""
        self.rules = rules
        self.state = Nothing()
        self._monthly = monthly

    def take(self, step: Step, fact: Moved | Settled) -> Finding | None:
        """A movement, or one that is over."""
        customer = fact.customer
        expected = self._monthly.get(customer.owner)
        if expected is None or not step.unit or customer.values.last < 0:
            return None
        customer.values.roll(step.time)
        moved, most = sum(customer.values.sums[-MONTH:]), expected * step.unit
        if not moved or not share(moved, most, self.rules.times_bps):
            return None
        member = fact.move.member if isinstance(fact, Moved) else fact.member
        return Finding(
            (member,),
            records_of(customer.moves),
            (("sum_minor", moved), ("expected_minor", most)),
            f"{step.words(moved)} came and went in 30 d; {step.words(most)} were expected",
        )
