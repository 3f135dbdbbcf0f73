"""Whether a block is what its hash says: header, transactions and receipts are hashed again. Pure.

Once two nodes agree on a block's hash, nobody can lie about what it holds: a header of another
hash, a transaction or a log that was left out, changed or made up shows here. Not covered: who
sent a transaction (that would take its signature's key), and what contracts paid to each other,
which only tracing tells.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from eth_hash.auto import keccak

from custody.chains.tries import Item, ordered_root, rlp
from custody.chains.wire import BlockReceipt, Header, Malformed, Transaction


def header_hash(header: Header) -> bytes:
    """The hash of what the header says. Knows the fields up to Osaka."""
    fields: list[Item] = [
        header.parent_hash, header.sha3_uncles, _address(header.miner), header.state_root,
        header.transactions_root, header.receipts_root, header.logs_bloom, header.difficulty,
        header.number, header.gas_limit, header.gas_used, header.timestamp, header.extra_data,
        header.mix_hash, header.nonce,
    ]  # fmt: skip
    later: tuple[Item | None, ...] = (
        header.base_fee_per_gas,  # EIP-1559
        header.withdrawals_root,  # EIP-4895
        header.blob_gas_used,  # EIP-4844
        header.excess_blob_gas,
        header.parent_beacon_block_root,  # EIP-4788
        header.requests_hash,  # EIP-7685
    )
    for item in later:
        if item is None:
            break
        fields.append(item)
    return keccak(rlp(fields))


def check_header(header: Header) -> None:
    """Raises Malformed unless the header is what its hash says."""
    if header_hash(header) != header.hash:
        raise Malformed(
            f"header {header.number} does not have the hash it is called by: the node lies, or its"
            " chain has header fields that are not known here"
        )


def check_transactions(header: Header, transactions: Sequence[Transaction]) -> None:
    """Raises Malformed unless these are the block's transactions, and have the hashes they say."""
    encoded = [encode_transaction(transaction) for transaction in transactions]
    for transaction, raw in zip(transactions, encoded, strict=True):
        if keccak(raw) != transaction.hash:
            raise Malformed(f"0x{transaction.hash.hex()} is not the hash of its transaction")
    if ordered_root(encoded) != header.transactions_root:
        raise Malformed(f"the transactions are not those of block {header.number}")


def check_receipts(header: Header, receipts: Sequence[BlockReceipt]) -> None:
    """Raises Malformed unless these are the block's receipts, with all their logs."""
    if ordered_root([encode_receipt(receipt) for receipt in receipts]) != header.receipts_root:
        raise Malformed(f"the receipts are not those of block {header.number}")


def encode_receipt(receipt: BlockReceipt) -> bytes:
    """A receipt as it is hashed, EIP-658 and EIP-2718."""
    logs: Item = [[_address(log.address), log.topics, log.data] for log in receipt.logs]
    return _typed(
        receipt.type, [receipt.status, receipt.cumulative_gas_used, receipt.logs_bloom, logs]
    )


def encode_transaction(tx: Transaction) -> bytes:
    """A signed transaction as it is hashed. Raises Malformed if its type is not known here."""
    fields = _FIELDS.get(tx.type)
    if fields is None:
        raise Malformed(f"transactions of type {tx.type} are not known here")
    try:
        return _typed(tx.type, fields(tx))
    except (TypeError, AttributeError):
        raise Malformed(f"0x{tx.hash.hex()} lacks fields of its type {tx.type}") from None


def _typed(kind: int, fields: Item) -> bytes:
    if kind > 0x7F:
        raise Malformed(f"type {kind} is none")
    return bytes((kind,)) + rlp(fields) if kind else rlp(fields)


def _address(text: str | None) -> bytes:
    return b"" if text is None else bytes.fromhex(text[2:])


def _legacy(tx: Transaction) -> list[Item]:
    return [
        tx.nonce, _there(tx.gas_price), tx.gas, _address(tx.to), tx.value, tx.input,
        _there(tx.v), tx.r, tx.s,
    ]  # fmt: skip


def _eip_2930(tx: Transaction) -> list[Item]:
    return [
        _there(tx.chain_id), tx.nonce, _there(tx.gas_price), tx.gas, _address(tx.to), tx.value,
        tx.input, _access_list(tx), *_signature(tx),
    ]  # fmt: skip


def _eip_1559(tx: Transaction) -> list[Item]:
    return [*_with_fees(tx), *_signature(tx)]


def _eip_4844(tx: Transaction) -> list[Item]:
    hashes = tx.blob_versioned_hashes or []
    return [*_with_fees(tx), _there(tx.max_fee_per_blob_gas), hashes, *_signature(tx)]


def _eip_7702(tx: Transaction) -> list[Item]:
    authorizations: list[Item] = [
        [a.chain_id, _address(a.address), a.nonce, a.y_parity, a.r, a.s]
        for a in tx.authorization_list or []
    ]
    return [*_with_fees(tx), authorizations, *_signature(tx)]


def _with_fees(tx: Transaction) -> list[Item]:
    return [
        _there(tx.chain_id), tx.nonce, _there(tx.max_priority_fee_per_gas),
        _there(tx.max_fee_per_gas), tx.gas, _address(tx.to), tx.value, tx.input, _access_list(tx),
    ]  # fmt: skip


def _access_list(tx: Transaction) -> Item:
    return [[_address(entry.address), entry.storage_keys] for entry in tx.access_list or []]


def _signature(tx: Transaction) -> list[Item]:
    # Some nodes give the parity as `v` only.
    return [_there(tx.v if tx.y_parity is None else tx.y_parity), tx.r, tx.s]


def _there(value: int | None) -> int:
    if value is None:
        raise TypeError
    return value


_FIELDS: Final[Mapping[int, Callable[[Transaction], list[Item]]]] = {
    0: _legacy,
    1: _eip_2930,
    2: _eip_1559,
    3: _eip_4844,
    4: _eip_7702,
}
"""By type: EIP-155, EIP-2930, EIP-1559, EIP-4844, EIP-7702."""
