"""Transactions that the signer builds by itself, of what it was asked for (EIP-1559, EIP-2718)."""

from typing import Final

import rlp
from eth_utils.crypto import keccak
from msgspec import Struct

from custody.chains.calldata import is_address, transfer

TYPE: Final = b"\x02"


class Unsigned(Struct, frozen=True):
    """A transaction without its signature. gas: units; max_fee, tip: wei a unit."""

    chain: int
    nonce: int
    target: str
    value: int
    data: bytes
    gas: int
    max_fee: int
    tip: int


def payment(
    chain: int, nonce: int, token: str, target: str, amount: int, gas: int, max_fee: int, tip: int
) -> Unsigned:
    """Coins of the chain's own, or of a token's, to `target`."""
    if token:
        return Unsigned(chain, nonce, token, 0, transfer(target, amount), gas, max_fee, tip)
    return Unsigned(chain, nonce, target, amount, b"", gas, max_fee, tip)


def digest_of(tx: Unsigned) -> bytes:
    """What is signed."""
    return bytes(keccak(TYPE + rlp.encode(_fields(tx))))


def encode(tx: Unsigned, r: int, s: int, parity: int) -> bytes:
    """What nodes take. Its Keccak-256 is the transaction's hash."""
    return TYPE + bytes(rlp.encode([*_fields(tx), parity, r, s]))


def _fields(tx: Unsigned) -> list[object]:
    return [
        tx.chain, tx.nonce, tx.tip, tx.max_fee, tx.gas, _bytes(tx.target), tx.value,
        tx.data, [],
    ]  # fmt: skip


def _bytes(address: str) -> bytes:
    assert is_address(address)
    return bytes.fromhex(address[2:])
