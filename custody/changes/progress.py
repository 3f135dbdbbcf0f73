"""Moves intents on that change what is allowed: by the policy, its approvers, and the signer.

Nothing counts before the signer has it in its log, apart from what forbids, which counts here as
soon as it is agreed on. Each step is on disk before the next; what the signer was told may be told
again, under the same name, and is answered with the time of the first time.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Engine, Row

from custody.alarms import raise_alarm
from custody.changes import store
from custody.changes.policies import Policies
from custody.changes.states import ChangeState as C
from custody.outgoing.sender import SignerAway, SignerRefused
from custody.policy.intents import ChangePolicy, ForbidAddress, Lasting
from custody.signing.requests import Note, Noted
from custody.store.database import for_reading
from custody.withdrawals.lifecycle import Verdicts
from custody.withdrawals.rulings import PolicyRulings
from custody.withdrawals.store import approvals_of
from engine.model.clock import NANOS_PER_SECOND, Clock

AT_ONCE: Final = 2 * store.MAX_UNDER_WAY
"""Intents that one step moves on: all."""

ASK_AGAIN_NANOS: Final = 10 * NANOS_PER_SECOND
"""How long after the signer said no to what forbids, or said nothing, it is asked again."""


_BECOMES: Final = {
    Verdicts.ALLOWED: C.AGREED,
    Verdicts.WAITING: C.AWAITING,
    Verdicts.BLOCKED: C.BLOCKED,
    Verdicts.REJECTED: C.REJECTED,
    Verdicts.EXPIRED: C.EXPIRED,
}


class Notary(Protocol):
    """The signer, as far as it writes down what lasts."""

    async def note(self, note: Note) -> Noted:
        """When and where it wrote it down. Raises SignerAway and SignerRefused."""
        ...


class Changes:
    """Every change, as far as it gets."""

    def __init__(
        self,
        database: Engine,
        rulings: PolicyRulings,
        policies: Policies,
        notary: Notary,
        clock: Clock,
        log: Callable[[str], None],
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """reached: see Crediting."""
        self._database = database
        self._reading = for_reading(database)
        self._rulings = rulings
        self._policies = policies
        self._notary = notary
        self._clock = clock
        self._log = log
        self._reached = reached
        self._ask_at: dict[str, int] = {}

    async def step(self) -> None:
        """Every one that has not ended: first all decisions, so that an address which is to be
        forbidden is so before anything is told."""
        for row in self._under_way():
            if C(row.state) != C.AGREED:
                self._judge(row)
        for row in self._under_way():
            if C(row.state) == C.AGREED:
                await self._tell(row)

    def _under_way(self) -> Sequence[Row[Any]]:
        with self._reading.begin() as connection:
            return store.under_way(connection, AT_ONCE)

    # --- the decision ---------------------------------------------------------------------

    def _judge(self, row: Row[Any]) -> None:
        intent = store.intent_of(row)
        if refusal := self._out_of_date(row, intent):
            self._move(row, C.REFUSED, refusal)
            return
        with self._reading.begin() as connection:
            approvals = approvals_of(connection, row.id)
            ruling = self._rulings.rule(connection, intent, approvals)
        to = _BECOMES[ruling.verdict]
        if (row.state, row.text) != (str(to), ruling.text):
            self._move(row, to, ruling.text)
        self._reached("change judged")

    def _out_of_date(self, row: Row[Any], intent: Lasting) -> str:
        if not isinstance(intent, ChangePolicy):
            return ""
        policy = store.policy_of(row)
        assert policy is not None
        return self._policies.refusal(intent, policy)

    # --- the signer -----------------------------------------------------------------------

    async def _tell(self, row: Row[Any]) -> None:
        now = self._clock.monotonic()
        if self._ask_at.get(row.id, now) > now:
            return
        intent = store.intent_of(row)
        with self._reading.begin() as connection:
            approvals = approvals_of(connection, row.id)
        note = Note(intent, tuple(approvals), store.policy_of(row))
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
            self._move(row, C.REFUSED, f"by the signer: {text}")
            return
        self._ask_at[row.id] = self._clock.monotonic() + ASK_AGAIN_NANOS
        words = f"the signer does not forbid {intent.destination} by {row.id}: {text}"
        with self._database.begin() as connection:
            if raise_alarm(connection, f"change/{row.id}", words, self._clock.now()):
                self._log(words)

    def _noted(self, row: Row[Any], intent: Lasting, noted: Noted) -> None:
        now, policy = self._clock.now(), store.policy_of(row)
        with self._database.begin() as connection:
            if not store.note(connection, row.id, noted.time, now):
                return  # its address was forbidden meanwhile
            if isinstance(intent, ForbidAddress):
                store.forbid(connection, intent, noted.time, now)
            if policy is not None:
                self._policies.keep(connection, row.id, policy, noted)
        self._ask_at.pop(row.id, None)
        self._log(f"{row.kind} {row.id} is {C.NOTED}")
        if policy is not None:
            self._policies.take(policy, noted)

    def _move(self, row: Row[Any], to: C, text: str) -> None:
        with self._database.begin() as connection:
            if store.move(connection, row.id, [C(row.state)], to, self._clock.now(), text):
                self._log(f"{row.kind} {row.id} is {to}: {text}")
