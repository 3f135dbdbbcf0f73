"""Velocity: more transfers, or more value in several, than this owner's days have had."""

from typing import Final

from compliance.monitoring.facts import Moved, Nothing, Step, members_of, records_of, total
from compliance.monitoring.rules import Velocity
from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.windows import BPS, Series, share

DAY_S: Final = 86_400


class VelocityDetector:
    """A window is compared with the days before it, of the weeks that are remembered."""

    kind = "velocity"
    hears = (Moved,)

    def __init__(self, rules: Velocity) -> None:
        self.rules = rules
        self.state = Nothing()
        self._running = -(-rules.window_s // DAY_S) + 1
        """Days that a window may touch: they are no history yet."""

    def take(self, step: Step, fact: Moved) -> Finding | None:
        """A movement."""
        rules, customer = self.rules, fact.customer
        moves = customer.recent(step.time - rules.window_s * NANOS_PER_S)
        count, value = len(moves), total(moves)
        many = count >= rules.min_transfers and self._unusual(count, customer.counts, step.time)
        much = (
            count >= rules.value_transfers
            and step.unit > 0
            and value >= rules.min_value_units * step.unit
            and not share(sum(m.traded for m in moves), value, rules.max_traded_bps)
            and self._unusual(value, customer.values, step.time)
        )
        if not many and not much:
            return None
        worth = f", {step.words(value)}" if step.unit else ""
        return Finding(
            members_of(moves),
            records_of(moves),
            (("transfers", count), ("sum_minor", value)),
            f"{count} transfers within {rules.window_s} s{worth}: far more than a day of its "
            f"last weeks had",
        )

    def _unusual(self, now: int, days: Series, time: int) -> bool:
        """Whether it is far above the busiest day before the window."""
        if days.last < 0:
            return True
        days.roll(time)
        busiest = max(days.sums[: -self._running], default=0)
        return now * BPS >= busiest * self.rules.times_bps
