"""From journal records to facts: the one place of surveillance that knows commands and events.

Its memory is that of the venue's open orders, and of a short trail for each owner and instrument.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from compliance.surveillance.facts import (
    TRAIL_ROWS,
    Added,
    Fill,
    Market,
    Order,
    Pull,
    Pulled,
    Sent,
    Step,
    Traded,
    other_side,
)
from compliance.surveillance.links import Links
from engine.market.book import BookUpdate, MarketFold
from engine.model.commands import (
    CancelOrder,
    Command,
    DefineSession,
    MassCancel,
    NewOrder,
    ReplaceOrder,
)
from engine.model.enums import BUY, MAKER, RESTATEMENT_NONE, SELL
from engine.model.events import (
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderReplaced,
)

Message = NewOrder | CancelOrder | ReplaceOrder | MassCancel
_MESSAGES: Final = frozenset({NewOrder, CancelOrder, ReplaceOrder, MassCancel})
"""Messages that name an instrument, or all of them; what the gateway refused unread names none."""


class _SavedMarket(Struct, array_like=True):
    """A market without its book, which follows from its orders, first in first."""

    id: int
    bid: int
    ask: int
    last: int
    bought: int
    sold: int
    typical: int
    looked: int
    shown: dict[int, list[int]]
    fills: dict[int, list[Fill]]
    pulls: dict[int, list[Pull]]
    orders: list[Order]


class _Saved(Struct, array_like=True):
    sessions: dict[int, int]
    markets: list[_SavedMarket]


class Reading:
    """Folds whole commands, in the journal's order."""

    def __init__(self, links: Links) -> None:
        self.links = links
        self.markets: dict[int, Market] = {}
        self.orders: dict[int, Order] = {}
        """What rests in a book, by order id."""
        self._sessions: dict[int, int] = {}
        """Session to its member."""
        self._fold = MarketFold()

    def take(
        self, first: int, last: int, time: int, command: Command, events: Sequence[Event]
    ) -> list[Step]:
        """One command with all its events, records `first` to `last`: a step for each instrument
        that it concerns."""
        if isinstance(command, DefineSession):
            self._sessions[command.session] = command.member
            return []
        updates = self._fold.apply(events)
        turn = _Turn(self, first, last, time)
        changed = {update.instrument: self._update_top(update) for update in updates}
        if type(command) in _MESSAGES:
            turn.sent(command, changed)  # type: ignore[arg-type] # one of these
        for event in events:
            take = _TAKE.get(type(event))
            if take is not None:
                take(turn, event)
        turn.over()
        return list(turn.steps.values())

    def market(self, instrument: int) -> Market:
        """An instrument's market, an empty one before its first order."""
        found = self.markets.get(instrument)
        if found is None:
            book = self._fold.book(instrument)
            found = self.markets[instrument] = Market(instrument, book, self.orders)
        return found

    def save(self) -> bytes:
        """All that later facts depend on; `load` is the inverse."""
        saved = []
        for m in self.markets.values():
            orders = [self.orders[row[0]] for side in (BUY, SELL) for row in m.book.queue(side)]
            saved.append(
                _SavedMarket(
                    m.id, m.bid, m.ask, m.last, m.bought, m.sold,
                    m.typical, m.looked,
                    m.shown, m.fills, m.pulls, orders,
                )
            )  # fmt: skip
        return _encode(_Saved(self._sessions, saved))

    def load(self, data: bytes) -> None:
        """Go on where `save` was called; nothing may have been taken yet."""
        assert not self.markets
        saved = _decode(data)
        self._sessions = saved.sessions
        for row in saved.markets:
            market = self.market(row.id)
            market.bid, market.ask = row.bid, row.ask
            market.last, market.bought, market.sold = row.last, row.bought, row.sold
            market.typical, market.looked = row.typical, row.looked
            market.shown, market.fills, market.pulls = row.shown, row.fills, row.pulls
            for order in row.orders:
                self.orders[order.id] = order
                market.book.add(order.id, order.side, order.price, order.shown)

    def _update_top(self, update: BookUpdate) -> bool:
        """Bring the best prices up to date; whether one of them changed."""
        market = self.market(update.instrument)
        bid, ask = market.bid, market.ask
        for change in update.levels:
            if change.side == BUY:
                if change.price >= market.bid:
                    market.bid = change.price if change.lots else _best_bid(market)
            elif not market.ask or change.price <= market.ask:
                market.ask = change.price if change.lots else _best_ask(market)
        return bid != market.bid or ask != market.ask


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Saved).decode


def _best_bid(market: Market) -> int:
    """The highest bid, 0 for none."""
    bids = market.book.bids
    return -bids.peekitem(0)[0] if bids else 0


def _best_ask(market: Market) -> int:
    """The lowest ask, 0 for none."""
    asks = market.book.asks
    return asks.peekitem(0)[0] if asks else 0


