"""The demo's keystore: one of its own in the data folder, made at the first start."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from custody.signing.keystore import create_keystore, open_keystore
from engine.password import read_password
from engine.secret import SecretBytes

KEYSTORE: Final = "keystore.json"
PASSWORD: Final = "keystore.password"  # noqa: S105 - the name of a file

RANDOM_BYTES: Final = 60
"""What a keystore is made of: see create_keystore."""


def demo_seed(folder: Path, random: Callable[[int], bytes]) -> bytes:
    """The seed of the keystore in `folder`. Raises OperatorError."""
    password = folder / PASSWORD
    if not (folder / KEYSTORE).exists():
        fd = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(random(32).hex().encode() + b"\n")
            file.flush()
            os.fsync(fd)
        create_keystore(
            folder / KEYSTORE, read_password(password), SecretBytes(random(RANDOM_BYTES))
        )
    return open_keystore(folder / KEYSTORE, read_password(password))
