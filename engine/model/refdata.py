"""Reference data: names and scales, folded from configuration commands.

Core and every reader fold the same commands, so a report is rendered alike everywhere.
"""

from dataclasses import dataclass, field
from typing import Final

from engine.model.commands import (
    Command,
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineSession,
    DefineVenue,
    Deposit,
    SetAccountLimits,
    SetFees,
    SetInstrumentLimits,
)
from engine.model.ids import NOBODY
from engine.model.money import format_scaled, parse_scaled

OPENING_REFERENCE: Final = "opening/"
"""Deposits whose reference starts so are opening balances of the configuration."""


_CONFIGURES: Final[dict[type, tuple[str, str]]] = {
    DefineAsset: ("asset", "asset"),
    DefineInstrument: ("instrument", "instrument"),
    DefineMember: ("member", "member"),
    DefineAccount: ("account", "account"),
    DefineSession: ("session", "session"),
    SetInstrumentLimits: ("instrument limits", "instrument"),
    SetAccountLimits: ("account limits", "account"),
    SetFees: ("fees", "instrument"),
}
"""By command, the kind of what it configures and its field with the id."""


def configuration_key(command: Command) -> tuple[str, int | str] | None:
    """What a configuration command configures: (kind, id or reference); None for any other."""
    if found := _CONFIGURES.get(type(command)):
        return found[0], getattr(command, found[1])
    match command:
        case DefineVenue():
            return "venue", NOBODY
        case Deposit() if command.reference.startswith(OPENING_REFERENCE):
            return "opening balance", command.reference
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset; amounts are integers of 10**-scale."""

    id: int
    code: str
    scale: int


@dataclass(slots=True)
class Instrument:
    """An instrument with the factors that turn ticks and lots into minor units.

    quote_per_tick_lot: quote minor units of one tick times one lot; base_per_lot: base minor
    units of one lot. Fees in parts per million.
    """

    id: int
    symbol: str
    base: Asset
    quote: Asset
    price_places: int
    tick_units: int
    qty_places: int
    lot_units: int
    reference_price: int
    quote_per_tick_lot: int
    base_per_lot: int
    maker_ppm: int = 0
    taker_ppm: int = 0

    def parse_price(self, text: bytes) -> int | None:
        """FIX text to ticks; None if it is not a whole number of ticks."""
        return _whole_units(text, self.price_places, self.tick_units)

    def parse_qty(self, text: bytes) -> int | None:
        """FIX text to lots; None if it is not a whole number of lots."""
        return _whole_units(text, self.qty_places, self.lot_units)

    def format_price(self, ticks: int) -> bytes:
        """Ticks to FIX text."""
        return format_scaled(ticks * self.tick_units, self.price_places)

    def format_qty(self, lots: int) -> bytes:
        """Lots to FIX text."""
        return format_scaled(lots * self.lot_units, self.qty_places)


@dataclass(frozen=True, slots=True)
class Member:
    """A trading firm."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account and the member that owns it."""

    id: int
    member: int
    name: str


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A FIX session; kind is enums.ORDER_ENTRY, DROP_COPY or MARKET_DATA."""

    id: int
    member: int
    comp_id: str
    kind: int
    cl_ord_id_cap: int


@dataclass(slots=True)
class ReferenceData:
    """All names and scales known so far."""

    assets: dict[int, Asset] = field(default_factory=dict)
    instruments: dict[int, Instrument] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    sessions: dict[int, SessionInfo] = field(default_factory=dict)
    default_account: dict[int, int] = field(default_factory=dict)
    """Member id to the id of its first account."""
    configured: dict[tuple[str, int | str], Command] = field(default_factory=dict)
    """The latest configuration command of each kind and id: what a start compares with its file."""

    def note(self, command: Command) -> None:
        """Remember a configuration command as the latest of its kind and id."""
        if key := configuration_key(command):
            self.configured[key] = command

    def apply(self, command: Command) -> None:
        """Fold one command; commands that define nothing are ignored.

        Raises ValueError if an instrument's tick times lot is not a whole number of quote minor
        units, or its lot not of base minor units.
        """
        self.note(command)
        match command:
            case DefineAsset():
                self.assets[command.asset] = Asset(command.asset, command.code, command.scale)
            case DefineInstrument():
                self._define(self._instrument(command))
            case SetFees():
                instrument = self.instruments[command.instrument]
                instrument.maker_ppm = command.maker_ppm
                instrument.taker_ppm = command.taker_ppm
            case DefineMember():
                self.members[command.member] = Member(command.member, command.name)
            case DefineAccount():
                self.accounts[command.account] = Account(
                    command.account, command.member, command.name
                )
                self.default_account.setdefault(command.member, command.account)
            case DefineSession():
                self.sessions[command.session] = SessionInfo(
                    command.session,
                    command.member,
                    command.comp_id,
                    command.kind,
                    command.cl_ord_id_cap,
                )
            case _:
                pass

    def _define(self, instrument: Instrument) -> None:
        """Keep an instrument; one that was there keeps its fees."""
        known = self.instruments.get(instrument.id)
        if known is not None:
            instrument.maker_ppm, instrument.taker_ppm = known.maker_ppm, known.taker_ppm
        self.instruments[instrument.id] = instrument

    def _instrument(self, c: DefineInstrument) -> Instrument:
        base, quote = self.assets[c.base], self.assets[c.quote]
        lot = _exact(c.lot_units, base.scale - c.qty_places)
        value = _exact(c.tick_units * c.lot_units, quote.scale - c.price_places - c.qty_places)
        if lot is None:
            raise ValueError(f"{c.symbol}: the lot is not a whole number of {base.code} units")
        if value is None:
            raise ValueError(f"{c.symbol}: tick x lot is not a whole number of {quote.code} units")
        return Instrument(
            c.instrument,
            c.symbol,
            base,
            quote,
            c.price_places,
            c.tick_units,
            c.qty_places,
            c.lot_units,
            c.reference_price,
            value,
            lot,
        )


def _whole_units(text: bytes, places: int, units: int) -> int | None:
    scaled = parse_scaled(text, places)
    if scaled is None or units == 1:
        return scaled
    count, rest = divmod(scaled, units)
    return None if rest else count


def _exact(units: int, power: int) -> int | None:
    """units * 10**power as an integer, or None."""
    if power >= 0:
        return int(units * 10**power)
    quotient, rest = divmod(units, 10**-power)
    return None if rest else quotient
