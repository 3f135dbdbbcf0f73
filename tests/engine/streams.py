"""Command streams for tests: a small venue's configuration and seeded mixed commands.

bootstrap_commands() configures the demo's instruments and three members; random_commands()
gives (command, number, time) ready for Venue.apply, with nothing but its seed behind it. Neither
looks at a venue: a stream that must react to one (ContinueMass, a due EndOfDay) is driven by
drive().
"""

import random
from collections.abc import Iterator
from typing import Final

import msgspec

from engine.core.venue import Venue
from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.commands import (
    Block,
    CancelOrder,
    Command,
    ContinueMass,
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineSession,
    DefineVenue,
    Deposit,
    EndOfDay,
    HoldWithdrawal,
    MassCancel,
    NewOrder,
    Origin,
    RefusedCancel,
    RefusedMassCancel,
    RefusedMessage,
    RefusedOrder,
    ReleaseWithdrawal,
    ReplaceOrder,
    ReverseDeposit,
    SetAccountLimits,
    SetFees,
    SetHold,
    SetInstrumentLimits,
    SettleWithdrawal,
    Unblock,
)
from engine.model.enums import (
    BLOCK_ACCOUNT,
    BLOCK_ALL,
    BLOCK_INSTRUMENT,
    BLOCK_MEMBER,
    BLOCK_SESSION,
    BUY,
    DAY,
    FOK,
    GTC,
    HOLD_FROZEN,
    HOLD_NONE,
    HOLD_RESTRICTED,
    IOC,
    LIMIT,
    MARKET,
    MASS_CANCEL_ALL,
    MASS_CANCEL_INSTRUMENT,
    ORDER_ENTRY,
    SELL,
    SOURCE_FIX,
)
from engine.model.events import Event

BTC, ETH, USD = 1, 2, 3
BTC_USD, ETH_USD, ETH_BTC = 1, 2, 3
ACME, BOREAS, CYGNUS = 1, 2, 3
ACME_ACCOUNT, BOREAS_ACCOUNT, CYGNUS_ACCOUNT = 1, 2, 3
ACME_OE1, ACME_OE2, BOREAS_OE1, CYGNUS_OE1 = 1, 2, 3, 4
SESSIONS: Final = (ACME_OE1, ACME_OE2, BOREAS_OE1, CYGNUS_OE1)
ACCOUNT_OF: Final = {1: 1, 2: 1, 3: 2, 4: 3}
START: Final = 20_000 * NANOS_PER_DAY + 9 * 3600 * NANOS_PER_SECOND
REFERENCE: Final = {BTC_USD: 6_000_000, ETH_USD: 300_000, ETH_BTC: 5_000}
RANDOM_BALANCES: Final = {BTC: 2 * 10**8, ETH: 60 * 10**8, USD: 150_000 * 10**8}

Step = tuple[Command, int, int]


LEIS = {
    ACME: "000000ACME0000000063",
    BOREAS: "000000BOREAS00000017",
    CYGNUS: "000000CYGNUS00000013",
}


FIRMS = (
    DefineMember(ACME, "ACME", LEIS[ACME], True, "DE", ("T1",)),
    DefineMember(BOREAS, "BOREAS", LEIS[BOREAS], False, "US"),
    DefineMember(CYGNUS, "CYGNUS", LEIS[CYGNUS], True, "FR", ("T2", "T3")),
)

VENUE = DefineVenue("XFXG", "000000FIXGATE0000087")
"""Who a venue is that reports transactions; bootstrap_commands() tells all else that this takes."""


