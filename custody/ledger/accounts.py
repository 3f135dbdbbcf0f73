"""Accounts of the ledger: what they are, and what they may not do.

Each account is of one asset. Money is counted in the asset's atomic units, as integers of any size.
"""

from enum import IntEnum, StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """On which side an account grows. Source: double-entry bookkeeping's five elements."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    REVENUE = "revenue"
    EXPENSE = "expense"


class Guard(IntEnum):
    """Which of the two sums of an account may never exceed the other, reservations included."""

    NONE = 0
    DEBITS = 1
    """Debits may not exceed credits: nobody is owed less than nothing."""
    CREDITS = 2
    """Credits may not exceed debits: nothing leaves an address that was not there."""


DEBIT_KINDS = frozenset({Kind.ASSET, Kind.EXPENSE})
"""Kinds whose balance is debits less credits; of the others it is credits less debits."""


class Account(Struct):
    """An account with its sums. Sums only grow; pending ones are of transfers that may still come.

    name: `{asset}/{path}`, such as `ETH/client/7`, at most 120 of the characters of a transfer's
    key. asset: its code.
    """

    name: str
    asset: str
    kind: Kind
    guard: Guard = Guard.NONE
    debits: int = 0
    credits: int = 0
    pending_debits: int = 0
    pending_credits: int = 0

    @property
    def balance(self) -> int:
        """What is there, on the side on which the account grows; atomic units."""
        more = self.debits - self.credits
        return more if self.kind in DEBIT_KINDS else -more

    @property
    def available(self) -> int:
        """The balance less what pending transfers have reserved of it; atomic units."""
        reserved = self.pending_debits
        if self.kind in DEBIT_KINDS:
            reserved = self.pending_credits
        return self.balance - reserved

    @property
    def within_guard(self) -> bool:
        """Whether the guard holds."""
        if self.guard == Guard.DEBITS:
            return self.debits + self.pending_debits <= self.credits
        if self.guard == Guard.CREDITS:
            return self.credits + self.pending_credits <= self.debits
        return True
