"""Addresses as people write them, and the few words of ERC-20 that custody speaks. Pure.

Everything is put together by hand, from a selector of 4 bytes and words of 32: what is signed can
be read here in full, and nobody's description of a contract (ABI) has to be trusted.
"""

from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

from engine.model.errors import FixgateError

WORD: Final = 32
"""Bytes of a word."""

ADDRESS_LENGTH: Final = 42
"""Characters of an address: `0x` and 40 hex digits."""

MAX_UINT256: Final = (1 << 256) - 1

TRANSFER: Final = bytes.fromhex("a9059cbb")
"""Selector of `transfer(address,uint256)`, ERC-20."""

BALANCE_OF: Final = bytes.fromhex("70a08231")
"""Selector of `balanceOf(address)`, ERC-20."""

TRANSFER_TOPIC: Final = keccak(b"Transfer(address,address,uint256)")
"""First topic of ERC-20's `Transfer` event."""

_HEX: Final = frozenset("0123456789abcdef")


class AddressMalformed(FixgateError):
    """Not an address, or one with a slip of the pen: its capitals do not fit its digits."""


def parse_address(text: str) -> str:
    """An address in the form used everywhere here, `0x` and 40 lower-case hex digits.

    Written with capitals it must bear the checksum of EIP-55; without any it has none. Raises
    AddressMalformed.
    """
    digits = text[2:].lower()
    if len(text) != ADDRESS_LENGTH or not text.startswith("0x") or not _HEX.issuperset(digits):
        raise AddressMalformed("an address is `0x` and 40 hex digits")
    lower = "0x" + digits
    if text not in (lower, checksummed(lower)):
        raise AddressMalformed(
            "capitals and digits of the address do not fit (EIP-55): copy it again from its source"
        )
    return lower


def checksummed(address: str) -> str:
    """The address with the capitals that EIP-55 gives it."""
    assert is_address(address)
    digits = address[2:]
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if m >= "8" else d for d, m in zip(digits, marks, strict=False))


def is_address(text: str) -> bool:
    """Whether a text is an address in the form used here."""
    return len(text) == ADDRESS_LENGTH and text[:2] == "0x" and _HEX.issuperset(text[2:])


def transfer(target: str, amount: int) -> bytes:
    """Calldata of a token's transfer. amount: its smallest units."""
    assert 0 <= amount <= MAX_UINT256
    return TRANSFER + _address_word(target) + amount.to_bytes(WORD, "big")


def read_transfer(data: bytes) -> tuple[str, int] | None:
    """(target, amount) of the calldata of a transfer; None if it is anything else."""
    if len(data) != len(TRANSFER) + 2 * WORD or data[:4] != TRANSFER:
        return None
    target = _word_address(data[4 : 4 + WORD])
    return None if target is None else (target, int.from_bytes(data[4 + WORD :], "big"))


def balance_of(address: str) -> bytes:
    """Calldata that asks a token what an address has."""
    return BALANCE_OF + _address_word(address)


def read_transfer_event(topics: Sequence[bytes], data: bytes) -> tuple[str, str, int] | None:
    """(source, target, amount) of a log; None if it is no ERC-20 Transfer.

    An ERC-721's has the same first topic and its token's number as a fourth: not a transfer of
    coins.
    """
    if len(topics) != 3 or topics[0] != TRANSFER_TOPIC or len(data) != WORD:
        return None
    source, target = _word_address(topics[1]), _word_address(topics[2])
    if source is None or target is None:
        return None
    return source, target, int.from_bytes(data, "big")


def _address_word(address: str) -> bytes:
    assert is_address(address)
    return bytes.fromhex(address[2:]).rjust(WORD, b"\0")


def _word_address(word: bytes) -> str | None:
    if len(word) != WORD or any(word[:12]):
        return None
    return "0x" + word[12:].hex()
