"""A trading floor for surveillance: the real engine, a crowd of innocent members, and the watch.

Everything follows from the seed: the crowd's sizes, spreads and pace too. Makers (1 to 3) quote a
few levels around a fair price that wanders and follows trades; takers (4 to 9) trade and leave
orders; members from SUSPECT on are the scenario's own, and do only what it says. Prices are ticks,
sizes lots, times ns; floats are allowed here, the watch sees only what the engine makes of them.
"""

from random import Random
from typing import Final

from compliance.surveillance.links import Links
from compliance.surveillance.rules import RULES_VERSION, Rules
from compliance.surveillance.watch import Watch
from engine.core.venue import Venue
from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.commands import (
    CancelOrder,
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineSession,
    Deposit,
    MassCancel,
    NewOrder,
    Origin,
    ReplaceOrder,
    SetFees,
    SetInstrumentLimits,
)
from engine.model.enums import (
    BUY,
    GTC,
    IOC,
    LIMIT,
    MARKET,
    MASS_CANCEL_ALL,
    ORDER_ENTRY,
    SELL,
    SOURCE_FIX,
)
from engine.model.events import OrderCanceled, OrderExpired, OrderFilled, OrderReplaced
from tests.engine.streams import BTC, BTC_USD, START, USD, due
from tests.surveillance.agenda import Agenda

MAKERS: Final = (1, 2, 3)
TAKERS: Final = (4, 5, 6, 7, 8, 9)
SUSPECT, SECOND, THIRD, FOURTH = 10, 11, 12, 13
MEMBERS: Final = range(1, 17)
HOUSE: Final = 100
"""Added to a member: its second account, where a scenario needs an own and a client's."""
REFERENCE: Final = 6_000_000
BASIS_POINT: Final = REFERENCE // 10_000
MS: Final = 1_000_000
SECOND_NS: Final = NANOS_PER_SECOND
RULES: Final = Rules(RULES_VERSION, "defaults")


class Handle:
    """One order as its sender knows it."""

    def __init__(self, name, order_id, member, side, lots, price):
        self.name, self.id, self.member, self.side = name, order_id, member, side
        self.lots, self.price = lots, price
        self.filled = 0
        self.open = True

    @property
    def leaves(self):
        return self.lots - self.filled if self.open else 0


def bootstrap():
    yield DefineAsset(BTC, "BTC", 8)
    yield DefineAsset(USD, "USD", 8)
    yield DefineInstrument(BTC_USD, "BTC-USD", BTC, USD, 2, 1, 6, 1, REFERENCE)
    yield SetInstrumentLimits(BTC_USD, 0, 0, 2_000)
    yield SetFees(BTC_USD, 100, 500)
    for member in MEMBERS:
        yield DefineMember(member, f"M{member}")
        for account in (member, HOUSE + member):
            yield DefineAccount(account, member, f"A{account}")
        yield DefineSession(member, member, f"M{member}-OE1", ORDER_ENTRY, 1_000_000)
        for account in (member, HOUSE + member):
            yield Deposit(account, BTC, 15_000 * 10**8, f"opening/{account}/BTC")
            yield Deposit(account, USD, 900_000_000 * 10**8, f"opening/{account}/USD")


