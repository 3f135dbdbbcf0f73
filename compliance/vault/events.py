"""What happens to the vault, as its log keeps it: ciphertext and opaque ids, never a value.

Tags are part of the format and never change. `at` is ns UTC everywhere; `by` is a principal's
opaque id, who acted as `role` for `purpose`.
"""

from typing import TypeAlias

from msgspec import Struct

from compliance.vault.policy import Action, Purpose, Role
from compliance.vault.retention import Basis


class Actor(Struct, frozen=True, array_like=True):
    """Who acts, as what, and for what."""

    by: str
    role: Role
    purpose: Purpose


class Founded(Struct, frozen=True, array_like=True, tag="founded"):
    """The vault's first event: those who are its admins from the start, and its first key."""

    at: int
    tenant: str
    admins: tuple[str, str]
    key: int


class SubjectAdded(Struct, frozen=True, array_like=True, tag="subject"):
    """Its data key is in slot `slot`."""

    at: int
    actor: Actor
    subject: str
    slot: int


class ValuePut(Struct, frozen=True, array_like=True, tag="put"):
    """place: of its tag in the index, counted from 0; -1 where it has none."""

    at: int
    actor: Actor
    subject: str
    field: str
    schema: int
    nonce: bytes
    sealed: bytes
    place: int


class ReadAllowed(Struct, frozen=True, array_like=True, tag="read"):
    """Written before the value is given."""

    at: int
    actor: Actor
    subject: str
    field: str


class SearchAllowed(Struct, frozen=True, array_like=True, tag="search"):
    """Written before the subjects are named; of what was looked for there is nothing here."""

    at: int
    actor: Actor
    field: str
    found: tuple[str, ...]


class AccessRefused(Struct, frozen=True, array_like=True, tag="refused"):
    """Somebody asked for what their roles do not allow."""

    at: int
    actor: Actor
    action: Action
    subject: str


class LogRead(Struct, frozen=True, array_like=True, tag="log"):
    """Somebody has read who has read."""

    at: int
    actor: Actor


class Retained(Struct, frozen=True, array_like=True, tag="retained"):
    """A law has the subject's data kept until then; a later one of the same law replaces it."""

    at: int
    actor: Actor
    subject: str
    basis: Basis
    until: int


class ErasureProposed(Struct, frozen=True, array_like=True, tag="erase?"):
    """One person's word."""

    at: int
    actor: Actor
    subject: str


class ErasureDecided(Struct, frozen=True, array_like=True, tag="erase!"):
    """Another's: from here on nobody reads the subject, and the next who comes goes on destroying
    its key if that was cut."""

    at: int
    actor: Actor
    subject: str


class SubjectErased(Struct, frozen=True, array_like=True, tag="erased"):
    """Both copies of the data key and all tags of the index are overwritten, on disk."""

    at: int
    subject: str


class KeyFoundAgain(Struct, frozen=True, array_like=True, tag="again"):
    """An erased subject's key is there: a copy from before was put back. It is destroyed again."""

    at: int
    subject: str


class GrantProposed(Struct, frozen=True, array_like=True, tag="grant?"):
    """One admin's word."""

    at: int
    actor: Actor
    principal: str
    role: Role


class Granted(Struct, frozen=True, array_like=True, tag="granted"):
    """Another admin's."""

    at: int
    actor: Actor
    principal: str
    role: Role


class Revoked(Struct, frozen=True, array_like=True, tag="revoked"):
    """One admin's word is enough to take access away."""

    at: int
    actor: Actor
    principal: str
    role: Role


class RotationBegun(Struct, frozen=True, array_like=True, tag="rotate"):
    """Data keys are being wrapped by key `key`."""

    at: int
    actor: Actor
    key: int


class RotationDone(Struct, frozen=True, array_like=True, tag="rotated"):
    """All of them are, and no other key is left."""

    at: int
    actor: Actor
    key: int


VaultEvent: TypeAlias = (
    Founded | SubjectAdded | ValuePut | ReadAllowed | SearchAllowed | AccessRefused | LogRead
    | Retained | ErasureProposed | ErasureDecided | SubjectErased | KeyFoundAgain | GrantProposed
    | Granted | Revoked | RotationBegun | RotationDone
)  # fmt: skip
