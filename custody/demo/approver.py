"""The demo's approver, whose key all the world knows, as it knows the password `demo`."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NAME: Final = "demo"
KEY_FILE: Final = "demo-approver.pem"


def demo_key() -> Ed25519PrivateKey:
    """The private key. Its public half is custody.terms.DEMO_APPROVER."""
    return Ed25519PrivateKey.from_private_bytes(sha256(b"fixgate demo approver").digest())


def write_key(folder: Path) -> Path:
    """The key as a file of its owner's alone, for `fixgate withdrawals approve`; where it is."""
    path = folder / KEY_FILE
    pem = demo_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(pem)
    return path
