"""What people may decide on a deposit: whether what an intent says is so, when it is asked for and
again when it is carried out."""

from typing import Any

from sqlalchemy import Connection, Row

from custody.assets import ChainAsset
from custody.deposits import store
from custody.deposits.states import DECIDABLE, DepositState
from custody.policy.intents import ReleaseDeposit, ReturnDeposit
from engine.model.money import INT64_MAX


def what_came(row: Row[Any]) -> int:
    """How much a deposit brought, atomic units: of one that is mismatched what the balance moved
    by; 0 if nobody knows."""
    mismatched = row.state == str(DepositState.MISMATCHED)
    return max(int(row.moved if mismatched else row.amount), 0)


def refusal_of_state(row: Row[Any]) -> str:
    """Why people cannot decide on a deposit; empty if they can."""
    state = DepositState(row.state)
    if state not in DECIDABLE:
        return f"{row.reference} is {state}"
    if not what_came(row):
        return f"no movement alone explains what {row.reference} brought: {row.text}"
    return ""


def refusal_of_credit(row: Row[Any], asset: ChainAsset, account: int) -> str:
    """Why a deposit cannot be credited to an account, by its id in the journal; empty if it can."""
    if row.account and row.account != account:
        return f"{row.reference} came to another account's address"
    if not asset.minor(what_came(row)):
        return f"{row.reference} is less than the venue can count"
    if asset.minor(what_came(row)) > INT64_MAX:
        return f"{row.reference} is more than the venue can count"
    return ""


def refusal(connection: Connection, intent: ReleaseDeposit | ReturnDeposit) -> str:
    """Why an intent does not fit its deposit any more; empty if it does."""
    row = store.find(connection, intent.deposit)
    if row is None:
        return f"there is no deposit {intent.deposit}"
    if words := refusal_of_state(row):
        return words
    if (row.asset, what_came(row)) != (intent.asset, intent.amount):
        return f"{intent.deposit} is {what_came(row)} atomic units of {row.asset}"
    return ""
