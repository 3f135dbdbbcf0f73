"""Who signs: keys that are named, and never seen."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from typing_extensions import override

from custody.wallets.bip32 import DEPOSITS, GAS_TANK, HOT, WARM, ExtendedPrivateKey
from engine.model.errors import FixgateError
from engine.secret import SecretBytes


class KeysGone(FixgateError):
    """Whatever holds the keys does not answer: nothing is signed until it does."""


class Wallet(Enum):
    """Wallets with one key. Deposit addresses are numbers instead."""

    HOT = "hot"
    WARM = "warm"
    GAS_TANK = "gas tank"


Which = Wallet | int


class Keys(Protocol):
    """Keys of the wallets, and of deposit addresses by number."""

    def address(self, which: Which) -> str:
        """The address of a key. Raises KeysGone."""
        ...

    def sign(self, which: Which, digest: bytes) -> tuple[int, int, int]:
        """(r, s, y parity) over 32 bytes, s in the lower half. Raises KeysGone."""
        ...

    def xpub(self) -> str:
        """The extended public key of all deposit addresses."""
        ...


class Key(Protocol):
    """One key."""

    def address(self) -> str:
        """Its address. Raises KeysGone."""
        ...

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """See Keys."""
        ...


class KeyRing(ABC):
    """Keys, of a key for each wallet and the parent of those of deposit addresses."""

    def __init__(self, wallets: Mapping[Wallet, Key]) -> None:
        self._wallets = wallets

    @abstractmethod
    def _deposits(self) -> ExtendedPrivateKey:
        """The parent. Raises KeysGone."""

    def address(self, which: Which) -> str:
        """See Keys."""
        return self._key(which).address()

    def sign(self, which: Which, digest: bytes) -> tuple[int, int, int]:
        """See Keys."""
        return self._key(which).sign(digest)

    def xpub(self) -> str:
        """See Keys. Raises KeysGone."""
        return self._deposits().public().text()

    def _key(self, which: Which) -> Key:
        return self._deposits().child(which) if isinstance(which, int) else self._wallets[which]


class SeedKeys(KeyRing):
    """Keys that are all derived from one seed, in this process's memory."""

    def __init__(self, seed: bytes) -> None:
        seed = SecretBytes(seed)
        master = ExtendedPrivateKey.of_seed(seed)
        paths = {Wallet.HOT: HOT, Wallet.WARM: WARM, Wallet.GAS_TANK: GAS_TANK}
        super().__init__({wallet: master.derive(path) for wallet, path in paths.items()})
        self._parent = master.derive(DEPOSITS)

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return "SeedKeys(...)"

    @override
    def _deposits(self) -> ExtendedPrivateKey:
        return self._parent
