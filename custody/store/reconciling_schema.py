"""The tables of reconciling; what a release adds is a script in migrations/versions.

| table | a row is |
|---|---|
| chain_break | what an address has of an asset that the books cannot explain |
| chain_look | one row: the last look at all addresses, as a report |
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, Table

from custody.store.amount import Amount
from custody.store.custody_schema import ADDRESS, HASH, NAME
from custody.store.schema import metadata

breaks = Table(
    "chain_break",
    metadata,
    Column("asset", NAME, primary_key=True),
    Column("address", ADDRESS, primary_key=True),
    Column("amount", Amount, nullable=False),  # units of the ledger, on the chain beyond the books
    Column("since", BigInteger, nullable=False),  # ns UTC, when it was found; 0: there is none
    Column("block", BigInteger, nullable=False),  # the last one it was found at
    Column("block_hash", HASH, nullable=False),
    Column("entry", NAME, nullable=False),  # key of a batch that is still to be posted, or nothing
    Column("due", Amount, nullable=False),  # what that batch moves
    Index("ix_chain_break_entry", "entry"),
)

looks = Table(
    "chain_look",
    metadata,
    Column("one", Integer, CheckConstraint("one = 1", name="one"), primary_key=True),
    Column("report", LargeBinary, nullable=False),  # custody.reconciling.report.ChainLook in JSON
)
