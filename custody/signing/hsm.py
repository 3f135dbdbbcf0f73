"""Keys in an HSM: those of the wallets and of the gas tank never are in this process.

Deposit addresses are children of one extended public key, which no HSM derives by BIP-32: their
seed is in the keystore, sealed under a key of the HSM besides its password, and in this process's
memory from the first time that it is needed.
"""

from collections.abc import Callable, Mapping
from typing import Final

from coincurve import PublicKey
from typing_extensions import override

from custody.signing.keys import KeyRing, KeysGone, Wallet
from custody.signing.token import SIGNATURE_BYTES, HsmToken
from custody.wallets.bip32 import DEPOSITS, ExtendedPrivateKey, address_of
from engine.model.errors import OperatorError

ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Of secp256k1's group (SEC 2)."""

_PROBE: Final = b"fixgate: is this key its own"
"""Signed when a key is first met; 32 bytes with what is put behind it."""


class HsmPair:
    """A key pair of a token, by its label."""

    def __init__(self, token: HsmToken, label: str) -> None:
        self._token = token
        self._label = label
        self._point: PublicKey | None = None

    def address(self) -> str:
        """Its address. Raises KeysGone."""
        return address_of(self.point())

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """See Keys.sign. Another signature each time: the HSM draws its own random number."""
        point = self.point()
        return finished(point, digest, self._token.sign(self._label, digest))

    def point(self) -> PublicKey:
        """The public key, once the private one of the same label has shown that it belongs to it:
        coins that are sent to an address without a key are lost. Raises KeysGone."""
        if self._point is None:
            point = _read_point(self._label, self._token.point(self._label))
            probe = _PROBE.ljust(32, b".")
            finished(point, probe, self._token.sign(self._label, probe))
            self._point = point
        return self._point


class HsmKeys(KeyRing):
    """Keys of a token. Nothing is ever signed by another key instead."""

    def __init__(
        self, token: HsmToken, labels: Mapping[Wallet, str], open_seed: Callable[[], bytes]
    ) -> None:
        """labels: of key pairs; one that is not there is missed when it is asked for. open_seed:
        raises KeysGone and OperatorError."""
        super().__init__({wallet: HsmPair(token, label) for wallet, label in labels.items()})
        self._open_seed = open_seed
        self._parent: ExtendedPrivateKey | None = None

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return "HsmKeys(...)"

    @override
    def _deposits(self) -> ExtendedPrivateKey:
        if self._parent is None:
            try:
                self._parent = ExtendedPrivateKey.of_seed(self._open_seed()).derive(DEPOSITS)
            except OperatorError as error:
                raise KeysGone(str(error)) from None
        return self._parent


def _read_point(label: str, data: bytes) -> PublicKey:
    try:
        return PublicKey(data)
    except ValueError:
        raise KeysGone(f"the public key {label} of the HSM is no point of the curve") from None


def finished(point: PublicKey, digest: bytes, signature: bytes) -> tuple[int, int, int]:
    """(r, s, y parity) of an HSM's r and s, s in the lower half (EIP-2). Raises KeysGone if they
    are not of the key that they should be of."""
    assert len(signature) == SIGNATURE_BYTES
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    s = min(s, ORDER - s)
    wanted = point.format()
    for parity in (0, 1):
        form = r.to_bytes(32, "big") + max(s, 0).to_bytes(32, "big") + bytes([parity])
        try:
            key = PublicKey.from_signature_and_message(form, digest, hasher=None)
        except ValueError:
            continue
        if key.format() == wanted:
            return r, s, parity
    raise KeysGone("the HSM signed by another key than the one whose address is known")
