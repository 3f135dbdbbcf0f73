"""One key in a private file: of an owner of the cold wallet, or of who pays gas for it."""

import re
from pathlib import Path
from typing import Final

from coincurve import PrivateKey

from custody.wallets.bip32 import ExtendedPrivateKey
from engine.model.errors import OperatorError
from engine.password import read_password

_HEX: Final = re.compile(rb"(?:0x)?([0-9a-fA-F]{64})\Z")


class FileKey:
    """A key whose 64 hex digits are the first line of a file that is its owner's alone."""

    def __init__(self, path: Path) -> None:
        """Raises OperatorError, which never quotes the file."""
        key = _read(path)
        if key is None:
            raise OperatorError(f"{path} holds no private key: 64 hex digits, of the curve")
        self._key = ExtendedPrivateKey(key, bytes(32))

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return "FileKey(...)"

    def address(self) -> str:
        """Its address."""
        return self._key.address()

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """See custody.signing.keys.Keys.sign."""
        return self._key.sign(digest)


def _read(path: Path) -> PrivateKey | None:
    """Whoever raises has nothing of the file among their variables, which tracebacks may show."""
    found = _HEX.match(read_password(path))
    try:
        return PrivateKey(bytes.fromhex(found[1].decode())) if found else None
    except ValueError:
        return None
