"""Money that enters and leaves the venue: each once by its reference, or refused with nothing
changed.

What leaves is held first, as what an order needs is: nobody can trade with it, and it can still
come back. References are never forgotten, so a command that is sent again is refused.

Of an account that is frozen (engine.core.holds) no more is set aside. All else goes on: a deposit
is credited and stays, because what came is held and not sent back; what is set aside already can
be given back to the account, which moves nothing out of it, and settled, because that only says
of a payment that it has left; and a deposit that never came is taken out again, or the venue
would owe what nobody paid.
"""

import re
from typing import Final

from engine.core.accounts import Balance, HeldWithdrawal
from engine.core.holds import FROZEN_TEXT, is_frozen
from engine.core.state import State
from engine.model.commands import (
    Deposit,
    HoldWithdrawal,
    ReleaseWithdrawal,
    ReverseDeposit,
    SettleWithdrawal,
)
from engine.model.events import (
    CommandRefused,
    Deposited,
    DepositReversed,
    Event,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)
from engine.model.ids import VENUE_ACCOUNT
from engine.model.money import INT64_MAX

MAX_REFERENCE: Final = 120
"""Longest reference, characters: a chain, a transaction's hash and a position in it fit."""

MAX_WITHDRAWAL: Final = 60
"""Longest reference of a withdrawal, characters: readers make longer names of it."""

REFERENCE: Final = re.compile(rf"[A-Za-z0-9:/._+-]{{1,{MAX_REFERENCE}}}\Z")
"""What a reference is made of, so that every reader can keep it as it is."""

MAX_HELD_WITHDRAWALS: Final = 100_000
"""Withdrawals on their way at a time: some 20 MiB. More wait to be asked for."""


def deposit(state: State, c: Deposit, number: int, time: int) -> list[Event]:
    """Apply Deposit. The total of an asset fits int64, so all parts do."""
    what = f"deposit {c.reference}"
    if refusal := _refusal(state, c.account, c.asset, c.amount, c.reference):
        return [CommandRefused(f"{what}: {refusal}")]
    if c.reference in state.references:
        return [CommandRefused(f"{what} was credited before")]
    total = state.totals[c.asset] + c.amount
    if total > INT64_MAX:
        return [CommandRefused(f"{what}: more than the venue can count")]
    state.references[c.reference] = number
    state.refdata.note(c)
    state.totals[c.asset] = total
    balance = _balance(state, c.account, c.asset)
    balance.available += c.amount
    assert balance.available <= INT64_MAX
    return [Deposited(c.account, c.asset, c.amount, balance.available, c.reference)]


def hold_withdrawal(state: State, c: HoldWithdrawal, number: int, time: int) -> list[Event]:
    """Apply HoldWithdrawal."""
    what = f"withdrawal {c.reference}"
    if c.reference in state.references:
        return [CommandRefused(f"{what} was asked for before")]
    if len(c.reference) > MAX_WITHDRAWAL:
        return [CommandRefused(f"{what}: its reference has over {MAX_WITHDRAWAL} characters")]
    if REFERENCE.match(c.reference):
        # Decided now, for ever: what is refused must not be held when it is sent again.
        state.references[c.reference] = number
    if refusal := _refusal(state, c.account, c.asset, c.amount, c.reference):
        return [CommandRefused(f"{what}: {refusal}")]
    if len(state.withdrawals) >= MAX_HELD_WITHDRAWALS:
        return [CommandRefused(f"{what}: too many withdrawals are on their way")]
    if is_frozen(state, c.account):
        return [CommandRefused(f"{what}: {FROZEN_TEXT}")]
    balance = _balance(state, c.account, c.asset)
    if c.fee < 0 or c.amount + c.fee > balance.available:
        return [CommandRefused(f"{what}: {balance.available} minor units are available")]
    state.withdrawals[c.reference] = HeldWithdrawal(c.account, c.asset, c.amount, c.fee)
    balance.hold(c.amount + c.fee)
    return [WithdrawalHeld(c.account, c.asset, c.amount, c.fee, balance.available, c.reference)]


def release_withdrawal(state: State, c: ReleaseWithdrawal, number: int, time: int) -> list[Event]:
    """Apply ReleaseWithdrawal."""
    held = state.withdrawals.pop(c.reference, None)
    if held is None:
        return [CommandRefused(f"withdrawal {c.reference} is not held")]
    balance = _balance(state, held.account, held.asset)
    balance.release(held.amount + held.fee)
    return [
        WithdrawalReleased(
            held.account, held.asset, held.amount, held.fee, balance.available, c.reference,
            c.reason,
        )
    ]  # fmt: skip


def settle_withdrawal(state: State, c: SettleWithdrawal, number: int, time: int) -> list[Event]:
    """Apply SettleWithdrawal."""
    held = state.withdrawals.pop(c.reference, None)
    if held is None:
        return [CommandRefused(f"withdrawal {c.reference} is not held")]
    balance = _balance(state, held.account, held.asset)
    balance.held -= held.amount + held.fee
    assert balance.held >= 0
    _balance(state, VENUE_ACCOUNT, held.asset).available += held.fee
    state.totals[held.asset] -= held.amount
    assert state.totals[held.asset] >= 0
    return [
        WithdrawalSettled(
            held.account, held.asset, held.amount, held.fee, balance.available, c.reference
        )
    ]


def reverse_deposit(state: State, c: ReverseDeposit, number: int, time: int) -> list[Event]:
    """Apply ReverseDeposit: take what is there of it. Nobody's balance goes below nothing."""
    what = f"reversal {c.reference}"
    if refusal := _refusal(state, c.account, c.asset, c.amount, c.reference):
        return [CommandRefused(f"{what}: {refusal}")]
    if c.reference in state.references:
        return [CommandRefused(f"{what} was done before")]
    if c.deposit not in state.references:
        return [CommandRefused(f"{what}: deposit {c.deposit} was never credited")]
    state.references[c.reference] = number
    balance = _balance(state, c.account, c.asset)
    taken = min(c.amount, balance.available)
    balance.available -= taken
    state.totals[c.asset] -= taken
    return [
        DepositReversed(
            c.account, c.asset, c.amount, taken, balance.available, c.deposit, c.reference
        )
    ]


def _refusal(state: State, account: int, asset: int, amount: int, reference: str) -> str:
    """What is wrong with a movement by itself; "" for nothing."""
    if account not in state.accounts or account == VENUE_ACCOUNT:
        return f"unknown account {account}"
    if asset not in state.totals:
        return f"unknown asset {asset}"
    if amount <= 0 or not reference:
        return "needs an amount above 0 and a reference"
    if not REFERENCE.match(reference):
        return f"a reference has at most {MAX_REFERENCE} letters, digits and :/._+-"
    return ""


def _balance(state: State, account: int, asset: int) -> Balance:
    return state.accounts[account].balances[asset]
