"""What reconciling against the chain has found."""

import sqlalchemy as sa
from alembic import op

from custody.store.amount import Amount

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables, and keep the blocks that transactions have ended in."""
    op.add_column("outgoing", sa.Column("block", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_outgoing_block", "outgoing", ["block"])
    op.create_table(
        "chain_break",
        sa.Column("asset", sa.String(120), primary_key=True),
        sa.Column("address", sa.String(42), primary_key=True),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("block_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("entry", sa.String(120), nullable=False),
        sa.Column("due", Amount, nullable=False),
    )
    op.create_index("ix_chain_break_entry", "chain_break", ["entry"])
    op.create_table(
        "chain_look",
        sa.Column("one", sa.Integer, sa.CheckConstraint("one = 1", name="one"), primary_key=True),
        sa.Column("report", sa.LargeBinary, nullable=False),
    )
