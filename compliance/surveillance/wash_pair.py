"""Wash trades, type 2: two owners who trade with each other, quickly, and end where they began."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_MS, NANOS_PER_S, Finding
from compliance.surveillance.facts import Step, Traded
from compliance.surveillance.rules import WashPair
from compliance.surveillance.windows import Series, known, share

BUCKETS = 12
"""Parts of the window: it slides by five minutes of an hour."""


class _Pair(Struct):
    """Two owners, the lower number first: lots between them, what the first has bought less what it
    has sold, and how many trades."""

    lots: Series
    net: Series
    trades: Series
    records: list[int] = []


class _State(Struct):
    pairs: dict[tuple[int, int, int], _Pair] = {}
    owners: dict[tuple[int, int], Series] = {}
    """Lots of all trades of an owner in an instrument."""


class WashPairDetector:
    """A trade counts for the pair if the order that rested had not rested long."""

    kind = "wash_pair"
    hears = (Traded,)

    def __init__(self, rules: WashPair) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Traded) -> Finding | None:
        """A trade."""
        maker, taker = fact.maker, fact.taker
        if maker.owner == taker.owner:
            return None
        time, market = step.time, step.market.id
        for owner in (maker.owner, taker.owner):
            known(self.state.owners, (market, owner), self._series).add(time, fact.lots)
        if time - maker.time > self.rules.max_rest_ms * NANOS_PER_MS:
            return None
        first, second = sorted((maker.owner, taker.owner))
        pair = known(self.state.pairs, (market, first, second), self._pair)
        buyer = taker if taker.side == 1 else maker
        pair.lots.add(time, fact.lots)
        pair.net.add(time, fact.lots if buyer.owner == first else -fact.lots)
        pair.trades.add(time, 1)
        pair.records += [maker.record, step.record]
        del pair.records[:-40]
        return self._judge(step, fact, pair, first, second)

    def _judge(
        self, step: Step, fact: Traded, pair: _Pair, first: int, second: int
    ) -> Finding | None:
        rules, market = self.rules, step.market.id
        trades = pair.trades.total()
        if trades < rules.min_trades:
            return None
        lots, net = pair.lots.total(), abs(pair.net.total())
        whole = max(self.state.owners[market, owner].total() for owner in (first, second))
        if not share(lots, whole, rules.min_share_bps):
            return None
        if net * 10_000 > lots * rules.max_net_bps:
            return None
        return Finding(
            (fact.maker.member, fact.taker.member),
            tuple(pair.records),
            (("trades", trades), ("mutual_lots", lots), ("most_lots", whole), ("net_lots", net)),
            f"{trades} trades of {lots} lots between owners {first} and {second}, net {net}; none "
            f"of them traded more than {whole} lots in all",
        )

    def _series(self) -> Series:
        return Series(self.rules.window_s * NANOS_PER_S // BUCKETS, BUCKETS)

    def _pair(self) -> _Pair:
        return _Pair(self._series(), self._series(), self._series())
