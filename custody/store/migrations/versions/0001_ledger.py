"""The ledger."""

import sqlalchemy as sa
from alembic import op

from custody.store.amount import Amount

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of the ledger."""
    name = sa.String(120)
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", name, nullable=False, unique=True),
        sa.Column("asset", name, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("guard", sa.SmallInteger, nullable=False),
        sa.Column("debits", Amount, nullable=False),
        sa.Column("credits", Amount, nullable=False),
        sa.Column("pending_debits", Amount, nullable=False),
        sa.Column("pending_credits", Amount, nullable=False),
    )
    op.create_table(
        "ledger_batch",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", name, nullable=False, unique=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "ledger_transfer",
        sa.Column("seq", sa.BigInteger, sa.ForeignKey("ledger_batch.seq"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("debit", sa.Integer, sa.ForeignKey("ledger_account.id"), nullable=False),
        sa.Column("credit", sa.Integer, sa.ForeignKey("ledger_account.id"), nullable=False),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("code", name, nullable=False),
        sa.Column("phase", sa.SmallInteger, nullable=False),
        sa.Column("pending", name, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_pending",
        sa.Column("identity", name, primary_key=True),
        sa.Column("seq", sa.BigInteger, sa.ForeignKey("ledger_batch.seq"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("ended", name, nullable=False),
    )
    op.create_index("ix_ledger_pending_waiting", "ledger_pending", ["ended", "expires"])
    op.create_table(
        "ledger_reference",
        sa.Column("record", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("command", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_cursor",
        sa.Column("one", sa.Integer, sa.CheckConstraint("one = 1", name="one"), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("record", sa.BigInteger, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
    )
