"""Pass-through: what came leaves again within the hour, and was hardly traded with."""

from compliance.monitoring.facts import Moved, Nothing, Step, members_of, records_of, total
from compliance.monitoring.rules import PassThrough
from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.windows import BPS, share


class PassThroughDetector:
    """What is hardly traded with leaves in the asset in which it came, and no more of it: who
    takes more out has more here, and moves its own money."""

    kind = "pass_through"
    hears = (Moved,)

    def __init__(self, rules: PassThrough) -> None:
        self.rules = rules
        self.state = Nothing()

    def take(self, step: Step, fact: Moved) -> Finding | None:
        """A movement; a withdrawal completes it."""
        rules, asset = self.rules, fact.move.asset
        if fact.move.inward or not step.unit:
            return None
        window = fact.customer.recent(step.time - rules.window_s * NANOS_PER_S)
        moves = [move for move in window if move.asset == asset]
        first = next((k for k, move in enumerate(moves) if move.inward), len(moves))
        moves = moves[first:]
        coming = [move for move in moves if move.inward]
        came = sum(move.amount for move in coming)
        left = sum(move.amount for move in moves) - came
        value = total(coming)
        if value < max(1, rules.min_value_units * step.unit):
            return None
        if not share(left, came, rules.match_bps) or left * BPS > came * rules.max_left_bps:
            return None
        traded = sum(m.traded for m in window if m.record > coming[0].record)
        if traded and share(traded, value, rules.max_traded_bps):
            return None
        return Finding(
            members_of(moves),
            records_of(moves),
            (("in_minor", came), ("out_minor", left), ("value_minor", value)),
            f"{step.words(value)} came and {left * 100 // came}% of it left within "
            f"{rules.window_s} s, with {step.words(traded)} traded in between",
        )
