"""What came in a block, and whose it is. Pure.

An event is what a contract claims. What a token has moved is judged by the balance of the address
at the block and at the one before it: a token that takes a fee, or lies, is a person's business.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from msgspec import Struct

from custody.assets import ChainAssets
from custody.chains.node import Block, Movement
from custody.deposits.states import DepositState
from engine.model.money import INT64_MAX

MAX_POSITION: Final = 20
"""Longest position that a reference holds as it is, characters."""


class Owner(Struct, frozen=True):
    """Whose an address is. account: its id in the journal."""

    account: int
    asset: str


class Received(Struct, frozen=True):
    """A deposit as its final block tells it. amount: atomic units; credit: minor units. moved: of
    one that is mismatched, what the balance moved by, if no other movement had a part in that;
    else 0."""

    reference: str
    state: DepositState
    block: Block
    movement: Movement
    account: int
    asset: str
    amount: int
    credit: int
    text: str = ""
    moved: int = 0


def reference_of(chain: int, movement: Movement) -> str:
    """What a deposit is called everywhere: it does not change with the block that it is in."""
    position = movement.position
    if len(position) > MAX_POSITION:
        position = "x" + sha256(position.encode()).hexdigest()[: MAX_POSITION - 1]
    return f"deposit/{chain}/{movement.tx.hex()}/{position}"


def expected_changes(movements: Sequence[Movement]) -> dict[tuple[str, str], int]:
    """By (address, token), how far a block's events say that its balance has changed. What leaves
    an address of ours goes to another of ours."""
    changes: dict[tuple[str, str], int] = {}
    for m in movements:
        if m.token:
            changes[m.target, m.token] = changes.get((m.target, m.token), 0) + m.amount
    for m in movements:
        if (m.source, m.token) in changes:
            changes[m.source, m.token] -= m.amount
    return changes


def judge(
    chain: int,
    block: Block,
    movements: Sequence[Movement],
    owners: Mapping[str, Owner],
    treasury: frozenset[str],
    assets: ChainAssets,
    changes: Mapping[tuple[str, str], int],
    cold: str = "",
) -> list[Received]:
    """The deposits of a block.

    owners: of deposit addresses. treasury: addresses of the venue's own wallets, cold: that one of
    them which people send from. changes: by (address, token), how far balances really moved. What
    moves between addresses of ours is no deposit, and neither is a token that the venue does not
    know. What the others send is booked by who had it sent; of the cold one's this is all there is.
    """
    claimed = expected_changes(movements)
    found = []
    for m in movements:
        asset = assets.by_token.get(m.token)
        if asset is None or m.amount <= 0:
            continue
        if m.source == cold and m.target != cold:
            found.append(
                Received(
                    reference_of(chain, m), DepositState.INTERNAL, block, m, 0, asset.code,
                    m.amount, 0, "from the cold wallet",
                )
            )  # fmt: skip
        if m.source in owners or m.source in treasury:
            continue
        owner = owners.get(m.target)
        credit = asset.minor(m.amount)
        state, text, moved = DepositState.RECEIVED, "", 0
        where = (m.target, m.token)
        if m.token and changes[where] != claimed[where]:
            state = DepositState.MISMATCHED
            text = f"events say {claimed[where]}, the balance moved by {changes[where]}"
            moved = changes[where] if _is_alone(m, movements) else 0
        elif owner is None:
            state, text = DepositState.UNATTRIBUTED, "the address is nobody's"
        elif credit > INT64_MAX:
            state, text = DepositState.HELD, "more than the venue can count"
        elif credit < asset.min_deposit:
            state, text = DepositState.DUST, "less than the least deposit"
        found.append(
            Received(
                reference_of(chain, m), state, block, m, owner.account if owner else 0,
                asset.code, m.amount, min(credit, INT64_MAX), text, moved,
            )
        )  # fmt: skip
    return found


def _is_alone(movement: Movement, movements: Sequence[Movement]) -> bool:
    """Whether no other movement of the block is known to touch the same balance."""
    token, target = movement.token, movement.target
    return not any(
        m != movement and m.token == token and target in (m.source, m.target) for m in movements
    )
