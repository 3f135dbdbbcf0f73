"""From the configuration to what custody works by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from custody.assets import ChainAsset
from custody.policy.policy import Policy, check_policy
from custody.settings import AssetSettings, CustodySettings
from engine.model.errors import ConfigError
from engine.model.money import INT64_MAX, parse_scaled

GWEI: Final = 10**9
"""wei."""

DEMO_APPROVER: Final = "6baa6df2d0e570ac6b4a8cbd885673a9c33bf8acae5e9b1c72fb9b43c1d581b1"
"""The public key of the demo's approver, whose private one everybody has: custody.demo.approver."""

FOLDER: Final = "custody"
"""Custody's own files, under the data folder."""


class Terms(Struct, frozen=True):
    """What custody works by. sweep_above, and what the hot and the warm wallet have at most and
    keep then: by asset, minor units; see AssetSettings. max_fee: wei a unit of gas, at most."""

    chain: int
    assets: tuple[ChainAsset, ...]
    policy: Policy
    sweep_above: Mapping[str, int]
    max_fee: int
    hot_most: Mapping[str, int] = {}
    hot_keep: Mapping[str, int] = {}
    warm_most: Mapping[str, int] = {}
    warm_keep: Mapping[str, int] = {}


def database_url(settings: CustodySettings, data_folder: Path) -> str:
    """The database that the configuration names, else SQLite in the venue's data folder."""
    return settings.database or f"sqlite:///{(data_folder / FOLDER).absolute()}/custody.db"


def terms_of(settings: CustodySettings, scales: Mapping[str, int]) -> Terms:
    """scales: by asset code, at the venue. Raises ConfigError with the path of what is wrong."""
    assets: list[ChainAsset] = []
    above: dict[str, int] = {}
    for k, asset in enumerate(settings.assets):
        path = f"custody.assets[{k}]"
        if asset.code not in scales:
            raise ConfigError(f"{path}.code", f"{asset.code} is no asset of the venue")
        made = _asset(asset, scales[asset.code], path)
        if any(made.code == a.code or made.token == a.token for a in assets):
            raise ConfigError(path, f"{asset.code} or its token is there twice")
        assets.append(made)
        if sweep := _minor(asset.sweep_above, scales[asset.code], f"{path}.sweep_above"):
            above[asset.code] = sweep
    if all(asset.token for asset in assets):
        raise ConfigError("custody.assets", "the chain's own coin is missing: it pays for gas")
    _check_chain(settings)
    try:
        check_policy(settings.policy, {asset.code: asset.decimals for asset in assets})
    except ConfigError as error:
        words = str(error).removeprefix(f"{error.path}: ")
        raise ConfigError(f"custody.policy.{error.path}", words) from None
    return Terms(
        settings.chain.id, tuple(assets), settings.policy, above,
        settings.chain.max_fee_gwei * GWEI,
        *_limits(settings, scales, "hot"), *_limits(settings, scales, "warm"),
    )  # fmt: skip


def _limits(
    settings: CustodySettings, scales: Mapping[str, int], tier: Literal["hot", "warm"]
) -> tuple[dict[str, int], dict[str, int]]:
    """By asset, how much a wallet has at most, and what it keeps then."""
    most: dict[str, int] = {}
    keep: dict[str, int] = {}
    for k, asset in enumerate(settings.assets):
        path, scale = f"custody.assets[{k}]", scales[asset.code]
        at_most = asset.hot_most if tier == "hot" else asset.warm_most
        keeps = asset.hot_keep if tier == "hot" else asset.warm_keep
        limit = _minor(at_most, scale, f"{path}.{tier}_most")
        kept = _minor(keeps, scale, f"{path}.{tier}_keep")
        if kept > limit:
            raise ConfigError(f"{path}.{tier}_keep", f"is more than {tier}_most, {at_most}")
        if not limit:
            continue
        if tier == "warm" and not settings.warm:
            raise ConfigError(f"{path}.warm_most", "needs custody.warm: there is no warm wallet")
        if not (settings.cold or (tier == "hot" and settings.warm)):
            raise ConfigError(
                f"{path}.{tier}_most", "needs custody.cold: where should the rest go?"
            )
        most[asset.code], keep[asset.code] = limit, kept
    return most, keep


def _check_chain(settings: CustodySettings) -> None:
    chain = settings.chain
    if settings.hsm is not None and settings.keystore is None:
        raise ConfigError("custody.keystore", "is missing: custody.hsm seals one")
    if chain.kind != "evm":
        return
    if settings.keystore is None:
        raise ConfigError("custody.keystore", "is missing: `fixgate keys create` makes one")
    for k, approver in enumerate(settings.policy.approvers):
        if approver.key == DEMO_APPROVER:
            raise ConfigError(
                f"custody.policy.approvers[{k}].key",
                "is the demo's, whose private half everybody has: `fixgate approver new` makes one",
            )
    names = {endpoint.name for endpoint in chain.endpoints}
    if len(names) != len(chain.endpoints):
        raise ConfigError("custody.chain.endpoints", "two have the same name")
    if len(names) < chain.needed:
        raise ConfigError("custody.chain.endpoints", f"{chain.needed} have to agree: name as many")


def _asset(asset: AssetSettings, scale: int, path: str) -> ChainAsset:
    return ChainAsset(
        asset.code,
        asset.token,
        asset.decimals,
        scale,
        max(1, _minor(asset.min_deposit, scale, f"{path}.min_deposit")),
        max(1, _minor(asset.min_withdrawal, scale, f"{path}.min_withdrawal")),
        _minor(asset.withdrawal_fee, scale, f"{path}.withdrawal_fee"),
    )


def _minor(text: str, scale: int, path: str) -> int:
    minor = parse_scaled(text.encode(), scale)
    if minor is None or minor > INT64_MAX:
        raise ConfigError(path, f"{text} is not a whole number of the venue's smallest unit")
    return minor
