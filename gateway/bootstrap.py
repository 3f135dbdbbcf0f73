"""From the configuration to the journal: the commands a start owes the venue.

At the first start everything becomes records. A later start compares: what is new or may change
becomes commands again, and what may not is refused by its path. Ids are given in the order of
the file and never change after.
"""

from dataclasses import dataclass, field
from typing import Final

from engine.model.commands import (
    Command,
    ConfigCommand,
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
from engine.model.enums import DROP_COPY, MARKET_DATA, ORDER_ENTRY
from engine.model.errors import ConfigError
from engine.model.money import INT64_MAX, parse_scaled
from engine.model.refdata import OPENING_REFERENCE, ReferenceData, configuration_key
from gateway.config import AccountConfig, Config, InstrumentConfig, MemberConfig, resolve_sessions

SESSION_KINDS: Final = {
    "order_entry": ORDER_ENTRY,
    "drop_copy": DROP_COPY,
    "market_data": MARKET_DATA,
}

INSTRUMENT_FIXED: Final = {
    "base": "base",
    "quote": "quote",
    "price_places": "tick",
    "tick_units": "tick",
    "qty_places": "lot",
    "lot_units": "lot",
}
"""Fields of DefineInstrument that may not change, with their keys in the file."""

OPENING_FIXED: Final = "opening balances are credited once, at the first start, and may not change"


def accounts_of(member: MemberConfig) -> tuple[AccountConfig, ...]:
    """The accounts of a member; one, named as itself, where the file lists none."""
    return member.accounts or (AccountConfig(name=member.name),)


@dataclass(slots=True)
class _Ids:
    """Names to ids of one kind: those of the journal, then the next free number."""

    known: dict[str, int]

    def of(self, name: str) -> int:
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = max(self.known.values(), default=0) + 1
        return found


@dataclass(slots=True)
class Bootstrap:
    """Makes the commands that bring `refdata` to what `config` says."""

    config: Config
    refdata: ReferenceData
    commands: list[Command] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def run(self) -> list[Command]:
        """The commands still owed, in order. Raises ConfigError for a change that is refused."""
        data = self.refdata
        self._assets = _Ids({a.code: a.id for a in data.assets.values()})
        self._instruments = _Ids({i.symbol: i.id for i in data.instruments.values()})
        self._members = _Ids({m.name: m.id for m in data.members.values()})
        self._accounts = _Ids({a.name: a.id for a in data.accounts.values()})
        self._sessions = _Ids({s.comp_id: s.id for s in data.sessions.values()})
        self._refuse_removals()
        self._venue()
        for k, asset in enumerate(self.config.assets):
            ident = self._assets.of(asset.code)
            command = DefineAsset(ident, asset.code, asset.scale, asset.dti, asset.currency)
            self._want(command, f"assets[{k}]")
        for k, instrument in enumerate(self.config.instruments):
            self._instrument(instrument, f"instruments[{k}]")
        for k, member in enumerate(self.config.members):
            self._member(member, f"members[{k}]")
        self._session_commands()
        self._check_totals()
        return self._owed()

    _assets: _Ids = field(init=False)
    _instruments: _Ids = field(init=False)
    _members: _Ids = field(init=False)
    _accounts: _Ids = field(init=False)
    _sessions: _Ids = field(init=False)

    def _want(self, command: ConfigCommand | Deposit, path: str) -> None:
        self.commands.append(command)
        self.paths.append(path)

    def _refuse_removals(self) -> None:
        config, data = self.config, self.refdata
        kept = {
            "asset": {a.code for a in config.assets},
            "instrument": {i.symbol for i in config.instruments},
            "member": {m.name for m in config.members},
        }
        known = {
            "asset": {a.code for a in data.assets.values()},
            "instrument": {i.symbol for i in data.instruments.values()},
            "member": {m.name for m in data.members.values()},
        }
        for kind, names in known.items():
            if gone := sorted(names - kept[kind]):
                raise ConfigError(
                    f"{kind}s", f"{kind} {gone[0]} is in the journal and may not be removed"
                )
        places = {m.name: f"members[{k}]" for k, m in enumerate(config.members)}
        accounts = {a.name for m in config.members for a in accounts_of(m)}
        for account in data.accounts.values():
            if account.name not in accounts:
                raise ConfigError(
                    f"{places[data.members[account.member].name]}.accounts",
                    f"account {account.name} is in the journal and may not be removed",
                )

    def _venue(self) -> None:
        """Who the venue is. A file that says nothing, of a journal that does, is a change."""
        venue = self.config.venue
        command = DefineVenue(venue.mic, venue.lei)
        if venue.mic or venue.lei or configuration_key(command) in self.refdata.configured:
            self._want(command, "venue")

    def _instrument(self, c: InstrumentConfig, path: str) -> None:
        ident = self._instruments.of(c.symbol)
        quote = next(a for a in self.config.assets if a.code == c.quote)
        price_places, tick_units = _step(c.tick, f"{path}.tick")
        qty_places, lot_units = _step(c.lot, f"{path}.lot")
        define = DefineInstrument(
            instrument=ident,
            symbol=c.symbol,
            base=self._assets.of(c.base),
            quote=self._assets.of(c.quote),
            price_places=price_places,
            tick_units=tick_units,
            qty_places=qty_places,
            lot_units=lot_units,
            reference_price=_units(
                c.reference_price, price_places, tick_units, f"{path}.reference_price"
            ),
            isin=c.isin,
        )
        trial = ReferenceData()
        for asset in self.config.assets:
            trial.apply(DefineAsset(self._assets.of(asset.code), asset.code, asset.scale))
        try:
            trial.apply(define)
        except ValueError as error:
            raise ConfigError(path, f"{error}: choose another tick or lot") from None
        self._want(define, path)
        limits = SetInstrumentLimits(
            ident,
            _units(c.max_order_qty, qty_places, lot_units, f"{path}.max_order_qty"),
            _units(c.max_order_notional, quote.scale, 1, f"{path}.max_order_notional"),
            c.collar_bps,
        )
        self._want(limits, path)
        maker, taker = _ppm(c.maker_fee_bps), _ppm(c.taker_fee_bps)
        self._want(SetFees(ident, maker, taker), path)

    def _member(self, member: MemberConfig, path: str) -> None:
        ident = self._members.of(member.name)
        firm = (member.lei, member.investment_firm, member.country, member.algos)
        self._want(DefineMember(ident, member.name, *firm), path)
        for k, account in enumerate(accounts_of(member)):
            where = f"{path}.accounts[{k}]" if member.accounts else path
            self._account(ident, account, where)

    def _account(self, member: int, account: AccountConfig, path: str) -> None:
        defaults = self.config.defaults
        ident = self._accounts.of(account.name)
        owner = self.refdata.accounts.get(ident)
        if owner is not None and owner.member != member:
            raise ConfigError(path, f"account {account.name} belongs to another member")
        self._want(DefineAccount(ident, member, account.name), path)
        open_orders = account.max_open_orders
        rows = []
        for symbol, limit in account.limits.items():
            c = next(i for i in self.config.instruments if i.symbol == symbol)
            scale = next(a.scale for a in self.config.assets if a.code == c.quote)
            where = f"{path}.limits.{symbol}"
            places, units = _step(c.lot, where)
            lots = _units(limit.max_order_qty, places, units, f"{where}.max_order_qty")
            notional = _units(limit.max_order_notional, scale, 1, f"{where}.max_order_notional")
            rows.append((self._instruments.of(symbol), lots, notional))
        self._want(
            SetAccountLimits(
                ident,
                defaults.max_open_orders if open_orders is None else open_orders,
                tuple(rows),
            ),
            path,
        )
        balances = defaults.balances if account.balances is None else account.balances
        where = f"{path if account.balances is not None else 'defaults'}.balances"
        given: set[str] = set()
        for code, text in balances.items():
            scale = next(a.scale for a in self.config.assets if a.code == code)
            amount = _units(text, scale, 1, f"{where}.{code}")
            if amount:
                reference = f"{OPENING_REFERENCE}{account.name}/{code}"
                given.add(reference)
                self._want(
                    Deposit(ident, self._assets.of(code), amount, reference), f"{where}.{code}"
                )
        for asset in self.refdata.assets.values():
            reference = f"{OPENING_REFERENCE}{account.name}/{asset.code}"
            known = ("opening balance", reference) in self.refdata.configured
            if known and reference not in given:
                raise ConfigError(f"{where}.{asset.code}", OPENING_FIXED)

    def _session_commands(self) -> None:
        for session in resolve_sessions(self.config):
            command = DefineSession(
                self._sessions.of(session.comp_id),
                self._members.of(session.member),
                session.comp_id,
                SESSION_KINDS[session.kind],
                session.cl_ord_id_cap,
            )
            self._want(command, session.path)

    def _check_totals(self) -> None:
        """Every total fits int64: the sum over accounts is what trading can gather in one."""
        totals: dict[int, int] = {}
        for command, path in zip(self.commands, self.paths, strict=True):
            if isinstance(command, Deposit):
                total = totals.get(command.asset, 0) + command.amount
                if total > INT64_MAX:
                    raise ConfigError(
                        path, "opening balances of this asset add up to more than 2**63-1 units"
                    )
                totals[command.asset] = total

    def _owed(self) -> list[Command]:
        owed: list[Command] = []
        for command, path in zip(self.commands, self.paths, strict=True):
            key = configuration_key(command)
            assert key is not None
            had = self.refdata.configured.get(key)
            if had == command:
                continue
            if had is not None:
                _refuse_change(had, command, path)
            owed.append(command)
        return owed


def _refuse_change(had: Command, now: Command, path: str) -> None:
    """Raise ConfigError unless the journal allows this change."""
    match had, now:
        case DefineInstrument(), DefineInstrument():
            for name, key in INSTRUMENT_FIXED.items():
                if getattr(had, name) != getattr(now, name):
                    raise ConfigError(
                        f"{path}.{key}",
                        f"{key} of {had.symbol} may not change: orders are stored in it",
                    )
        case DefineAsset(), DefineAsset() if had.scale != now.scale:
            raise ConfigError(f"{path}.scale", f"scale of {had.code} may not change")
        case DefineSession(), DefineSession():
            if (had.member, had.kind) != (now.member, now.kind):
                raise ConfigError(path, f"member and kind of {had.comp_id} may not change")
        case Deposit(), Deposit():
            raise ConfigError(path, OPENING_FIXED)
        case _:
            pass


def bootstrap_commands(config: Config, refdata: ReferenceData) -> list[Command]:
    """The commands that a start with `config` owes a venue that knows `refdata`.

    Raises ConfigError, with the path in the file, for a difference that is refused.
    """
    return Bootstrap(config, refdata).run()


def _step(text: str, path: str) -> tuple[int, int]:
    """A tick or lot size as (places, units): "0.05" is 5 units of two places."""
    _, _, fraction = text.partition(".")
    places = len(fraction.rstrip("0"))
    units = parse_scaled(text.encode(), places)
    assert units is not None
    assert units > 0
    if units > INT64_MAX:
        raise ConfigError(path, f"{text} has more digits than the venue can count")
    return places, units


def _units(text: str, places: int, units: int, path: str) -> int:
    scaled = parse_scaled(text.encode(), places)
    if scaled is None or scaled % units:
        raise ConfigError(path, f"{text} is not a whole number of the smallest unit")
    if scaled // units > INT64_MAX:
        raise ConfigError(path, f"{text} is larger than 2**63-1 of the smallest unit")
    return scaled // units


def _ppm(bps: str) -> int:
    ppm = parse_scaled(bps.encode(), 2)
    assert ppm is not None
    return ppm
