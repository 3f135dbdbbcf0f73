"""Intents that change what is allowed, in the database."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from custody.changes.states import UNDER_WAY, ChangeState
from custody.policy.intents import (
    AllowAddress,
    ChangePolicy,
    ForbidAddress,
    Lasting,
    Withdrawal,
    canonical,
    read_intent,
)
from custody.policy.policy import Policy, policy_text, read_policy
from custody.store.custody_schema import lasting

MAX_UNDER_WAY: Final = 500
"""Intents under way at a time, those that forbid apart, which have as many of their own."""

MAX_WORDS: Final = 500
"""Longest text on one, characters."""

ALLOW: Final = "allow-address"
FORBID: Final = "forbid-address"
CHANGE: Final = "change-policy"


def next_id(connection: Connection) -> str:
    """The name of the next one: never one of a withdrawal's."""
    count = connection.execute(select(func.count()).select_from(lasting)).scalar_one()
    return f"C{count + 1:08d}"


def keep(connection: Connection, intent: Lasting, policy: Policy | None = None) -> None:
    """A new one. policy: of a ChangePolicy, the new one."""
    account, asset, destination = "", "", ""
    if not isinstance(intent, ChangePolicy):
        account, asset, destination = intent.account, intent.asset, intent.destination
    connection.execute(
        insert(lasting).values(
            id=intent.id, state=str(ChangeState.PROPOSED),
            kind=str(type(intent).__struct_config__.tag), account=account, asset=asset,
            destination=destination, intent=canonical(intent),
            policy=b"" if policy is None else policy_text(policy), text="",
            requested=intent.requested, noted=0, changed=intent.requested,
        )
    )  # fmt: skip


def is_full(connection: Connection, kind: str) -> bool:
    """Whether as many as may be are under way, of those that forbid or of the others."""
    alike = lasting.c.kind == FORBID if kind == FORBID else lasting.c.kind != FORBID
    query = select(func.count()).where(
        alike, lasting.c.state.in_([str(state) for state in UNDER_WAY])
    )
    return int(connection.execute(query).scalar_one()) >= MAX_UNDER_WAY


def find(connection: Connection, ident: str) -> Row[Any] | None:
    """One by its name."""
    return connection.execute(select(lasting).where(lasting.c.id == ident)).first()


def intent_of(row: Row[Any]) -> Lasting:
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
    query = select(lasting).where(lasting.c.state.in_([str(state) for state in UNDER_WAY]))
    rows = connection.execute(query.order_by(lasting.c.kind != FORBID, lasting.c.id).limit(limit))
    return rows.all()


def listed(
    connection: Connection, limit: int, kinds: Iterable[str], account: str = ""
) -> Sequence[Row[Any]]:
    """The latest of some kinds, of one account or of all; without policies, which are large."""
    query = select(*(c for c in lasting.c if c.name != "policy")).where(
        lasting.c.kind.in_(list(kinds))
    )
    if account:
        query = query.where(lasting.c.account == account)
    return connection.execute(query.order_by(lasting.c.id.desc()).limit(limit)).all()


def of_place(
    connection: Connection,
    kind: str,
    place: tuple[str, str, str],
    states: Iterable[ChangeState],
) -> Sequence[Row[Any]]:
    """Those about one address of an account for an asset, the oldest first."""
    account, asset, destination = place
    query = select(lasting).where(
        lasting.c.kind == kind, lasting.c.account == account, lasting.c.asset == asset,
        lasting.c.destination == destination,
        lasting.c.state.in_([str(state) for state in states]),
    )  # fmt: skip
    return connection.execute(query.order_by(lasting.c.noted, lasting.c.id)).all()


def move(
    connection: Connection,
    ident: str,
    was: Iterable[ChangeState],
    to: ChangeState,
    now: int,
    text: str = "",
) -> bool:
    """It has come further, if it was where it was thought to be; whether it was."""
    change = update(lasting).where(
        lasting.c.id == ident, lasting.c.state.in_([str(state) for state in was])
    )
    values: dict[str, object] = {"state": str(to), "changed": now}
    if text:
        values["text"] = text[:MAX_WORDS]
    return connection.execute(change.values(**values)).rowcount > 0


def note(connection: Connection, ident: str, noted: int, now: int) -> bool:
    """The signer has it; whether it still waited for that. noted: ns UTC, by its clock."""
    if not move(connection, ident, [ChangeState.AGREED], ChangeState.NOTED, now):
        return False
    connection.execute(update(lasting).where(lasting.c.id == ident).values(noted=noted))
    return True


def forbid(connection: Connection, intent: ForbidAddress, noted: int, now: int) -> None:
    """End every intent to allow the same address that was asked for until then: the signer takes
    none of them any more."""
    connection.execute(
        update(lasting)
        .where(
            lasting.c.kind == ALLOW, lasting.c.account == intent.account,
            lasting.c.asset == intent.asset, lasting.c.destination == intent.destination,
            lasting.c.requested <= noted,
            lasting.c.state.in_([str(s) for s in (*UNDER_WAY, ChangeState.NOTED)]),
        )
        .values(state=str(ChangeState.FORBIDDEN), changed=now, text=f"by {intent.id}")
    )  # fmt: skip


def on_the_list(
    connection: Connection, place: tuple[str, str, str]
) -> tuple[AllowAddress, int] | None:
    """What allowed an address first, and when the signer had it (ns UTC); None if it is not on the
    list, or is being forbidden."""
    if of_place(connection, FORBID, place, [ChangeState.AGREED]):
        return None
    rows = of_place(connection, ALLOW, place, [ChangeState.NOTED])
    if not rows:
        return None
    intent = intent_of(rows[0])
    assert isinstance(intent, AllowAddress)
    return intent, int(rows[0].noted)
