"""Carries out what changes what is allowed: the signer is told of it.

Nothing counts before the signer has it in its log, apart from what forbids, which counts here as
soon as it is agreed on. What the signer was told may be told again, under the same name, and is
answered with the time of the first time.
"""

from typing import Any, Final, Protocol

from sqlalchemy import Row

from custody.alarms import raise_alarm
from custody.changes import store
from custody.changes.policies import Policies
from custody.decisions.progress import Endings
from custody.decisions.states import DecisionState
from custody.decisions.store import policy_of
from custody.outgoing.sender import SignerAway, SignerRefused
from custody.part import Means, Part
from custody.policy.intents import (
    AllowAddress,
    Approval,
    ChangePolicy,
    Decidable,
    ForbidAddress,
    Lasting,
)
from custody.signing.requests import Note, Noted
from engine.model.clock import NANOS_PER_SECOND

ASK_AGAIN_NANOS: Final = 10 * NANOS_PER_SECOND
"""How long after the signer said no to what forbids, or said nothing, it is asked again."""


class Notary(Protocol):
    """The signer, as far as it writes down what lasts."""

    async def note(self, note: Note) -> Noted:
        """When and where it wrote it down. Raises SignerAway and SignerRefused."""
        ...


class Changes(Part):
    """custody.decisions.progress.Carrier of every change."""

    def __init__(
        self,
        means: Means,
        policies: Policies,
        notary: Notary,
        endings: Endings,
    ) -> None:
        super().__init__(means)
        self._policies = policies
        self._notary = notary
        self._endings = endings
        self._ask_at: dict[str, int] = {}

    def refusal(self, row: Row[Any], intent: Decidable) -> str:
        """See Carrier: the policy that it is to change is not in force any more."""
        if not isinstance(intent, ChangePolicy):
            return ""
        policy = policy_of(row)
        assert policy is not None
        return self._policies.refusal(intent, policy)

    async def carry(self, row: Row[Any], intent: Decidable, approvals: list[Approval]) -> None:
        """See Carrier: tell the signer."""
        assert isinstance(intent, AllowAddress | ForbidAddress | ChangePolicy)
        now = self._clock.monotonic()
        if self._ask_at.get(row.id, now) > now:
            return
        note = Note(intent, tuple(approvals), policy_of(row))
        try:
            noted = await self._notary.note(note)
        except SignerAway as error:
            self._ask_at[row.id] = now + ASK_AGAIN_NANOS
            self._log(f"{row.id} waits for the signer: {error}")
            return
        except SignerRefused as error:
            self._refused(row, intent, str(error))
            return
        self._reached("change noted by the signer")
        self._noted(row, intent, noted)
        self._reached("change noted")

    def _refused(self, row: Row[Any], intent: Lasting, text: str) -> None:
        if not isinstance(intent, ForbidAddress):
            with self._database.begin() as connection:
                text = f"by the signer: {text}"
                self._endings.end(connection, row, DecisionState.REFUSED, text)
            return
        self._ask_at[row.id] = self._clock.monotonic() + ASK_AGAIN_NANOS
        words = f"the signer does not forbid {intent.destination} by {row.id}: {text}"
        with self._database.begin() as connection:
            if raise_alarm(connection, f"change/{row.id}", words, self._clock.now()):
                self._log(words)

    def _noted(self, row: Row[Any], intent: Lasting, noted: Noted) -> None:
        now, policy = self._clock.now(), policy_of(row)
        with self._database.begin() as connection:
            if not store.note(connection, row.id, noted.time, now):
                return  # its address was forbidden meanwhile
            if isinstance(intent, ForbidAddress):
                store.forbid(connection, intent, noted.time, now)
            if policy is not None:
                self._policies.keep(connection, row.id, policy, noted)
        self._ask_at.pop(row.id, None)
        self._log(f"{row.kind} {row.id} is {DecisionState.NOTED}")
        if policy is not None:
            self._policies.take(policy, noted)
