"""What approvers put their names to: intents, as bytes with one meaning. Pure.

An approval is an Ed25519 signature (RFC 8032) over the whole text of an intent, so that a change
of any of its fields, wherever it was kept meanwhile, makes the signature worthless.
"""

from typing import Final

import msgspec
from msgspec import Struct

from engine.model.errors import FixgateError

MAX_TEXT: Final = 120
"""Longest text in an intent, characters."""


class Withdrawal(Struct, frozen=True, tag="withdrawal"):
    """Coins that are to leave.

    id: custody's name for it, used once. account: the name of the venue's account that pays.
    initiator: who asked. token: the contract's address, empty for the chain's own coin.
    destination: `0x` and 40 lower-case hex digits. amount: atomic units of the chain. fee: what
    the account pays the venue on top, same units. requested, expires: ns UTC; after expires no
    approval counts.
    """

    id: str
    account: str
    initiator: str
    chain: int
    asset: str
    token: str
    destination: str
    amount: int
    fee: int
    requested: int
    expires: int


class AllowAddress(Struct, frozen=True, tag="allow-address"):
    """An address that an account may withdraw an asset to, once its cool-down is over."""

    id: str
    account: str
    initiator: str
    chain: int
    asset: str
    destination: str
    label: str
    requested: int
    expires: int


class ForbidAddress(Struct, frozen=True, tag="forbid-address"):
    """An address that is allowed no longer, at once."""

    id: str
    account: str
    initiator: str
    chain: int
    asset: str
    destination: str
    requested: int
    expires: int


class ChangePolicy(Struct, frozen=True, tag="change-policy"):
    """Another policy, by the SHA-256 of its canonical text, in force after a delay."""

    id: str
    initiator: str
    before: str
    after: str
    requested: int
    expires: int


class GiveUp(Struct, frozen=True, tag="give-up"):
    """A withdrawal that the chain reverted, and that is not paid any more: what is held for it goes
    back to its account. withdrawal: its name. amount: that it was to pay, atomic units."""

    id: str
    account: str
    initiator: str
    chain: int
    asset: str
    withdrawal: str
    amount: int
    requested: int
    expires: int


class ReleaseDeposit(Struct, frozen=True, tag="release-deposit"):
    """A deposit that waits for a person, and is credited. account: whose it is, or is to be.
    deposit: its reference. amount: what came, atomic units."""

    id: str
    account: str
    initiator: str
    chain: int
    asset: str
    deposit: str
    amount: int
    requested: int
    expires: int


class ReturnDeposit(Struct, frozen=True, tag="return-deposit"):
    """A deposit that waits for a person, and is sent away again.

    account: whose address it came to; empty for nobody's. deposit: its reference. source: where the
    coins are, an address of the venue's. destination: where they go. amount: what came, atomic
    units; of the chain's own coins, its gas comes out of that.
    """

    id: str
    account: str
    initiator: str
    chain: int
    asset: str
    token: str
    deposit: str
    source: str
    destination: str
    amount: int
    requested: int
    expires: int


class BookBreak(Struct, frozen=True, tag="book-break"):
    """A difference between chain and books that nobody can explain any more. address: where it is.
    amount: what the chain has there beyond the books, below 0 for less, in units of the ledger,
    which have so many decimals. why: for those who decide, and for the record."""

    id: str
    initiator: str
    asset: str
    address: str
    amount: int
    decimals: int
    why: str
    requested: int
    expires: int


class Restock(Struct, frozen=True, tag="restock"):
    """Coins of the warm wallet that are to go to the hot one, and can go nowhere else. amount:
    atomic units."""

    id: str
    initiator: str
    chain: int
    asset: str
    token: str
    amount: int
    requested: int
    expires: int


Lasting = AllowAddress | ForbidAddress | ChangePolicy
"""What changes what is allowed from then on, and is told to the signer."""

Carried = GiveUp | ReleaseDeposit | ReturnDeposit | BookBreak | Restock
"""What custody carries out once it is agreed on."""

Decidable = Lasting | Carried
"""What custody.decisions sees to."""

Intent = Withdrawal | Decidable


class Scope(Struct, frozen=True):
    """What an intent is about; empty where it is about no such thing. kind: as rules name it.
    amount: without its sign; None where there is none. decimals: of it; None: the asset's on its
    chain."""

    kind: str
    account: str
    asset: str
    destination: str
    amount: int | None
    decimals: int | None


def kind_of_type(intent: type[Intent]) -> str:
    """The name of a kind of intents: rules and the database have it."""
    return str(intent.__struct_config__.tag)


def scope_of(intent: Intent) -> Scope:
    """What an intent is about."""
    amount = getattr(intent, "amount", None)
    return Scope(
        kind_of_type(type(intent)),
        getattr(intent, "account", ""),
        getattr(intent, "asset", ""),
        getattr(intent, "destination", ""),
        None if amount is None else abs(amount),
        getattr(intent, "decimals", None),
    )


class Approval(Struct, frozen=True):
    """An approver's word. signature: Ed25519 over `signed_text` of the intent; 64 bytes."""

    approver: str
    approves: bool
    signature: bytes


class IntentMalformed(FixgateError):
    """Bytes that are no intent."""


_HEADER: Final = "fixgate intent v1\n"
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Intent).decode


def canonical(intent: Intent) -> bytes:
    """The one text of an intent: JSON, keys sorted, no blanks, UTF-8."""
    return _encode(intent)


def read_intent(text: bytes) -> Intent:
    """The intent of a canonical text. Raises IntentMalformed, also where another text would have
    been canonical."""
    try:
        intent: Intent = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntentMalformed(str(error)) from None
    if canonical(intent) != text:
        raise IntentMalformed("not in canonical form")
    return intent


def signed_text(intent: Intent, *, approves: bool) -> bytes:
    """What an approver signs: a header that no other protocol of ours uses, the verdict, and the
    intent."""
    return (_HEADER + ("approve" if approves else "reject") + "\n").encode() + canonical(intent)