def bootstrap_commands(
    *,
    balances: dict[int, int] | None = None,
    collar_bps: int = 2_000,
    fees: tuple[int, int] = (100, 500),
    cap: int = 1_000_000,
) -> list[Command]:
    """The configuration of a venue with ACME (two sessions), BOREAS and CYGNUS."""
    if balances is None:
        balances = {BTC: 100_000 * 10**8, ETH: 1_000_000 * 10**8, USD: 1_000_000_000 * 10**8}
    commands: list[Command] = [
        DefineAsset(BTC, "BTC", 8, dti="1BTC0000F"),
        DefineAsset(ETH, "ETH", 8, dti="2TH000007"),
        DefineAsset(USD, "USD", 8, currency="USD"),
        DefineInstrument(BTC_USD, "BTC-USD", BTC, USD, 2, 1, 6, 1, REFERENCE[BTC_USD]),
        DefineInstrument(
            ETH_USD, "ETH-USD", ETH, USD, 2, 1, 4, 1, REFERENCE[ETH_USD], "US0378331005"
        ),
        DefineInstrument(ETH_BTC, "ETH-BTC", ETH, BTC, 5, 1, 3, 1, REFERENCE[ETH_BTC]),
    ]
    commands += [SetInstrumentLimits(i, 0, 0, collar_bps) for i in REFERENCE]
    commands += [SetFees(i, *fees) for i in REFERENCE]
    for firm in FIRMS:
        commands += [firm, DefineAccount(firm.member, firm.member, firm.name)]
    for session, member, name in (
        (ACME_OE1, ACME, "ACME-OE1"),
        (ACME_OE2, ACME, "ACME-OE2"),
        (BOREAS_OE1, BOREAS, "BOREAS-OE1"),
        (CYGNUS_OE1, CYGNUS, "CYGNUS-OE1"),
    ):
        commands.append(DefineSession(session, member, name, ORDER_ENTRY, cap))
    for account in (ACME_ACCOUNT, BOREAS_ACCOUNT, CYGNUS_ACCOUNT):
        for asset, amount in balances.items():
            commands.append(Deposit(account, asset, amount, f"opening-{account}-{asset}"))
    return commands


def bootstrap(**options) -> tuple[Venue, int]:
    """A configured venue, and its next record number."""
    venue = Venue()
    commands = bootstrap_commands(**options)
    for number, command in enumerate(commands):
        events = venue.apply(command, number, START)
        assert not any(type(event).__name__ == "CommandRefused" for event in events)
    return venue, len(commands)


