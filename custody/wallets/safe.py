"""The cold wallet: a Safe (1.4.1), a contract that pays what enough of its owners sign. Pure.

What owners sign is hashed here by our own few lines (EIP-712), from fields that are shown to them:
a hash that somebody else has made says nothing to a person. And only one kind of transaction is
made or signed here, coins for a wallet of ours: an owner who signs a delegatecall has signed the
whole Safe away.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from coincurve import PublicKey
from eth_hash.auto import keccak
from msgspec import Struct

from custody.chains.calldata import MAX_UINT256, WORD, is_address, read_transfer, transfer
from custody.wallets.bip32 import address_of
from engine.model.errors import FixgateError

VERSION: Final = "1.4.1"
"""Of the contract whose words these are."""

ZERO: Final = "0x" + "00" * 20
SIGNATURE_BYTES: Final = 65
"""r, s, v."""

MAX_OWNERS: Final = 50

DOMAIN_TYPE: Final = keccak(b"EIP712Domain(uint256 chainId,address verifyingContract)")
SAFE_TX_TYPE: Final = keccak(
    b"SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,"
    b"uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)
CALL: Final = 0
DELEGATECALL: Final = 1
"""How a Safe does it. By a delegatecall the target's code does anything with the Safe itself."""

EXEC: Final = keccak(
    b"execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
)[:4]
"""Selector of the call that has a transaction executed."""

EXECUTED: Final = keccak(b"ExecutionSuccess(bytes32,uint256)")
FAILED: Final = keccak(b"ExecutionFailure(bytes32,uint256)")
"""First topics of what a Safe reports of a transaction."""


class SafeTx(Struct, frozen=True):
    """A Safe's transaction. safe_tx_gas to refund_receiver: what whoever executes it is paid back.
    value: wei."""

    target: str
    value: int
    data: bytes
    nonce: int
    operation: int = CALL
    safe_tx_gas: int = 0
    base_gas: int = 0
    gas_price: int = 0
    gas_token: str = ZERO
    refund_receiver: str = ZERO


class SafeRefused(FixgateError):
    """Not signed, or not sent: the text says why."""


def payment_of(token: str, target: str, amount: int, nonce: int) -> SafeTx:
    """Coins of the chain's own, or of a token, to `target`. amount: atomic units."""
    assert 0 < amount <= MAX_UINT256
    if token:
        return SafeTx(token, 0, transfer(target, amount), nonce)
    return SafeTx(target, amount, b"", nonce)


def hash_of(tx: SafeTx, chain: int, safe: str) -> bytes:
    """What owners sign: of this transaction, for this Safe, on this chain."""
    domain = keccak(DOMAIN_TYPE + _number(chain) + _address(safe))
    content = keccak(
        SAFE_TX_TYPE
        + _address(tx.target)
        + _number(tx.value)
        + keccak(tx.data)
        + _manner(tx)
        + _number(tx.nonce)
    )
    return keccak(b"\x19\x01" + domain + content)


def check_payment(
    tx: SafeTx, hot: str, tokens: Iterable[str], nonce: int, wallet: str = "hot"
) -> tuple[str, int]:
    """(token, atomic units) of a transaction that brings coins to `hot`, the address of our wallet
    of the name `wallet`, and does nothing else. tokens: those that the venue takes. nonce: the
    Safe's next. Raises SafeRefused."""
    if tx.operation != CALL:
        raise SafeRefused("it is a delegatecall, which hands the Safe itself over: never sign one")
    refunds = (tx.safe_tx_gas, tx.base_gas, tx.gas_price, tx.gas_token, tx.refund_receiver)
    if refunds != (0, 0, 0, ZERO, ZERO):
        raise SafeRefused("it pays whoever executes it back: what that costs is not in the amount")
    if tx.nonce != nonce:
        raise SafeRefused(f"its nonce is {tx.nonce}, and the Safe's next is {nonce}")
    if not tx.data:
        token, target, amount = "", tx.target, tx.value
    else:
        token = tx.target
        call = read_transfer(tx.data)
        if token not in {each for each in tokens if each} or call is None or tx.value:
            raise SafeRefused(f"it is no transfer of coins that the venue takes: {token} is called")
        target, amount = call
    if target != hot:
        raise SafeRefused(f"it pays {target}, and the {wallet} wallet is {hot}")
    if not 0 < amount <= MAX_UINT256:
        raise SafeRefused("it moves nothing")
    return token, amount


