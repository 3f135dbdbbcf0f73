"""Intents in words: everything that an approver's signature covers, nothing left out."""

from collections.abc import Mapping
from typing import Final

import msgspec

from custody.assets import ChainAsset
from custody.policy.intents import (
    AllowAddress,
    BookBreak,
    ChangePolicy,
    ForbidAddress,
    GiveUp,
    Intent,
    ReleaseDeposit,
    Restock,
    ReturnDeposit,
    Scope,
    Withdrawal,
    scope_of,
)
from gateway.custody_commands.common import amount, utc

KINDS: Final = {
    Withdrawal: "coins are to leave",
    AllowAddress: "an address is to be allowed",
    ForbidAddress: "an address is to be forbidden",
    ChangePolicy: "the policy is to be another one",
    Restock: "coins of the warm wallet are to go to the hot one",
    GiveUp: "a withdrawal that the chain reverted is to be given up",
    ReleaseDeposit: "a deposit is to be credited",
    ReturnDeposit: "a deposit is to be sent away again",
    BookBreak: "a difference between chain and books is to be the house's",
}


def words_of(intent: Intent, assets: Mapping[str, ChainAsset]) -> list[tuple[str, str]]:
    """Each field of an intent by its name. Amounts are there in atomic units too, which is what is
    signed: decimals are what custody says they are."""
    fields = [("intent", KINDS[type(intent)])]
    for name in intent.__struct_fields__:
        value = getattr(intent, name)
        match name:
            case "amount" | "fee":
                fields.append((name, _amount(value, scope_of(intent), assets)))
            case "requested" | "expires":
                fields.append((name, f"{utc(value)} ({value} ns)"))
            case "token":
                fields.append((name, value or "none: the chain's own coin"))
            case _:
                fields.append((name, str(value)))
    return fields


def _amount(value: int, scope: Scope, assets: Mapping[str, ChainAsset]) -> str:
    code, decimals = scope.asset, _decimals(scope, assets)
    if decimals is None:
        return f"{value} atomic units of {code}, which is not on the chain"
    return f"{amount(value, decimals)} {code} ({value} atomic units, {decimals} decimals)"


def _decimals(scope: Scope, assets: Mapping[str, ChainAsset]) -> int | None:
    """Of an intent's amounts; None if nobody knows."""
    if scope.decimals is not None or scope.asset not in assets:
        return scope.decimals
    return assets[scope.asset].decimals


def amount_words(intent: Intent, assets: Mapping[str, ChainAsset]) -> str:
    """An intent's amount in units of its asset, for a list; nothing if it has none."""
    value, decimals = getattr(intent, "amount", None), _decimals(scope_of(intent), assets)
    return "" if value is None or decimals is None else amount(value, decimals)


def as_json(intent: Intent) -> dict[str, object]:
    """The fields of an intent; integers that JSON's readers would round are texts."""
    return {
        name: str(value) if isinstance(value, int) else value
        for name, value in msgspec.structs.asdict(intent).items()
    }
