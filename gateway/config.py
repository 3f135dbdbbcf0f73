"""The configuration file: its shape, its checks, and the passwords it knows.

A wrong file is refused with the path of what is wrong, in the form `instruments[0].tick`. What
the file means for the venue is made into commands by gateway.bootstrap; after the first start
the journal, not this file, is the truth.
"""

import hashlib
import hmac
import ipaddress
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import yaml
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError
from msgspec import Meta, Struct

from compliance.settings import ComplianceSettings, check_provider
from compliance.travel.provider import provider_of, provider_problem
from custody.policy.policy import AN_AMOUNT
from custody.settings import CustodySettings
from custody.terms import terms_of
from engine.model.errors import ConfigError
from engine.model.identifiers import (
    is_country,
    is_currency,
    is_dti,
    is_isin,
    is_lei,
    is_mic,
)
from engine.model.money import parse_scaled
from gateway.config_words import in_words

MAX_CONFIG_BYTES: Final = 4 * 1024 * 1024
"""Largest configuration file, bytes: ten thousand sessions fit; an accidental file does not."""

DEMO_PASSWORD: Final = "demo"  # noqa: S105 - refused on any address that is not loopback

ARGON2: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's second argon2id profile: 19 MiB, two passes, one lane."""

Decimal = Annotated[str, Meta(pattern=r"^[0-9]{1,18}(\.[0-9]{1,18})?\Z", description=AN_AMOUNT)]
Name = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,32}\Z", description="1 to 32 of A-Z a-z 0-9 . _ -")
]
Port = Annotated[int, Meta(ge=1, le=65_535)]
ShortCode = Annotated[
    str, Meta(pattern=r"^[!-~]{1,50}\Z", description="1 to 50 visible ASCII characters")
]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Rate = Annotated[int, Meta(ge=0, le=1_000_000)]
Token = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._~+/=-]{1,512}\Z",
        description="1 to 512 of the characters of a bearer token, A-Z a-z 0-9 . _ ~ + / = -",
    ),
]
TokenHash = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{64}\Z", description="64 digits 0-9 a-f, made by `fixgate token`"),
]
Origin = Annotated[
    str,
    Meta(
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,255}\Z",
        description="the origin of a web page, such as https://desk.example, without a path",
    ),
]


