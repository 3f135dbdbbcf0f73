"""The tables. What a release adds is a script in `migrations/versions`.

| table | a row is |
|---|---|
| ledger_account | an account with its sums |
| ledger_batch | a batch in its place of the chain |
| ledger_transfer | a transfer of a batch |
| ledger_pending | a transfer that was ever pending, and by whom it was ended |
| ledger_reference | a command of the journal that defines something, for a start in its middle |
| ledger_cursor | one row: how far the ledger has come, and in which journal |
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
)

from custody.ledger.transfers import MAX_NAME
from custody.store.amount import Amount

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""So that migrations can name on every database what they change."""

metadata = MetaData(naming_convention=NAMES)

accounts = Table(
    "ledger_account",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(MAX_NAME), nullable=False, unique=True),
    Column("asset", String(MAX_NAME), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("guard", SmallInteger, nullable=False),
    Column("debits", Amount, nullable=False),
    Column("credits", Amount, nullable=False),
    Column("pending_debits", Amount, nullable=False),
    Column("pending_credits", Amount, nullable=False),
)

batches = Table(
    "ledger_batch",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(MAX_NAME), nullable=False, unique=True),
    Column("time", BigInteger, nullable=False),  # ns UTC
    Column("digest", LargeBinary(32), nullable=False),
)

# The foreign keys of transfers are triggers on PostgreSQL: see migration 0004.
transfers = Table(
    "ledger_transfer",
    metadata,
    Column("seq", BigInteger, ForeignKey("ledger_batch.seq"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("debit", Integer, ForeignKey("ledger_account.id"), nullable=False),
    Column("credit", Integer, ForeignKey("ledger_account.id"), nullable=False),
    Column("amount", Amount, nullable=False),
    Column("code", String(MAX_NAME), nullable=False),
    Column("phase", SmallInteger, nullable=False),
    Column("pending", String(MAX_NAME), nullable=False),  # the identity it ends, or nothing
    Column("expires", BigInteger, nullable=False),  # ns UTC, 0 for never
)

pendings = Table(
    "ledger_pending",
    metadata,
    Column("identity", String(MAX_NAME), primary_key=True),
    Column("seq", BigInteger, ForeignKey("ledger_batch.seq"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("ended", String(MAX_NAME), nullable=False),  # by which identity; empty while it waits
    Index("ix_ledger_pending_waiting", "ended", "expires"),
)

reference = Table(
    "ledger_reference",
    metadata,
    Column("record", BigInteger, primary_key=True, autoincrement=False),
    Column("command", LargeBinary, nullable=False),
)

cursor = Table(
    "ledger_cursor",
    metadata,
    Column("one", Integer, CheckConstraint("one = 1", name="one"), primary_key=True),
    Column("seq", BigInteger, nullable=False),  # of the last batch, 0: none
    Column("record", BigInteger, nullable=False),  # the last one read, -1: none
    Column("salt", LargeBinary, nullable=False),  # that record's, which no other journal has
)
