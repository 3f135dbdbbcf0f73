"""Ramping: one owner's takes at ever better prices, with a spike of volume."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Step, Traded
from compliance.surveillance.rules import Ramping
from compliance.surveillance.windows import BPS, Series, above, known, moved, share
from engine.model.enums import BUY

MAX_TAKES = 256
"""Orders of an owner that took in the window that are remembered: of more the last ones."""


class _Take(Struct, array_like=True):
    """What an order took. before: the price before it; taken_before, taken: lots that all had taken
    on that side, before it and with it."""

    time: int
    record: int
    order: int
    price: int
    before: int
    lots: int
    taken_before: int
    taken: int


class _Owner(Struct):
    side: int = 0
    takes: list[_Take] = []


class _State(Struct):
    owners: dict[tuple[int, int], _Owner] = {}
    volume: dict[int, Series] = {}


class RampingDetector:
    """Upward and downward alike; a take far behind the one before begins anew."""

    kind = "ramping"
    hears = (Traded,)

    def __init__(self, rules: Ramping) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Traded) -> Finding | None:
        """A trade."""
        rules, market, taker = self.rules, step.market, fact.taker
        width = rules.window_s * NANOS_PER_S
        volume = known(
            self.state.volume, market.id, lambda: Series(width, rules.history_windows + 1)
        )
        volume.add(step.time, fact.lots)
        row = known(self.state.owners, (market.id, taker.owner), _Owner)
        takes = row.takes
        onward = not takes or not _behind(fact.price, takes, taker.side, rules.max_dip_bps)
        if row.side != taker.side or not onward:
            row.side = taker.side
            takes.clear()
        if takes and takes[-1].record == step.record:
            take = takes[-1]
            take.price, take.taken = fact.price, fact.taken
            take.lots += fact.lots
        else:
            before = fact.before or fact.price
            taken = fact.taken - fact.lots
            takes.append(
                _Take(
                    step.time,
                    step.record,
                    taker.id,
                    fact.price,
                    before,
                    fact.lots,
                    taken,
                    fact.taken,
                )
            )
        while len(takes) > MAX_TAKES or takes[0].time <= step.time - width:
            del takes[0]
        start, end = takes[0].before, fact.price
        if (end > start) != (taker.side == BUY) or not moved(start, end, rules.min_move_bps):
            return None
        return self._judge(step, fact, takes, volume)

    def _judge(
        self, step: Step, fact: Traded, takes: list[_Take], volume: Series
    ) -> Finding | None:
        rules = self.rules
        lots = sum(take.lots for take in takes)
        orders = {take.order for take in takes}
        if len(orders) < rules.min_orders:
            return None
        if not share(lots, takes[-1].taken - takes[0].taken_before, rules.min_share_bps):
            return None
        history = volume.sums[:-1]
        if len(history) < rules.history_windows or not above(lots, history, rules.sigmas_bps):
            return None
        start, end = takes[0].before, fact.price
        return Finding(
            (fact.taker.member,),
            tuple(take.record for take in takes),
            (
                ("orders", len(orders)),
                ("lots", lots),
                ("start_ticks", start),
                ("end_ticks", end),
                ("mean_lots", sum(history) // len(history)),
            ),
            f"{len(orders)} orders took {lots} lots, always onward, and the price from {start} to "
            f"{end} ticks",
        )


def _behind(price: int, takes: list[_Take], side: int, bps: int) -> bool:
    """Whether a price is so far behind the best one that the owner has taken."""
    prices = [take.price for take in takes]
    if side == BUY:
        return (max(prices) - price) * BPS > price * bps
    return (price - min(prices)) * BPS > price * bps
