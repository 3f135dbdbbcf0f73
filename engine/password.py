"""Passwords that open sealed files: from a file that nobody else can read, never from a command
line or the environment, which other processes see.

Custody's keystore and the vault's keys are both sealed so; nothing else of the engine needs it.
"""

import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from engine.model.errors import OperatorError
from engine.secret import SecretBytes

SCRYPT_N: Final = 2**15
"""32 MiB and some 0.1 s a try (RFC 7914), with r = 8, p = 1."""

MAX_PASSWORD: Final = 1_024
"""Longest password, bytes."""


def read_password(path: Path) -> SecretBytes:
    """The first line of a file that is its owner's alone. Raises OperatorError."""
    check_private(path)
    with path.open("rb") as file:
        password = SecretBytes(file.readline(MAX_PASSWORD + 1).rstrip(b"\n"))
    if not 0 < len(password) <= MAX_PASSWORD:
        raise OperatorError(f"{path}: a password has 1 to {MAX_PASSWORD} bytes")
    return password


def check_private(path: Path) -> None:
    """Whether a file is its owner's alone. Raises OperatorError."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise OperatorError(f"{path} can be read by others: chmod 600 {path}")


def password_key(password: bytes, salt: bytes) -> SecretBytes:
    """The key of 32 bytes that scrypt makes of a password."""
    return SecretBytes(Scrypt(salt=salt, length=32, n=SCRYPT_N, r=8, p=1).derive(password))
