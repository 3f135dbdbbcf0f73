"""Hierarchical keys (BIP-32): whoever has the public half derives addresses and spends nothing."""

import hmac
from hashlib import sha256, sha512
from typing import Final

from coincurve import PrivateKey, PublicKey
from eth_utils.crypto import keccak

from engine.model.errors import OperatorError
from engine.secret import SecretBytes

HARDENED: Final = 0x8000_0000
"""From here on children are derived from the private key alone."""

DEPOSITS: Final = (44 | HARDENED, 60 | HARDENED, HARDENED, 0)
HOT: Final = (44 | HARDENED, 60 | HARDENED, 1 | HARDENED, 0, 0)
GAS_TANK: Final = (44 | HARDENED, 60 | HARDENED, 2 | HARDENED, 0, 0)
WARM: Final = (44 | HARDENED, 60 | HARDENED, 3 | HARDENED, 0, 0)
"""Paths (BIP-44, coin 60): of all deposit addresses, of the hot wallet, the gas tank, and the warm
wallet."""

_PUBLIC_VERSION: Final = bytes.fromhex("0488b21e")
_PRIVATE_VERSION: Final = bytes.fromhex("0488ade4")
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_KEY_BYTES: Final = 78


class ExtendedPublicKey:
    """A public key that has children. chain_code: 32 bytes."""

    def __init__(self, key: PublicKey, chain_code: bytes, depth: int = 0) -> None:
        self.key = key
        self.chain_code = chain_code
        self.depth = depth
        self._point = key.format()

    @classmethod
    def parse(cls, text: str) -> "ExtendedPublicKey":
        """From the text that begins with `xpub`. Raises OperatorError, which never quotes it."""
        data = _base58_decode(text)
        if data is None or len(data) != _KEY_BYTES:
            raise OperatorError("the extended public key is not one: it begins with xpub (BIP-32)")
        if data[:4] == _PRIVATE_VERSION:
            raise OperatorError(
                "this is an extended PRIVATE key: it belongs to the signer alone. Consider it lost,"
                " and give the xpub of a new one"
            )
        if data[:4] != _PUBLIC_VERSION:
            raise OperatorError("the extended public key is of another network")
        try:
            return cls(PublicKey(data[45:]), data[13:45], data[4])
        except ValueError:
            raise OperatorError("the extended public key is no point of the curve") from None

    def child(self, index: int) -> "ExtendedPublicKey":
        """Child `index`, which is not hardened."""
        assert 0 <= index < HARDENED
        digest = hmac.digest(self.chain_code, self._point + index.to_bytes(4, "big"), sha512)
        return ExtendedPublicKey(self.key.add(digest[:32]), digest[32:], self.depth + 1)

    def address(self) -> str:
        """`0x` and 40 lower-case hex digits: the end of the point's Keccak-256."""
        return address_of(self.key)

    def text(self) -> str:
        """As `parse` takes it; parent and number are not told."""
        body = _PUBLIC_VERSION + bytes([self.depth]) + bytes(8) + self.chain_code + self._point
        return _base58_encode(body)


class ExtendedPrivateKey:
    """A private key that has children."""

    __slots__ = ("_chain_code", "_depth", "_key")

    def __init__(self, key: PrivateKey, chain_code: bytes, depth: int = 0) -> None:
        self._key = key
        self._chain_code = chain_code
        self._depth = depth

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return "ExtendedPrivateKey(...)"

    @classmethod
    def of_seed(cls, seed: bytes) -> "ExtendedPrivateKey":
        """The master key of 16 to 64 random bytes."""
        seed = SecretBytes(seed)
        assert 16 <= len(seed) <= 64
        digest = SecretBytes(hmac.digest(b"Bitcoin seed", seed, sha512))
        return cls(PrivateKey(digest[:32]), digest[32:])

    def child(self, index: int) -> "ExtendedPrivateKey":
        """Child `index`; from HARDENED on it is hardened."""
        if index >= HARDENED:
            data = SecretBytes(b"\0" + self._key.secret + index.to_bytes(4, "big"))
        else:
            data = SecretBytes(self._key.public_key.format() + index.to_bytes(4, "big"))
        digest = SecretBytes(hmac.digest(self._chain_code, data, sha512))
        return ExtendedPrivateKey(self._key.add(digest[:32]), digest[32:], self._depth + 1)

    def derive(self, path: tuple[int, ...]) -> "ExtendedPrivateKey":
        """The key at the end of a path."""
        key = self
        for index in path:
            key = key.child(index)
        return key

    def public(self) -> ExtendedPublicKey:
        """Its public half."""
        return ExtendedPublicKey(self._key.public_key, self._chain_code, self._depth)

    def address(self) -> str:
        """See ExtendedPublicKey.address."""
        return address_of(self._key.public_key)

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """(r, s, y parity) of ECDSA over 32 bytes, s in the lower half (EIP-2), always the same
        for the same digest (RFC 6979)."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return r, s, signature[64]


class AddressBook:
    """Deposit addresses by their number, of an extended public key at DEPOSITS."""

    def __init__(self, xpub: str) -> None:
        self._parent = ExtendedPublicKey.parse(xpub)

    def address(self, number: int) -> str:
        """See ExtendedPublicKey.address."""
        return self._parent.child(number).address()


def address_of(key: PublicKey) -> str:
    """The Ethereum address of a public key."""
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def _base58_decode(text: str) -> bytes | None:
    """Base58Check without its checksum, which was right; None if it is none."""
    number = 0
    for character in text:
        at = _ALPHABET.find(character)
        if at < 0:
            return None
        number = number * 58 + at
    if number.bit_length() > 8 * (_KEY_BYTES + 4):
        return None
    data = number.to_bytes(_KEY_BYTES + 4, "big")
    body, checksum = data[:-4], data[-4:]
    return body if _checksum(body) == checksum else None


def _base58_encode(body: bytes) -> str:
    number = int.from_bytes(body + _checksum(body), "big")
    text = ""
    while number:
        number, rest = divmod(number, 58)
        text = _ALPHABET[rest] + text
    return text


def _checksum(body: bytes) -> bytes:
    return sha256(sha256(body).digest()).digest()[:4]
