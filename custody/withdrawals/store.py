"""Withdrawals and what approvers said of them, in the database."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from custody.policy.intents import Approval, Withdrawal, canonical, read_intent
from custody.store.custody_schema import approvals, withdrawals
from custody.withdrawals.states import ENDED, RESTING, WithdrawalState

MAX_WORDS: Final = 500
"""Longest text on a withdrawal, characters."""


def next_id(connection: Connection) -> str:
    """The name of the next withdrawal."""
    count = connection.execute(select(func.count()).select_from(withdrawals)).scalar_one()
    return f"W{count + 1:08d}"


def keep(connection: Connection, intent: Withdrawal, account: int, amount: int, fee: int) -> None:
    """A new one. amount, fee: minor units of the venue."""
    connection.execute(
        insert(withdrawals).values(
            id=intent.id, state=str(WithdrawalState.REQUESTED), account=account,
            asset=intent.asset, amount=amount, fee=fee, intent=canonical(intent), text="",
            ending="", requested=intent.requested, changed=intent.requested,
        )
    )  # fmt: skip


def find(connection: Connection, ident: str) -> Row[Any] | None:
    """A withdrawal by its name."""
    return connection.execute(select(withdrawals).where(withdrawals.c.id == ident)).first()


def intent_of(row: Row[Any]) -> Withdrawal:
    """What approvers sign, of a withdrawal that was found."""
    intent = read_intent(row.intent)
    assert isinstance(intent, Withdrawal)
    assert intent.id == row.id
    return intent


def unfinished(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    """Those that have not ended and are not a person's business, the oldest first."""
    query = select(withdrawals).where(withdrawals.c.state.not_in([str(s) for s in RESTING]))
    return connection.execute(query.order_by(withdrawals.c.id).limit(limit)).all()


def listed(connection: Connection, limit: int, account: int = 0) -> Sequence[Row[Any]]:
    """The latest, of one account or of all."""
    query = select(withdrawals)
    if account:
        query = query.where(withdrawals.c.account == account)
    return connection.execute(query.order_by(withdrawals.c.id.desc()).limit(limit)).all()


def move(
    connection: Connection,
    ident: str,
    was: Iterable[WithdrawalState],
    to: WithdrawalState,
    now: int,
    text: str = "",
    ending: WithdrawalState | None = None,
) -> bool:
    """It has come further, if it was where it was thought to be; whether it was."""
    change = update(withdrawals).where(
        withdrawals.c.id == ident, withdrawals.c.state.in_([str(state) for state in was])
    )
    values: dict[str, object] = {"state": str(to), "changed": now}
    if text:
        values["text"] = text[:MAX_WORDS]
    if ending is not None:
        values["ending"] = str(ending)
    return connection.execute(change.values(**values)).rowcount > 0


def spent(
    connection: Connection, asset: str, account: int | None, since: int, but: str
) -> Sequence[int]:
    """Minor units of each withdrawal since then that has left or is on its way, `but` apart."""
    lost = [str(s) for s in ENDED if s != WithdrawalState.SETTLED]
    lost += [str(WithdrawalState.REQUESTED), str(WithdrawalState.RELEASING)]
    query = select(withdrawals.c.amount).where(
        withdrawals.c.asset == asset,
        withdrawals.c.state.not_in(lost),
        withdrawals.c.requested > since,
        withdrawals.c.id != but,
    )
    if account is not None:
        query = query.where(withdrawals.c.account == account)
    return [row.amount for row in connection.execute(query)]


def keep_approval(connection: Connection, intent: str, approval: Approval, now: int) -> bool:
    """An approver's word, the first one; whether it was the first."""
    if any(a.approver == approval.approver for a in approvals_of(connection, intent)):
        return False
    connection.execute(
        insert(approvals).values(
            intent=intent, approver=approval.approver, approves=approval.approves,
            signature=approval.signature, time=now,
        )
    )  # fmt: skip
    return True


def approvals_of(connection: Connection, intent: str) -> list[Approval]:
    """What approvers said of an intent, in the order of their names."""
    query = select(approvals).where(approvals.c.intent == intent)
    rows = connection.execute(query.order_by(approvals.c.approver))
    return [Approval(row.approver, row.approves, bytes(row.signature)) for row in rows]


def counts(connection: Connection) -> dict[str, int]:
    """State to how many withdrawals are in it; every state is there."""
    query = select(withdrawals.c.state, func.count()).group_by(withdrawals.c.state)
    there = {row[0]: row[1] for row in connection.execute(query)}
    return {str(state): there.get(str(state), 0) for state in WithdrawalState}
