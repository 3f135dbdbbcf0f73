"""What Ethereum nodes answer, as types: everything is read by these, or it is malformed. Pure.

Shapes are those of the execution API (github.com/ethereum/execution-apis), and of the two tracers
that nodes have. Fields that nobody here needs are skipped unread.
"""

from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from custody.chains.calldata import is_address

T = TypeVar("T")

MAX_QUANTITY_TEXT: Final = 66
"""`0x` and the 64 hex digits of a number of 256 bits."""


class Malformed(ValueError):
    """An answer that is not of the shape it must have; the text says where."""


class Hash(bytes):
    """32 bytes."""


class Data(bytes):
    """Bytes of any length."""


class Quantity(int):
    """A number from 0 to 2^256 - 1."""


class Address(str):
    """`0x` and 40 lower-case hex digits."""

    __slots__ = ()


def _hook(kind: type, value: object) -> object:
    if not isinstance(value, str):
        raise TypeError("is no text")
    if kind is Address:
        lower = value.lower()
        if not is_address(lower):
            raise ValueError("is no address")
        return Address(lower)
    if value[:2] != "0x" or not value.isascii():
        raise ValueError("is no hex")
    if kind is Quantity:
        # int() would take signs, blanks and underscores too.
        if not 2 < len(value) <= MAX_QUANTITY_TEXT or not value[2:].isalnum():
            raise ValueError("is no quantity")
        return Quantity(value, 16)
    data = bytes.fromhex(value[2:])
    if 2 * len(data) != len(value) - 2:  # fromhex skips blanks
        raise ValueError("is no hex")
    if kind is Data:
        return Data(data)
    assert kind is Hash
    if len(data) != 32:
        raise ValueError("is no hash")
    return Hash(data)


def read(answer: bytes | msgspec.Raw, shape: type[T]) -> T:
    """An answer by its shape. Raises Malformed."""
    try:
        return msgspec.json.decode(answer, type=shape, dec_hook=_hook)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        # ValueError: text that is not UTF-8; RecursionError: brackets within brackets.
        raise Malformed(str(error)[:200]) from None


class Header(Struct, rename="camel"):
    """A block without its transactions. The fields behind `nonce` came with later upgrades."""

    hash: Hash
    parent_hash: Hash
    sha3_uncles: Hash = field(name="sha3Uncles")
    miner: Address
    state_root: Hash
    transactions_root: Hash
    receipts_root: Hash
    logs_bloom: Data
    difficulty: Quantity
    number: Quantity
    gas_limit: Quantity
    gas_used: Quantity
    timestamp: Quantity
    extra_data: Data
    mix_hash: Hash
    nonce: Data
    base_fee_per_gas: Quantity | None = None
    withdrawals_root: Hash | None = None
    blob_gas_used: Quantity | None = None
    excess_blob_gas: Quantity | None = None
    parent_beacon_block_root: Hash | None = None
    requests_hash: Hash | None = None


class Access(Struct, rename="camel"):
    """An entry of an access list, EIP-2930."""

    address: Address
    storage_keys: list[Hash]


class Authorization(Struct, rename="camel"):
    """An entry of an authorization list, EIP-7702."""

    chain_id: Quantity
    address: Address
    nonce: Quantity
    y_parity: Quantity
    r: Quantity
    s: Quantity


class Transaction(Struct, rename="camel"):
    """A transaction in a block; which fields it has depends on its type."""

    hash: Hash
    source: Address = field(name="from")
    nonce: Quantity
    gas: Quantity
    to: Address | None
    value: Quantity
    input: Data
    r: Quantity
    s: Quantity
    type: Quantity = Quantity(0)
    v: Quantity | None = None
    y_parity: Quantity | None = None
    chain_id: Quantity | None = None
    gas_price: Quantity | None = None
    max_fee_per_gas: Quantity | None = None
    max_priority_fee_per_gas: Quantity | None = None
    access_list: list[Access] | None = None
    max_fee_per_blob_gas: Quantity | None = None
    blob_versioned_hashes: list[Hash] | None = None
    authorization_list: list[Authorization] | None = None


class FullBlock(Header, rename="camel", kw_only=True):
    """A block with its transactions."""

    transactions: list[Transaction]


class Log(Struct):
    """What a contract has reported."""

    address: Address
    topics: list[Hash]
    data: Data


class BlockReceipt(Struct, rename="camel"):
    """A receipt, as one of those of a block. status: 1 or 0."""

    transaction_hash: Hash
    block_hash: Hash
    status: Quantity
    cumulative_gas_used: Quantity
    logs_bloom: Data
    logs: list[Log]
    type: Quantity = Quantity(0)


class OneReceipt(Struct, rename="camel"):
    """A receipt that was asked for by its transaction. Without a block it is of no use yet."""

    transaction_hash: Hash
    gas_used: Quantity
    block_hash: Hash | None = None
    block_number: Quantity | None = None
    status: Quantity | None = None
    effective_gas_price: Quantity | None = None


class KnownTransaction(Struct):
    """A transaction that was asked for by its hash."""

    hash: Hash


class FeeHistory(Struct, rename="camel"):
    """base_fee_per_gas: of the blocks asked for, and of the one that follows them."""

    base_fee_per_gas: list[Quantity]


class CallFrame(Struct):
    """A call, with the calls it made: debug_traceBlockByHash, callTracer."""

    type: str
    source: Address = field(name="from")
    to: Address | None = None
    value: Quantity | None = None
    error: str | None = None
    calls: list["CallFrame"] = []


class TracedTransaction(Struct, rename="camel"):
    """What callTracer has to say of one transaction."""

    result: CallFrame | None = None
    tx_hash: Hash | None = None
    error: str | None = None


class Action(Struct, rename="camel"):
    """What a flat trace did; a self-destruction has the last three fields."""

    source: Address | None = field(name="from", default=None)
    to: Address | None = None
    value: Quantity | None = None
    call_type: str | None = None
    address: Address | None = None
    refund_address: Address | None = None
    balance: Quantity | None = None


class Created(Struct):
    """What a flat trace gave: the address of a contract that was made."""

    address: Address | None = None


class FlatTrace(Struct, rename="camel"):
    """One call, and where it was made: trace_block."""

    type: str
    action: Action
    block_hash: Hash
    trace_address: list[Annotated[int, Meta(ge=0)]]
    transaction_hash: Hash | None = None
    result: Created | None = None
    error: str | None = None


class ErrorAnswer(Struct):
    """Why a node says no."""

    code: int
    message: str = ""


class Envelope(Struct):
    """What every answer comes in, JSON-RPC 2.0. result: not yet read; `null` if there is none."""

    id: Any = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorAnswer | None = None
