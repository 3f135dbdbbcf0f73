"""A payment out of the cold wallet, as the file that goes from one owner to the next. Pure.

Everything is in it that a person has to see. Nothing in it is believed: whoever reads it works the
transaction and its hash out again, from the amount and from addresses that the reader brings along.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from custody.policy.policy import Address, Name
from custody.settings import MaybeAddress
from custody.wallets.safe import (
    MAX_OWNERS,
    SafeRefused,
    SafeTx,
    check_payment,
    execution,
    hash_of,
    joined,
    owner_of,
    payment_of,
)
from engine.model.money import format_scaled, parse_scaled

MAX_FILE: Final = 65_536
"""Largest file that is read, bytes: one with fifty signatures has some 12,000."""

Hex = Annotated[str, Meta(pattern=r"^0x([0-9a-f]{2})*\Z", max_length=2_000)]
PaidWallet = Literal["hot", "warm"]
Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,78}\Z")]


class Transaction(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A Safe's transaction under the names that Safe's own tools have for its fields."""

    to: Address
    value: Digits
    data: Hex
    operation: Annotated[int, Meta(ge=0, le=255)]
    safe_tx_gas: Digits
    base_gas: Digits
    gas_price: Digits
    gas_token: Address
    refund_receiver: Address
    nonce: Annotated[int, Meta(ge=0, le=2**53)]


class OwnerSignature(Struct, frozen=True, forbid_unknown_fields=True):
    """What an owner has signed with, and who that says it is."""

    owner: Address
    signature: Hex


