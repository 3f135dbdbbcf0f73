"""Outgoing transactions and their signed forms, in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from custody.outgoing.states import UNDER_WAY, OutgoingState, Purpose
from custody.store.custody_schema import attempts, outgoing


def next_nonce(connection: Connection, wallet: str) -> int | None:
    """The nonce behind the last one that was given out; None if none was."""
    query = select(func.max(outgoing.c.nonce)).where(outgoing.c.wallet == wallet)
    last = connection.execute(query).scalar()
    return None if last is None else int(last) + 1


def waits_unsigned(connection: Connection, wallet: str, since: int) -> bool:
    """Whether a transaction of a wallet that was planned by then, ns UTC, has no signed form."""
    query = select(outgoing.c.nonce).where(
        outgoing.c.wallet == wallet,
        outgoing.c.state == str(OutgoingState.PLANNED),
        outgoing.c.changed <= since,
    )
    return connection.execute(query.limit(1)).first() is not None


def plan(
    connection: Connection,
    wallet: str,
    nonce: int,
    purpose: Purpose,
    reference: str,
    request: bytes,
    gas: int,
    most: int,
    now: int,
) -> None:
    """Give a nonce out. The database refuses a second one for the same reference. most: that it may
    offer, wei a unit of gas."""
    connection.execute(
        insert(outgoing).values(
            wallet=wallet, nonce=nonce, state=str(OutgoingState.PLANNED), purpose=str(purpose),
            reference=reference, request=request, gas=gas, most=most, tx=b"", gas_paid=0,
            booked=False, changed=now,
        )
    )  # fmt: skip


def under_way(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    """Transactions that have not ended, by wallet and nonce."""
    query = select(outgoing).where(outgoing.c.state.in_([str(state) for state in UNDER_WAY]))
    return connection.execute(
        query.order_by(outgoing.c.wallet, outgoing.c.nonce).limit(limit)
    ).all()


def by_reference(connection: Connection, reference: str) -> Row[Any] | None:
    """The transaction for something, if it has one."""
    return connection.execute(select(outgoing).where(outgoing.c.reference == reference)).first()


def attempts_of(connection: Connection, wallet: str, nonce: int) -> Sequence[Row[Any]]:
    """Signed forms of a transaction, the oldest first: each has offered more than the one before.
    (Amounts are texts on SQLite, which would be sorted as such.)"""
    query = select(attempts).where(attempts.c.wallet == wallet, attempts.c.nonce == nonce)
    return sorted(connection.execute(query), key=lambda row: int(row.max_fee))


def keep_attempt(
    connection: Connection,
    row: Row[Any],
    raw: bytes,
    tx: bytes,
    max_fee: int,
    tip: int,
    now: int,
    *,
    cancels: bool,
) -> None:
    """A signed form, before anybody sees it."""
    connection.execute(
        insert(attempts).values(
            tx=tx, wallet=row.wallet, nonce=row.nonce, raw=raw, max_fee=max_fee, tip=tip,
            cancels=cancels, time=now,
        )
    )  # fmt: skip
    _change(connection, row, state=str(OutgoingState.SENT), changed=now)


def end(
    connection: Connection,
    row: Row[Any],
    state: OutgoingState,
    tx: bytes,
    gas_paid: int,
    block: int,
    now: int,
) -> None:
    """A form of it is final, in block number `block`. gas_paid: wei."""
    assert state not in UNDER_WAY
    _change(connection, row, state=str(state), tx=tx, gas_paid=gas_paid, block=block, changed=now)


def is_unbooked(connection: Connection, purpose: Purpose, wallet: str = "") -> bool:
    """Whether there is a transaction of a purpose, of one wallet or of any, whose end the ledger
    does not have."""
    query = select(outgoing.c.nonce).where(
        outgoing.c.purpose == str(purpose), outgoing.c.booked.is_(False)
    )
    if wallet:
        query = query.where(outgoing.c.wallet == wallet)
    return connection.execute(query.limit(1)).first() is not None


def is_busy(connection: Connection, wallet: str) -> bool:
    """Whether the ledger lacks the end of anything that a wallet sends; of one that pays no
    withdrawals."""
    query = select(outgoing.c.nonce).where(
        outgoing.c.wallet == wallet, outgoing.c.booked.is_(False)
    )
    return connection.execute(query.limit(1)).first() is not None


def mark_booked(connection: Connection, row: Row[Any]) -> None:
    """The ledger has what it moved."""
    _change(connection, row, booked=True)


def _change(connection: Connection, row: Row[Any], **values: object) -> None:
    change = update(outgoing).where(outgoing.c.wallet == row.wallet, outgoing.c.nonce == row.nonce)
    connection.execute(change.values(**values))
