"""Moves intents on that people decide on: by the policy and its approvers; what is agreed on goes
to whoever carries out its kind.

Each step is on disk before the next. A carrier is asked again at each step until the intent has
ended: what it did before a death it finds done.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row

from custody.decisions import store
from custody.decisions.states import DecisionState as D
from custody.part import Means, Part
from custody.policy.intents import Approval, Decidable
from custody.withdrawals.lifecycle import Verdicts
from custody.withdrawals.rulings import PolicyRulings
from custody.withdrawals.store import approvals_of

AT_ONCE: Final = 2 * store.MAX_UNDER_WAY
"""Intents that one step moves on: all."""

_BECOMES: Final = {
    Verdicts.ALLOWED: D.AGREED,
    Verdicts.WAITING: D.AWAITING,
    Verdicts.BLOCKED: D.BLOCKED,
    Verdicts.REJECTED: D.REJECTED,
    Verdicts.EXPIRED: D.EXPIRED,
}


class Carrier(Protocol):
    """Carries out what was agreed on, of one kind or of a few."""

    def refusal(self, row: Row[Any], intent: Decidable) -> str:
        """Why an intent cannot be carried out any more, before it is decided on; empty for
        nothing."""
        ...

    async def carry(self, row: Row[Any], intent: Decidable, approvals: list[Approval]) -> None:
        """Go on with one that is AGREED, as far as it gets, and end it: see Endings."""
        ...


class Endings(Part):
    """How intents end, for those who carry them out."""

    def end(self, connection: Connection, row: Row[Any], to: D, text: str = "") -> bool:
        """It is so, in the transaction of what was done for it; whether it was where it was thought
        to be."""
        moved = store.move(connection, row.id, [D(row.state)], to, self._clock.now(), text)
        if moved:
            self._log(f"{row.kind} {row.id} is {to}" + (f": {text}" if text else ""))
        return moved

    def done(self, connection: Connection, row: Row[Any], text: str = "") -> bool:
        """It is carried out, in the transaction that does so; whether it still was to be."""
        return self.end(connection, row, D.DONE, text)

    def fail(self, row: Row[Any], text: str) -> None:
        """It cannot be carried out, and nothing was done for it."""
        with self._database.begin() as connection:
            self.end(connection, row, D.FAILED, text)


class Decisions(Part):
    """Every intent, as far as it gets."""

    def __init__(
        self,
        means: Means,
        rulings: PolicyRulings,
        carriers: Mapping[str, Carrier],
        endings: Endings,
    ) -> None:
        """carriers: by kind."""
        super().__init__(means)
        self._rulings = rulings
        self._carriers = carriers
        self._endings = endings

    async def step(self) -> None:
        """Every one that has not ended: first all decisions, so that an address which is to be
        forbidden is so before anything is carried out."""
        for row in self._under_way():
            if D(row.state) != D.AGREED:
                self._judge(row)
        for row in self._under_way():
            if D(row.state) == D.AGREED:
                with self._reading.begin() as connection:
                    approvals = approvals_of(connection, row.id)
                await self._carriers[row.kind].carry(row, store.intent_of(row), approvals)

    def _under_way(self) -> Sequence[Row[Any]]:
        with self._reading.begin() as connection:
            return store.under_way(connection, AT_ONCE)

    def _judge(self, row: Row[Any]) -> None:
        intent = store.intent_of(row)
        if refusal := self._carriers[row.kind].refusal(row, intent):
            self._move(row, D.REFUSED, refusal)
            return
        with self._reading.begin() as connection:
            approvals = approvals_of(connection, row.id)
            ruling = self._rulings.rule(connection, intent, approvals)
        to = _BECOMES[ruling.verdict]
        if (row.state, row.text) != (str(to), ruling.text):
            self._move(row, to, ruling.text)
        self._reached("decision judged")

    def _move(self, row: Row[Any], to: D, text: str) -> None:
        with self._database.begin() as connection:
            self._endings.end(connection, row, to, text)
