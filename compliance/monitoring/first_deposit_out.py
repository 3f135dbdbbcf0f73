"""A large first deposit of a new customer that is withdrawn the day after."""

from compliance.monitoring.facts import Moved, Nothing, Step, members_of, records_of, total
from compliance.monitoring.rules import FirstDepositOut
from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.windows import share


class FirstDepositOutDetector:
    """Who had an opening balance is not new."""

    kind = "first_deposit_out"
    hears = (Moved,)

    def __init__(self, rules: FirstDepositOut) -> None:
        self.rules = rules
        self.state = Nothing()

    def take(self, step: Step, fact: Moved) -> Finding | None:
        """A movement; a withdrawal completes it."""
        rules, customer = self.rules, fact.customer
        day = rules.window_s * NANOS_PER_S
        if fact.move.inward or customer.opened or step.time > customer.first + 2 * day:
            return None
        moves = customer.recent(customer.first)
        came = [m for m in moves if m.inward and m.time <= customer.first + day]
        if not came or step.time > came[-1].time + day:
            return None
        gone = [m for m in moves if not m.inward]
        value, left = total(came), total(gone)
        if not step.unit or value < max(1, rules.min_value_units * step.unit):
            return None
        if not share(left, value, rules.min_share_bps):
            return None
        return Finding(
            members_of(came + gone),
            records_of(came + gone),
            (("in_minor", value), ("out_minor", left)),
            f"a new customer's first {step.words(value)} came, and {step.words(left)} of it left "
            f"within {rules.window_s} s",
        )