class Proposal(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file. amount: in the asset's units; atomic: in the chain's. hot: the address that is
    paid, of the wallet of ours that `wallet` names. hash: what owners sign."""

    version: Annotated[int, Meta(ge=1, le=1)] = 1
    chain: Annotated[int, Meta(ge=1, le=2**53)]
    safe: Address
    owners: Annotated[tuple[Address, ...], Meta(min_length=1, max_length=MAX_OWNERS)]
    threshold: Annotated[int, Meta(ge=1, le=MAX_OWNERS)]
    asset: Name
    token: MaybeAddress
    amount: str
    atomic: Digits
    hot: Address
    wallet: PaidWallet = "hot"
    transaction: Transaction
    hash: Hex
    signatures: Annotated[tuple[OwnerSignature, ...], Meta(max_length=MAX_OWNERS)] = ()


class Known(Struct, frozen=True):
    """What a reader knows without the file: of the configuration, and of the venue. hot, wallet: as
    in the file. nonce, owners, threshold: of the Safe on the chain, if it was asked; None and empty
    if not. tokens, decimals: by asset."""

    chain: int
    safe: str
    hot: str
    tokens: dict[str, str]
    decimals: dict[str, int]
    nonce: int | None = None
    owners: tuple[str, ...] = ()
    threshold: int = 0
    wallet: PaidWallet = "hot"


def propose(
    known: Known, asset: str, amount: str, nonce: int, owners: tuple[str, ...], threshold: int
) -> Proposal:
    """A new one. amount: in the asset's units. Raises SafeRefused."""
    if asset not in known.tokens:
        raise SafeRefused(f"{asset} is not on the chain; these are: {', '.join(known.tokens)}")
    atomic = parse_scaled(amount.encode(), known.decimals[asset])
    if atomic is None or atomic <= 0:
        raise SafeRefused(f"{amount} is no amount of {asset}: {known.decimals[asset]} decimals")
    if nonce < 0:
        raise SafeRefused(f"a nonce is not below 0: {nonce}")
    if not 0 < threshold <= len(set(owners)) == len(owners) <= MAX_OWNERS:
        raise SafeRefused(f"{threshold} of {len(set(owners))} owners: that is no Safe")
    tx = payment_of(known.tokens[asset], known.hot, atomic, nonce)
    return Proposal(
        chain=known.chain,
        safe=known.safe,
        owners=owners,
        threshold=threshold,
        asset=asset,
        token=known.tokens[asset],
        amount=format_scaled(atomic, known.decimals[asset]).decode(),
        atomic=str(atomic),
        hot=known.hot,
        wallet=known.wallet,
        transaction=_shown(tx),
        hash="0x" + hash_of(tx, known.chain, known.safe).hex(),
    )


def read_proposal(text: bytes) -> Proposal:
    """The file's content. Raises SafeRefused if it is none."""
    if len(text) > MAX_FILE:
        raise SafeRefused(f"the file has more than {MAX_FILE} bytes")
    try:
        return msgspec.json.decode(text, type=Proposal)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SafeRefused(f"the file is no proposal: {error}") from None


def write_proposal(proposal: Proposal) -> bytes:
    """The file of a proposal, a field a line."""
    return msgspec.json.format(msgspec.json.encode(proposal), indent=2) + b"\n"


def check(proposal: Proposal, known: Known) -> SafeTx:
    """The transaction of a file in which everything is what the reader knows and works out. Raises
    SafeRefused, with the first thing that is not."""
    tx = _read(proposal.transaction)
    nonce = tx.nonce if known.nonce is None else known.nonce
    token, amount = check_payment(tx, known.hot, known.tokens.values(), nonce, known.wallet)
    if proposal.asset not in known.tokens:
        raise SafeRefused(f"asset: {proposal.asset} is not on the chain")
    expected: dict[str, Any] = {
        "chain": known.chain,
        "safe": known.safe,
        "hot": known.hot,
        "wallet": known.wallet,
        "token": known.tokens[proposal.asset],
        "atomic": str(amount),
        "amount": format_scaled(amount, known.decimals[proposal.asset]).decode(),
        "hash": "0x" + hash_of(tx, known.chain, known.safe).hex(),
    }
    if known.owners:
        expected |= {"owners": known.owners, "threshold": known.threshold}
    for name, value in expected.items():
        said = getattr(proposal, name)
        if said != value:
            raise SafeRefused(f"{name}: the file says {said}, and it is {value}")
    if token != proposal.token:
        raise SafeRefused(f"token: the file says {proposal.token}, and {token} is called")
    if not 0 < proposal.threshold <= len(set(proposal.owners)) == len(proposal.owners):
        raise SafeRefused(f"threshold: {proposal.threshold} of {len(proposal.owners)} owners")
    for signed in proposal.signatures:
        owner = owner_of(digest_of(proposal), _raw(signed.signature))
        if owner != signed.owner or owner not in proposal.owners:
            raise SafeRefused(f"signatures: that of {signed.owner} is {owner}'s")
    return tx


def add_signature(proposal: Proposal, signature: bytes) -> Proposal:
    """With one more owner's. Raises SafeRefused if they are none, or have signed."""
    owner = owner_of(digest_of(proposal), signature)
    if owner not in proposal.owners:
        raise SafeRefused(f"{owner} is no owner of the Safe: {', '.join(proposal.owners)} are")
    if any(signed.owner == owner for signed in proposal.signatures):
        raise SafeRefused(f"{owner} has signed already")
    more = OwnerSignature(owner, "0x" + signature.hex())
    return replace(proposal, signatures=(*proposal.signatures, more))


def call_of(proposal: Proposal, tx: SafeTx) -> bytes:
    """Calldata for the Safe, of a file that was checked. Raises SafeRefused if owners are missing,
    before the chain does."""
    signatures = [_raw(signed.signature) for signed in proposal.signatures]
    ready = joined(digest_of(proposal), signatures, proposal.owners, proposal.threshold)
    return execution(tx, ready)


def digest_of(proposal: Proposal) -> bytes:
    """The hash that the file names."""
    return _raw(proposal.hash)


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _shown(tx: SafeTx) -> Transaction:
    return Transaction(
        tx.target, str(tx.value), "0x" + tx.data.hex(), tx.operation, str(tx.safe_tx_gas),
        str(tx.base_gas), str(tx.gas_price), tx.gas_token, tx.refund_receiver, tx.nonce,
    )  # fmt: skip


def _read(tx: Transaction) -> SafeTx:
    return SafeTx(
        tx.to, int(tx.value), _raw(tx.data), tx.nonce, tx.operation, int(tx.safe_tx_gas),
        int(tx.base_gas), int(tx.gas_price), tx.gas_token, tx.refund_receiver,
    )  # fmt: skip
