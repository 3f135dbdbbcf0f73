"""From the configuration to keys, whichever holds them."""

from collections.abc import Callable
from pathlib import Path

from custody.settings import CustodySettings, HsmSettings
from custody.signing.hsm import HsmKeys
from custody.signing.keys import Keys, SeedKeys, Wallet
from custody.signing.keystore import open_keystore
from custody.signing.token import HsmToken
from engine.model.clock import Clock
from engine.model.errors import OperatorError
from engine.password import read_password


class Seal:
    """custody.signing.keystore.Outer: an AES key of a token. Raises KeysGone."""

    def __init__(self, token: HsmToken, label: str) -> None:
        self._token = token
        self._label = label

    def encrypt(self, data: bytes, iv: bytes) -> bytes:
        """See Outer."""
        return self._token.encrypt(self._label, data, iv)

    def decrypt(self, data: bytes, iv: bytes) -> bytes:
        """See Outer."""
        return self._token.decrypt(self._label, data, iv)


def open_keys(
    settings: CustodySettings, folder: Path, clock: Clock, log: Callable[[str], None]
) -> Keys:
    """The signer's keys. folder: of the configuration, which relative files are beside.

    Without an HSM all of them come from the keystore, which is opened now: raises OperatorError.
    With one nothing is touched yet: what is wrong is a KeysGone of whatever is asked first, for
    ever or until the HSM is back, and there is no other way to a key.
    """
    file, password = keystore_files(settings, folder)
    if settings.hsm is None:
        return SeedKeys(open_keystore(file, read_password(password)))
    token, hsm = open_token(settings.hsm, folder, clock, log), settings.hsm
    seal = Seal(token, hsm.seal_label)
    return HsmKeys(
        token, labels_of(hsm), lambda: open_keystore(file, read_password(password), seal)
    )


def labels_of(hsm: HsmSettings) -> dict[Wallet, str]:
    """What the wallets' key pairs are called in a token."""
    return {
        Wallet.HOT: hsm.hot_label,
        Wallet.WARM: hsm.warm_label,
        Wallet.GAS_TANK: hsm.gas_tank_label,
    }


def keystore_files(settings: CustodySettings, folder: Path) -> tuple[Path, Path]:
    """The keystore and its password's file. Raises OperatorError if none is named."""
    if settings.keystore is None:
        raise OperatorError(
            "custody.keystore is missing: a demo makes one of its own, everybody else names one"
        )
    return folder / settings.keystore.file, folder / settings.keystore.password_file


def open_token(
    hsm: HsmSettings, folder: Path, clock: Clock, log: Callable[[str], None]
) -> HsmToken:
    """The token that the settings name. Raises OperatorError if its package is missing."""
    return HsmToken(hsm, folder / hsm.pin_file, clock, log)
