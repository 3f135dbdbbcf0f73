"""The tables of everything but the ledger; what a release adds is a script in migrations/versions.

| table | a row is |
|---|---|
| venue_answer | what the venue decided on a reference, as the journal says |
| deposit_address | an address of an account, watched for an asset |
| final_block | a block that was final and has been looked through |
| deposit | coins that came, from the block that was final |
| withdrawal | a withdrawal, from its request to its end |
| approval | an approver's word on an intent |
| decision | an intent that people decide on, withdrawals apart |
| policy | a policy that was agreed on, the configuration's first |
| outgoing | a transaction of one of our wallets, by its nonce |
| attempt | a signed form of it; all of one outgoing have its nonce |
| alarm | something that a person has to look at |
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from custody.store.amount import Amount
from custody.store.schema import metadata

NAME = String(120)
WORDS = String(500)
ADDRESS = String(42)
HASH = LargeBinary(32)

answers = Table(
    "venue_answer",
    metadata,
    Column("reference", NAME, primary_key=True),
    Column("step", String(16), primary_key=True),  # see custody.answers.Step
    Column("record", BigInteger, nullable=False),
    Column("taken", Boolean, nullable=False),  # False: the venue refused it
    Column("text", WORDS, nullable=False),
)

addresses = Table(
    "deposit_address",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # the child of the xpub
    Column("address", ADDRESS, nullable=False, unique=True),
    Column("account", Integer, nullable=False),  # its id in the journal
    Column("asset", NAME, nullable=False),
    Column("time", BigInteger, nullable=False),  # ns UTC
    UniqueConstraint("account", "asset"),
)

final_blocks = Table(
    "final_block",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", HASH, nullable=False),
)

deposits = Table(
    "deposit",
    metadata,
    Column("reference", NAME, primary_key=True),
    Column("state", String(16), nullable=False),  # see custody.deposits.states
    Column("block", BigInteger, nullable=False),
    Column("block_hash", HASH, nullable=False),
    Column("tx", HASH, nullable=False),
    Column("position", NAME, nullable=False),
    Column("token", ADDRESS, nullable=False),  # empty: the chain's own coin
    Column("source", ADDRESS, nullable=False),
    Column("address", ADDRESS, nullable=False),
    Column("account", Integer, nullable=False),  # 0: nobody's
    Column("asset", NAME, nullable=False),  # empty: none of ours
    Column("amount", Amount, nullable=False),  # atomic units of the chain
    Column("credit", BigInteger, nullable=False),  # minor units of the venue
    Column("posted", Boolean, nullable=False),  # whether the ledger has it
    Column("time", BigInteger, nullable=False),  # ns UTC, of its block
    Column("text", WORDS, nullable=False),
    Column("moved", Amount, nullable=False, server_default="0"),  # see custody.deposits.judge
    Column("was", String(16), nullable=False, server_default=""),  # the state before RETURNING
    Index("ix_deposit_state", "state"),
    Index("ix_deposit_block", "block"),
)

withdrawals = Table(
    "withdrawal",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("state", String(16), nullable=False),  # see custody.withdrawals.states
    Column("account", Integer, nullable=False),  # its id in the journal
    Column("asset", NAME, nullable=False),
    Column("amount", BigInteger, nullable=False),  # minor units of the venue
    Column("fee", BigInteger, nullable=False),
    Column("intent", LargeBinary, nullable=False),  # its canonical text
    Column("text", WORDS, nullable=False),  # why it is where it is
    Column("ending", String(16), nullable=False),  # the state it will end in once it is released
    Column("requested", BigInteger, nullable=False),  # ns UTC
    Column("changed", BigInteger, nullable=False),  # ns UTC
    Index("ix_withdrawal_state", "state"),
)

approvals = Table(
    "approval",
    metadata,
    Column("intent", NAME, primary_key=True),
    Column("approver", NAME, primary_key=True),
    Column("approves", Boolean, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    Column("time", BigInteger, nullable=False),  # ns UTC
)

decisions = Table(
    "decision",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("state", String(16), nullable=False),  # see custody.decisions.states
    Column("kind", String(16), nullable=False),  # see custody.policy.intents.kind_of_type
    Column("account", NAME, nullable=False),  # its name; empty: of no account
    Column("asset", NAME, nullable=False),
    Column("destination", ADDRESS, nullable=False),
    Column("subject", NAME, nullable=False),  # what only one at a time may be about; or empty
    Column("intent", LargeBinary, nullable=False),  # its canonical text
    Column("policy", LargeBinary, nullable=False),  # the whole of a new one; else empty
    Column("text", WORDS, nullable=False),  # why it is where it is
    Column("requested", BigInteger, nullable=False),  # ns UTC
    Column("noted", BigInteger, nullable=False),  # ns UTC, by the signer's clock; 0: not yet
    Column("changed", BigInteger, nullable=False),  # ns UTC
    Index("ix_decision_state", "state"),
    Index("ix_decision_place", "account", "asset", "destination"),
)

policies = Table(
    "policy",
    metadata,
    Column("line", Integer, primary_key=True, autoincrement=False),  # of the signer's log; 0: first
    Column("intent", NAME, nullable=False, unique=True),  # that made it; empty for the first
    Column("policy", LargeBinary, nullable=False),  # see custody.policy.policy.policy_text
    Column("noted", BigInteger, nullable=False),  # ns UTC, from which its delay counts
)

outgoing = Table(
    "outgoing",
    metadata,
    Column("wallet", ADDRESS, primary_key=True),
    Column("nonce", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),  # see custody.outgoing.states
    Column("purpose", String(16), nullable=False),  # see custody.outgoing.states
    Column("reference", NAME, nullable=False, unique=True),  # what it is for, once
    Column("request", LargeBinary, nullable=False),  # what the signer is asked, without gas
    Column("gas", BigInteger, nullable=False),  # limit, units of gas
    Column("most", Amount, nullable=False),  # that it may offer, wei a unit of gas
    Column("tx", HASH, nullable=False),  # the attempt that is final; empty before
    Column("gas_paid", Amount, nullable=False),  # wei; 0 before
    Column("block", BigInteger, nullable=False, server_default="0"),  # that it is final in
    Column("booked", Boolean, nullable=False),  # whether the ledger has what it moved
    Column("changed", BigInteger, nullable=False),  # ns UTC
    Index("ix_outgoing_state", "state"),
    Index("ix_outgoing_block", "block"),
)

attempts = Table(
    "attempt",
    metadata,
    Column("tx", HASH, primary_key=True),
    Column("wallet", ADDRESS, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("max_fee", Amount, nullable=False),  # wei a unit of gas
    Column("tip", Amount, nullable=False),
    Column("cancels", Boolean, nullable=False),  # pays nobody: it only uses the nonce up
    Column("time", BigInteger, nullable=False),  # ns UTC
    Index("ix_attempt_nonce", "wallet", "nonce"),
)

alarms = Table(
    "alarm",
    metadata,
    Column("name", NAME, primary_key=True),  # one a thing, however often it is met
    Column("text", WORDS, nullable=False),
    Column("since", BigInteger, nullable=False),  # ns UTC
    Column("stops", NAME, nullable=False),  # what waits until it is cleared; empty: nothing
    Column("cleared", BigInteger, nullable=False),  # ns UTC, 0: not yet
)
