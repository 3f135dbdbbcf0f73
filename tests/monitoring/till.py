"""A till for monitoring: the real engine, members who move money for ordinary reasons, a watch.

Everything follows from the seed. Members 1 to 6 are the town: they have been here for long, and
mean what they do. Members from SUSPECT on have no opening balance and belong to the scenario.
`value` is in whole US dollars; floats are allowed here, the watch sees only what the engine makes
of them.
"""

from random import Random
from typing import Final

from compliance.monitoring.profiles import Profiles
from compliance.monitoring.rules import RULES_VERSION, MoneyRules
from compliance.monitoring.watch import MoneyWatch
from compliance.surveillance.links import Links
from engine.core.venue import Venue
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import (
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineSession,
    Deposit,
    HoldWithdrawal,
    NewOrder,
    Origin,
    ReleaseWithdrawal,
    ReverseDeposit,
    SetHold,
    SettleWithdrawal,
)
from engine.model.enums import BUY, GTC, IOC, LIMIT, ORDER_ENTRY, SELL, SOURCE_FIX
from engine.model.events import CommandRefused
from tests.engine.streams import BTC, BTC_USD, ETH, ETH_USD, REFERENCE, START, USD, due
from tests.surveillance.agenda import Agenda

HOUSE, MAKER, SECOND_MAKER, TREASURY, PAYER, CLIENT = 1, 2, 3, 4, 5, 6
TOWN: Final = (HOUSE, MAKER, SECOND_MAKER, TREASURY, PAYER, CLIENT)
SUSPECT, SECOND, THIRD = 10, 11, 12
MEMBERS: Final = (*TOWN, SUSPECT, SECOND, THIRD)
MONEY_RULES: Final = MoneyRules(RULES_VERSION, "defaults")
MINUTE, HOUR, DAY = 60, 3_600, 86_400
SCALE: Final = 10**8
OPEN_DAYS: Final = 7
"""The venue has been open for a week: what its makers' first days look like is not counted."""
INSTRUMENT: Final = {BTC: BTC_USD, ETH: ETH_USD}
LOTS: Final = {BTC: 10**6, ETH: 10**4}
"""Of one coin."""
CENTS: Final = 100
"""Ticks of a dollar."""


def bootstrap():
    for asset, code in ((BTC, "BTC"), (ETH, "ETH"), (USD, "USD")):
        yield DefineAsset(asset, code, 8)
    yield DefineInstrument(BTC_USD, "BTC-USD", BTC, USD, 2, 1, 6, 1, REFERENCE[BTC_USD])
    yield DefineInstrument(ETH_USD, "ETH-USD", ETH, USD, 2, 1, 4, 1, REFERENCE[ETH_USD])
    for member in MEMBERS:
        yield DefineMember(member, f"M{member}")
        yield DefineAccount(member, member, f"A{member}")
        yield DefineSession(member, member, f"M{member}-OE1", ORDER_ENTRY, 1_000_000)
    for member in TOWN:
        for asset, amount in ((BTC, 2_000), (ETH, 40_000), (USD, 200_000_000)):
            yield Deposit(member, asset, amount * SCALE, f"opening/{member}/{asset}")