class Floor(Agenda):
    """The engine, the clock and the watch. `alerts`: all that were raised so far."""

    def __init__(self, seed, links=Links(makers=MAKERS), rules=RULES, start=None):  # noqa: B008 - frozen
        self.random = Random(seed)
        if start is None:
            midnight = START // NANOS_PER_DAY * NANOS_PER_DAY
            start = midnight + self.random.randint(2 * 3600, 20 * 3600) * SECOND_NS
        super().__init__(start)
        self.venue = Venue()
        self.watch = Watch(rules, links)
        self.alerts = []
        self.journal = []
        """(record, time, command, events) of all."""
        self.orders = {}
        self.number = 0
        for command in bootstrap():
            self._apply(command)
        self.crowd = Crowd(self)

    # --- orders -------------------------------------------------------------------------------

    def order(self, member, side, lots, price=0, tif=None, account=0):
        """A limit order that rests, or a market or immediate one; its handle."""
        lots = max(1, int(lots))
        if tif is None:
            tif = GTC if price else IOC
        self.names += 1
        name = b"%d" % self.names
        kind = LIMIT if price else MARKET
        handle = Handle(name, self._next_number(), member, side, lots, int(price))
        self.orders[handle.id] = handle
        self._apply(
            NewOrder(
                self._origin(member), name, account or member, BTC_USD, side, kind, tif, lots,
                int(price),
            )
        )  # fmt: skip
        handle.open = handle.id in self.venue.state.orders and handle.leaves > 0
        return handle

    def cancel(self, handle):
        """Cancel an order; nothing if it is over."""
        if not handle.open:
            return
        self.names += 1
        name = b"%d" % self.names
        self._apply(
            CancelOrder(
                self._origin(handle.member), name, handle.name, handle.id, BTC_USD, handle.side
            )
        )

    def replace(self, handle, *, lots=None, price=None):
        """Another open quantity, another price."""
        if not handle.open:
            return
        self.names += 1
        name = b"%d" % self.names
        total = handle.filled + (handle.leaves if lots is None else max(1, int(lots)))
        price = handle.price if price is None else int(price)
        self._apply(
            ReplaceOrder(
                self._origin(handle.member), name, handle.name, handle.id, BTC_USD, handle.side,
                LIMIT, -1, total, price,
            )
        )  # fmt: skip

    def cancel_all(self, member):
        self.names += 1
        self._apply(MassCancel(self._origin(member), b"%d" % self.names, MASS_CANCEL_ALL, 0))

    # --- the market ---------------------------------------------------------------------------

    @property
    def market(self):
        return self.watch._reading.market(BTC_USD)

    def best(self, side):
        """The best price of a side, the fair price where there is none."""
        found = self.market.bid if side == BUY else self.market.ask
        return found or int(self.crowd.fair)

    @property
    def last(self):
        return self.market.last or int(self.crowd.fair)

    # --- below --------------------------------------------------------------------------------

    def _origin(self, member):
        return Origin(member, 1, self.now, SOURCE_FIX)

    def _next_number(self):
        """The number of the next command, after what is due before it."""
        self._due()
        return self.number

    def _due(self):
        while self.number and (
            command := due(self.venue.mass_pending, self.venue.day_end, self.now)
        ):
            self._record(command)

    def _apply(self, command):
        self._due()
        self._record(command)

    def _record(self, command):
        number, self.number = self.number, self.number + 1
        events = tuple(self.venue.apply(command, number, self.now))
        self.journal.append((number, self.now, command, events))
        for event in events:
            self._follow(event)
        self.alerts += self.watch.take(number, number, self.now, command, events)

    def _follow(self, event):
        handle = self.orders.get(getattr(event, "order_id", 0))
        if handle is None:
            return
        match event:
            case OrderFilled():
                handle.filled = event.cum
                handle.open = event.leaves > 0
                self.crowd.filled(handle)
            case OrderReplaced():
                handle.name, handle.lots, handle.price = event.cl_ord_id, event.qty, event.price
                handle.open = event.leaves > 0
            case OrderCanceled() | OrderExpired():
                handle.open = False


