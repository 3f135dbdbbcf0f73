"""Repeated refusals: withdrawals that come to nothing.

The journal says that a withdrawal was given back, and a reason in people's words; which of them
screening, the travel rule or an approver has stopped it does not say as a fact.
"""

from compliance.monitoring.facts import Failed, Nothing, Step
from compliance.monitoring.rules import RepeatedRefusals
from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.windows import share


class RepeatedRefusalsDetector:
    """A busy customer has some that fail: it is compared with how many do not."""

    kind = "repeated_refusals"
    hears = (Failed,)

    def __init__(self, rules: RepeatedRefusals) -> None:
        self.rules = rules
        self.state = Nothing()

    def take(self, step: Step, fact: Failed) -> Finding | None:
        """A withdrawal that came to nothing."""
        rules, customer = self.rules, fact.customer
        since = step.time - rules.window_s * NANOS_PER_S
        failed = [row for row in customer.failed if row.time >= since]
        going = sum(1 for move in customer.recent(since) if not move.inward)
        if len(failed) < rules.min_refusals:
            return None
        if not share(len(failed), len(failed) + going, rules.min_share_bps):
            return None
        return Finding(
            tuple(sorted({row.member for row in failed})),
            tuple(row.record for row in failed),
            (("refused", len(failed)), ("asked", len(failed) + going)),
            f"{len(failed)} of {len(failed) + going} withdrawals within {rules.window_s} s came to "
            f"nothing",
        )
