"""What is posted: transfers, in batches that happen all or not at all. Immutable.

A mistake is never edited: its correction is one more transfer.
"""

import re
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Final

from msgspec import Struct

from engine.model.errors import FixgateError

MAX_NAME: Final = 120
"""Longest name, characters: each fits an index of every database."""

MAX_KEY: Final = 100
"""Longest key of a batch, characters: what names its transfers and their ends is longer by some."""

MAX_TRANSFERS: Final = 4_000_000
"""Transfers of one batch: four for each match of an order that sweeps a book of 1,000,000, for a
command's money moves all or not at all."""

MAX_AMOUNT: Final = 10**78 - 1
"""Largest amount, atomic units: what `numeric(78,0)` holds, and more than a uint256."""

_NAME: Final = re.compile(rf"[A-Za-z0-9:/._#+-]{{1,{MAX_NAME}}}\Z")


def is_name(text: str) -> bool:
    """Whether a text may be a key or a name. Such texts have no tabs and no ends of lines, so that
    the canonical text of a batch has one meaning."""
    return _NAME.match(text) is not None


class Phase(IntEnum):
    """What a transfer does."""

    POSTED = 0
    """Moves its amount."""
    PENDING = 1
    """Reserves it, until it is posted, void, or expires."""
    POST = 2
    """Ends a pending one: moves its amount or a part of it, and gives back the rest."""
    VOID = 3
    """Ends a pending one: gives back all of it."""


class Transfer(Struct, frozen=True):
    """From one account to another of the same asset.

    amount: atomic units, above 0; of a VOID 0. code: what it is for, such as `trade`. pending: of
    POST and VOID, the identity of the transfer that they end, whose accounts are theirs. expires:
    of PENDING, ns UTC; 0 for never.
    """

    debit: str
    credit: str
    amount: int
    code: str
    phase: Phase = Phase.POSTED
    pending: str = ""
    expires: int = 0


class Batch(Struct, frozen=True):
    """Transfers that happen together. key: whoever makes it chooses it, and keeps it, before it is
    posted: the same key is posted once. time: ns UTC, of what caused it."""

    key: str
    time: int
    transfers: tuple[Transfer, ...]

    def identity(self, index: int) -> str:
        """What a transfer of the batch is called by those that end it."""
        return f"{self.key}#{index}"


class Pending(Struct, frozen=True):
    """A transfer that waits for its end. ended: by whom, empty while it waits."""

    transfer: Transfer
    ended: str = ""


class Posted(Struct, frozen=True):
    """A batch in its place. seq counts from 1 without holes; digest chains to all before it."""

    seq: int
    batch: Batch
    digest: bytes


GENESIS: Final = bytes(32)
"""What stands for the digest before the first."""


def digest_of(before: bytes, seq: int, batch: Batch) -> bytes:
    """The digest of a batch at its place: SHA-256 of the digest before it and of its canonical
    text, which is a line of seq, key, time and count, and a line a transfer, fields by tabs."""
    lines = [f"{seq}\t{batch.key}\t{batch.time}\t{len(batch.transfers)}"]
    lines += [
        f"{t.debit}\t{t.credit}\t{t.amount}\t{t.code}\t{t.phase:d}\t{t.pending}\t{t.expires}"
        for t in batch.transfers
    ]
    return sha256(before + "\n".join(lines).encode()).digest()


class Refusal(StrEnum):
    """Why a batch is not posted."""

    MALFORMED = "malformed"
    UNKNOWN_ACCOUNT = "unknown account"
    ASSETS_DIFFER = "assets differ"
    KEY_REUSED = "key reused for another batch"
    OVERDRAFT = "overdraft"
    UNKNOWN_PENDING = "unknown pending transfer"
    ENDED = "the pending transfer has ended"
    EXPIRED = "the pending transfer has expired"
    EXCEEDS_PENDING = "more than is pending"
    TIME_GOES_BACK = "time goes back"


class BatchRefused(FixgateError):
    """A batch that was not posted; nothing has changed. refusal: why."""

    def __init__(self, refusal: Refusal, text: str) -> None:
        super().__init__(f"{refusal}: {text}")
        self.refusal = refusal
