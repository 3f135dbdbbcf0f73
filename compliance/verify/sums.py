"""Money, from the events alone: what came in, less what left, is what accounts have, to the unit.

Each side of a trade is counted for itself, out of its own event; the venue's account takes the
fees. Memory: a number for each account and asset, and the withdrawals that are held.
"""

from compliance.verify.findings import TAMPERED, Failed
from compliance.verify.records import Step
from engine.model.enums import BUY
from engine.model.events import (
    Deposited,
    DepositReversed,
    OrderFilled,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)
from engine.model.ids import VENUE_ACCOUNT
from engine.model.refdata import ReferenceData, configuration_key

Balances = dict[tuple[int, int], int]
"""By account and asset, minor units; no entry for 0."""


class Sums:
    """What accounts have, and what has come in of each asset and not left."""

    def __init__(self) -> None:
        self._refdata = ReferenceData()
        self._balances: Balances = {}
        self._inside: dict[int, int] = {}
        self._held: dict[str, tuple[int, int, int, int]] = {}

    def take(self, step: Step) -> None:
        """Follow the events of one command. Raises Failed."""
        if not step.events:
            if configuration_key(step.command) is not None:
                self._refdata.apply(step.command)
            return
        for e in step.events:
            if isinstance(e, OrderFilled):
                self._trade(step, e)
            elif isinstance(e, Deposited):
                self._move(step, e.account, e.asset, e.amount)
                self._inside[e.asset] = self._inside.get(e.asset, 0) + e.amount
            elif isinstance(e, DepositReversed):
                self._move(step, e.account, e.asset, -e.taken)
                self._inside[e.asset] = self._inside.get(e.asset, 0) - e.taken
            elif isinstance(e, WithdrawalHeld):
                self._held[e.reference] = (e.account, e.asset, e.amount, e.fee)
            elif isinstance(e, WithdrawalReleased | WithdrawalSettled):
                self._withdrawal(step, e)

    def end(self) -> str:
        """What is to be said. Raises Failed unless all sums are zero."""
        sums = dict.fromkeys(self._inside, 0)
        for (_, asset), amount in self._balances.items():
            sums[asset] = sums.get(asset, 0) + amount
        for asset, amount in sums.items():
            difference = amount - self._inside.get(asset, 0)
            if difference:
                raise Failed(
                    TAMPERED,
                    f"accounts have {difference} minor units more than came in and did not leave",
                    f"asset {asset}",
                )
        return f"{len(sums)} assets: what came in, less what left, is what accounts and fees have"

    def balances(self) -> Balances:
        """As they are by now."""
        return {place: amount for place, amount in self._balances.items() if amount}

    def _trade(self, step: Step, e: OrderFilled) -> None:
        """One side of a trade."""
        instrument = self._refdata.instruments[e.instrument]
        base = e.last_qty * instrument.base_per_lot
        quote = e.last_qty * e.last_price * instrument.quote_per_tick_lot
        if e.side == BUY:
            quote = -quote
        else:
            base = -base
        self._move(step, e.account, instrument.base.id, base)
        self._move(step, e.account, instrument.quote.id, quote - e.fee)
        self._move(step, VENUE_ACCOUNT, instrument.quote.id, e.fee)

    def _withdrawal(self, step: Step, e: WithdrawalReleased | WithdrawalSettled) -> None:
        held = self._held.pop(e.reference, None)
        if held != (e.account, e.asset, e.amount, e.fee):
            raise Failed(TAMPERED, f"withdrawal {e.reference} was not held so", step.where)
        if isinstance(e, WithdrawalReleased):
            return
        self._move(step, e.account, e.asset, -e.amount - e.fee)
        self._move(step, VENUE_ACCOUNT, e.asset, e.fee)
        self._inside[e.asset] = self._inside.get(e.asset, 0) - e.amount

    def _move(self, step: Step, account: int, asset: int, amount: int) -> None:
        place = account, asset
        self._balances[place] = left = self._balances.get(place, 0) + amount
        if left < 0:
            raise Failed(
                TAMPERED, f"account {account} has less than nothing of asset {asset}", step.where
            )
