"""A token of an HSM over PKCS#11: one session, which is opened again when it was lost.

Two rules come from what HSMs are. Several sessions in several threads bring libraries down: there
is one session, and one call at a time. And a few wrong PINs lock an HSM: one that was refused is
not tried again before its file has changed.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from custody.settings import HsmSettings
from custody.signing.keys import KeysGone
from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.model.errors import OperatorError
from engine.password import read_password

try:
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters
except ImportError:  # the extra `hsm`
    pkcs11 = None

RETRY_NANOS: Final = NANOS_PER_SECOND
"""Between two tries to reach an HSM that is gone: whoever asks meanwhile is told at once."""

CURVE: Final = "secp256k1"

POINT_BYTES: Final = 65
"""An uncompressed point: 4, X, Y."""

SIGNATURE_BYTES: Final = 64
"""r and s."""

BLOCK_BYTES: Final = 16
"""Of AES."""

SEALING_BITS: Final = 256

_KEPT_WITHIN: Final = ("SENSITIVE", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL")
"""What a key is that was made in the HSM, and that nobody has ever had outside."""


class HsmToken:
    """The token that the settings name. Every method raises KeysGone: the HSM is not there, does
    not let us in, or has no such key; the text says which, and never the PIN."""

    def __init__(
        self, settings: HsmSettings, pin_file: Path, clock: Clock, log: Callable[[str], None]
    ) -> None:
        """Does not touch the HSM yet. Raises OperatorError if the library's package is missing."""
        if pkcs11 is None:
            raise OperatorError("an HSM needs python-pkcs11: pip install 'fixgate[hsm]'")
        self._settings = settings
        self._pin_file = pin_file
        self._clock = clock
        self._log = log
        self._session: Any = None
        self._keys: dict[tuple[str, Any], Any] = {}
        self._try_at = 0
        self._why = ""
        """Why it was not reached the last time."""
        self._refused: tuple[int, int] | None = None
        """The PIN file, as it was when its PIN was refused."""
        self._one = threading.Lock()

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return f"HsmToken({self._settings.token})"

    # --- what is asked of it --------------------------------------------------------------

    def point(self, label: str) -> bytes:
        """The public key of a pair: POINT_BYTES."""
        with self._call():
            key = self._key(label, pkcs11.ObjectClass.PUBLIC_KEY)
            # DER wraps the point into an octet string: 4, its length, the point.
            point = bytes(key[pkcs11.Attribute.EC_POINT])[-POINT_BYTES:]
        if len(point) != POINT_BYTES or point[0] != 4:
            raise KeysGone(f"the public key {label} of the HSM is no point of {CURVE}")
        return point

    def sign(self, label: str, digest: bytes) -> bytes:
        """ECDSA over 32 bytes: SIGNATURE_BYTES, another signature each time."""
        assert len(digest) == 32
        with self._call():
            key = self._key(label, pkcs11.ObjectClass.PRIVATE_KEY)
            signature = bytes(key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
        if len(signature) != SIGNATURE_BYTES:
            raise KeysGone(f"the HSM signs with {len(signature)} bytes")
        return signature

    def encrypt(self, label: str, data: bytes, iv: bytes) -> bytes:
        """AES-CBC of whole blocks under a key of the token. It keeps secrets, and does not say
        whether they were changed: `data` has to."""
        assert len(data) % BLOCK_BYTES == 0
        with self._call():
            key = self._key(label, pkcs11.ObjectClass.SECRET_KEY)
            mechanism = pkcs11.Mechanism.AES_CBC
            return bytes(key.encrypt(data, mechanism_param=iv, mechanism=mechanism))

    def decrypt(self, label: str, data: bytes, iv: bytes) -> bytes:
        """The other way."""
        with self._call():
            key = self._key(label, pkcs11.ObjectClass.SECRET_KEY)
            mechanism = pkcs11.Mechanism.AES_CBC
            return bytes(key.decrypt(data, mechanism_param=iv, mechanism=mechanism))

    # --- making keys ----------------------------------------------------------------------

    def make_pair(self, label: str) -> bool:
        """Make a key pair that never leaves the token; False if there is one of that name."""
        with self._call(writes=True):
            if self._there(label, pkcs11.ObjectClass.PRIVATE_KEY):
                return False
            curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(CURVE)}
            make = self._session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
            uses = pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY
            make.generate_keypair(**_named(label), capabilities=uses, private_template=_within())
            return True

    def make_sealing_key(self, label: str) -> bool:
        """Make an AES key that never leaves the token; False if there is one of that name."""
        with self._call(writes=True):
            there = self._there(label, pkcs11.ObjectClass.SECRET_KEY)
            if not there:
                uses = pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT
                self._session.generate_key(
                    pkcs11.KeyType.AES, SEALING_BITS, **_named(label), capabilities=uses,
                    template=_within(),
                )  # fmt: skip
            return not there

    def close(self) -> None:
        """End the session; the next question opens another."""
        session, self._session = self._session, None
        self._keys.clear()
        if session is not None:
            try:
                session.close()
            except pkcs11.exceptions.PKCS11Error as error:
                self._log(f"the HSM's session was gone before it ended: {_name(error)}")

    # --- the session ----------------------------------------------------------------------

    @contextmanager
    def _call(self, *, writes: bool = False) -> Iterator[None]:
        """One call. What fails ends the session: a handle of it may mean something else later."""
        alone = self._one.acquire(blocking=False)
        assert alone, "one call at a time"
        try:
            if self._session is None or writes:
                self._open(writes=writes)
            yield
        except pkcs11.exceptions.PKCS11Error as error:
            self.close()
            self._why = f"the HSM does not do it: {_name(error)}"
            raise KeysGone(self._why) from None
        finally:
            if writes:
                self.close()
            self._one.release()

    def _open(self, *, writes: bool) -> None:
        self.close()
        now, pin = self._clock.monotonic(), self._pin_state()
        if pin == self._refused:
            raise KeysGone(
                f"the HSM refused the PIN of {self._pin_file}; it is not tried again before that"
                " file has changed, because HSMs lock after a few wrong ones"
            )
        if now < self._try_at:
            raise KeysGone(self._why)
        self._try_at = now + RETRY_NANOS
        try:
            self._session = self._token().open(rw=writes, user_pin=self._pin())
        except KeysGone as error:
            self._why = str(error)
            raise
        except (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinLenRange):
            self._refused = pin
            raise KeysGone(f"the HSM refused the PIN of {self._pin_file}") from None
        except pkcs11.exceptions.PinLocked:
            self._refused = pin
            raise KeysGone("the HSM has locked the PIN: its security officer can help") from None
        self._try_at = 0
        self._log(f"opened the token {self._settings.token} of the HSM")

    def _token(self) -> Any:  # noqa: ANN401 - the package has no types
        """The token, looked for from the beginning: a library that was told of an HSM once does not
        see that it has gone and come back."""
        try:
            library = pkcs11.lib(self._settings.library)
            library.reinitialize()
            return library.get_token(token_label=self._settings.token)
        except pkcs11.exceptions.NoSuchToken:
            raise KeysGone(f"the HSM has no token {self._settings.token}") from None
        except (OSError, RuntimeError):
            raise KeysGone(
                f"the HSM is not there: {self._settings.library} is no PKCS#11 library, or cannot"
                " reach it"
            ) from None

    def _pin(self) -> str:
        try:
            return read_password(self._pin_file).decode()
        except OperatorError as error:
            raise KeysGone(f"no PIN: {error}") from None
        except UnicodeDecodeError:  # its text has a part of the PIN
            raise KeysGone(f"the PIN of {self._pin_file} is no text") from None

    def _pin_state(self) -> tuple[int, int]:
        try:
            found = self._pin_file.stat()
        except OSError as error:
            raise KeysGone(f"{self._pin_file} cannot be read: {error.strerror}") from None
        return found.st_mtime_ns, found.st_ino

    # --- keys -----------------------------------------------------------------------------

    def _key(self, label: str, kind: Any) -> Any:  # noqa: ANN401 - the package has no types
        key = self._keys.get((label, kind))
        if key is None:
            key = self._find(label, kind)
            if kind is not pkcs11.ObjectClass.PUBLIC_KEY:
                _check_within(label, key)
            self._keys[label, kind] = key
        return key

    def _find(self, label: str, kind: Any) -> Any:  # noqa: ANN401 - the package has no types
        try:
            return self._session.get_key(object_class=kind, label=label)
        except pkcs11.exceptions.NoSuchKey:
            raise KeysGone(f"the HSM has no key {label}: `fixgate keys create` makes it") from None
        except pkcs11.exceptions.MultipleObjectsReturned:
            raise KeysGone(f"the HSM has several keys {label}: which one is meant?") from None

    def _there(self, label: str, kind: Any) -> bool:  # noqa: ANN401 - the package has no types
        found = self._session.get_objects(
            {pkcs11.Attribute.CLASS: kind, pkcs11.Attribute.LABEL: label}
        )
        return bool(list(found))


def _named(label: str) -> dict[str, Any]:
    return {"store": True, "label": label, "id": label.encode()}


def _within() -> dict[Any, bool]:
    return {
        pkcs11.Attribute.SENSITIVE: True,
        pkcs11.Attribute.EXTRACTABLE: False,
        pkcs11.Attribute.PRIVATE: True,
    }


def _check_within(label: str, key: Any) -> None:  # noqa: ANN401 - the package has no types
    """Raises KeysGone for a key that somebody may have a copy of."""
    for name in _KEPT_WITHIN:
        if not key[pkcs11.Attribute[name]]:
            raise KeysGone(f"the HSM's key {label} is not {name}: somebody may have a copy of it")


def _name(error: Exception) -> str:
    """What is wrong, in the library's words: these errors have no text as a rule."""
    return type(error).__name__
