"""The seed on disk: AES-256-GCM under a key that scrypt makes of a password.

Where the password comes from: engine.password. Where there is an HSM, what the password has sealed
is encrypted once more under a key of the HSM: file and password together are then not enough.
"""

import os
from pathlib import Path
from typing import Annotated, Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct

from engine.model.errors import OperatorError
from engine.password import check_private, password_key
from engine.secret import SecretBytes

SEED_BYTES: Final = 32
RANDOM_BYTES: Final = SEED_BYTES + 16 + 12
"""What a new keystore takes: the seed, a salt, a nonce."""

_CONTEXT: Final = b"fixgate keystore v1"


class Outer(Protocol):
    """A key that is somewhere else: of an HSM. It need not say whether data was changed: what is
    within does. Whole blocks of 16 bytes; both methods raise FixgateError."""

    def encrypt(self, data: bytes, iv: bytes) -> bytes:
        """Encrypt."""
        ...

    def decrypt(self, data: bytes, iv: bytes) -> bytes:
        """Decrypt."""
        ...


class _File(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """outer: whether a key that is somewhere else is around `sealed`; its vector is the salt."""

    version: Annotated[int, Meta(ge=1, le=1)]
    salt: bytes
    nonce: bytes
    sealed: bytes
    outer: bool = False


def create_keystore(path: Path, password: bytes, random: bytes, outer: Outer | None = None) -> None:
    """Seal a new seed. random: RANDOM_BYTES unpredictable ones. Raises OperatorError if there is a
    file already: keys are never written over."""
    password, random = SecretBytes(password), SecretBytes(random)
    assert len(random) == RANDOM_BYTES
    seed, salt, nonce = SecretBytes(random[:32]), random[32:48], random[48:]
    sealed = AESGCM(password_key(password, salt)).encrypt(nonce, seed, _CONTEXT)
    if outer is not None:
        sealed = outer.encrypt(sealed, salt)
    text = msgspec.json.encode(_File(1, salt, nonce, sealed, outer is not None))
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise OperatorError(f"{path} is there already: keys are never written over") from None
    with os.fdopen(fd, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)


def open_keystore(path: Path, password: bytes, outer: Outer | None = None) -> SecretBytes:
    """The seed. Raises OperatorError if there is none, or the password or the HSM is another; and
    what `outer` raises."""
    password = SecretBytes(password)
    check_private(path)
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except (msgspec.DecodeError, ValueError):
        raise OperatorError(f"{path} is no keystore: restore it from its copy") from None
    if file.outer != (outer is not None):
        raise OperatorError(
            f"{path} is sealed by an HSM: name it in custody.hsm"
            if file.outer
            else f"{path} was made without an HSM: with custody.hsm another one has to be made"
        )
    sealed = outer.decrypt(file.sealed, file.salt) if outer is not None else file.sealed
    try:
        key = AESGCM(password_key(password, file.salt))
        return SecretBytes(key.decrypt(file.nonce, sealed, _CONTEXT))
    except ValueError:
        raise OperatorError(f"{path} is no keystore: restore it from its copy") from None
    except InvalidTag:
        raise OperatorError(
            f"{path} does not open: the password is another one, or the file is damaged"
        ) from None
