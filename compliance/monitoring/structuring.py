"""Structuring: transfers of one direction, each just below a threshold, together above it."""

from typing import Final

from compliance.monitoring.facts import Move, Moved, Nothing, Step, members_of, records_of, total
from compliance.monitoring.rules import Structuring
from compliance.surveillance.alerts import Finding
from compliance.surveillance.windows import BPS, share
from engine.model.clock import NANOS_PER_DAY

WEEK_DAYS: Final = 7


class StructuringDetector:
    """Only a transfer that is itself just below a threshold completes anything."""

    kind = "structuring"
    hears = (Moved,)

    def __init__(self, rules: Structuring) -> None:
        self.rules = rules
        self.state = Nothing()

    def take(self, step: Step, fact: Moved) -> Finding | None:
        """A movement."""
        for threshold in self.rules.thresholds:
            top = threshold * step.unit
            if self._near(fact.move, top):
                found = self._judge(step, fact, top)
                if found is not None:
                    return found
        return None

    def _near(self, move: Move, top: int) -> bool:
        return 0 < move.value < top and share(move.value, top, BPS - self.rules.within_bps)

    def _judge(self, step: Step, fact: Moved, top: int) -> Finding | None:
        rules, inward = self.rules, fact.move.inward
        for days, least in ((1, rules.day_transfers), (WEEK_DAYS, rules.week_transfers)):
            since = step.time - days * NANOS_PER_DAY
            moves = [m for m in fact.customer.recent(since) if m.inward == inward]
            near = [m for m in moves if self._near(m, top)]
            value = total(near)
            if len(near) < least or value < top:
                continue
            if not share(len(near), len(moves), rules.min_share_bps):
                continue
            what = "deposits" if inward else "withdrawals"
            return Finding(
                members_of(near),
                records_of(near),
                (("transfers", len(near)), ("sum_minor", value), ("threshold_minor", top)),
                f"{len(near)} {what} in {days} d are each just below {step.words(top)}, "
                f"{step.words(value)} together",
            )
        return None