class _Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the file: a key that is not listed is an error, not a guess."""


class _Loader(yaml.SafeLoader):
    """YAML as PyYAML reads it, where a key that is given twice is an error, too."""

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:  # type: ignore[explicit-override] # typing has it from 3.12
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    mark = key.start_mark
                    raise yaml.MarkedYAMLError(problem=f"{key.value} twice", problem_mark=mark)
                seen.add(key.value)
        return node


class Ports(_Strict, frozen=True):
    """TCP ports; every one moves by --port-offset."""

    order_entry: Port = 9878
    drop_copy: Port = 9880
    drop_copy_stream: Port = 8082
    market_data: Port = 9881
    market_data_stream: Port = 8081
    audit: Port = 8083
    webhooks: Port = 8085
    metrics: Port = 9100


class VenueConfig(_Strict, frozen=True):
    """The venue as a whole. mic, lei: who it is in records for regulators."""

    comp_id: Name = "FIXGATE"
    mic: str = ""
    lei: str = ""
    bind: str = "127.0.0.1"
    metrics_bind: str = "127.0.0.1"
    ports: Ports = Ports()
    durability: Literal["fsync", "os"] = "fsync"
    segment_mib: Annotated[int, Meta(ge=1, le=1024)] = 64
    snapshot_records: Annotated[int, Meta(ge=1, le=2**53)] = 100_000
    busy_poll_us: Annotated[int, Meta(ge=0, le=10_000)] = 200
    core_first: bool = True
    origins: tuple[Origin, ...] = ()
    max_order_age_s: Annotated[int, Meta(ge=1, le=86_400)] = 30
    max_clock_divergence_us: Annotated[int, Meta(ge=0, le=1_000_000)] = 1_000
    history_days: Annotated[int, Meta(ge=1, le=36_500)] = 365


class AssetConfig(_Strict, frozen=True):
    """An asset; scale is the number of decimals kept at the venue. dti, currency: what it is in
    records for regulators, a token or money."""

    code: Name
    scale: Annotated[int, Meta(ge=0, le=18)] = 8
    dti: str = ""
    currency: str = ""


class InstrumentConfig(_Strict, frozen=True):
    """An instrument and the limits of every order on it; 0 switches a limit off. isin: what it is
    in records for regulators, of a financial instrument."""

    symbol: Name
    base: Name
    quote: Name
    tick: Decimal
    lot: Decimal
    reference_price: Decimal
    isin: str = ""
    maker_fee_bps: Decimal = "0"
    taker_fee_bps: Decimal = "0"
    collar_bps: Annotated[int, Meta(ge=0, le=9_999)] = 0
    max_order_qty: Decimal = "0"
    max_order_notional: Decimal = "0"


class SessionCounts(_Strict, frozen=True):
    """How many sessions of each kind a member gets, named NAME-OE1, NAME-DC1, NAME-MD1 and on."""

    order_entry: Annotated[int, Meta(ge=0, le=999)] = 0
    drop_copy: Annotated[int, Meta(ge=0, le=99)] = 0
    market_data: Annotated[int, Meta(ge=0, le=99)] = 0


class HeartbeatRange(_Strict, frozen=True):
    """HeartBtInt(108) that a Logon may ask for, seconds."""

    min: Annotated[int, Meta(ge=1, le=3600)] = 1
    max: Annotated[int, Meta(ge=1, le=3600)] = 120


SessionKind = Literal["order_entry", "drop_copy", "market_data"]
Precision = Literal[3, 6, 9]


ReportKind = Literal[
    "accepted",
    "filled",
    "canceled",
    "replaced",
    "rejected",
    "expired",
    "cancel_rejected",
    "mass_canceled",
]
Chosen = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=10_000)]


class CopyFilter(_Strict, frozen=True):
    """Which reports a drop copy session gets: each list that is given must name what they are."""

    accounts: Chosen | None = None
    sessions: Chosen | None = None
    symbols: Chosen | None = None
    kinds: Annotated[tuple[ReportKind, ...], Meta(min_length=1, max_length=8)] | None = None


class SessionConfig(_Strict, frozen=True):
    """One session; what is left out comes from `defaults`."""

    comp_id: Name
    kind: SessionKind
    password: str | None = None
    password_hash: str | None = None
    timestamp_precision: Precision | None = None
    extensions: bool | None = None
    cl_ord_id_cap: Annotated[int, Meta(ge=1, le=50_000_000)] | None = None
    heartbeat_s: HeartbeatRange | None = None
    send_next_expected_msg_seq_num: bool | None = None
    enable_last_msg_seq_num_processed: bool | None = None
    filter: CopyFilter | None = None


class InstrumentLimitConfig(_Strict, frozen=True):
    """An account's own limits on one instrument; 0 switches a limit off."""

    max_order_qty: Decimal = "0"
    max_order_notional: Decimal = "0"


class AccountConfig(_Strict, frozen=True):
    """An account; balances are what it holds when the venue first starts."""

    name: Name
    balances: dict[Name, Decimal] | None = None
    max_open_orders: Count | None = None
    limits: dict[Name, InstrumentLimitConfig] = {}


class MemberConfig(_Strict, frozen=True):
    """A member. Without `accounts` it has one, named as itself.

    lei: who it is in records for regulators, to which investment_firm, country and algos say more:
    see DefineMember. token opens its streams; token_hashes are SHA-256 of
    tokens that do, in hex: several, so that a new one can be handed out before the old one goes.
    """

    name: Name
    lei: str = ""
    investment_firm: bool | None = None
    country: str = ""
    algos: Annotated[tuple[ShortCode, ...], Meta(max_length=500)] = ()
    accounts: tuple[AccountConfig, ...] = ()
    sessions: SessionCounts | None = None
    session_list: tuple[SessionConfig, ...] = ()
    password: str | None = None
    password_hash: str | None = None
    token: Token | None = None
    token_hashes: tuple[TokenHash, ...] = ()


