"""What is said to a token, and what it says back: the few words of ERC-20 that are needed. Pure.

Source: EIP-20; words are 32 bytes, big-endian, addresses in the last 20 of them (Solidity ABI).
"""

from typing import Final

from engine.model.errors import FixgateError

TRANSFER: Final = bytes.fromhex("a9059cbb")
"""Selector of transfer(address,uint256)."""

BALANCE_OF: Final = bytes.fromhex("70a08231")
"""Selector of balanceOf(address)."""

TRANSFER_EVENT: Final = bytes.fromhex(
    "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
)
"""Topic of Transfer(address indexed from, address indexed to, uint256 value)."""

WORD: Final = 32
MAX_UINT256: Final = 2**256 - 1

_HEX: Final = frozenset("0123456789abcdef")


class AddressMalformed(FixgateError):
    """Text that is no address."""


def transfer_call(target: str, amount: int) -> bytes:
    """What moves `amount` of a token to `target`."""
    assert 0 <= amount <= MAX_UINT256
    return TRANSFER + address_word(target) + amount.to_bytes(WORD, "big")


def read_transfer(data: bytes) -> tuple[str, int] | None:
    """(target, amount) of a call that is exactly a transfer."""
    if len(data) != len(TRANSFER) + 2 * WORD or not data.startswith(TRANSFER):
        return None
    target = word_address(data[4 : 4 + WORD])
    return None if target is None else (target, int.from_bytes(data[4 + WORD :], "big"))


def balance_call(address: str) -> bytes:
    """What asks a token for a balance."""
    return BALANCE_OF + address_word(address)


def address_word(address: str) -> bytes:
    """An address as a word."""
    return bytes(WORD - 20) + address_bytes(address)


def word_address(word: bytes) -> str | None:
    """The address in a word; None if it is more than one."""
    return None if len(word) != WORD or any(word[:12]) else "0x" + word[12:].hex()


def address_bytes(address: str) -> bytes:
    """The 20 bytes of `0x` and 40 lower-case hex digits."""
    assert is_address(address), address
    return bytes.fromhex(address[2:])


def is_address(text: str) -> bool:
    """Whether a text is `0x` and 40 lower-case hex digits."""
    return len(text) == 42 and text.startswith("0x") and _HEX.issuperset(text[2:])
