"""What nodes say no with, in the words of geth, erigon, nethermind, reth, besu and anvil. Pure.

No standard has these texts; nodes change them between releases. They are good for a log and for a
guess. What has become of a transaction is asked for by its hash and its account's nonce.
"""

from collections.abc import Sequence
from typing import Final

from custody.chains.node import Refusal

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
LIMIT_EXCEEDED: Final = -32005
RESOURCE_NOT_FOUND: Final = -32001
"""Codes of JSON-RPC 2.0, and the last two of EIP-1474."""

REVERTED: Final = 3
"""Code of geth's for a call that reverts; the others took it over."""

NOT_THE_POOL: Final = frozenset(
    {PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INTERNAL_ERROR, LIMIT_EXCEEDED}
)
"""With these a node speaks of itself, or of the question, and not of the transaction."""

_WORDS: Final[Sequence[tuple[Refusal, tuple[str, ...]]]] = (
    (
        Refusal.KNOWN,
        (
            "already known",  # geth, erigon, nethermind, reth
            "alreadyknown",  # older nethermind
            "known transaction",  # older geth, besu
            "already imported",  # anvil, OpenEthereum
            "existing tx with same hash",  # erigon
            "already exists",
        ),
    ),
    (
        Refusal.NONCE_TOO_LOW,
        (
            "nonce too low",  # geth, erigon, reth, anvil, nethermind
            "nonce is too low",  # OpenEthereum
            "oldnonce",  # older nethermind
            "below sender account nonce",  # besu
            "nonce already used",
        ),
    ),
    (
        Refusal.UNDERPRICED,
        (
            "underpriced",  # geth, erigon, reth, anvil, nethermind
            "replacementnotallowed",  # older nethermind
            "could not replace existing",  # erigon
            "to replace existing",  # reth
            "feetoolow",  # older nethermind
            "fee too low",  # erigon
            "less than block base fee",  # geth, anvil
            "lower than the current base fee",  # besu
            "below configured minimum",  # besu
            "price supplied is too low",  # OpenEthereum
        ),
    ),
    (
        Refusal.NO_FUNDS,
        (
            "insufficient funds",  # geth, erigon, reth, anvil, nethermind
            "insufficientfunds",  # older nethermind
            "exceeds account balance",  # besu
            "overshot",  # geth: queued transactions of the account together
        ),
    ),
)
"""The first that fits counts."""

_CALL_FAILS: Final = (
    "revert",  # all of them
    "vm execution error",  # older nethermind
    "insufficient",  # funds, balance
    "out of gas",
    "gas required exceeds",  # geth: whatever it is given, it is used up
    "outofgas",  # reth
    "invalid opcode",
    "opcodenotfound",
    "stack underflow",
    "invalid jump",
)

_NO_SUCH_BLOCK: Final = (
    "header for hash not found",  # geth
    "header not found",
    "block not found",  # erigon, reth
    "unknown block",
    "cannot find block",
    "could not be found",  # nethermind
)


def refusal_of(text: str) -> Refusal:
    """Why a transaction was not taken, as far as a node's words tell."""
    low = text.lower()
    for refusal, words in _WORDS:
        if any(word in low for word in words):
            return refusal
    return Refusal.OTHER


def is_of_the_pool(code: int, text: str) -> bool:
    """Whether an error speaks of the transaction, and not of the node."""
    return code not in NOT_THE_POOL or refusal_of(text) is not Refusal.OTHER


def is_failed_call(code: int, text: str) -> bool:
    """Whether an error means that the transaction that was tried would revert."""
    low = text.lower()
    return code == REVERTED or any(word in low for word in _CALL_FAILS)


def is_no_such_block(code: int, text: str) -> bool:
    """Whether an error means that the node has no block of the hash that it was asked for."""
    low = text.lower()
    return code == RESOURCE_NOT_FOUND or any(words in low for words in _NO_SUCH_BLOCK)
