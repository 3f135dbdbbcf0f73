"""An approver's private key: Ed25519 in a PEM file (PKCS #8) that nobody else can read."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from engine.model.errors import OperatorError
from engine.password import check_private, read_password


def create_key(path: Path, passphrase: Path | None) -> str:
    """Make a key; its public half, 64 hex digits. Raises OperatorError, also if there is a file
    already: keys are never written over."""
    secret: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        secret = BestAvailableEncryption(read_password(passphrase))
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise OperatorError(f"{path} is there already: choose another file") from None
    except OSError as error:
        raise OperatorError(f"{path} cannot be made: {error.strerror}") from None
    with os.fdopen(fd, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
    return key.public_key().public_bytes_raw().hex()


def sign_with(path: Path, passphrase: Path | None, text: bytes) -> bytes:
    """A signature by the key in a file, 64 bytes. Raises OperatorError."""
    check_private(path)
    secret = read_password(passphrase) if passphrase is not None else None
    try:
        key = load_pem_private_key(path.read_bytes(), secret)
    except TypeError:
        words = "has a passphrase: name its file by --passphrase-file"
        if secret is not None:
            words = "has no passphrase: leave --passphrase-file out"
        raise OperatorError(f"{path} {words}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise OperatorError(
            f"{path} does not open: it is no PEM key, or its passphrase is another one"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise OperatorError(f"{path} is no Ed25519 key: make one by `fixgate approver new`")
    return key.sign(text)
