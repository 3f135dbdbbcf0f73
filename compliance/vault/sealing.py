"""The vault's cryptography: AES-256-GCM for values and for the keys that they are under, HMAC for
looking one up. Nonces are random, 96 bits: no key here makes near the 2**32 messages that they are
good for (NIST SP 800-38D, 8.3)."""

import hashlib
import hmac
import re
import struct
import unicodedata
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from compliance.vault.errors import VaultRefused
from compliance.vault.subject_id import SUBJECT_ID
from engine.secret import SecretBytes

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 32
SUBJECT_BYTES: Final = 16

_SLOT: Final = struct.Struct(f">I{NONCE_BYTES}s{KEY_BYTES + 16}s")
"""A wrapped data key: the number of the key that wraps it, from 1 on, a nonce, and the sealed."""

SLOT_BYTES: Final = _SLOT.size

DESTROYED: Final = bytes(SLOT_BYTES)
"""A slot in which nothing is, or is any more."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._/-]{0,99}\Z")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_PRINCIPAL: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")

MAX_SCHEMA: Final = 65_535


class Place(Struct, frozen=True):
    """Where a value belongs: it opens nowhere else."""

    tenant: str
    subject: str
    field: str
    schema: int

    @property
    def context(self) -> bytes:
        """What is authenticated with a value. No part has the bar in it (see check_*)."""
        return f"{self.tenant}|{self.subject}|{self.field}|{self.schema}".encode()


def seal_value(key: bytes, nonce: bytes, value: bytes, place: Place) -> bytes:
    """A value under its subject's key."""
    return AESGCM(key).encrypt(nonce, value, place.context)


def open_value(key: bytes, nonce: bytes, sealed: bytes, place: Place) -> SecretBytes:
    """The value. Raises VaultRefused if it is not the one that was sealed for this place."""
    try:
        return SecretBytes(AESGCM(key).decrypt(nonce, sealed, place.context))
    except InvalidTag:
        raise VaultRefused(
            f"{place.subject}: {place.field} was changed: put back its copy"
        ) from None


def wrap_key(number: int, wrapping: bytes, nonce: bytes, key: bytes, whose: str) -> bytes:
    """A slot with a data key in it. whose: tenant|subject, without which it does not open."""
    return _SLOT.pack(number, nonce, AESGCM(wrapping).encrypt(nonce, key, whose.encode()))


def unwrap_key(slot: bytes, keys: dict[int, SecretBytes], whose: str) -> SecretBytes | None:
    """The data key in a slot; None if there is none, or its write was cut."""
    if len(slot) != SLOT_BYTES:
        return None
    number, nonce, sealed = _SLOT.unpack(slot)
    wrapping = keys.get(number)
    if wrapping is None:
        return None
    try:
        return SecretBytes(AESGCM(wrapping).decrypt(nonce, sealed, whose.encode()))
    except InvalidTag:
        return None


def index_tag(key: bytes, tenant: str, field: str, value: str) -> bytes:
    """What a value is found by: equal for what people take for equal, in case, width and spaces."""
    plain = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    return hmac.digest(key, f"index|{tenant}|{field}|{plain}".encode(), hashlib.sha256)


def tombstone_mark(key: bytes, subject: str) -> str:
    """What shows that this vault has erased a subject: nobody else can say so."""
    return hmac.digest(key, f"tombstone|{subject}".encode(), hashlib.sha256).hex()


# --- names --------------------------------------------------------------------------------------


def check_tenant(name: str) -> None:
    """Raises VaultRefused."""
    if not _NAME.match(name):
        raise VaultRefused("a tenant is named in small letters, digits and ._/-")


def check_field(name: str, schema: int = 1) -> None:
    """Raises VaultRefused."""
    if not _FIELD.match(name):
        raise VaultRefused("a field is named in small letters, digits and _, at most 32 of them")
    if not 1 <= schema <= MAX_SCHEMA:
        raise VaultRefused(f"a schema's version is 1 to {MAX_SCHEMA}")


def check_subject(name: str) -> None:
    """Raises VaultRefused. The text is not repeated: somebody may have typed a person's name."""
    if not SUBJECT_ID.match(name):
        raise VaultRefused("a subject is s- and 32 hexadecimal digits, as `put` has named it")


def check_principal(name: str) -> None:
    """Raises VaultRefused."""
    if not _PRINCIPAL.match(name):
        raise VaultRefused("a principal's id has letters, digits and ._- alone, at most 64")
