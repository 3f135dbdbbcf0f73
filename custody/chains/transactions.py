"""A signed transaction of Ethereum (EIP-1559), read back from its bytes."""

from typing import Final

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from custody.chains.simulated import Transaction

MAX_RAW: Final = 131_072
"""Longest transaction that is looked at, bytes: what nodes take into their pools."""


def read_transaction(raw: bytes) -> Transaction:
    """The transaction of its bytes, with who signed it. Raises ValueError."""
    if not 0 < len(raw) <= MAX_RAW:
        raise ValueError(f"a transaction of {len(raw)} bytes")
    try:
        read = TypedTransaction.from_bytes(HexBytes(raw))
        fields = read.as_dict()
        sender = Account.recover_transaction(HexBytes(raw))
    except Exception as error:
        raise ValueError(f"no transaction: {type(error).__name__}") from error
    if fields["type"] != 2:
        raise ValueError(f"a transaction of type {fields['type']}; 2 is taken")
    return Transaction(
        keccak(raw), sender.lower(), fields["nonce"], "0x" + bytes(HexBytes(fields["to"])).hex(),
        fields["value"], bytes(fields["data"]), fields["gas"], fields["maxFeePerGas"],
        fields["maxPriorityFeePerGas"],
    )  # fmt: skip
