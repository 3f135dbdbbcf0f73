"""One table for all intents that people decide on, whatever comes of them; and what is to be known
of a deposit for that."""

import sqlalchemy as sa
from alembic import op

from custody.store.amount import Amount

revision = "0006"
down_revision = "0005"

name, words = sa.String(120), sa.String(500)


def upgrade() -> None:
    """Make the table, bring what lasts over, and drop what had it."""
    op.create_table(
        "decision",
        sa.Column("id", name, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("account", name, nullable=False),
        sa.Column("asset", name, nullable=False),
        sa.Column("destination", sa.String(42), nullable=False),
        sa.Column("subject", name, nullable=False),
        sa.Column("intent", sa.LargeBinary, nullable=False),
        sa.Column("policy", sa.LargeBinary, nullable=False),
        sa.Column("text", words, nullable=False),
        sa.Column("requested", sa.BigInteger, nullable=False),
        sa.Column("noted", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_decision_state", "decision", ["state"])
    op.create_index("ix_decision_place", "decision", ["account", "asset", "destination"])
    op.execute(
        "INSERT INTO decision (id, state, kind, account, asset, destination, subject, intent,"
        " policy, text, requested, noted, changed) SELECT id, state, kind, account, asset,"
        " destination, '', intent, policy, text, requested, noted, changed FROM lasting_intent"
    )
    op.drop_table("lasting_intent")
    op.add_column("deposit", sa.Column("moved", Amount, nullable=False, server_default="0"))
    op.add_column("deposit", sa.Column("was", sa.String(16), nullable=False, server_default=""))