class _Turn:
    """One command, while its events go by."""

    __slots__ = ("_coming", "_last", "_maker", "_reading", "_record", "_step", "_time", "steps")

    def __init__(self, reading: Reading, record: int, last: int, time: int) -> None:
        self.steps: dict[int, Step] = {}
        self._reading = reading
        self._record, self._last, self._time = record, last, time
        self._coming: Order | None = None
        self._maker: Order | None = None
        self._step: Step | None = None

    def step(self, instrument: int) -> Step:
        """The step of an instrument."""
        found = self._step
        if found is not None and found.market.id == instrument:
            return found
        found = self.steps.get(instrument)
        if found is None:
            market = self._reading.market(instrument)
            found = Step(self._record, self._last, self._time, market, [])
            self.steps[instrument] = found
        self._step = found
        return found

    def sent(self, command: Message, changed: dict[int, bool]) -> None:
        """The message itself, before what it caused."""
        member = self._reading._sessions.get(command.origin.session)  # noqa: SLF001 - one module
        if member is None:
            return
        owner = self._reading.links.owner(member)
        for instrument in (command.instrument,) if command.instrument else changed:
            fact = Sent(owner, member, changed.get(instrument, False))
            self.step(instrument).facts.append(fact)

    def accepted(self, event: OrderAccepted) -> None:
        """An order comes."""
        self._comes(event, event.leaves)

    def replaced(self, event: OrderReplaced) -> None:
        """An order with new terms: with less it keeps its place, else it goes and comes again."""
        order = self._reading.orders[event.order_id]
        old = order.shown
        keeps = event.leaves and event.price == order.price and event.leaves <= old
        if keeps:
            if event.leaves < old:
                self._pull(order, old - event.leaves, own=True)
            return
        if event.leaves:
            self._pull(order, old, own=True, back=max(0, self._away(event)))
            self._comes(event, event.leaves)
        else:
            self._pull(order, old, own=True)

    def filled(self, event: OrderFilled) -> None:
        """One side of a trade: the maker's comes first, then its taker's."""
        if event.liquidity == MAKER:
            self._maker = self._reading.orders[event.order_id]
            return
        maker, taker = self._maker, self._coming
        assert maker is not None
        assert taker is not None
        lots, price = event.last_qty, event.last_price
        market = self.step(event.instrument).market
        self._trail(market, maker, lots, price, taker=False)
        self._trail(market, taker, lots, price, taker=True)
        self._show(market, maker, maker.shown - lots)
        maker.filled += lots
        taker.filled += lots
        if taker.side == BUY:
            market.bought = taken = market.bought + lots
        else:
            market.sold = taken = market.sold + lots
        fact = Traded(price, lots, event.match, market.last, taken, maker, taker)
        market.last = price
        self.step(event.instrument).facts.append(fact)

    def canceled(self, event: OrderCanceled) -> None:
        """An order is gone before its time, or the rest of one that never rested."""
        self._ends(event, own=event.restatement == RESTATEMENT_NONE)

    def expired(self, event: OrderExpired) -> None:
        """An order is over by its own terms."""
        self._ends(event, own=False)

    def over(self) -> None:
        """The command is over: what is open of its order rests."""
        order = self._coming
        if order is None:
            return
        left = order.lots - order.filled
        assert left >= 0
        if left:
            market = self.step(order.instrument).market
            self._reading.orders[order.id] = order
            self._show(market, order, left)

    def _comes(self, event: OrderAccepted | OrderReplaced, lots: int) -> None:
        step = self.step(event.instrument)
        order = Order(
            event.order_id, event.member, self._reading.links.owner(event.member), event.account,
            event.session, event.trader, event.instrument, event.side, event.price, event.tif, lots,
            self._record, self._time, self._away(event),
        )  # fmt: skip
        self._coming = order
        step.facts.append(Added(order))

    def _away(self, event: OrderAccepted | OrderReplaced) -> int:
        """How far an order is behind its side's best price, the command being over, ticks."""
        market, price = self.step(event.instrument).market, event.price
        if not price:
            return 0
        if event.side == BUY:
            return market.bid - price if market.bid else 0
        return price - market.ask if market.ask else 0

    def _ends(self, event: OrderCanceled | OrderExpired, *, own: bool) -> None:
        if self._coming is not None and self._coming.id == event.order_id:
            self._coming = None
            return
        order = self._reading.orders[event.order_id]
        self._pull(order, order.shown, own=own)

    def _pull(self, order: Order, lots: int, *, own: bool, back: int = -1) -> None:
        """Lots leave the book. back: how far from the best price they come again, -1 for never."""
        step = self.step(order.instrument)
        self._show(step.market, order, order.shown - lots)
        if own:
            pulls = step.market.pulls.setdefault(order.owner, [])
            pulls.append(
                Pull(
                    self._time, self._record, order.side, order.price, lots, order.time,
                    order.record, order.filled, order.away, back,
                )
            )  # fmt: skip
            if len(pulls) > TRAIL_ROWS:
                del pulls[0]
        step.facts.append(Pulled(order, lots, own))

    def _show(self, market: Market, order: Order, lots: int) -> None:
        """An order has so many lots in the book from now on; none: it is no longer there."""
        shown = market.shown.get(order.owner)
        if shown is None:
            shown = market.shown[order.owner] = [0, 0]
        shown[order.side - 1] += lots - order.shown
        assert shown[order.side - 1] >= 0
        order.shown = lots
        if not lots:
            self._reading.orders.pop(order.id, None)

    def _trail(self, market: Market, order: Order, lots: int, price: int, *, taker: bool) -> None:
        fills = market.fills.setdefault(order.owner, [])
        same = market.lots_of(order.owner, order.side)
        other = market.lots_of(order.owner, other_side(order.side))
        fills.append(Fill(self._time, self._record, order.side, price, lots, taker, same, other))
        if len(fills) > TRAIL_ROWS:
            del fills[0]


_TAKE: Final[dict[type, Any]] = {
    OrderAccepted: _Turn.accepted,
    OrderFilled: _Turn.filled,
    OrderReplaced: _Turn.replaced,
    OrderCanceled: _Turn.canceled,
    OrderExpired: _Turn.expired,
}
