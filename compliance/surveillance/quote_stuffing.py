"""Quote stuffing: bursts of messages that mean nothing but work for everybody else."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_MS, Finding
from compliance.surveillance.facts import Sent, Step
from compliance.surveillance.rules import QuoteStuffing
from compliance.surveillance.windows import known


class _Sender(Struct):
    """Times and records of the last messages; times of those that changed the top of the book."""

    sent: list[tuple[int, int]] = []
    tops: list[int] = []


class _State(Struct):
    senders: dict[tuple[int, int], _Sender] = {}


class QuoteStuffingDetector:
    """Counts in a sliding window; remembers as many messages as it has to count."""

    kind = "quote_stuffing"
    hears = (Sent,)

    def __init__(self, rules: QuoteStuffing) -> None:
        self.rules = rules
        self._window = rules.window_ms * NANOS_PER_MS
        self.state = _State()

    def take(self, step: Step, fact: Sent) -> Finding | None:
        """A message."""
        rules, now = self.rules, step.time
        key = (step.market.id, fact.owner)
        row = self.state.senders.get(key) or known(self.state.senders, key, _Sender)
        since = now - self._window
        row.sent.append((now, step.record))
        if len(row.sent) > rules.messages:
            del row.sent[0]
        if fact.top:
            row.tops.append(now)
            if len(row.tops) > rules.top_changes:
                del row.tops[0]
        loud = len(row.sent) == rules.messages and row.sent[0][0] >= since
        jumpy = len(row.tops) == rules.top_changes and row.tops[0] >= since
        if not loud and not jumpy:
            return None
        records = tuple(record for time, record in row.sent if time >= since)
        messages = len(records)
        tops = sum(1 for time in row.tops if time >= since)
        trail = step.market.fills.get(fact.owner, ())
        fills = sum(1 for fill in trail if fill.time >= since)
        if fills * 10_000 > messages * rules.max_fills_bps:
            return None
        return Finding(
            (fact.member,),
            records,
            (("messages", messages), ("top_changes", tops), ("fills", fills)),
            f"{messages} messages in {rules.window_ms} ms, {tops} of which changed a best price, "
            f"and {fills} fills",
        )
