"""Carries out the giving up of withdrawals that the chain reverted: what was held goes back."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, Row

from custody.alarms import clear_alarm
from custody.decisions.progress import Endings
from custody.policy.intents import Approval, Decidable, GiveUp
from custody.withdrawals import store
from custody.withdrawals.lifecycle import reference_of
from custody.withdrawals.states import WithdrawalState as W
from engine.model.clock import Clock


class GivingUp:
    """custody.decisions.progress.Carrier of GiveUp."""

    def __init__(
        self,
        database: Engine,
        endings: Endings,
        clock: Clock,
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """reached: see Crediting."""
        self._database = database
        self._endings = endings
        self._clock = clock
        self._reached = reached

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
