"""The ledger's database for those who only read it, also while custody writes there."""

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from custody.ledger.accounts import Account, Guard, Kind
from custody.ledger.ledger import Head
from custody.ledger.transfers import Posted
from custody.store.database import for_reading
from custody.store.ledger_store import Cursor, LedgerStore
from custody.store.schema import accounts, batches, cursor, pendings, transfers
from engine.model.errors import OperatorError
from engine.model.refdata import ReferenceData


class Waiting(NamedTuple):
    """A transfer that is pending. identity: by which it is ended. amount: units of the ledger."""

    identity: str
    debit: str
    credit: str
    amount: int


class Books(NamedTuple):
    """The ledger at one moment: where its last flush left it."""

    cursor: Cursor
    head: Head
    accounts: dict[str, Account]
    waiting: list[Waiting]


def for_one_moment(database: Engine) -> Engine:
    """The same database, where all that a transaction reads is of one moment."""
    if database.dialect.name == "postgresql":
        return for_reading(database).execution_options(isolation_level="REPEATABLE READ")
    return for_reading(database)  # SQLite knows no other way


def read_books(database: Engine) -> Books:
    """All accounts, and what is pending, as of the last flush. Raises OperatorError if there was
    none yet."""
    with for_one_moment(database).begin() as connection:
        there = connection.execute(select(cursor)).first()
        if there is None:
            raise OperatorError("the ledger is empty: custody has not read the journal yet")
        last = connection.execute(select(batches).where(batches.c.seq == there.seq)).first()
        head = Head() if last is None else Head(last.seq, last.digest, last.time)
        found = {row.id: row for row in connection.execute(select(accounts))}
        waiting = _waiting(connection, {number: row.name for number, row in found.items()})
    books = {
        row.name: Account(
            row.name, row.asset, Kind(row.kind), Guard(row.guard),
            row.debits, row.credits, row.pending_debits, row.pending_credits,
        )
        for row in found.values()
    }  # fmt: skip
    return Books(Cursor(there.record, there.salt), head, books, waiting)


def posted_up_to(database: Engine, seq: int) -> Iterator[Posted]:
    """The ledger's batches from the first one to number `seq`."""
    store = LedgerStore(for_one_moment(database))
    store.load()
    return takewhile(lambda entry: entry.seq <= seq, store.posted())


def read_reference(database: Engine) -> ReferenceData:
    """Names and scales, as far as the ledger has read the journal."""
    refdata = ReferenceData()
    for command in LedgerStore(for_reading(database)).reference():
        refdata.apply(command)
    return refdata


def _waiting(connection: Connection, names: dict[int, str]) -> list[Waiting]:
    query = (
        select(pendings.c.identity, transfers.c.debit, transfers.c.credit, transfers.c.amount)
        .join(
            transfers,
            (transfers.c.seq == pendings.c.seq) & (transfers.c.position == pendings.c.position),
        )
        .where(pendings.c.ended == "")
    )
    return [
        Waiting(row.identity, names[row.debit], names[row.credit], row.amount)
        for row in connection.execute(query)
    ]
