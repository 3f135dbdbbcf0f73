"""Wash trades, type 1: the same beneficial owner buys and sells.

Within a member the engine prevents it (self-match prevention); what is left are members of one
owner, whom only the links know. What the journal has no word of: addresses and keys.
"""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Step, Traded
from compliance.surveillance.rules import WashOwn
from compliance.surveillance.windows import Series, known, share

BUCKETS = 24
"""Parts of the window: it slides by an hour of a day."""


class _Own(Struct):
    """An owner in an instrument: lots with itself, lots of all its trades, and how many."""

    own: Series
    all: Series
    trades: Series
    records: list[int] = []
    members: list[int] = []


class _State(Struct):
    owners: dict[tuple[int, int], _Own] = {}


class WashOwnDetector:
    """Only owners of several members are looked at: all others cannot."""

    kind = "wash_own"
    hears = (Traded,)

    def __init__(self, rules: WashOwn) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Traded) -> Finding | None:
        """A trade."""
        maker, taker = fact.maker, fact.taker
        if maker.owner > 0:
            self._row(step, maker.owner).all.add(step.time, fact.lots)
        if taker.owner > 0 and taker.owner != maker.owner:
            self._row(step, taker.owner).all.add(step.time, fact.lots)
        if taker.owner != maker.owner:
            return None
        row = self._row(step, maker.owner)
        row.own.add(step.time, fact.lots)
        row.trades.add(step.time, 1)
        row.all.roll(step.time)
        row.records += [maker.record, step.record]
        del row.records[:-32]
        row.members = sorted({*row.members, maker.member, taker.member})
        own, whole, trades = row.own.total(), row.all.total(), row.trades.total()
        if trades < self.rules.min_trades or not share(own, whole, self.rules.min_share_bps):
            return None
        return Finding(
            tuple(row.members),
            tuple(row.records),
            (("trades", trades), ("own_lots", own), ("all_lots", whole)),
            f"owner {maker.owner} bought {own} lots from itself in {trades} trades, of {whole} "
            f"lots that it traded",
        )

    def _row(self, step: Step, owner: int) -> _Own:
        width = self.rules.window_s * NANOS_PER_S // BUCKETS

        def make() -> _Own:
            return _Own(Series(width, BUCKETS), Series(width, BUCKETS), Series(width, BUCKETS))

        return known(self.state.owners, (step.market.id, owner), make)
