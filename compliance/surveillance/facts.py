"""What the detectors are told: the few facts that a record comes to. Ids only, no names.

Times are ns UTC of the record, prices ticks, quantities lots. An owner stands for all members of
one beneficial owner (see links.py); a detector judges owners and names members.
"""

from typing import Final, Union

from msgspec import Struct

from engine.market.book import OrderBook
from engine.model.clock import NANOS_PER_SECOND
from engine.model.enums import BUY, SELL
from engine.model.ids import NOBODY

NEAREST_LEVELS: Final = 10
"""Levels of each side that a typical level is the median of: those that a trader looks at."""

TRAIL_ROWS: Final = 64
"""Last fills and last pulled orders of an owner that are kept, each, per instrument: more than an
owner has in the seconds that a detector looks back, and less than 10 KiB."""


class Order(Struct, gc=False, eq=False):
    """An order since it came to where it stands: a replace that loses its place is a new one.

    lots: what was open when it came; shown: what is in the book now; filled: since it came.
    away: ticks behind its side's best price right after it came; below 0 if it would take.
    """

    id: int
    member: int
    owner: int
    account: int
    session: int
    trader: bytes
    instrument: int
    side: int
    price: int
    tif: int
    lots: int
    record: int
    time: int
    away: int
    shown: int = 0
    filled: int = 0


class Fill(Struct, frozen=True, array_like=True, gc=False):
    """One side of a trade as its owner's trail has it.

    same, other: lots that the owner had in the book on the side of this fill and on the other side
    right before it, of this instrument.
    """

    time: int
    record: int
    side: int
    price: int
    lots: int
    taker: bool
    same: int
    other: int


class Pull(Struct, frozen=True, array_like=True, gc=False):
    """Lots that their owner took out of the book, from an order that came at `placed`, ns UTC, by
    record `since`, and had `filled` lots executed.

    away: as of the order. back: the same of where a replace brought it, -1 where it is gone.
    """

    time: int
    record: int
    side: int
    price: int
    lots: int
    placed: int
    since: int
    filled: int
    away: int
    back: int


class Market(Struct, eq=False):
    """One instrument now. orders: what rests in any book, by order id.

    bid, ask: best prices, 0 for none; last: of the last trade, 0 before the first.
    bought, sold: lots taken by buyers and by sellers since the first record.
    """

    id: int
    book: OrderBook
    orders: dict[int, Order]
    bid: int = 0
    ask: int = 0
    last: int = 0
    bought: int = 0
    sold: int = 0
    typical: int = 0
    looked: int = 0
    """What typical_now found last, and when."""
    shown: dict[int, list[int]] = {}
    """By owner: its lots in the book, [bid, ask]."""
    fills: dict[int, list[Fill]] = {}
    """By owner: its last fills."""
    pulls: dict[int, list[Pull]] = {}
    """By owner: what it pulled last."""

    def lots_of(self, owner: int, side: int) -> int:
        """What an owner has in the book on a side, lots."""
        shown = self.shown.get(owner)
        return 0 if shown is None else shown[side - 1]

    def typical_now(self, time: int) -> int:
        """The median level near the top, lots, as of some moment of the last second: enough to
        tell what is worth a closer look."""
        if time - self.looked >= NANOS_PER_SECOND or not self.typical:
            self.typical, self.looked = self.typical_level(NOBODY), time
        return self.typical

    def typical_level(self, owner: int) -> int:
        """The median level near the top without the orders of `owner`, lots; 0 without levels."""
        sizes: list[int] = []
        orders = self.orders
        for side in (self.book.bids, self.book.asks):
            for key in side.islice(stop=NEAREST_LEVELS):
                level = side[key]
                lots = level.lots
                if owner != NOBODY:
                    for k, open_lots in level.orders.items():
                        if orders[k].owner == owner:
                            lots -= open_lots
                if lots:
                    sizes.append(lots)
        sizes.sort()
        return sizes[len(sizes) // 2] if sizes else 0


class Sent(Struct, frozen=True, gc=False):
    """A member's message about the instrument, refused ones too. top: it changed a best price."""

    owner: int
    member: int
    top: bool


class Added(Struct, frozen=True, gc=False):
    """An accepted order, before it trades; also what a replace brings to another price."""

    order: Order


class Pulled(Struct, frozen=True, gc=False):
    """Lots gone from the book without a trade. own: its owner asked for it."""

    order: Order
    lots: int
    own: bool


class Traded(Struct, frozen=True, gc=False):
    """A trade. before: the price of the trade before it, 0 for none. taken: lots that all have
    taken on the taker's side since the first record, with these."""

    price: int
    lots: int
    match: int
    before: int
    taken: int
    maker: Order
    taker: Order


Fact = Union[Sent, Added, Pulled, Traded]  # noqa: UP007 - as the model writes its unions


class Step(Struct, gc=False, eq=False):
    """What one command did to one instrument: records `record` to `last`, and its facts in order.

    The market, the trails and the orders are as after the command.
    """

    record: int
    last: int
    time: int
    market: Market
    facts: list[Fact]

    @property
    def instrument(self) -> int:
        """Which one."""
        return self.market.id


def other_side(side: int) -> int:
    """The side that trades with this one."""
    return SELL if side == BUY else BUY