class Defaults(_Strict, frozen=True):
    """What members and sessions have unless they say otherwise."""

    sessions: SessionCounts = SessionCounts()
    password: str | None = None
    password_hash: str | None = None
    heartbeat_s: HeartbeatRange = HeartbeatRange()
    timestamp_precision: Precision = 3
    extensions: bool = False
    cl_ord_id_cap: Annotated[int, Meta(ge=1, le=50_000_000)] = 2_000_000
    send_next_expected_msg_seq_num: bool = False
    enable_last_msg_seq_num_processed: bool = False
    max_open_orders: Count = 0
    balances: dict[Name, Decimal] = {}


class Limits(_Strict, frozen=True):
    """What the gateway takes from its peers; 0 switches a limit off.

    They are the gateway's, not the engine's: no record knows them, and a restart changes them.
    """

    messages_per_second: Rate = 100
    message_burst: Rate = 200
    cancels_per_second: Rate = 200
    cancel_burst: Rate = 400
    flood_multiple: Annotated[int, Meta(ge=2, le=1_000)] = 5
    connections: Annotated[int, Meta(ge=1, le=50_000)] = 2_000
    connections_before_logon: Annotated[int, Meta(ge=1, le=50_000)] = 256
    connections_per_address: Annotated[int, Meta(ge=0, le=50_000)] = 64
    failed_logons: Annotated[int, Meta(ge=0, le=1_000)] = 5
    failed_logons_per_address: Annotated[int, Meta(ge=0, le=100_000)] = 20
    failed_logon_window_s: Annotated[int, Meta(ge=1, le=86_400)] = 60
    failed_logon_block_s: Annotated[int, Meta(ge=1, le=86_400)] = 60


class BotConfig(_Strict, frozen=True):
    """A demo trader that logs on like any member. A customer deposits and withdraws, too."""

    kind: Literal["maker", "taker", "customer"]
    comp_id: Name
    password: str


class Config(_Strict, frozen=True):
    """The whole file."""

    venue: VenueConfig
    assets: tuple[AssetConfig, ...]
    instruments: tuple[InstrumentConfig, ...]
    members: tuple[MemberConfig, ...]
    defaults: Defaults = Defaults()
    limits: Limits = Limits()
    bots: tuple[BotConfig, ...] = ()
    custody: CustodySettings | None = None
    compliance: ComplianceSettings | None = None


class ResolvedSession(Struct, frozen=True, kw_only=True):
    """A session with all defaults filled in; path is where the file speaks of it."""

    comp_id: str
    member: str
    kind: SessionKind
    password: str | None
    password_hash: str | None
    timestamp_precision: int
    extensions: bool
    cl_ord_id_cap: int
    heartbeat_s: HeartbeatRange
    send_next_expected_msg_seq_num: bool
    enable_last_msg_seq_num_processed: bool
    filter: CopyFilter | None
    path: str


def load_config(path: Path) -> Config:
    """Read and check a configuration file. Raises ConfigError naming what is wrong and where."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError("", f"cannot read {path}: {error.strerror}") from error
    if len(raw) > MAX_CONFIG_BYTES:
        raise ConfigError("", f"{path} is larger than {MAX_CONFIG_BYTES} bytes")
    try:
        tree = yaml.load(raw, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: 2026-13-01
        raise ConfigError("", f"{path} is not YAML: {error}") from error
    try:
        config = msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise _located(error) from error
    check_config(config)
    return config


def _located(error: msgspec.ValidationError) -> ConfigError:
    """msgspec says "... - at `$.a.b[0]`": put the path first, as the file's reader counts."""
    text, _, where = (
        str(error).replace(" - at `key` in `$", " as a key - at `$").rpartition(" - at `$")
    )
    if not text:
        return ConfigError("", str(error))
    return ConfigError(where.rstrip("`").lstrip("."), in_words(text, Config))


def resolve_sessions(config: Config) -> list[ResolvedSession]:
    """Every session of the file, in a fixed order: by member, order entry before drop copy."""
    found = []
    for m, member in enumerate(config.members):
        counts = member.sessions or (
            SessionCounts() if member.session_list else config.defaults.sessions
        )
        kinds: tuple[tuple[SessionKind, str, int], ...] = (
            ("order_entry", "OE", counts.order_entry),
            ("drop_copy", "DC", counts.drop_copy),
            ("market_data", "MD", counts.market_data),
        )
        where = f"members[{m}]"
        for kind, tag, count in kinds:
            for k in range(1, count + 1):
                session = SessionConfig(comp_id=f"{member.name}-{tag}{k}", kind=kind)
                found.append(_resolve(config, member, session, f"{where}.sessions"))
        for k, session in enumerate(member.session_list):
            found.append(_resolve(config, member, session, f"{where}.session_list[{k}]"))
    return found