class RandomTrader:
    """Seeded commands over small price and quantity ranges, so that much trades.

    It knows the ClOrdIDs that it sent, not what became of them: cancels of finished, unknown and
    foreign orders come by themselves.
    """

    def __init__(
        self, seed: int, *, system: bool = True, chain: bool = False, holds: bool = False
    ) -> None:
        """chain: also what custody tells of a chain, which a ledger must have seen there first.
        holds: also holds on accounts, and their lifting by two, between commands that are the same
        without them."""
        self.chain = chain
        self.holds = random.Random(seed + 1) if holds else None
        self.hold_names: dict[int, list[str]] = {account: [""] for account in (1, 2, 3, 4)}
        self.random = random.Random(seed)
        self.names: dict[int, list[tuple[bytes, int, int, int]]] = {s: [] for s in SESSIONS}
        self.seq = dict.fromkeys(SESSIONS, 0)
        self.count = self.held = 0
        self.system = system
        self.blocked: list[tuple[int, int]] = []

    def _name(self, session: int) -> bytes:
        if self.names[session] and self.random.random() < 0.03:
            return self.random.choice(self.names[session])[0]
        self.count += 1
        return b"C%d" % self.count

    def _origin(self, session: int) -> Origin:
        self.seq[session] += 1
        seq = self.seq[session]
        return Origin(session, seq, 0, SOURCE_FIX, trader=b"T%d" % (seq % 4) if seq % 4 else b"")

    def _price(self, instrument: int) -> int:
        pick = self.random.random()
        if pick < 0.01:
            return self.random.choice((0, -5, 1, REFERENCE[instrument] * 2, 2**62))
        return REFERENCE[instrument] + self.random.randint(-6, 6)

    def _qty(self, instrument: int) -> int:
        pick = self.random.random()
        if pick < 0.01:
            return self.random.choice((0, -1, 2**62, 10**9))
        unit = {BTC_USD: 100_000, ETH_USD: 10_000, ETH_BTC: 1_000}[instrument]
        return self.random.randint(1, 6) * unit + self.random.choice((0, 0, 1, 7))

    def new_order(self) -> Command:
        rnd = self.random
        session = rnd.choice(SESSIONS)
        instrument = rnd.choice((BTC_USD, BTC_USD, ETH_USD, ETH_BTC))
        side = rnd.choice((BUY, SELL))
        name = self._name(session)
        ord_type = MARKET if rnd.random() < 0.1 else LIMIT
        tif = rnd.choice((DAY, DAY, DAY, DAY, GTC, GTC, GTC, IOC, FOK))
        price = 0 if ord_type == MARKET else self._price(instrument)
        account = rnd.choice((0, 1, 2, 3, 9)) if rnd.random() < 0.02 else ACCOUNT_OF[session]
        if (ord_type == LIMIT and tif in (DAY, GTC)) or rnd.random() < 0.1:
            self.names[session].append((name, instrument, side, tif))
        return NewOrder(
            self._origin(session),
            name,
            account,
            instrument,
            side,
            ord_type,
            tif,
            self._qty(instrument),
            price,
            rnd.random() < 0.05,
        )

    def _target(self, session: int) -> tuple[bytes, int, int, int]:
        rnd = self.random
        if not self.names[session] or rnd.random() < 0.03:
            return b"unknown", BTC_USD, BUY, DAY
        name, instrument, side, tif = rnd.choice(self.names[session][-8:])
        if rnd.random() < 0.03:
            side = 3 - side
        if rnd.random() < 0.03:
            instrument = 1 + instrument % 3
        return name, instrument, side, tif

    def cancel(self) -> Command:
        rnd = self.random
        session = rnd.choice(SESSIONS)
        orig, instrument, side, _ = self._target(session)
        name = self._name(session)
        order_id = rnd.randint(30, 400) if rnd.random() < 0.05 else 0
        return CancelOrder(
            self._origin(session), name, orig, order_id, instrument, side, rnd.random() < 0.05
        )

    def replace(self) -> Command:
        rnd = self.random
        session = rnd.choice(SESSIONS)
        orig, instrument, side, tif = self._target(session)
        name = self._name(session)
        if rnd.random() < 0.25:
            self.names[session].append((name, instrument, side, tif))
        return ReplaceOrder(
            self._origin(session),
            name,
            orig,
            0,
            instrument,
            side,
            MARKET if rnd.random() < 0.02 else LIMIT,
            rnd.choice((-1, -1, -1, tif, tif, DAY)),
            self._qty(instrument),
            self._price(instrument),
            rnd.random() < 0.05,
        )

    def rare(self) -> Command:
        """A mass cancel, a refusal of the gateway, or a system command."""
        rnd = self.random
        session = rnd.choice(SESSIONS)
        name = self._name(session)
        pick = rnd.randrange(10 if self.system else 5)
        if pick < 2:
            scope = rnd.choice((MASS_CANCEL_ALL, MASS_CANCEL_INSTRUMENT))
            instrument = 0 if scope == MASS_CANCEL_ALL else rnd.randint(1, 3)
            return MassCancel(self._origin(session), name, scope, instrument)
        if pick == 2:
            words = (b"", b"BTC-USD", b"1", b"2", b"", b"0.0000001", b"1")
            return RefusedOrder(self._origin(session), name, *words, 13, "off lot")
        if pick == 3:
            orig = self._target(session)[0]
            return RefusedCancel(self._origin(session), name, orig, rnd.choice((1, 2)), 99, "no")
        if pick == 4 and rnd.random() < 0.5:
            kind = rnd.choice((b"D", b"F", b"G", b"q"))
            return RefusedMessage(self._origin(session), kind, name, 8, "rate limit")
        if pick == 4:
            return RefusedMassCancel(self._origin(session), name, b"1", b"X-Y", 1, "unknown")
        return self._system_command(pick)

    def _system_command(self, pick: int) -> Command:
        rnd = self.random
        if self.blocked and rnd.random() < 0.8:
            return Unblock(Origin(0, 0, 0), *self.blocked.pop(), "over")
        if pick < 7:
            scope = rnd.choice(
                (BLOCK_SESSION, BLOCK_ACCOUNT, BLOCK_MEMBER, BLOCK_INSTRUMENT, BLOCK_ALL)
            )
            target = 0 if scope == BLOCK_ALL else rnd.randint(1, 3)
            self.blocked.append((scope, target))
            return Block(Origin(0, 0, 0), scope, target, rnd.random() < 0.7, "kill switch")
        if pick == 7:
            instrument = rnd.randint(1, 3)
            return SetInstrumentLimits(
                instrument,
                rnd.choice((0, 0, 500_000)),
                rnd.choice((0, 0, 30_000 * 10**8)),
                rnd.choice((0, 1, 2_000)),
            )
        if pick == 8:
            if rnd.random() < 0.5:
                return SetFees(rnd.randint(1, 3), rnd.choice((0, 100)), rnd.choice((100, 500, 7)))
            rows = ((1, 400_000, 0), (2, 0, 10_000 * 10**8))
            return SetAccountLimits(
                rnd.randint(1, 3), rnd.choice((0, 0, 3, 25)), rows if rnd.random() < 0.5 else ()
            )
        asset = rnd.choice((BTC, ETH, USD))
        amount = rnd.choice((0, 2**63 - 1, 10**8, RANDOM_BALANCES[asset] // 10))
        if rnd.random() < 0.6:
            return self.custody_command()
        return Deposit(rnd.randint(1, 4), asset, amount, f"deposit-{rnd.randint(1, 50)}")

    def custody_command(self) -> Command:
        """A step of a withdrawal, or of a deposit over a chain."""
        rnd = self.random
        asset = rnd.choice((BTC, ETH, USD))
        amount = rnd.choice((0, 2**63 - 1, 10**8, RANDOM_BALANCES[asset] // 10))
        account, name = rnd.randint(1, 4), f"withdrawal-{rnd.randint(1, 50)}"
        pick = rnd.randrange(8 if self.chain else 4)
        if pick < 3:
            return HoldWithdrawal(account, asset, amount, rnd.choice((-1, 0, 7, 500)), name)
        if pick == 3:
            return ReleaseWithdrawal(name, "changed its mind")
        if pick == 4:
            return SettleWithdrawal(name)
        number = rnd.randint(1, 50)
        if pick < 7:
            return Deposit(account, asset, amount, f"deposit/1/{number}")
        return ReverseDeposit(account, asset, amount, f"deposit/1/{number}", f"reversal/{number}")

    def hold(self, rnd: random.Random) -> Command:
        """An account is held, or somebody asks to hold it to less. What is in force it does not
        know: it names one of the latest."""
        account = rnd.choice((1, 1, 1, 1, 1, 1, 2, 4))  # two go on, or nothing trades any more
        level = rnd.choice((*(HOLD_NONE,) * 5, HOLD_RESTRICTED, HOLD_RESTRICTED, HOLD_FROZEN))
        names = self.hold_names[account]
        of, by = rnd.choice((*names[-3:], names[-1])), rnd.choice(("ann", "ben", "cat"))
        self.held += 1
        name = f"hold-{self.held}" if rnd.random() < 0.95 or not names[-1] else names[-1]
        if level:
            names.append(name)
        return SetHold(Origin(0, 0, 0), account, level, "case 7", name, by, of)

    def command(self) -> Command:
        """The next one."""
        if self.holds is not None and self.holds.random() < 0.04:
            return self.hold(self.holds)
        pick = self.random.random()
        if pick < 0.60:
            return self.new_order()
        if pick < 0.70:
            return self.cancel()
        if pick < 0.975:
            return self.replace()
        return self.rare()

    def wait(self) -> int:
        """Nanoseconds until the next command; sometimes a night, seldom several days."""
        pick = self.random.random()
        if pick < 0.003:
            return NANOS_PER_DAY * self.random.randint(1, 3)
        if pick < 0.02:
            return 3 * 3600 * NANOS_PER_SECOND
        return self.random.randint(0, 10 * NANOS_PER_SECOND)


class NamingTrader(RandomTrader):
    """One whose orders say, most of them, who trades for whom; all else is the same."""

    def _origin(self, session: int) -> Origin:
        plain = super()._origin(session)
        capacity = (b"P", b"A", b"R", b"A", b"")[plain.seq % 5]
        client = (b"AGGR", LEIS[CYGNUS].encode(), b"C-7")[plain.seq % 3]
        parties = ((12, plain.trader), (122, b"T1")) if plain.trader else ()
        parties += ((3, client),) if capacity == b"A" else ()
        given = ((528, capacity),) if capacity else ()
        return msgspec.structs.replace(plain, parties=parties, capacity=given)


def due(mass_pending: int, day_end: int, time: int) -> Command | None:
    """What the sequencer submits before anything else at `time`."""
    if time >= day_end:
        return EndOfDay(time // NANOS_PER_DAY - 1)
    if mass_pending >= 0:
        return ContinueMass(mass_pending)
    return None


def random_commands(
    seed: int, count: int, *, venue: Venue | None = None, holds: bool = False
) -> Iterator[Step]:
    """`count` random commands for a venue that bootstrap(balances=RANDOM_BALANCES) made.

    The stream runs a venue of its own (or the given one, which the caller then must not run) to
    know when EndOfDay and ContinueMass are due; they come on top. Members' commands also come
    between the slices of a mass operation.
    """
    trader = RandomTrader(seed, holds=holds)
    if venue is None:
        venue, number = bootstrap(balances=RANDOM_BALANCES)
    else:
        number = venue.state.last_number + 1
    time = START
    for _ in range(count):
        time += trader.wait()
        while (command := due(venue.mass_pending, venue.day_end, time)) is not None:
            if type(command) is ContinueMass and trader.random.random() < 0.5:
                break
            venue.apply(command, number, time)
            yield command, number, time
            number += 1
        command = trader.command()
        venue.apply(command, number, time)
        yield command, number, time
        number += 1


def run(steps: Iterator[Step], venue: Venue) -> list[tuple[Command, list[Event]]]:
    """Apply steps; what each caused."""
    return [(command, venue.apply(command, number, time)) for command, number, time in steps]
