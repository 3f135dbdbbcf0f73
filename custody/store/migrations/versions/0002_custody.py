"""Deposits, withdrawals and what they need."""

import sqlalchemy as sa
from alembic import op

from custody.store.amount import Amount

revision = "0002"
down_revision = "0001"

name, words, address, digest = sa.String(120), sa.String(500), sa.String(42), sa.LargeBinary(32)


def upgrade() -> None:
    """Make the tables."""
    _from_the_venue()
    _from_the_chain()
    _withdrawals()
    _to_the_chain()


def _from_the_venue() -> None:
    op.create_table(
        "venue_answer",
        sa.Column("reference", name, primary_key=True),
        sa.Column("step", sa.String(16), primary_key=True),
        sa.Column("record", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.Boolean, nullable=False),
        sa.Column("text", words, nullable=False),
    )


def _from_the_chain() -> None:
    op.create_table(
        "deposit_address",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("address", address, nullable=False, unique=True),
        sa.Column("account", sa.Integer, nullable=False),
        sa.Column("asset", name, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("account", "asset"),
    )
    op.create_table(
        "final_block",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", digest, nullable=False),
    )
    op.create_table(
        "deposit",
        sa.Column("reference", name, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("block_hash", digest, nullable=False),
        sa.Column("tx", digest, nullable=False),
        sa.Column("position", name, nullable=False),
        sa.Column("token", address, nullable=False),
        sa.Column("source", address, nullable=False),
        sa.Column("address", address, nullable=False),
        sa.Column("account", sa.Integer, nullable=False),
        sa.Column("asset", name, nullable=False),
        sa.Column("amount", Amount, nullable=False),
        sa.Column("credit", sa.BigInteger, nullable=False),
        sa.Column("posted", sa.Boolean, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("text", words, nullable=False),
    )
    op.create_index("ix_deposit_block", "deposit", ["block"])
    op.create_index("ix_deposit_state", "deposit", ["state"])


def _withdrawals() -> None:
    op.create_table(
        "withdrawal",
        sa.Column("id", name, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("account", sa.Integer, nullable=False),
        sa.Column("asset", name, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("fee", sa.BigInteger, nullable=False),
        sa.Column("intent", sa.LargeBinary, nullable=False),
        sa.Column("text", words, nullable=False),
        sa.Column("ending", sa.String(16), nullable=False),
        sa.Column("requested", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_withdrawal_state", "withdrawal", ["state"])
    op.create_table(
        "approval",
        sa.Column("intent", name, primary_key=True),
        sa.Column("approver", name, primary_key=True),
        sa.Column("approves", sa.Boolean, nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "address_intent",
        sa.Column("id", name, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("account", name, nullable=False),
        sa.Column("asset", name, nullable=False),
        sa.Column("destination", address, nullable=False),
        sa.Column("intent", sa.LargeBinary, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("text", words, nullable=False),
    )
    op.create_index(
        "ix_address_intent_destination", "address_intent", ["account", "asset", "destination"]
    )


def _to_the_chain() -> None:
    op.create_table(
        "outgoing",
        sa.Column("wallet", address, primary_key=True),
        sa.Column("nonce", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("reference", name, nullable=False, unique=True),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("gas", sa.BigInteger, nullable=False),
        sa.Column("most", Amount, nullable=False),
        sa.Column("tx", digest, nullable=False),
        sa.Column("gas_paid", Amount, nullable=False),
        sa.Column("booked", sa.Boolean, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_outgoing_state", "outgoing", ["state"])
    op.create_table(
        "attempt",
        sa.Column("tx", digest, primary_key=True),
        sa.Column("wallet", address, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("max_fee", Amount, nullable=False),
        sa.Column("tip", Amount, nullable=False),
        sa.Column("cancels", sa.Boolean, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_attempt_nonce", "attempt", ["wallet", "nonce"])
    op.create_table(
        "alarm",
        sa.Column("name", name, primary_key=True),
        sa.Column("text", words, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("stops", name, nullable=False),
        sa.Column("cleared", sa.BigInteger, nullable=False),
    )
