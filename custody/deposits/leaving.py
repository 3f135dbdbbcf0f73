"""What transactions of ours took out of an address in a block, so that what came can be told.

Nodes tell what came to our addresses, and not what left them. Which transactions of ours are in a
block is not guessed: their nonces are used up there, and were not in the block before.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Engine, Row, select

from custody.chains.node import Block, Receipt
from custody.outgoing import store
from custody.outgoing.states import OutgoingState, Purpose
from custody.signing.requests import Pay, Return, read_purpose
from custody.store.custody_schema import outgoing
from custody.store.database import for_reading

_TO_OTHERS = [str(purpose) for purpose in (Purpose.WITHDRAWAL, Purpose.RETURN)]
"""All others go to addresses of ours, of which nodes tell."""


class Agreed(Protocol):
    """What enough nodes say: custody.chains.quorum.Witnesses. None: too few do."""

    async def receipt(self, tx: bytes) -> Receipt | None:
        """What became of a transaction."""
        ...

    async def nonce(self, address: str, block: bytes) -> int | None:
        """How many transactions an address had sent at the end of a block."""
        ...


async def took_out(
    database: Engine, agreed: Agreed, block: Block, address: str, token: str
) -> int | None:
    """Atomic units of a token that transactions of ours took from an address to others in a block;
    None if too few nodes know. Raises Disagreement."""
    theirs = (outgoing.c.wallet == address, outgoing.c.purpose.in_(_TO_OTHERS))
    with for_reading(database).begin() as connection:
        if not connection.execute(select(outgoing.c.nonce).where(*theirs).limit(1)).first():
            return 0
    before = await agreed.nonce(address, block.parent)
    after = await agreed.nonce(address, block.hash)
    if before is None or after is None:
        return None
    with for_reading(database).begin() as connection:
        here = (outgoing.c.nonce >= before, outgoing.c.nonce < after)
        rows = connection.execute(select(outgoing).where(*theirs, *here)).all()
    total = 0
    for row in rows:
        if amount := _amount(row, token):
            succeeded = await _succeeded(database, agreed, row)
            if succeeded is None:
                return None
            total += amount if succeeded else 0
    return total


def _amount(row: Row[Any], token: str) -> int:
    """What a transaction is to take out of a token."""
    purpose = read_purpose(row.request)
    assert isinstance(purpose, Pay | Return)
    if purpose.intent.token != token:
        return 0
    return purpose.intent.amount if isinstance(purpose, Pay) else purpose.amount


async def _succeeded(database: Engine, agreed: Agreed, row: Row[Any]) -> bool | None:
    """Whether a transaction did what it was for; None if nobody says."""
    if row.tx:
        return bool(row.state == str(OutgoingState.DONE))
    with for_reading(database).begin() as connection:
        forms: Sequence[Row[Any]] = store.attempts_of(connection, row.wallet, row.nonce)
    for form in forms:
        receipt = await agreed.receipt(form.tx)
        if receipt is not None:
            return receipt.succeeded and not form.cancels
    return None
