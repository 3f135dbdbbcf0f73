"""A node of an Ethereum chain: custody.chains.node.Node by the execution API.

Blocks are asked for by hash wherever the question is what they hold: by number a node that lags, or
that is in the middle of a reorganisation, answers with nothing, and that would read as "nothing
came". Nothing that a node says is taken for more than its answer: two of them have to agree.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, TypeVar

from eth_hash.auto import keccak

from custody.chains.calldata import balance_of
from custody.chains.endpoint import BLOCK_ANSWER, SMALL_ANSWER, Endpoint, RpcError
from custody.chains.evidence import check_header, check_receipts, check_transactions
from custody.chains.movements import (
    Payment,
    check_parts,
    flat_payments,
    movements_of,
    nested_payments,
)
from custody.chains.node import (
    Block,
    Call,
    CallFails,
    Fees,
    Movement,
    NodeFailed,
    NodeRefused,
    Receipt,
)
from custody.chains.refusals import (
    METHOD_NOT_FOUND,
    is_failed_call,
    is_no_such_block,
    is_of_the_pool,
    refusal_of,
)
from custody.chains.wire import (
    BlockReceipt,
    Data,
    FeeHistory,
    FlatTrace,
    FullBlock,
    Hash,
    Header,
    KnownTransaction,
    Malformed,
    OneReceipt,
    Quantity,
    TracedTransaction,
)
from engine.model.clock import NANOS_PER_SECOND
from engine.model.errors import OperatorError

T = TypeVar("T")

USUAL_TIP: Final = 1_000_000_000
"""What is added to the base fee where a node has no opinion, wei a unit of gas: 1 gwei."""

ELASTICITY: Final = 2
"""A full block has this many times the gas that leaves the base fee as it is, EIP-1559."""

CHANGE: Final = 8
"""A full block raises the base fee by one part in so many, EIP-1559."""


class Traces(StrEnum):
    """How a node tells what contracts have paid. NONE: not at all, so that a deposit which a
    contract pays is not seen. DEBUG: debug_traceBlockByHash with callTracer (geth, reth, erigon).
    FLAT: trace_block (nethermind, erigon, reth); a block full of deep calls may exceed its limit.
    """

    NONE = "none"
    DEBUG = "debug"
    FLAT = "flat"


class EvmNode:
    """Node over an endpoint.

    chain: the chain's id (EIP-155), which the node must have. traces: see there. proves: whether
    blocks are hashed again, which is off only for a chain whose headers or transactions have
    fields of their own; without it a node's word is taken for what a block holds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        chain: int,
        traces: Traces = Traces.NONE,
        *,
        proves: bool = True,
    ) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._chain = chain
        self._traces = traces
        self._proves = proves
        self._is_checked = False

    async def close(self) -> None:
        """End all connections."""
        await self._endpoint.close()

    # --- blocks ---------------------------------------------------------------------------

    async def head(self) -> Block:
        """See Node."""
        return await self._tagged("latest")

    async def finalized(self) -> Block:
        """See Node."""
        return await self._tagged("finalized")

    async def safe(self) -> Block:
        """The latest block that is not expected to be taken back; nothing is credited by it."""
        return await self._tagged("safe")

    async def header(self, number: int) -> Block | None:
        """See Node."""
        header = await self._header(hex(number))
        if header is not None and header.number != number:
            raise self._lie(f"block {header.number} for {number}")
        return None if header is None else _block(header)

    async def _tagged(self, tag: str) -> Block:
        try:
            header = await self._header(tag)
        except RpcError as error:
            raise NodeFailed(f"{error}. {_HINT.format(tag=tag)}") from None
        if header is None:
            raise NodeFailed(f"{self.name}: {_HINT.format(tag=tag)}")
        return _block(header)

    async def _header(self, number: str) -> Header | None:
        asked = (number, False)
        header = await self._look("eth_getBlockByNumber", asked, Header)
        if header is not None and self._proves:
            with self._reading():
                check_header(header)
        return header

    # --- what came ------------------------------------------------------------------------

    async def movements(
        self, block: bytes, targets: Collection[str]
    ) -> tuple[Movement, ...] | None:
        """See Node. Internal payments are seen if the node traces."""
        name = _hex(block)
        found = await self._look("eth_getBlockByHash", (name, True), FullBlock, BLOCK_ANSWER)
        receipts = await self._look_in_block("eth_getBlockReceipts", (name,), list[BlockReceipt])
        if found is None or receipts is None:
            return None
        if found.hash != block:
            raise self._lie("another block than the one that was asked for")
        with self._reading():
            check_parts(block, found.transactions, receipts)
            if self._proves:
                check_header(found)
                check_transactions(found, found.transactions)
                check_receipts(found, receipts)
        payments = await self._payments(found, targets)
        if payments is None:
            return None
        return movements_of(found.transactions, receipts, payments, targets)

    async def _payments(
        self, block: FullBlock, targets: Collection[str]
    ) -> Sequence[Payment] | None:
        if self._traces is Traces.NONE or not block.transactions:
            return ()
        if self._traces is Traces.DEBUG:
            asked = (_hex(block.hash), {"tracer": "callTracer"})
            nested = await self._look_in_block(
                "debug_traceBlockByHash", asked, list[TracedTransaction]
            )
            if nested is None:
                return None
            with self._reading():
                return nested_payments(block.transactions, nested, targets)
        number = (hex(block.number),)  # it has no way to ask by hash; each trace says its block's
        flat = await self._look_in_block("trace_block", number, list[FlatTrace])
        if flat is None:
            return None
        with self._reading():
            return flat_payments(block.hash, block.transactions, flat, targets)

    # --- accounts -------------------------------------------------------------------------

    async def balance(self, address: str, token: str, block: bytes) -> int | None:
        """See Node."""
        at = {"blockHash": _hex(block)}  # EIP-1898
        if not token:
            coins = await self._look_in_block("eth_getBalance", (address, at), Quantity)
            return None if coins is None else int(coins)
        asked = ({"to": token, "data": _hex(balance_of(address))}, at)
        answer = await self._look_in_block("eth_call", asked, Data)
        if answer is None:
            return None
        if len(answer) != 32:
            raise self._lie(f"a balance of {token} that has {len(answer)} bytes: is it a token?")
        return int.from_bytes(answer, "big")

    async def nonce(self, address: str, block: bytes | None = None) -> int | None:
        """See Node."""
        at = "latest" if block is None else {"blockHash": _hex(block)}
        count = await self._look_in_block("eth_getTransactionCount", (address, at), Quantity)
        return None if count is None else int(count)

    # --- transactions ---------------------------------------------------------------------

    async def receipt(self, tx: bytes) -> Receipt | None:
        """See Node."""
        asked = (_hex(tx),)
        found = await self._look("eth_getTransactionReceipt", asked, OneReceipt, BLOCK_ANSWER)
        if found is None or found.block_hash is None:
            return None
        if found.transaction_hash != tx:
            raise self._lie("the receipt of another transaction")
        if found.status not in (0, 1):
            raise self._lie("a receipt that says neither success nor failure")
        if found.block_number is None or found.effective_gas_price is None:
            raise self._lie("a receipt without its block's number, or without a price")
        return Receipt(
            tx, bytes(found.block_hash), int(found.block_number), found.status == 1,
            int(found.gas_used), int(found.effective_gas_price),
        )  # fmt: skip

    async def knows(self, tx: bytes) -> bool:
        """See Node."""
        asked = (_hex(tx),)
        found = await self._look("eth_getTransactionByHash", asked, KnownTransaction, BLOCK_ANSWER)
        if found is not None and found.hash != tx:
            raise self._lie("another transaction")
        return found is not None

    async def fees(self) -> Fees:
        """See Node."""
        return Fees(await self._base(), await self._tip())

    async def _base(self) -> int:
        try:
            history = await self._ask("eth_feeHistory", ("0x1", "latest", ()), FeeHistory)
        except RpcError as error:
            if error.code != METHOD_NOT_FOUND:
                raise
            header = await self._header("latest")
            if header is None or header.base_fee_per_gas is None:
                raise self._lie("no base fee: its chain has none (EIP-1559)") from None
            return next_base(header.base_fee_per_gas, header.gas_used, header.gas_limit)
        if len(history.base_fee_per_gas) != 2:
            raise self._lie("a fee history of another length than the one that was asked for")
        return int(history.base_fee_per_gas[1])

    async def _tip(self) -> int:
        try:
            return int(await self._ask("eth_maxPriorityFeePerGas", (), Quantity))
        except RpcError:
            return USUAL_TIP

    async def gas(self, call: Call) -> int:
        """See Node. A token that answers false would take the gas and move nothing; so would a
        transfer of a token that is not there."""
        asked = {
            "from": call.source, "to": call.target, "value": hex(call.value),
            "data": _hex(call.data),
        }  # fmt: skip
        try:
            if call.data:
                answer = await self._ask("eth_call", (asked, "latest"), Data)
                await self._judge(call.target, answer)
            return int(await self._ask("eth_estimateGas", (asked,), Quantity))
        except RpcError as error:
            if is_failed_call(error.code, error.text):
                raise CallFails(f"{self.name}: {error.text}") from None
            raise

    async def _judge(self, target: str, answer: bytes) -> None:
        if len(answer) == 32 and not any(answer):
            raise CallFails(f"{self.name}: {target} answers false")
        if not answer and not await self._ask("eth_getCode", (target, "latest"), Data):
            raise CallFails(f"{self.name}: there is no contract at {target}")

    async def broadcast(self, raw: bytes) -> None:
        """See Node."""
        await self._check_chain()
        try:
            tx = await self._endpoint.ask("eth_sendRawTransaction", (_hex(raw),), Hash, urgent=True)
        except RpcError as error:
            if is_of_the_pool(error.code, error.text):
                raise NodeRefused(refusal_of(error.text), f"{self.name}: {error.text}") from None
            raise
        if tx != keccak(raw):
            raise self._lie("the hash of another transaction than the one it was given")

    # --- the line -------------------------------------------------------------------------

    async def _ask(self, method: str, params: Sequence[object], shape: type[T]) -> T:
        await self._check_chain()
        return await self._endpoint.ask(method, params, shape)

    async def _look(
        self, method: str, params: Sequence[object], shape: type[T], limit: int = SMALL_ANSWER
    ) -> T | None:
        await self._check_chain()
        return await self._endpoint.look(method, params, shape, limit)

    async def _look_in_block(
        self, method: str, params: Sequence[object], shape: type[T]
    ) -> T | None:
        """Something about a block; None if the node has no such block."""
        try:
            return await self._look(method, params, shape, BLOCK_ANSWER)
        except RpcError as error:
            if is_no_such_block(error.code, error.text):
                return None
            raise

    async def _check_chain(self) -> None:
        """A key for one chain signs for another just as well: nothing is asked of a wrong one."""
        if self._is_checked:
            return
        told = await self._endpoint.ask("eth_chainId", (), Quantity, urgent=True)
        if told != self._chain:
            raise OperatorError(
                f"node {self.name} is of chain {told}, and chain {self._chain} is configured: give"
                " it the right URL, or the right chain"
            )
        self._is_checked = True

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except Malformed as error:
            raise NodeFailed(f"{self.name}: {error}") from None

    def _lie(self, text: str) -> NodeFailed:
        return NodeFailed(f"{self.name} answers with {text}")


_HINT: Final = (
    "it does not say which block is `{tag}`: it may still be catching up, or is too old to know the"
    " word, or its chain has no finality"
)


def next_base(base: int, gas_used: int, gas_limit: int) -> int:
    """The base fee of the block that follows one of these, wei a unit of gas; EIP-1559."""
    target = gas_limit // ELASTICITY
    if gas_used == target or not target:
        return base
    change = base * abs(gas_used - target) // target // CHANGE
    return base + max(change, 1) if gas_used > target else base - change


def _block(header: Header) -> Block:
    return Block(
        int(header.number), bytes(header.hash), bytes(header.parent_hash),
        int(header.timestamp) * NANOS_PER_SECOND,
    )  # fmt: skip


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
