"""Intents that people decide on, in the database."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from custody.decisions.states import COUNTED, UNDER_WAY, DecisionState
from custody.policy.intents import (
    Decidable,
    ForbidAddress,
    Withdrawal,
    canonical,
    kind_of_type,
    read_intent,
    scope_of,
)
from custody.policy.policy import Policy, policy_text, read_policy
from custody.store.custody_schema import decisions

MAX_UNDER_WAY: Final = 500
"""Intents under way at a time, those that forbid apart, which have as many of their own."""

MAX_WORDS: Final = 500
"""Longest text on one, characters."""

URGENT: Final = kind_of_type(ForbidAddress)
"""The kind that comes before all others."""


def next_id(connection: Connection) -> str:
    """The name of the next one: never one of a withdrawal's."""
    count = connection.execute(select(func.count()).select_from(decisions)).scalar_one()
    return f"C{count + 1:08d}"


def keep(
    connection: Connection, intent: Decidable, subject: str = "", policy: Policy | None = None
) -> None:
    """A new one. subject: what it is about, by its name, if only one at a time may be about that.
    policy: of a ChangePolicy, the new one."""
    scope = scope_of(intent)
    connection.execute(
        insert(decisions).values(
            id=intent.id, state=str(DecisionState.PROPOSED), kind=scope.kind,
            account=scope.account, asset=scope.asset, destination=scope.destination,
            subject=subject, intent=canonical(intent),
            policy=b"" if policy is None else policy_text(policy), text="",
            requested=intent.requested, noted=0, changed=intent.requested,
        )
    )  # fmt: skip


def is_full(connection: Connection, kind: str) -> bool:
    """Whether as many as may be are under way, of those that forbid or of the others."""
    alike = decisions.c.kind == URGENT if kind == URGENT else decisions.c.kind != URGENT
    query = select(func.count()).where(alike, decisions.c.state.in_(_texts(UNDER_WAY)))
    return int(connection.execute(query).scalar_one()) >= MAX_UNDER_WAY


def find(connection: Connection, ident: str) -> Row[Any] | None:
    """One by its name."""
    return connection.execute(select(decisions).where(decisions.c.id == ident)).first()


def about(connection: Connection, subject: str) -> str:
    """The name of one under way that is about a subject; empty if there is none."""
    query = select(decisions.c.id).where(
        decisions.c.subject == subject, decisions.c.state.in_(_texts(UNDER_WAY))
    )
    return str(connection.execute(query).scalar() or "")


def last_about(connection: Connection, subject: str) -> Row[Any] | None:
    """The latest one that is, or was, about a subject."""
    query = select(decisions).where(decisions.c.subject == subject)
    return connection.execute(query.order_by(decisions.c.id.desc()).limit(1)).first()


def intent_of(row: Row[Any]) -> Decidable:
    """What approvers sign, of one that was found."""
    intent = read_intent(row.intent)
    assert not isinstance(intent, Withdrawal)
    assert intent.id == row.id
    return intent


def policy_of(row: Row[Any]) -> Policy | None:
    """The new policy, of a ChangePolicy."""
    return read_policy(row.policy) if row.policy else None


def under_way(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    """Those with which something is still to happen; what forbids comes first, then the oldest."""
    query = select(decisions).where(decisions.c.state.in_(_texts(UNDER_WAY)))
    rows = connection.execute(
        query.order_by(decisions.c.kind != URGENT, decisions.c.id).limit(limit)
    )
    return rows.all()


def listed(
    connection: Connection, limit: int, kinds: Iterable[str] = (), account: str = ""
) -> Sequence[Row[Any]]:
    """The latest, of some kinds or of all, of one account or of all; without policies, which are
    large."""
    query = select(*(c for c in decisions.c if c.name != "policy"))
    if kinds:
        query = query.where(decisions.c.kind.in_(list(kinds)))
    if account:
        query = query.where(decisions.c.account == account)
    return connection.execute(query.order_by(decisions.c.id.desc()).limit(limit)).all()


def counted(
    connection: Connection, kind: str, asset: str, account: str, since: int, but: str
) -> int:
    """The amounts, in sum, that intents of a kind were agreed on for which were asked for since
    then, ns UTC; `but` apart. account: its name; empty for all."""
    query = select(decisions.c.intent).where(
        decisions.c.kind == kind, decisions.c.asset == asset, decisions.c.requested > since,
        decisions.c.id != but, decisions.c.state.in_(_texts(COUNTED)),
    )  # fmt: skip
    if account:
        query = query.where(decisions.c.account == account)
    amounts = (scope_of(read_intent(row.intent)).amount for row in connection.execute(query))
    return sum(amount for amount in amounts if amount is not None)


def counts(connection: Connection, kind: str) -> dict[str, int]:
    """State to how many intents of a kind are in it; every state is there."""
    query = select(decisions.c.state, func.count()).where(decisions.c.kind == kind)
    there = {row[0]: row[1] for row in connection.execute(query.group_by(decisions.c.state))}
    return {str(state): there.get(str(state), 0) for state in DecisionState}


def move(
    connection: Connection,
    ident: str,
    was: Iterable[DecisionState],
    to: DecisionState,
    now: int,
    text: str = "",
) -> bool:
    """It has come further, if it was where it was thought to be; whether it was."""
    change = update(decisions).where(
        decisions.c.id == ident, decisions.c.state.in_(_texts(was))
    )  # fmt: skip
    values: dict[str, object] = {"state": str(to), "changed": now}
    if text:
        values["text"] = text[:MAX_WORDS]
    return connection.execute(change.values(**values)).rowcount > 0


def _texts(states: Iterable[DecisionState]) -> list[str]:
    return [str(state) for state in states]
