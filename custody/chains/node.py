"""A chain as one of its nodes tells it: what is asked of a node, and how it may fail. Pure.

A node may be gone, slow, behind the others, or lying. Nothing here is believed because one node
says so: custody.chains.quorum says who has to agree. Amounts are in atomic units (wei, a token's
smallest unit); addresses are `0x` and 40 lower-case hex digits; times are ns UTC.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from engine.model.errors import FixgateError

NATIVE: Final = ""
"""Stands for the chain's own coin where a token's address would stand."""


class Block(Struct, frozen=True):
    """A block by its header. hash and parent: 32 bytes each."""

    number: int
    hash: bytes
    parent: bytes
    time: int


class Movement(Struct, frozen=True):
    """Coins that a transaction of a block is said to have brought to `target`.

    tx: its hash. position: where inside the transaction, the same in whatever block it ends up:
    `value`, `trace/0/2` of an internal call, or `log/3` of its own logs. amount: what the event
    claims; whether a token keeps its word is judged by balances.
    """

    tx: bytes
    position: str
    token: str
    source: str
    target: str
    amount: int


class Receipt(Struct, frozen=True):
    """What became of a transaction that is in a block. gas_price: paid for each unit, wei."""

    tx: bytes
    block: bytes
    number: int
    succeeded: bool
    gas_used: int
    gas_price: int


class Fees(Struct, frozen=True):
    """What a unit of gas costs now, wei. base: of the next block. tip: what is usually added."""

    base: int
    tip: int


class Call(Struct, frozen=True):
    """A transaction that is only tried: to see what it would need, and whether it would succeed."""

    source: str
    target: str
    value: int = 0
    data: bytes = b""


class Refusal(StrEnum):
    """Why a node did not take a transaction. A node's words prove nothing: whoever is refused asks
    for the transaction by its hash, and for the account's nonce."""

    KNOWN = "already known"
    NONCE_TOO_LOW = "nonce too low"
    UNDERPRICED = "underpriced"
    NO_FUNDS = "insufficient funds"
    OTHER = "refused"


class NodeFailed(FixgateError):
    """No answer, or none that can be read: whether the node did what it was asked is unknown."""


class NodeRefused(FixgateError):
    """The node answered, and said no."""

    def __init__(self, refusal: Refusal, text: str) -> None:
        super().__init__(f"{refusal}: {text}")
        self.refusal = refusal


class CallFails(FixgateError):
    """The transaction that was tried would revert."""


class Node(Protocol):
    """One node. Every method raises NodeFailed; None means that this node does not know."""

    name: str

    async def head(self) -> Block:
        """The latest block."""
        ...

    async def finalized(self) -> Block:
        """The latest block that the chain calls final."""
        ...

    async def header(self, number: int) -> Block | None:
        """The block of that number on the node's branch."""
        ...

    async def movements(
        self, block: bytes, targets: Collection[str]
    ) -> tuple[Movement, ...] | None:
        """What came to one of `targets` in the block of that hash, ordered by tx and position;
        None if the node has no such block. Transactions that failed moved nothing."""
        ...

    async def balance(self, address: str, token: str, block: bytes) -> int | None:
        """What an address has at the end of the block of that hash."""
        ...

    async def nonce(self, address: str, block: bytes | None = None) -> int | None:
        """How many transactions an address has sent: at the head, or at the block of that hash."""
        ...

    async def receipt(self, tx: bytes) -> Receipt | None:
        """The receipt of a transaction on the node's branch. None is never "failed"."""
        ...

    async def knows(self, tx: bytes) -> bool:
        """Whether a transaction is in the node's pool or on its branch."""
        ...

    async def fees(self) -> Fees:
        """What gas costs now."""
        ...

    async def gas(self, call: Call) -> int:
        """How much gas a call takes. Raises CallFails too."""
        ...

    async def broadcast(self, raw: bytes) -> None:
        """Hand a signed transaction over, once: it is never sent again by itself. Raises
        NodeRefused too. After NodeFailed the transaction may be under way."""
        ...
