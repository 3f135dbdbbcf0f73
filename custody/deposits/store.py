"""Deposits, the blocks they came in, and the addresses they came to, in the database."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from custody.chains.node import Block
from custody.deposits.judge import Owner, Received
from custody.deposits.states import SENT_AWAY, DepositState
from custody.store.custody_schema import addresses, deposits, final_blocks

KEPT_BLOCKS: Final = 10_000
"""Final blocks that are remembered: more than a day of Ethereum's, so that a chain that takes final
blocks back is followed to where it parted."""

FORGET_EVERY: Final = 100
"""Blocks between two times that old ones are forgotten."""

_OVER: Final = tuple(map(str, (DepositState.REVERSED, DepositState.REVERSING, *SENT_AWAY)))


def last_block(connection: Connection) -> tuple[int, bytes] | None:
    """Number and hash of the last block that was looked through; None before the first."""
    row = connection.execute(
        select(final_blocks).order_by(final_blocks.c.number.desc()).limit(1)
    ).first()
    return None if row is None else (row.number, row.hash)


def block_hash(connection: Connection, number: int) -> bytes | None:
    """The hash under which a block was looked through."""
    query = select(final_blocks.c.hash).where(final_blocks.c.number == number)
    row = connection.execute(query).first()
    return None if row is None else bytes(row.hash)


def keep_block(connection: Connection, block: Block) -> None:
    """A block has been looked through."""
    connection.execute(insert(final_blocks).values(number=block.number, hash=block.hash))
    if block.number % FORGET_EVERY == 0:
        connection.execute(
            delete(final_blocks).where(final_blocks.c.number <= block.number - KEPT_BLOCKS)
        )


def forget_blocks(connection: Connection, above: int) -> None:
    """What was looked through above a block never was, after all."""
    connection.execute(delete(final_blocks).where(final_blocks.c.number > above))


def owners(connection: Connection) -> dict[str, Owner]:
    """Every deposit address with its owner."""
    rows = connection.execute(select(addresses))
    return {row.address: Owner(row.account, row.asset) for row in rows}


def keep_received(connection: Connection, found: Iterable[Received]) -> None:
    """New deposits. One that was reversed and has come again is another, by a number behind it;
    of one that has been sent away again, or is about to be, the arrival was booked once."""
    rows = []
    for deposit in found:
        reference = deposit.reference
        time = 1
        while (there := state_of(connection, reference)) is not None:
            if there in SENT_AWAY:
                break
            assert there in (DepositState.REVERSING, DepositState.REVERSED), f"{reference} twice"
            time += 1
            reference = f"{deposit.reference}/{time}"
        if there is not None:
            continue
        m = deposit.movement
        rows.append({
            "reference": reference, "state": str(deposit.state), "block": deposit.block.number,
            "block_hash": deposit.block.hash, "tx": m.tx, "position": m.position,
            "token": m.token, "source": m.source, "address": m.target,
            "account": deposit.account, "asset": deposit.asset, "amount": deposit.amount,
            "credit": deposit.credit, "posted": False,
            "time": deposit.block.time, "text": deposit.text, "moved": deposit.moved, "was": "",
        })  # fmt: skip
    if rows:
        connection.execute(insert(deposits), rows)


def state_of(connection: Connection, reference: str) -> DepositState | None:
    """Where a deposit is; None if there is none of that reference."""
    query = select(deposits.c.state).where(deposits.c.reference == reference)
    row = connection.execute(query).first()
    return None if row is None else DepositState(row.state)


def in_state(
    connection: Connection, states: Sequence[DepositState], limit: int, *, unposted: bool = False
) -> Sequence[Row[Any]]:
    """Deposits in one of `states`, the oldest first; or of those only what the ledger has not."""
    query = select(deposits).where(deposits.c.state.in_([str(state) for state in states]))
    if unposted:
        query = query.where(~deposits.c.posted)
    return connection.execute(
        query.order_by(deposits.c.block, deposits.c.reference).limit(limit)
    ).all()


def above(connection: Connection, block: int) -> Sequence[Row[Any]]:
    """Deposits of later blocks that still stand."""
    query = select(deposits).where(deposits.c.block > block, deposits.c.state.not_in(_OVER))
    return connection.execute(query.order_by(deposits.c.reference)).all()


def move(
    connection: Connection, references: Iterable[str], to: DepositState, text: str = ""
) -> None:
    """Deposits have come further."""
    rows = [{"name": reference} for reference in references]
    if not rows:
        return
    values = {"state": str(to)} | ({"text": text} if text else {})
    change = update(deposits).where(deposits.c.reference == bindparam("name"))
    connection.execute(change.values(**values), rows)


def find(connection: Connection, reference: str) -> Row[Any] | None:
    """A deposit by its reference."""
    return connection.execute(select(deposits).where(deposits.c.reference == reference)).first()


def decide(
    connection: Connection, row: Row[Any], to: DepositState, text: str, **values: object
) -> None:
    """What people decided on a deposit. values: what else is so by that."""
    change = update(deposits).where(
        deposits.c.reference == row.reference, deposits.c.state == row.state
    )
    assert connection.execute(change.values(state=str(to), text=text, **values)).rowcount == 1


def mark_posted(connection: Connection, references: Iterable[str]) -> None:
    """The ledger has these."""
    rows = [{"name": reference} for reference in references]
    if rows:
        change = update(deposits).where(deposits.c.reference == bindparam("name"))
        connection.execute(change.values(posted=True), rows)


def dust(connection: Connection, account: int, asset: str) -> Sequence[Row[Any]]:
    """What an account has that is too little by itself."""
    query = select(deposits).where(
        deposits.c.state == str(DepositState.DUST),
        deposits.c.account == account,
        deposits.c.asset == asset,
    )
    return connection.execute(query.order_by(deposits.c.reference)).all()


def counts(connection: Connection) -> dict[str, int]:
    """State to how many deposits are in it; every state is there."""
    query = select(deposits.c.state, func.count()).group_by(deposits.c.state)
    there = {row[0]: row[1] for row in connection.execute(query)}
    return {str(state): there.get(str(state), 0) for state in DepositState}
