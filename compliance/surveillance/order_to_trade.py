"""The ratio of messages to trades of a member, bucket by bucket."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Sent, Step, Traded
from compliance.surveillance.links import Links
from compliance.surveillance.rules import OrderToTrade
from compliance.surveillance.windows import known


class _Bucket(Struct):
    bucket: int = -1
    messages: int = 0
    trades: int = 0
    first: int = 0
    last: int = 0


class _State(Struct):
    members: dict[tuple[int, int], _Bucket] = {}


class OrderToTradeDetector:
    """A bucket is judged with the first message after it: before, a trade may still come."""

    kind = "order_to_trade"
    hears = (Sent, Traded)

    def __init__(self, rules: OrderToTrade, links: Links) -> None:
        self.rules = rules
        self._width = rules.bucket_s * NANOS_PER_S
        self.makers = frozenset(links.makers)
        self.state = _State()

    def take(self, step: Step, fact: Sent | Traded) -> Finding | None:
        """A message, or a trade."""
        bucket = step.time // self._width
        if isinstance(fact, Traded):
            for order in (fact.maker, fact.taker):
                row = known(self.state.members, (step.market.id, order.member), _Bucket)
                if row.bucket == bucket:
                    row.trades += 1
            return None
        key = (step.market.id, fact.member)
        row = self.state.members.get(key) or known(self.state.members, key, _Bucket)
        found = None
        if row.bucket != bucket:
            found = self._judge(row, fact.member)
            row.bucket, row.messages, row.trades, row.first = bucket, 0, 0, step.record
        row.messages += 1
        row.last = step.record
        return found

    def _judge(self, row: _Bucket, member: int) -> Finding | None:
        limit = self.rules.max_ratio * (self.rules.maker_times if member in self.makers else 1)
        if row.messages < self.rules.min_messages or row.messages <= limit * max(row.trades, 1):
            return None
        return Finding(
            (member,),
            (row.first, row.last),
            (("messages", row.messages), ("trades", row.trades), ("max_ratio", limit)),
            f"{row.messages} messages and {row.trades} trades in {self.rules.bucket_s} s; "
            f"{limit} messages a trade are allowed",
        )
