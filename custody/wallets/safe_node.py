"""What a node says of a Safe: its owners, its next nonce, what has become of a transaction.

One node is asked, and may lie: what it says is shown to people, who have other sources, and the
Safe itself checks every signature again. The ledger never learns anything from here.
"""

from typing import Final

from eth_hash.auto import keccak
from msgspec import Struct

from custody.chains.calldata import WORD
from custody.chains.endpoint import BLOCK_ANSWER, Endpoint, RpcError
from custody.chains.evm import EvmNode
from custody.chains.node import NodeFailed
from custody.chains.refusals import is_failed_call
from custody.chains.wire import Data, Hash, Log, Quantity
from custody.wallets.safe import MAX_OWNERS, VERSION, Change, Event, SafeRefused

OWNERS: Final = keccak(b"getOwners()")[:4]
THRESHOLD: Final = keccak(b"getThreshold()")[:4]
NONCE: Final = keccak(b"nonce()")[:4]
VERSION_OF: Final = keccak(b"VERSION()")[:4]
MODULES: Final = keccak(b"getModulesPaginated(address,uint256)")[:4]
"""Selectors of a Safe's views."""

FIRST_MODULE: Final = (1).to_bytes(WORD, "big")
"""Where its list of modules begins."""

GUARD_SLOT: Final = keccak(b"guard_manager.guard.address")
"""Where it keeps its guard."""


class SafeState(Struct, frozen=True):
    """A Safe on the chain. modules: contracts that move its coins without any signature. guard: one
    that is asked about each transaction; empty if there is none."""

    owners: tuple[str, ...]
    threshold: int
    nonce: int
    modules: tuple[str, ...]
    guard: str


class _Receipt(Struct, rename="camel"):
    status: Quantity
    block_hash: Hash
    logs: list[Log]


class _Parent(Struct, rename="camel"):
    parent_hash: Hash


class Outcome(Struct, frozen=True):
    """What became of the transaction that executed a Safe's. change: of both wallets in its
    block."""

    succeeded: bool
    events: tuple[Event, ...]
    change: Change


class SafeNode:
    """A node that is asked about one Safe. Every method raises NodeFailed."""

    def __init__(self, endpoint: Endpoint, node: EvmNode, safe: str) -> None:
        """node: of the same endpoint."""
        self._endpoint = endpoint
        self.node = node
        self._safe = safe

    async def state(self) -> SafeState:
        """The Safe now. Raises SafeRefused if there is none of the version that is known here."""
        await self.node.head()  # it checks the chain
        try:
            version = await self._view(VERSION_OF)
        except RpcError as error:
            if not is_failed_call(error.code, error.text):
                raise
            version = b""
        if version[2 * WORD :].rstrip(b"\0") != VERSION.encode():
            raise SafeRefused(f"{self._safe} is no Safe {VERSION}")
        asked = MODULES + FIRST_MODULE + MAX_OWNERS.to_bytes(WORD, "big")
        guard = await self._storage(GUARD_SLOT)
        return SafeState(
            self._addresses(await self._view(OWNERS)),
            self._number(await self._view(THRESHOLD)),
            self._number(await self._view(NONCE)),
            self._addresses(await self._view(asked)),
            "0x" + guard[-20:].hex() if any(guard) else "",
        )

    async def outcome(self, tx: bytes, token: str, hot: str) -> Outcome | None:
        """What became of a transaction; None if it is in no block yet."""
        await self.node.head()
        found = await self._endpoint.look(
            "eth_getTransactionReceipt", ("0x" + tx.hex(),), _Receipt, BLOCK_ANSWER
        )
        if found is None:
            return None
        asked = ("0x" + found.block_hash.hex(), False)
        block = await self._endpoint.ask("eth_getBlockByHash", asked, _Parent)
        safe_before, safe_after = await self._change(self._safe, token, block, found)
        hot_before, hot_after = await self._change(hot, token, block, found)
        events = tuple(
            Event(str(log.address), tuple(bytes(topic) for topic in log.topics))
            for log in found.logs
        )
        change = Change(safe_before, safe_after, hot_before, hot_after)
        return Outcome(found.status == 1, events, change)

    async def close(self) -> None:
        """End all connections."""
        await self._endpoint.close()

    # --- what is asked --------------------------------------------------------------------

    async def _change(
        self, address: str, token: str, block: _Parent, found: _Receipt
    ) -> tuple[int, int]:
        before = await self.node.balance(address, token, bytes(block.parent_hash))
        after = await self.node.balance(address, token, bytes(found.block_hash))
        if before is None or after is None:
            raise NodeFailed(f"{self.node.name} does not have the balances of that block any more")
        return before, after

    async def _view(self, data: bytes) -> bytes:
        call = {"to": self._safe, "data": "0x" + data.hex()}
        return bytes(await self._endpoint.ask("eth_call", (call, "latest"), Data))

    async def _storage(self, slot: bytes) -> bytes:
        asked = (self._safe, "0x" + slot.hex(), "latest")
        return bytes(await self._endpoint.ask("eth_getStorageAt", asked, Data))

    def _number(self, answer: bytes) -> int:
        if len(answer) != WORD:
            raise self._malformed()
        return int.from_bytes(answer, "big")

    def _addresses(self, answer: bytes) -> tuple[str, ...]:
        """A list of addresses; the first word says where it is."""
        at = int.from_bytes(answer[:WORD], "big")
        count = int.from_bytes(answer[at : at + WORD], "big")
        end = at + WORD + count * WORD
        if not 0 < at < len(answer) or count > MAX_OWNERS or end > len(answer):
            raise self._malformed()
        words = (answer[k : k + WORD] for k in range(at + WORD, end, WORD))
        return tuple("0x" + word[12:].hex() for word in words)

    def _malformed(self) -> NodeFailed:
        return NodeFailed(f"{self.node.name}: {self._safe} does not answer as a Safe does")
