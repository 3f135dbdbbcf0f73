"""Intents that change what is allowed, and the policies that they made.

The table address_intent of 0002 was never written to: this one takes its place.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

name, words, address = sa.String(120), sa.String(500), sa.String(42)


def upgrade() -> None:
    """Make the tables."""
    op.drop_index("ix_address_intent_destination", "address_intent")
    op.drop_table("address_intent")
    op.create_table(
        "lasting_intent",
        sa.Column("id", name, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("account", name, nullable=False),
        sa.Column("asset", name, nullable=False),
        sa.Column("destination", address, nullable=False),
        sa.Column("intent", sa.LargeBinary, nullable=False),
        sa.Column("policy", sa.LargeBinary, nullable=False),
        sa.Column("text", words, nullable=False),
        sa.Column("requested", sa.BigInteger, nullable=False),
        sa.Column("noted", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_lasting_intent_state", "lasting_intent", ["state"])
    op.create_index(
        "ix_lasting_intent_place", "lasting_intent", ["account", "asset", "destination"]
    )
    op.create_table(
        "policy",
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("intent", name, nullable=False, unique=True),
        sa.Column("policy", sa.LargeBinary, nullable=False),
        sa.Column("noted", sa.BigInteger, nullable=False),
    )
