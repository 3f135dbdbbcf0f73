"""Balances: what each account has available, and holds for its open orders and for what is about to
leave, in minor units."""

from msgspec import Struct

from engine.model.enums import HOLD_NONE
from engine.model.money import INT64_MAX


class Balance(Struct, array_like=True, gc=False, eq=False):
    """Money of one asset in one account, in minor units of the asset; both parts fit int64."""

    available: int = 0
    held: int = 0

    def hold(self, amount: int) -> None:
        """Set `amount` aside for an order or a withdrawal."""
        self.available -= amount
        self.held += amount
        assert amount >= 0
        assert self.available >= 0
        assert self.held <= INT64_MAX

    def release(self, amount: int) -> None:
        """Give back what was set aside."""
        self.available += amount
        self.held -= amount
        assert amount >= 0
        assert self.held >= 0
        assert self.available <= INT64_MAX


class HeldWithdrawal(Struct, array_like=True, gc=False, frozen=True):
    """What is set aside for a withdrawal. amount and fee: minor units."""

    account: int
    asset: int
    amount: int
    fee: int


class Hold(Struct, array_like=True, gc=False, frozen=True):
    """What an account is held to, since SetHold of `reference` by `by`; level: enums.HOLD_*.

    asked_by has asked to hold it to `asked`, which is less; empty: nobody has.
    """

    level: int
    reference: str
    by: str
    reason: str
    asked: int = HOLD_NONE
    asked_by: str = ""


class AccountState:
    """An account with its limits; 0 switches a limit off.

    balances has an entry for every asset of the venue. limits: instrument id to (max order lots,
    max order notional in quote minor units).
    """

    __slots__ = ("balances", "id", "limits", "max_open_orders", "member", "open_orders")

    def __init__(self, account: int, member: int) -> None:
        self.id = account
        self.member = member
        self.balances: dict[int, Balance] = {}
        self.limits: dict[int, tuple[int, int]] = {}
        self.max_open_orders = 0
        self.open_orders = 0
