"""Carries out the giving up of withdrawals that the chain reverted: what was held goes back."""

from typing import Any

from sqlalchemy import Row

from custody.alarms import clear_alarm
from custody.decisions.progress import Endings
from custody.part import Means, Part
from custody.policy.intents import Approval, Decidable, GiveUp
from custody.withdrawals import store
from custody.withdrawals.lifecycle import reference_of
from custody.withdrawals.states import WithdrawalState as W


class GivingUp(Part):
    """custody.decisions.progress.Carrier of GiveUp."""

    def __init__(
        self,
        means: Means,
        endings: Endings,
    ) -> None:
        super().__init__(means)
        self._endings = endings

    def refusal(self, row: Row[Any], intent: Decidable) -> str:
        """See Carrier: a withdrawal that was reverted stays so until it is given up."""
        return ""

    async def carry(self, row: Row[Any], intent: Decidable, approvals: list[Approval]) -> None:
        """See Carrier: the withdrawal goes on to its release."""
        assert isinstance(intent, GiveUp)
        now, ident = self._clock.now(), intent.withdrawal
        with self._database.begin() as connection:
            moved = store.move(
                connection, ident, [W.REVERTED], W.RELEASING, now, f"given up by {intent.id}",
                W.FAILED,
            )  # fmt: skip
            if moved and self._endings.done(connection, row):
                clear_alarm(connection, reference_of(ident), now)
        if not moved:
            self._endings.fail(row, f"{ident} is not reverted")
        self._reached("withdrawal given up")