def _resolve(
    config: Config, member: MemberConfig, session: SessionConfig, path: str
) -> ResolvedSession:
    d = config.defaults
    password, hashed = session.password, session.password_hash
    if password is None and hashed is None:
        password, hashed = member.password, member.password_hash
    if password is None and hashed is None:
        password, hashed = d.password, d.password_hash
    next_expected = session.send_next_expected_msg_seq_num
    last_processed = session.enable_last_msg_seq_num_processed
    return ResolvedSession(
        comp_id=session.comp_id,
        member=member.name,
        kind=session.kind,
        password=password,
        password_hash=hashed,
        timestamp_precision=session.timestamp_precision or d.timestamp_precision,
        extensions=d.extensions if session.extensions is None else session.extensions,
        cl_ord_id_cap=session.cl_ord_id_cap or d.cl_ord_id_cap,
        heartbeat_s=session.heartbeat_s or d.heartbeat_s,
        send_next_expected_msg_seq_num=(
            d.send_next_expected_msg_seq_num if next_expected is None else next_expected
        ),
        enable_last_msg_seq_num_processed=(
            d.enable_last_msg_seq_num_processed if last_processed is None else last_processed
        ),
        filter=session.filter,
        path=path,
    )


def check_config(config: Config) -> None:
    """What types cannot say. Raises ConfigError with the path of the first thing wrong."""
    assets = {a.code for a in config.assets}
    symbols = {i.symbol for i in config.instruments}
    _unique("assets", "code", [a.code for a in config.assets])
    _unique("instruments", "symbol", [i.symbol for i in config.instruments])
    _unique("members", "name", [m.name for m in config.members])
    _check_identifiers(config)
    for k, instrument in enumerate(config.instruments):
        _check_instrument(f"instruments[{k}]", instrument, assets)
    for k, member in enumerate(config.members):
        _check_accounts(f"members[{k}]", member, assets, symbols)
    _check_account_names(config)
    for code in config.defaults.balances:
        if code not in assets:
            raise ConfigError(f"defaults.balances.{code}", "no such asset")
    _check_ports(config.venue.ports)
    _check_limits(config.limits)
    _check_logons(config)
    _check_tokens(config)
    _check_sessions(config)
    _check_filters(config, symbols)
    _check_addresses(config)
    _check_travel_rule(config)
    if config.compliance is not None:
        check_provider(config.compliance)
    if config.custody is not None:
        terms_of(config.custody, {a.code: a.scale for a in config.assets})


def _check_travel_rule(config: Config) -> None:
    """That the venue can be named to other providers as it is configured."""
    rule = None if config.compliance is None else config.compliance.travel_rule
    if rule is not None and (wrong := provider_problem(provider_of(rule))):
        raise ConfigError("compliance.travel_rule", wrong)


def _check_identifiers(config: Config) -> None:
    """Names that regulators know, each with the check characters that its standard gives it."""
    venue = config.venue
    given = [("venue.mic", venue.mic, is_mic, "MIC"), ("venue.lei", venue.lei, is_lei, "LEI")]
    for k, asset in enumerate(config.assets):
        given.append((f"assets[{k}].dti", asset.dti, is_dti, "DTI"))
        given.append((f"assets[{k}].currency", asset.currency, is_currency, "ISO 4217 code"))
        if asset.dti and asset.currency:
            raise ConfigError(f"assets[{k}].currency", "there is a dti too: it is one of the two")
    for k, instrument in enumerate(config.instruments):
        given.append((f"instruments[{k}].isin", instrument.isin, is_isin, "ISIN"))
    for k, member in enumerate(config.members):
        given.append((f"members[{k}].lei", member.lei, is_lei, "LEI"))
        country = (member.country, is_country, "ISO 3166-1 code")
        given.append((f"members[{k}].country", *country))
    for path, text, holds, what in given:
        if text and not holds(text):
            raise ConfigError(path, f"{text} is no {what}")


