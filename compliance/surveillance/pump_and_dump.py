"""Pump and dump: an hour of unheard-of rise and volume, and who bought into it sells."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Order, Step, Traded
from compliance.surveillance.rules import PumpAndDump
from compliance.surveillance.windows import BPS, above, known, share
from engine.model.enums import BUY

MAX_OWNERS_PER_MARKET = 1_000
"""Owners of an instrument whose buying is remembered: as many as a large venue has members."""


class _Bucket(Struct, array_like=True):
    """An hour: its volume, first and last price."""

    number: int
    lots: int = 0
    open: int = 0
    close: int = 0


class _Hour(Struct, array_like=True):
    """An owner's hour: lots bought and sold, and their values, lots x ticks.

    most: by how many lots it was ahead at most, bought less sold since the hour began.
    """

    number: int
    bought: int = 0
    bought_value: int = 0
    sold: int = 0
    sold_value: int = 0
    taken: int = 0
    most: int = 0
    first: int = 0
    last: int = 0


class _Owner(Struct):
    member: int
    hours: list[_Hour] = []
    since: int = 0
    """The record of its first trade here."""


class _Market(Struct):
    buckets: list[_Bucket] = []
    pump: int = -1
    """The last hour that was a pump, -1 for none; began: the first of those in a row."""
    began: int = -1
    owners: dict[int, _Owner] = {}


class _State(Struct):
    markets: dict[int, _Market] = {}


class PumpAndDumpDetector:
    """An hour becomes a pump with the trade that makes it one. Only rises are pumped."""

    kind = "pump_and_dump"
    hears = (Traded,)

    def __init__(self, rules: PumpAndDump) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Traded) -> Finding | None:
        """A trade."""
        rules = self.rules
        market = known(self.state.markets, step.market.id, _Market)
        number = step.time // (rules.bucket_s * NANOS_PER_S)
        self._count(market, number, fact)
        buyer, seller = fact.maker, fact.taker
        if fact.taker.side == BUY:
            buyer, seller = seller, buyer
        hour = self._hour(market, number, buyer, step.record)
        hour.bought += fact.lots
        hour.bought_value += fact.lots * fact.price
        hour.taken += fact.lots if fact.taker.side == BUY else 0
        hour.most = max(hour.most, hour.bought - hour.sold)
        hour = self._hour(market, number, seller, step.record)
        hour.sold += fact.lots
        hour.sold_value += fact.lots * fact.price
        if market.pump != number and self._is_pump(market):
            if market.pump != number - 1:
                market.began = number
            market.pump = number
        if market.pump < 0 or number > market.pump + rules.dump_buckets:
            return None
        return self._judge(market, seller, step)

    def _count(self, market: _Market, number: int, fact: Traded) -> None:
        buckets = market.buckets
        if not buckets or buckets[-1].number != number:
            before = buckets[-1].close if buckets else fact.before or fact.price
            buckets.append(_Bucket(number, 0, before, before))
            while buckets[0].number < number - self.rules.history_buckets:
                del buckets[0]
        buckets[-1].lots += fact.lots
        buckets[-1].close = fact.price

    def _hour(self, market: _Market, number: int, order: Order, record: int) -> _Hour:
        def make() -> _Owner:
            return _Owner(order.member, [], record)

        owner = known(market.owners, order.owner, make, MAX_OWNERS_PER_MARKET)
        hours = owner.hours
        if not hours or hours[-1].number != number:
            hours.append(_Hour(number, first=record))
            kept = self.rules.before_buckets + self.rules.dump_buckets + self.rules.history_buckets
            while hours[0].number < number - kept:
                del hours[0]
        hours[-1].last = record
        return hours[-1]

    def _is_pump(self, market: _Market) -> bool:
        """Whether the running hour is one. Hours without a trade count as still."""
        rules, now = self.rules, market.buckets[-1]
        if now.close <= now.open:
            return False
        past = [b for b in market.buckets[:-1] if b.number != market.pump]
        hours = min(now.number - past[0].number, rules.history_buckets) if past else 0
        if hours < rules.min_history:
            return False
        still = [0] * (hours - len(past))
        if not above(now.lots, [b.lots for b in past] + still, rules.sigmas_bps):
            return False
        returns = [(b.close - b.open) * BPS * BPS // b.open for b in past] + still
        return above((now.close - now.open) * BPS * BPS // now.open, returns, rules.sigmas_bps)

    def _judge(self, market: _Market, seller: Order, step: Step) -> Finding | None:
        """Whether the seller of this trade dumps what it bought for the pump."""
        rules = self.rules
        owner = market.owners[seller.owner]
        since = market.began - rules.before_buckets
        hours = [hour for hour in owner.hours if hour.number >= since]
        held, most, peak = 0, 0, market.began
        for hour in hours:
            if hour.number <= market.pump + 1 and held + hour.most > most:
                most, peak = held + hour.most, max(hour.number, market.began)
            held += hour.bought - hour.sold
        volume = sum(b.lots for b in market.buckets if since <= b.number <= peak)
        if most <= 0 or not share(most, volume, rules.min_share_bps):
            return None
        if not share(most - held, most, rules.min_sold_bps):
            return None
        if not share(sum(h.taken for h in hours), most, rules.min_taken_bps):
            return None
        bought, sold = sum(h.bought for h in hours), sum(h.sold for h in hours)
        cost = sum(h.bought_value for h in hours) // bought
        proceeds = sum(h.sold_value for h in hours) // sold
        return Finding(
            (owner.member,),
            (owner.since, *(hour.first for hour in hours), step.record),
            (
                ("most_lots", most),
                ("held_lots", held),
                ("mean_buy_ticks", cost),
                ("mean_sell_ticks", proceeds),
                ("all_lots", volume),
            ),
            f"was ahead by {most} of {volume} lots up to and in an hour of unheard-of rise, and "
            f"has {held} left; it bought at {cost} and sold at {proceeds} ticks",
        )