class Crowd:
    """Makers and takers who mean it. pace: how many times slower than usual all of it is."""

    def __init__(self, floor):
        rnd = floor.random
        self.floor = floor
        self.fair = float(REFERENCE) * rnd.uniform(0.9, 1.1)
        self.unit = rnd.randint(500_000, 2_000_000)
        """A maker's level, lots."""
        self.spread = rnd.uniform(1.0, 5.0)
        """Between the best prices, basis points."""
        self.spacing = rnd.uniform(1.0, 4.0)
        self.levels = rnd.randint(3, 6)
        self.wild = rnd.uniform(0.2, 0.8)
        """Of the fair price, basis points in the root of a second."""
        self.pace = 1.0
        self.impact = rnd.uniform(0.3, 0.8)
        self.lean = 0.5
        """The share of takers who buy."""
        self.moved_at = floor.now
        self.quotes = {maker: {BUY: [], SELL: []} for maker in MAKERS}
        self.answering = set()
        for maker in MAKERS:
            self.requote(maker)
            self._next_requote(maker)
        self._next_take()
        self._next_rest()

    def restart(self, pace):
        """Go on at another pace, or at another time: what was planned is off."""
        self.floor.agenda.clear()
        self.pace, self.moved_at = pace, self.floor.now
        self.levels = 3  # of a long time only so much is worth its cost
        self.answering.clear()
        for maker in MAKERS:
            self._next_requote(maker)
        self._next_take()
        self._next_rest()

    def bps(self, count):
        return self.fair * count / 10_000

    # --- makers -------------------------------------------------------------------------------

    def requote(self, maker):
        """All of a maker's quotes around the fair price of now."""
        floor, rnd = self.floor, self.floor.random
        self._wander()
        centre = self.fair + self.bps(rnd.uniform(-0.2, 0.2) * self.spread)
        for side, sign in ((BUY, -1), (SELL, 1)):
            kept = [handle for handle in self.quotes[maker][side] if handle.open]
            self.quotes[maker][side] = kept
            for k in range(self.levels):
                price = int(centre + sign * self.bps(self.spread / 2 + k * self.spacing))
                lots = int(self.unit * rnd.uniform(0.6, 1.4))
                if k >= len(kept):
                    kept.append(floor.order(maker, side, lots, price))
                elif kept[k].price != price:
                    floor.replace(kept[k], lots=lots, price=price)

    def filled(self, handle):
        """A maker who has been hit answers soon."""
        maker = handle.member
        if maker in MAKERS and maker not in self.answering:
            self.answering.add(maker)
            self.floor.at(self.floor.random.uniform(0.03, 0.4), lambda: self._answer(maker))

    def _answer(self, maker):
        self.answering.discard(maker)
        last = self.floor.market.last
        if last:
            self.fair += self.impact * (last - self.fair)
        self.requote(maker)

    def _next_requote(self, maker):
        wait = self.floor.random.uniform(4, 16) * self.pace

        def act():
            self.requote(maker)
            self._next_requote(maker)

        self.floor.at(wait, act)

    def _wander(self):
        seconds = (self.floor.now - self.moved_at) / SECOND_NS
        self.moved_at = self.floor.now
        self.fair += self.bps(self.floor.random.gauss(0, self.wild) * seconds**0.5)

    # --- takers -------------------------------------------------------------------------------

    def take(self, side=None, times=1.0, member=None):
        """A taker takes: by a market order, or one that is immediate with a limit."""
        floor, rnd = self.floor, self.floor.random
        if side is None:
            side = BUY if rnd.random() < self.lean else SELL
        member = member or rnd.choice(TAKERS)
        lots = int(self.unit * rnd.uniform(0.05, 1.2) * times)
        if rnd.random() < 0.5:
            return floor.order(member, side, lots)
        best = floor.best(3 - side)
        reach = self.bps(rnd.uniform(0, 6)) * (1 if side == BUY else -1)
        return floor.order(member, side, lots, best + reach, IOC)

    def _next_take(self):
        wait = self.floor.random.expovariate(1 / 3) * self.pace

        def act():
            self.take()
            self._next_take()

        self.floor.at(wait, act)

    def _next_rest(self):
        """Now and then a taker leaves an order, and takes it back some time later."""
        rnd = self.floor.random
        wait = rnd.expovariate(1 / 12) * self.pace

        def act():
            side = rnd.choice((BUY, SELL))
            away = self.bps(rnd.uniform(0, 20)) * (-1 if side == BUY else 1)
            lots = self.unit * rnd.uniform(0.1, 2.0)
            handle = self.floor.order(rnd.choice(TAKERS), side, lots, self.floor.best(side) + away)
            self.floor.at(rnd.uniform(1, 60) * self.pace, lambda: self.floor.cancel(handle))
            self._next_rest()

        self.floor.at(wait, act)