# --- signatures --------------------------------------------------------------------------------


def signature_of(r: int, s: int, parity: int) -> bytes:
    """A signature as the Safe takes it of an owner with a key."""
    return _number(r) + _number(s) + bytes([27 + parity])


def owner_of(digest: bytes, signature: bytes) -> str:
    """Whose signature it is. Raises SafeRefused for one that is not an owner's with a key: other
    kinds (of contracts, of hashes approved on the chain) are not made here."""
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        raise SafeRefused("a signature has 65 bytes, the last of them 27 or 28")
    try:
        form = signature[:64] + bytes([signature[64] - 27])
        return address_of(PublicKey.from_signature_and_message(form, digest, hasher=None))
    except ValueError:
        raise SafeRefused("a signature of nobody") from None


def joined(
    digest: bytes, signatures: Iterable[bytes], owners: Sequence[str], threshold: int
) -> bytes:
    """As many signatures as the Safe wants, of different owners, in the order that it wants: by
    their addresses (or it says GS026). Raises SafeRefused if they are too few (GS020) or anybody
    else's."""
    assert 0 < threshold <= len(owners) <= MAX_OWNERS
    by_owner: dict[str, bytes] = {}
    for signature in signatures:
        owner = owner_of(digest, signature)
        if owner not in owners:
            raise SafeRefused(f"{owner} has signed, and is no owner of the Safe")
        by_owner[owner] = signature
    if len(by_owner) < threshold:
        missing = ", ".join(owner for owner in owners if owner not in by_owner)
        raise SafeRefused(
            f"{len(by_owner)} of {threshold} owners have signed; these have not: {missing}"
        )
    first = sorted(by_owner, key=lambda owner: int(owner, 16))[:threshold]
    return b"".join(by_owner[owner] for owner in first)


def execution(tx: SafeTx, signatures: bytes) -> bytes:
    """Calldata that has a Safe execute a transaction; anybody may send it."""
    head = 10 * WORD
    data = _bytes(tx.data)
    return (
        EXEC
        + _address(tx.target)
        + _number(tx.value)
        + _number(head)
        + _manner(tx)
        + _number(head + len(data))
        + data
        + _bytes(signatures)
    )


# --- what became of it -------------------------------------------------------------------------


class Event(Struct, frozen=True):
    """A log of a receipt. address: of the contract whose it is."""

    address: str
    topics: tuple[bytes, ...]


class Change(Struct, frozen=True):
    """What wallets had before and after the block of a transaction, atomic units of its asset."""

    safe_before: int
    safe_after: int
    hot_before: int
    hot_after: int


def executed(events: Iterable[Event], safe: str, digest: bytes) -> bool | None:
    """Whether a Safe reports that it has executed a transaction; None if it reports nothing of it:
    whoever executes it might have sent anything else."""
    said = {e.topics[0] for e in events if e.address == safe and e.topics[1:] == (digest,)}
    if EXECUTED in said:
        return True
    return False if FAILED in said else None


def doubt(change: Change, amount: int) -> str:
    """Why balances do not say that a payment has arrived; empty if they do. A token that returns
    false, or takes a fee, is executed with success."""
    left = change.safe_before - change.safe_after
    came = change.hot_after - change.hot_before
    if left != amount:
        return f"{left} left the Safe in that block, and not {amount}"
    if came != amount:
        return (
            f"{amount} left the Safe, and our wallet has {came} more: did it pay or get"
            " something else in that block, or does the token take a fee?"
        )
    return ""


# --- words of 32 bytes -------------------------------------------------------------------------


def _manner(tx: SafeTx) -> bytes:
    """How it is done, and what is paid back for it."""
    numbers = (tx.operation, tx.safe_tx_gas, tx.base_gas, tx.gas_price)
    words = b"".join(_number(number) for number in numbers)
    return words + _address(tx.gas_token) + _address(tx.refund_receiver)


def _number(number: int) -> bytes:
    assert 0 <= number <= MAX_UINT256
    return int(number).to_bytes(WORD, "big")


def _address(address: str) -> bytes:
    assert is_address(address)
    return bytes.fromhex(address[2:]).rjust(WORD, b"\0")


def _bytes(data: bytes) -> bytes:
    return _number(len(data)) + data + bytes(-len(data) % WORD)