def _check_ports(ports: Ports) -> None:
    taken: dict[int, str] = {}
    for name in Ports.__struct_fields__:
        port = getattr(ports, name)
        if port in taken:
            raise ConfigError(f"venue.ports.{name}", f"the port of {taken[port]}")
        taken[port] = name


def _check_limits(limits: Limits) -> None:
    for rate, burst in (
        ("messages_per_second", "message_burst"),
        ("cancels_per_second", "cancel_burst"),
    ):
        if getattr(limits, rate) and not getattr(limits, burst):
            raise ConfigError(f"limits.{burst}", f"must be 1 or more where {rate} is a limit")
    if limits.connections_before_logon >= limits.connections:
        raise ConfigError(
            "limits.connections_before_logon", "must be less than connections: members need some"
        )


def _unique(path: str, key: str, names: list[str]) -> None:
    seen: set[str] = set()
    for k, name in enumerate(names):
        if name in seen:
            raise ConfigError(f"{path}[{k}].{key}", f"{name} is listed twice")
        seen.add(name)


def _check_instrument(path: str, c: InstrumentConfig, assets: set[str]) -> None:
    for key, code in (("base", c.base), ("quote", c.quote)):
        if code not in assets:
            raise ConfigError(f"{path}.{key}", f"no such asset: {code}")
    if c.base == c.quote:
        raise ConfigError(f"{path}.quote", "base and quote are the same asset")
    for key, text in (("tick", c.tick), ("lot", c.lot), ("reference_price", c.reference_price)):
        if not text.strip("0."):
            raise ConfigError(f"{path}.{key}", "must be more than 0")
    for key, bps in (("maker_fee_bps", c.maker_fee_bps), ("taker_fee_bps", c.taker_fee_bps)):
        ppm = parse_scaled(bps.encode(), 2)
        if ppm is None or ppm > 100_000:
            raise ConfigError(
                f"{path}.{key}", "at most 1000 basis points, in steps of 0.01 (one per million)"
            )


def _check_accounts(path: str, member: MemberConfig, assets: set[str], symbols: set[str]) -> None:
    _unique(f"{path}.accounts", "name", [a.name for a in member.accounts])
    for k, account in enumerate(member.accounts):
        for code in account.balances or {}:
            if code not in assets:
                raise ConfigError(f"{path}.accounts[{k}].balances.{code}", "no such asset")
        for symbol in account.limits:
            if symbol not in symbols:
                raise ConfigError(f"{path}.accounts[{k}].limits.{symbol}", "no such instrument")


def _check_account_names(config: Config) -> None:
    """An account's name stands for it in the whole venue: two members cannot share one."""
    owners: dict[str, str] = {}
    for k, member in enumerate(config.members):
        paths = [f"members[{k}].accounts[{n}].name" for n in range(len(member.accounts))]
        names = [account.name for account in member.accounts]
        for path, name in zip(paths or [f"members[{k}].name"], names or [member.name], strict=True):
            if name in owners:
                raise ConfigError(path, f"{name} is an account of {owners[name]} already")
            owners[name] = member.name


def _check_logons(config: Config) -> None:
    """Passwords and heartbeats, each where the file gives it."""
    _check_password("defaults", config.defaults.password, config.defaults.password_hash)
    _check_heartbeat("defaults", config.defaults.heartbeat_s)
    for k, member in enumerate(config.members):
        _check_password(f"members[{k}]", member.password, member.password_hash)
        for n, session in enumerate(member.session_list):
            path = f"members[{k}].session_list[{n}]"
            _check_password(path, session.password, session.password_hash)
            _check_heartbeat(path, session.heartbeat_s or config.defaults.heartbeat_s)


def _check_tokens(config: Config) -> None:
    """A token stands for one member."""
    owners: dict[str, str] = {}
    for k, member in enumerate(config.members):
        found = [(f"members[{k}].token", token_hash(member.token))] if member.token else []
        found += [(f"members[{k}].token_hashes[{n}]", h) for n, h in enumerate(member.token_hashes)]
        for path, hashed in found:
            if hashed in owners:
                raise ConfigError(path, f"is a token of {owners[hashed]} already")
            owners[hashed] = member.name


