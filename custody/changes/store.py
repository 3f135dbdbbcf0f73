"""Which addresses are on the list, out of the intents about them."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from custody.decisions.states import UNDER_WAY, DecisionState
from custody.decisions.store import intent_of, move
from custody.policy.intents import AllowAddress, ChangePolicy, ForbidAddress, kind_of_type
from custody.store.custody_schema import decisions

ALLOW: Final = kind_of_type(AllowAddress)
FORBID: Final = kind_of_type(ForbidAddress)
CHANGE: Final = kind_of_type(ChangePolicy)


def of_place(
    connection: Connection,
    kind: str,
    place: tuple[str, str, str],
    states: Iterable[DecisionState],
) -> Sequence[Row[Any]]:
    """Those about one address of an account for an asset, the oldest first."""
    account, asset, destination = place
    query = select(decisions).where(
        decisions.c.kind == kind, decisions.c.account == account, decisions.c.asset == asset,
        decisions.c.destination == destination,
        decisions.c.state.in_([str(state) for state in states]),
    )  # fmt: skip
    return connection.execute(query.order_by(decisions.c.noted, decisions.c.id)).all()


def note(connection: Connection, ident: str, noted: int, now: int) -> bool:
    """The signer has it; whether it still waited for that. noted: ns UTC, by its clock."""
    if not move(connection, ident, [DecisionState.AGREED], DecisionState.NOTED, now):
        return False
    connection.execute(update(decisions).where(decisions.c.id == ident).values(noted=noted))
    return True


def forbid(connection: Connection, intent: ForbidAddress, noted: int, now: int) -> None:
    """End every intent to allow the same address that was asked for until then: the signer takes
    none of them any more."""
    connection.execute(
        update(decisions)
        .where(
            decisions.c.kind == ALLOW, decisions.c.account == intent.account,
            decisions.c.asset == intent.asset, decisions.c.destination == intent.destination,
            decisions.c.requested <= noted,
            decisions.c.state.in_([str(s) for s in (*UNDER_WAY, DecisionState.NOTED)]),
        )
        .values(state=str(DecisionState.FORBIDDEN), changed=now, text=f"by {intent.id}")
    )  # fmt: skip


def on_the_list(
    connection: Connection, place: tuple[str, str, str]
) -> tuple[AllowAddress, int] | None:
    """What allowed an address first, and when the signer had it (ns UTC); None if it is not on the
    list, or is being forbidden."""
    if of_place(connection, FORBID, place, [DecisionState.AGREED]):
        return None
    rows = of_place(connection, ALLOW, place, [DecisionState.NOTED])
    if not rows:
        return None
    intent = intent_of(rows[0])
    assert isinstance(intent, AllowAddress)
    return intent, int(rows[0].noted)
