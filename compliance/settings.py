"""The part `compliance` of the venue's configuration."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from engine.model.errors import ConfigError

LogName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9.-]+(/[A-Za-z0-9._~-]+)*\Z",
        max_length=200,
        description="a URL without its scheme, such as venue.example/audit",
    ),
]
"""A log's origin (c2sp.org/tlog-checkpoint): a URL without its scheme, where it is or might be."""


FilePath = Annotated[str, Meta(min_length=1, max_length=4_096)]


class ListSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sanctions list. source: what verdicts call it. folder: where its files are, by OFAC's names
    for them."""

    source: Annotated[str, Meta(min_length=1, max_length=64)]
    folder: FilePath


class ScreeningSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """cut_off: score from which on a name is a match, percent."""

    lists: Annotated[tuple[ListSettings, ...], Meta(min_length=1, max_length=20)]
    cut_off: Annotated[int, Meta(ge=50, le=100)] = 85


class WitnessSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """url: where it takes checkpoints (c2sp.org/tlog-witness), without /add-checkpoint. keys: its
    public ones."""

    url: Annotated[
        str, Meta(pattern=r"^https?://\S{1,500}\Z", description="an address of http:// or https://")
    ]
    keys: Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)]


class VaultSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the vault's key file is, and the password that opens it; relative paths are from the
    configuration's folder. Neither is in the data folder."""

    keys: FilePath
    password_file: FilePath


class SeatSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the venue's operator is registered. country: ISO 3166-1, two capitals."""

    street: str
    building: str
    postcode: str = ""
    town: str
    country: str


class TravelRuleSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who other providers are told that coins come from. name: the operator's legal one, in Latin
    letters."""

    name: str
    lei: str
    country: str
    address: SeatSettings


class MonitoringSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """rules: of transaction monitoring; without it those that come with the release. profiles: see
    compliance.monitoring.profiles; without it there are none."""

    rules: FilePath | None = None
    profiles: FilePath | None = None


class ProviderSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A firm that screens names and answers later. name: in its path here, and in verdicts. url:
    where it takes questions. secrets_files: a file for each secret in force, first the one that
    signs; relative paths are from the configuration's folder. lists: the version of its lists, as
    it states it; another one has every name asked again. bind: address on which its answers are
    taken, at venue.ports.webhooks."""

    name: Annotated[
        str,
        Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z", description="1 to 32 of a-z 0-9 -"),
    ]
    url: Annotated[
        str,
        Meta(pattern=r"^https?://[!-~]{1,500}\Z", description="an address of https:// in ASCII"),
    ]
    secrets_files: Annotated[tuple[FilePath, ...], Meta(min_length=1, max_length=4)]
    lists: Annotated[str, Meta(min_length=1, max_length=64)]
    bind: Annotated[str, Meta(max_length=64)] = "127.0.0.1"


class ComplianceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """origin: the audit log's name, which is in all that it signs; another name is another log.
    key_file: its keys; relative paths are from the configuration's folder. Without it they are
    made at the first start, in the data folder. rules: of surveillance; without it those that
    come with the release. links: see compliance.surveillance.links; without it there are none.
    monitoring: of money that moves.
    witnesses: who is asked to cosign. http_bind: address on which the log is served over HTTP, at
    venue.ports.audit; without it it is not. screening: sanctions lists; without it custody asks
    nobody but its own list. vault: where commands that keep or read names of people find its keys;
    without it they refuse. travel_rule: with it withdrawals wait for what the travel rule wants;
    without it they do not. provider: a firm that onboarding asks about names, beside the lists or
    instead of them."""

    origin: LogName
    key_file: FilePath | None = None
    witnesses: Annotated[tuple[WitnessSettings, ...], Meta(max_length=16)] = ()
    http_bind: Annotated[str, Meta(max_length=64)] | None = None
    rules: FilePath | None = None
    links: FilePath | None = None
    monitoring: MonitoringSettings = MonitoringSettings()
    screening: ScreeningSettings | None = None
    vault: VaultSettings | None = None
    travel_rule: TravelRuleSettings | None = None
    provider: ProviderSettings | None = None


def check_provider(settings: ComplianceSettings) -> None:
    """What types cannot say of it. Raises ConfigError."""
    provider, path = settings.provider, "compliance.provider"
    if provider is None:
        return
    listed = settings.screening.lists if settings.screening is not None else ()
    if provider.name in {one.source for one in listed}:
        raise ConfigError(f"{path}.name", f"{provider.name} is the source of a list, too")
    try:
        parts = urlsplit(provider.url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(f"{path}.url", "is no URL") from None
    if not host or parts.username is not None or parts.fragment or port == 0:
        raise ConfigError(f"{path}.url", "needs a host, and has no user, no port 0 and no #")
    if parts.scheme != "https" and not _is_loopback(host):
        raise ConfigError(f"{path}.url", "names of people go there: only https may leave this host")
    try:
        ipaddress.ip_address(provider.bind)
    except ValueError:
        raise ConfigError(f"{path}.bind", "must be an IP address") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
