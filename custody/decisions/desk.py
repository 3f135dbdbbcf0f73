"""What people ask to have decided on, and what approvers say of it.

Which kinds of intents there are is not known here: whoever makes one begins it with `begin`, and
keeps it.
"""

from typing import Any, Final, Protocol

from msgspec import Struct
from sqlalchemy import Connection, Engine, Row

from custody.decisions import store
from custody.decisions.states import UNDECIDED, DecisionState
from custody.known import MAX_INITIATOR, DeskRefused
from custody.policy.intents import Approval, Intent
from custody.store.database import for_reading
from custody.withdrawals import store as approvals
from engine.model.clock import Clock

MAX_LISTED: Final = 1_000
"""Rows of one list."""


class Judges(Protocol):
    """The policy, as far as approvals are taken in."""

    @property
    def intent_life(self) -> int:
        """How long an intent may wait for its approvals, ns."""
        ...

    def refusal(self, intent: Intent, approval: Approval) -> str:
        """What is wrong with an approver's word; empty for nothing."""
        ...


class Begun(Struct, frozen=True):
    """What a new intent begins with. id: its name; requested, expires: ns UTC."""

    id: str
    requested: int
    expires: int


def take_word(
    connection: Connection, judges: Judges, intent: Intent, approval: Approval, now: int
) -> None:
    """An approver's word on an intent, the first one. Raises DeskRefused."""
    if refusal := judges.refusal(intent, approval):
        raise DeskRefused(refusal)
    if not approvals.keep_approval(connection, intent.id, approval, now):
        raise DeskRefused(f"{approval.approver} has spoken on {intent.id} before")


class DecisionDesk:
    """Takes words in, and shows how things stand. Everything raises DeskRefused."""

    def __init__(self, database: Engine, judges: Judges, clock: Clock) -> None:
        self._database = database
        self._reading = for_reading(database)
        self._judges = judges
        self._clock = clock

    def begin(self, connection: Connection, kind: str, subject: str = "") -> Begun:
        """A new intent, unless as many as may be wait already, or one about the same subject."""
        if store.is_full(connection, kind):
            raise DeskRefused(f"{store.MAX_UNDER_WAY} intents wait already: decide on those first")
        if subject and (other := store.about(connection, subject)):
            raise DeskRefused(f"{other} is about {subject} already")
        now = self._clock.now()
        return Begun(store.next_id(connection), now, now + self._judges.intent_life)

    def approve(self, ident: str, approval: Approval) -> None:
        """Take an approver's word in."""
        with self._database.begin() as connection:
            row = _find(connection, ident)
            if DecisionState(row.state) not in UNDECIDED:
                raise DeskRefused(f"{ident} is {row.state}: it waits for no approval")
            take_word(connection, self._judges, store.intent_of(row), approval, self._clock.now())

    def cancel(self, ident: str, initiator: str) -> None:
        """Take one back that is not decided on."""
        with self._database.begin() as connection:
            row = _find(connection, ident)
            text = f"taken back by {initiator[:MAX_INITIATOR]}"
            now = self._clock.now()
            if not store.move(connection, ident, UNDECIDED, DecisionState.CANCELLED, now, text):
                raise DeskRefused(f"{ident} is {row.state}: it cannot be taken back")

    def listed(self, *kinds: str, account: str = "") -> list[Row[Any]]:
        """Intents of some kinds or of all, of one account or of all; the latest come first."""
        with self._reading.begin() as connection:
            return list(store.listed(connection, MAX_LISTED, kinds, account))

    def one(self, ident: str) -> tuple[Row[Any], list[Approval]]:
        """An intent and what approvers have said of it."""
        with self._reading.begin() as connection:
            return _find(connection, ident), approvals.approvals_of(connection, ident)


def _find(connection: Connection, ident: str) -> Row[Any]:
    row = store.find(connection, ident)
    if row is None:
        raise DeskRefused(f"there is no intent {ident}")
    return row
