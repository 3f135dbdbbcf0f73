"""The file of the keys that wrap the data keys, sealed under a password: elsewhere than the data.

The first key wraps, all of them unwrap. With it goes the key of the index, and the vault's id.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct

from compliance.vault.sealing import KEY_BYTES, NONCE_BYTES
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import read_file
from engine.journal.replace import replace_file
from engine.model.errors import OperatorError
from engine.secret import SecretBytes

ID_BYTES: Final = 16
SALT_BYTES: Final = 16

_CONTEXT: Final = b"fixgate vault keys v1"


class KeyRing(Struct, frozen=True):
    """id: of the vault, random. keys: by number, first the one that wraps. index: of tags and
    tombstones."""

    id: bytes
    keys: dict[int, SecretBytes]
    index: SecretBytes

    @property
    def first(self) -> int:
        """The number of the key that wraps."""
        return next(iter(self.keys))


class _Ring(Struct, array_like=True):
    id: bytes
    keys: list[tuple[int, bytes]]
    index: bytes


class _File(Struct, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1, le=1)]
    salt: bytes
    nonce: bytes
    sealed: bytes


def new_ring(chance: Callable[[int], bytes]) -> KeyRing:
    """Keys of a new vault."""
    first = {1: SecretBytes(chance(KEY_BYTES))}
    return KeyRing(chance(ID_BYTES), first, SecretBytes(chance(KEY_BYTES)))


class KeyFile:
    """The file. derive: makes a key of a salt and the password. chance: gives so many bytes that
    nobody can guess. Everything raises OSError."""

    def __init__(
        self,
        path: Path,
        derive: Callable[[bytes], bytes],
        chance: Callable[[int], bytes],
        disk: Disk = REAL_DISK,
    ) -> None:
        self.path = path
        self._derive = derive
        self._chance = chance
        self._disk = disk
        self._salt = b""
        self._key = SecretBytes()

    def read(self) -> KeyRing | None:
        """The keys; None if there is no file. Raises OperatorError if it does not open."""
        try:
            data = read_file(self.path, self._disk)
        except FileNotFoundError:
            return None
        try:
            file = msgspec.json.decode(data, type=_File)
            sealed = AESGCM(self._derived(file.salt))
            inner = SecretBytes(sealed.decrypt(file.nonce, file.sealed, _CONTEXT))
        except ValueError:
            raise OperatorError(f"{self.path} holds no keys: restore it from its copy") from None
        except InvalidTag:
            raise OperatorError(
                f"{self.path} does not open: the password is another one, or the file is damaged"
            ) from None
        ring = msgspec.msgpack.decode(inner, type=_Ring)
        keys = {number: SecretBytes(key) for number, key in ring.keys}
        return KeyRing(ring.id, keys, SecretBytes(ring.index))

    def write(self, ring: KeyRing) -> None:
        """Have the file hold these, whole or not at all; they are on disk when this returns."""
        salt = self._salt or self._chance(SALT_BYTES)
        nonce = self._chance(NONCE_BYTES)
        keys = [(number, bytes(key)) for number, key in ring.keys.items()]
        inner = SecretBytes(msgspec.msgpack.encode(_Ring(ring.id, keys, bytes(ring.index))))
        sealed = AESGCM(self._derived(salt)).encrypt(nonce, inner, _CONTEXT)
        replace_file(self.path, msgspec.json.encode(_File(1, salt, nonce, sealed)), self._disk)

    def _derived(self, salt: bytes) -> SecretBytes:
        if salt != self._salt:
            self._salt, self._key = salt, SecretBytes(self._derive(salt))
        return self._key
