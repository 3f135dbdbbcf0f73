"""Front running: a member's own account takes ahead of a client's block, and gains by it.

Which accounts are the member's own, or its staff's, the journal does not say: the links do. Without
them this alert has nobody to look at.
"""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Added, Order, Sent, Step, Traded
from compliance.surveillance.links import Links
from compliance.surveillance.rules import FrontRunning
from compliance.surveillance.windows import BPS, Series, known, share
from engine.model.enums import BUY

HOURS = 24
MAX_TAKES = 64
"""Takes of a house account that are remembered: the last ones."""
MAX_BLOCKS = 256
"""Blocks of clients that wait to be judged, per instrument."""


class _Take(Struct, array_like=True):
    time: int
    record: int
    side: int
    lots: int
    price: int


class _Block(Struct, array_like=True):
    """A client's block behind takes of its member's own: judged at `due`."""

    due: int
    record: int
    member: int
    side: int
    lots: int
    own_lots: int
    own_value: int
    records: tuple[int, ...]


class _State(Struct):
    volume: dict[int, Series] = {}
    takes: dict[tuple[int, int], list[_Take]] = {}
    """By instrument and member."""
    blocks: dict[int, list[_Block]] = {}


class FrontRunningDetector:
    """The gain is what the price says some time after the block; all else is before."""

    kind = "front_running"

    def __init__(self, rules: FrontRunning, links: Links) -> None:
        self.rules = rules
        self.house = frozenset(links.house)
        self.hears = (Sent, Added, Traded) if links.house else ()
        self.state = _State()

    def take(self, step: Step, fact: Sent | Added | Traded) -> Finding | None:
        """A message lets what is due be judged; an order may be a block; a trade may be ahead."""
        if isinstance(fact, Sent):
            return self._due(step)
        if isinstance(fact, Added):
            if self.state.takes and fact.order.account not in self.house:
                self._block(step, fact.order)
            return None
        known(self.state.volume, step.market.id, _volume).add(step.time, fact.lots)
        taker = fact.taker
        if taker.account in self.house:
            rows = known(self.state.takes, (step.market.id, taker.member), list)
            rows.append(_Take(step.time, step.record, taker.side, fact.lots, fact.price))
            del rows[:-MAX_TAKES]
        return None

    def _block(self, step: Step, order: Order) -> None:
        rows = self.state.takes.get((step.market.id, order.member))
        volume = self.state.volume.get(step.market.id)
        if not rows or volume is None:
            return
        volume.roll(step.time)
        rules = self.rules
        since = step.time - rules.ahead_s * NANOS_PER_S
        if not share(order.lots, volume.total(), rules.min_block_bps):
            return
        ahead = [row for row in rows if row.time >= since]
        net = sum(row.lots if row.side == order.side else -row.lots for row in ahead)
        if net <= 0 or not share(net, order.lots, rules.min_own_bps):
            return
        with_it = [row for row in ahead if row.side == order.side]
        blocks = known(self.state.blocks, step.market.id, list)
        blocks.append(
            _Block(
                step.time + rules.profit_s * NANOS_PER_S,
                step.record,
                order.member,
                order.side,
                order.lots,
                sum(row.lots for row in with_it),
                sum(row.lots * row.price for row in with_it),
                tuple(row.record for row in with_it),
            )
        )
        del blocks[:-MAX_BLOCKS]

    def _due(self, step: Step) -> Finding | None:
        blocks = self.state.blocks.get(step.market.id)
        if not blocks or blocks[0].due > step.time:
            return None
        block = blocks.pop(0)
        now = step.market.last
        gain = now * block.own_lots - block.own_value
        if block.side != BUY:
            gain = -gain
        if gain * BPS < block.own_value * self.rules.min_profit_bps:
            return None
        price = block.own_value // block.own_lots
        return Finding(
            (block.member,),
            (*block.records, block.record),
            (
                ("own_lots", block.own_lots),
                ("own_ticks", price),
                ("block_lots", block.lots),
                ("after_ticks", now),
            ),
            f"an own account took {block.own_lots} lots at {price} ticks ahead of a client's "
            f"block of {block.lots} lots; the price after it was {now}",
        )


def _volume() -> Series:
    return Series(3_600 * NANOS_PER_S, HOURS)
