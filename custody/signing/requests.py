"""What the signer is asked, and what it answers.

It is told what to do, never what to sign: there is no request that takes a digest, bytes to sign,
or a target that is neither a wallet of the venue's own nor in an approved intent. Pure.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec
from msgspec import Struct

from custody.policy.intents import (
    AllowAddress,
    Approval,
    ChangePolicy,
    ForbidAddress,
    Restock,
    ReturnDeposit,
    Withdrawal,
)
from custody.policy.policy import Policy
from engine.model.errors import FixgateError

MAX_FRAME: Final = 256 * 1024
"""Largest frame without its length, bytes: an intent with the approvals of a hundred people."""

_LENGTH: Final = 4


class Gas(Struct, frozen=True):
    """limit: units of gas. max_fee, tip: wei a unit."""

    limit: int
    max_fee: int
    tip: int


class Pay(Struct, frozen=True, tag="pay"):
    """Pay a withdrawal out of the hot wallet."""

    intent: Withdrawal
    approvals: tuple[Approval, ...] = ()


class WarmPay(Struct, frozen=True, tag="warm-pay"):
    """Pay a restock out of the warm wallet, to the hot one."""

    intent: Restock
    approvals: tuple[Approval, ...] = ()


class Sweep(Struct, frozen=True, tag="sweep"):
    """Bring what is at deposit address `number` to the hot wallet. amount: atomic units."""

    number: int
    token: str
    amount: int


class Fuel(Struct, frozen=True, tag="fuel"):
    """Give deposit address `number` coins of the gas tank, for a token's sweep. amount: wei."""

    number: int
    amount: int


class WarmFuel(Struct, frozen=True, tag="warm-fuel"):
    """Give the warm wallet coins of the gas tank, for moves of tokens. amount: wei."""

    amount: int


Way = Literal["hot-cold", "hot-warm", "warm-cold"]
"""Between which wallets coins go down: there is no way up, and none to anybody else."""


class Refill(Struct, frozen=True, tag="refill", omit_defaults=True):
    """Bring what a wallet has too much of to the one below it. amount: atomic units."""

    id: str
    token: str
    amount: int
    way: Way = "hot-cold"


class Return(Struct, frozen=True, tag="return"):
    """Send a deposit away again. number: of the deposit address that the coins are at; FROM_HOT: at
    the hot wallet. amount: that goes, atomic units: of the chain's own coins what gas leaves of the
    intent's."""

    intent: ReturnDeposit
    approvals: tuple[Approval, ...]
    number: int
    amount: int


FROM_HOT: Final = -1
"""In the place of a deposit address's number."""

Purpose = Pay | WarmPay | Sweep | Fuel | WarmFuel | Refill | Return


class Sign(Struct, frozen=True, tag="sign"):
    """The transaction of a purpose. cancels: one of its nonce that pays nobody instead."""

    purpose: Purpose
    nonce: int
    gas: Gas
    cancels: bool = False


class Note(Struct, frozen=True, tag="note", omit_defaults=True):
    """Write down what lasts: an address that is on the list or is off it, another policy. policy:
    of a ChangePolicy, the whole of the new one."""

    intent: AllowAddress | ForbidAddress | ChangePolicy
    approvals: tuple[Approval, ...] = ()
    policy: Policy | None = None


class Wallets(Struct, frozen=True, tag="wallets"):
    """Which wallets there are."""


class Signed(Struct, frozen=True, tag="signed"):
    """A transaction for any node, and its hash."""

    raw: bytes
    tx: bytes
    source: str


class Noted(Struct, frozen=True, tag="noted"):
    """It is written down, for good. time: ns UTC, from which cool-downs and delays count. line: of
    the signer's log, which is the order of all changes. Of what was written down before, both are
    those of the first time."""

    time: int
    line: int


class Refused(Struct, frozen=True, tag="refused"):
    """Nothing was signed. reason: a word; text: for people."""

    reason: str
    text: str


class OwnWallets(Struct, frozen=True, tag="own-wallets"):
    """Addresses of the venue's own, those empty that it has not; xpub: of all deposit addresses."""

    hot: str
    gas_tank: str
    cold: str
    xpub: str
    warm: str = ""

    def addresses(self) -> list[str]:
        """Those that there are, deposit addresses apart."""
        return [wallet for wallet in (self.hot, self.gas_tank, self.warm, self.cold) if wallet]


class No(Exception):
    """Not done. reason: a word; the text is for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class FrameMalformed(FixgateError):
    """Bytes that are no frame: only the end of the connection helps."""


Request = Sign | Note | Wallets
Reply = Signed | Noted | Refused | OwnWallets

_encode = msgspec.json.Encoder().encode
_decode_request = msgspec.json.Decoder(Sign | Note | Wallets).decode
_decode_reply = msgspec.json.Decoder(Signed | Noted | Refused | OwnWallets).decode
_decode_purpose = msgspec.json.Decoder(Purpose).decode


def frame(message: Request | Reply) -> bytes:
    """A message as its bytes."""
    payload = _encode(message)
    assert len(payload) <= MAX_FRAME
    return len(payload).to_bytes(_LENGTH, "big") + payload


def take_frames(buffer: bytearray) -> Iterator[bytes]:
    """Take every payload that is complete out of a buffer. Raises FrameMalformed."""
    while len(buffer) >= _LENGTH:
        length = int.from_bytes(buffer[:_LENGTH], "big")
        if length > MAX_FRAME:
            raise FrameMalformed(f"a frame of {length} bytes; at most {MAX_FRAME}")
        if len(buffer) < _LENGTH + length:
            return
        payload = bytes(buffer[_LENGTH : _LENGTH + length])
        del buffer[: _LENGTH + length]
        yield payload


def read_request(payload: bytes) -> Request:
    """Raises FrameMalformed."""
    try:
        request: Request = _decode_request(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # the latter: no UTF-8
        raise FrameMalformed(str(error)) from None
    return request


def read_reply(payload: bytes) -> Reply:
    """Raises FrameMalformed."""
    try:
        reply: Reply = _decode_reply(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # the latter: no UTF-8
        raise FrameMalformed(str(error)) from None
    return reply


def purpose_bytes(purpose: Purpose) -> bytes:
    """A purpose as it is kept beside its nonce."""
    return _encode(purpose)


def read_purpose(data: bytes) -> Purpose:
    """What was kept."""
    purpose: Purpose = _decode_purpose(data)
    return purpose