class Till(Agenda):
    """The engine, the clock and the watch. `alerts`: all that were raised so far."""

    def __init__(self, seed, links=Links(), profiles=Profiles(), rules=MONEY_RULES, town=True):  # noqa: B008 - frozen
        super().__init__(START)
        self.random = Random(seed)
        self.venue = Venue()
        self.watch = MoneyWatch(rules, links, profiles)
        self.alerts = []
        self.journal = []
        """(record, time, command, events) of all."""
        self.number = 0
        self.price = {BTC: REFERENCE[BTC_USD], ETH: REFERENCE[ETH_USD]}
        """Ticks."""
        for command in bootstrap():
            self.do(command)
        if town:
            Town(self)
            self.let(OPEN_DAYS * DAY)
            self.alerts.clear()

    # --- money --------------------------------------------------------------------------------

    def amount(self, value, asset=USD):
        """Minor units of so many dollars."""
        if asset == USD:
            return int(value * SCALE)
        return int(value * CENTS * SCALE / self.price[asset])

    def deposit(self, member, value, asset=USD):
        """Money comes; its reference."""
        reference = self._name("chain")
        self.do(Deposit(member, asset, max(1, self.amount(value, asset)), reference))
        return reference

    def ask(self, member, value, asset=USD):
        """A withdrawal is held; its reference, or None if it was refused."""
        reference = self._name("withdrawal")
        events = self.do(
            HoldWithdrawal(member, asset, max(1, self.amount(value, asset)), 0, reference)
        )
        return None if isinstance(events[0], CommandRefused) else reference

    def withdraw(self, member, value, asset=USD):
        """One that leaves some minutes later."""
        reference = self.ask(member, value, asset)
        if reference:
            self.at(self.random.uniform(60, 600), lambda: self.do(SettleWithdrawal(reference)))
        return reference

    def fail(self, member, value, asset=USD):
        """One that is given back some time later, if it is held at all."""
        reference = self.ask(member, value, asset)
        if reference:
            self.at(
                self.random.uniform(60, 6 * HOUR),
                lambda: self.do(ReleaseWithdrawal(reference, "rejected")),
            )

    def reverse(self, member, value, reference, asset=USD):
        amount = self.amount(value, asset)
        self.do(ReverseDeposit(member, asset, amount, reference, f"{reference}/back"))

    def hold(self, account, level, of=""):
        self.do(
            SetHold(Origin(0, 0, self.now), account, level, "case", self._name("hold"), "p", of)
        )

    def has(self, member, asset=USD):
        """What is available, in dollars."""
        minor = self.venue.state.accounts[member].balances[asset].available
        return minor / SCALE if asset == USD else minor * self.price[asset] / CENTS / SCALE

    def trade(self, member, value, asset=BTC, side=BUY):
        """A member takes what the house quotes, as far as what it has goes."""
        value = min(value, self.has(member, USD if side == BUY else asset) * 0.99)
        self.price[asset] = int(self.price[asset] * (1 + self.random.gauss(0, 0.0005)))
        price = self.price[asset]
        lots = max(1, int(value * CENTS / price * LOTS[asset]))
        other = SELL if side == BUY else BUY
        self._order(HOUSE, asset, other, GTC, lots, price)
        self._order(member, asset, side, IOC, lots, price)

    # --- below --------------------------------------------------------------------------------

    def do(self, command):
        """Apply a command, after what is due before it; its events."""
        while self.number and (
            waiting := due(self.venue.mass_pending, self.venue.day_end, self.now)
        ):
            self._record(waiting)
        return self._record(command)

    def _record(self, command):
        number, self.number = self.number, self.number + 1
        events = tuple(self.venue.apply(command, number, self.now))
        self.journal.append((number, self.now, command, events))
        self.alerts += self.watch.take(number, number, self.now, command, events)
        return events

    def _name(self, kind):
        self.names += 1
        return f"{kind}/{self.names}"

    def _order(self, member, asset, side, tif, lots, price):
        self.names += 1
        origin = Origin(member, 1, self.now, SOURCE_FIX)
        self.do(
            NewOrder(
                origin, b"%d" % self.names, member, INSTRUMENT[asset], side, LIMIT, tif, lots, price
            )
        )


class Town:
    """Members who have been here for long. Each day has its usual business."""

    def __init__(self, till):
        self.till = till
        self.size = 10 ** till.random.uniform(4.3, 5.7)
        """What a maker moves a day, dollars."""
        self.salaries = [10 ** till.random.uniform(3.2, 4.4) for _ in range(12)]
        self.next_day()

    def next_day(self):
        till, rnd = self.till, self.till.random
        for maker in (MAKER, SECOND_MAKER):
            till.at(rnd.uniform(0, 8 * HOUR), lambda m=maker: self.rebalance(m))
        day = till.now // NANOS_PER_DAY
        if day % 7 == 0:
            till.at(rnd.uniform(0, 8 * HOUR), self.fund)
        if day % 30 == 3:
            till.at(rnd.uniform(0, 8 * HOUR), self.pay)
        if rnd.random() < 0.2:
            till.at(rnd.uniform(0, 8 * HOUR), self.client)
        till.at(DAY, self.next_day)

    def rebalance(self, maker):
        """A maker evens out between venues: coins one way, money the other, and trades."""
        till, rnd = self.till, self.till.random
        for _ in range(rnd.randint(1, 3)):
            till.deposit(maker, self.size * rnd.uniform(0.3, 1.2), rnd.choice((BTC, ETH, USD)))
            till.trade(maker, self.size * rnd.uniform(0.5, 2), side=rnd.choice((BUY, SELL)))
            till.withdraw(maker, self.size * rnd.uniform(0.3, 1.2), rnd.choice((BTC, ETH, USD)))

    def fund(self):
        """A treasury sends what it has too much of."""
        self.till.deposit(TREASURY, 10 ** self.till.random.uniform(4, 6))

    def pay(self):
        """Salaries, each month the same."""
        for salary in self.salaries:
            self.till.withdraw(PAYER, salary)

    def client(self):
        till, rnd = self.till, self.till.random
        value = 10 ** rnd.uniform(3, 5)
        if rnd.random() < 0.5:
            till.deposit(CLIENT, value, rnd.choice((BTC, ETH, USD)))
        else:
            till.withdraw(CLIENT, value, rnd.choice((BTC, ETH, USD)))