def token_hash(token: str) -> str:
    """What `token_hashes` keeps of a token. Tokens are long and random: one pass is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _check_password(path: str, password: str | None, hashed: str | None) -> None:
    if password is not None and hashed is not None:
        raise ConfigError(f"{path}.password", "there is a password_hash too: keep one of them")
    if password == "":
        raise ConfigError(f"{path}.password", "is empty")
    if hashed is None:
        return
    try:
        good = extract_parameters(hashed).type is Type.ID
    except InvalidHashError:
        good = False
    if not good:
        raise ConfigError(f"{path}.password_hash", "not argon2id: make one with `fixgate password`")


def _check_heartbeat(path: str, allowed: HeartbeatRange) -> None:
    if allowed.min > allowed.max:
        raise ConfigError(f"{path}.heartbeat_s", "min is more than max")


def _check_sessions(config: Config) -> None:
    sessions = resolve_sessions(config)
    seen: set[str] = set()
    for session in sessions:
        if session.comp_id in seen or session.comp_id == config.venue.comp_id:
            raise ConfigError(session.path, f"CompID {session.comp_id} is used twice")
        seen.add(session.comp_id)
        if session.password is None and session.password_hash is None:
            raise ConfigError(session.path, f"{session.comp_id} has no password or password_hash")
    order_entry = {s.comp_id for s in sessions if s.kind == "order_entry"}
    for k, bot in enumerate(config.bots):
        if bot.comp_id not in order_entry:
            raise ConfigError(f"bots[{k}].comp_id", f"no order entry session {bot.comp_id}")


def _check_filters(config: Config, symbols: set[str]) -> None:
    """A filter names what its member has."""
    sessions = resolve_sessions(config)
    for member in config.members:
        accounts = {account.name for account in member.accounts} or {member.name}
        own = {s.comp_id for s in sessions if s.member == member.name and s.kind == "order_entry"}
        for session in sessions:
            chosen = session.filter
            if session.member != member.name or chosen is None:
                continue
            path = f"{session.path}.filter"
            if session.kind != "drop_copy":
                raise ConfigError(path, "only a drop copy session has a filter")
            _check_chosen(f"{path}.accounts", chosen.accounts, accounts, "account of the member")
            _check_chosen(f"{path}.sessions", chosen.sessions, own, "order entry session of it")
            _check_chosen(f"{path}.symbols", chosen.symbols, symbols, "instrument")


def _check_chosen(path: str, names: tuple[str, ...] | None, known: set[str], what: str) -> None:
    for k, name in enumerate(names or ()):
        if name not in known:
            raise ConfigError(f"{path}[{k}]", f"no such {what}: {name}")


def _check_addresses(config: Config) -> None:
    address = _ip_address("venue.bind", config.venue.bind)
    _ip_address("venue.metrics_bind", config.venue.metrics_bind)
    if config.compliance is not None and config.compliance.http_bind is not None:
        _ip_address("compliance.http_bind", config.compliance.http_bind)
    if address.is_loopback:
        return
    for session in resolve_sessions(config):
        if session.password is not None:
            raise ConfigError(
                session.path,
                f"{session.comp_id} has a plain password and venue.bind {address} is not loopback:"
                " use password_hash (`fixgate password` makes one)",
            )
    for k, member in enumerate(config.members):
        if member.token is not None:
            raise ConfigError(
                f"members[{k}].token",
                f"is plain and venue.bind {address} is not loopback: use token_hashes "
                "(`fixgate token` makes one)",
            )


def _ip_address(path: str, text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ConfigError(path, "must be an IP address") from None


def verify_password(session: ResolvedSession, password: bytes) -> bool:
    """Whether `password` opens the session. Slow (tens of ms) for hashed ones: not on the loop."""
    if session.password is not None:
        return hmac.compare_digest(session.password.encode(), password)
    assert session.password_hash is not None
    try:
        return ARGON2.verify(session.password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def verifies_slowly(session: ResolvedSession) -> bool:
    """Whether verify_password takes long enough to need a worker thread."""
    return session.password is None
