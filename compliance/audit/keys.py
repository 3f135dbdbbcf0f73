"""Keys that sign checkpoints, as text and at work (c2sp.org/signed-note, tlog-cosignature). Pure.

A verifier's text is `name+id+base64`, a signer's `PRIVATE+KEY+name+id+base64`, in which the base64
is of the kind's byte and the key: 32 bytes of seed in a signer, of either kind.

A log's key may have a period, ` from=N` and ` until=N` behind its text: the sizes of checkpoints
that it signs. So a key that was stolen after it was retired signs nothing that anybody believes.
The words are ours, as C2SP has none for it: other tools take the text without them.
"""

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from compliance.audit.checkpoint import (
    MAX_NAME_BYTES,
    MAX_TIME,
    Checkpoint,
    cosigned_subtree,
    cosigned_text,
    parse_checkpoint,
)
from compliance.audit.errors import AuditRefused, SignerUnknown
from compliance.audit.merkle import MAX_SIZE
from compliance.audit.notes import KEY_ID_BYTES, Signature, check_name, parse_note
from compliance.audit.text import from_base64, from_decimal, to_base64

ED25519: Final = 0x01
"""Signs a note's text."""

COSIGNER_ED25519: Final = 0x04
"""Signs a checkpoint's text, with the time."""

COSIGNER_ML_DSA_44: Final = 0x06
"""Signs a checkpoint, with its own name and the time; no quantum computer forges it."""

PUBLIC_BYTES: Final = {ED25519: 32, COSIGNER_ED25519: 32, COSIGNER_ML_DSA_44: 1_312}
"""By kind, bytes of a public key."""

SEED_BYTES: Final = 32
"""Of a private key of any kind."""

_PRIVATE: Final = "PRIVATE+KEY+"
_FROM: Final = "from="
_UNTIL: Final = "until="
_TIME = Struct(">Q")


class VerifierKey(NamedTuple):
    """A public key, by which name and of which kind. first, last: the sizes of checkpoints that it
    signs, both counted."""

    name: str
    kind: int
    public: bytes
    first: int = 0
    last: int = MAX_SIZE

    @property
    def key_id(self) -> bytes:
        """What its signatures are recognised by, next to the name."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[
            :KEY_ID_BYTES
        ]

    @property
    def text(self) -> str:
        """The key as people hand it on, without its period."""
        encoded = to_base64(bytes([self.kind]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @property
    def line(self) -> str:
        """The key as it is in a file, with its period if it has one."""
        return self.text + _period(self.first, self.last)

    def signs(self, size: int) -> bool:
        """Whether it signs checkpoints of `size`."""
        return self.first <= size <= self.last

    def verify(self, text: str, signature: bytes) -> int:
        """Check a signature on a note's text; the time in it, seconds since 1970, 0 if it has none.

        Raises AuditRefused.
        """
        try:
            if self.kind == ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
                return 0
            return self._verify_cosignature(text, signature)
        except (InvalidSignature, ValueError):
            raise AuditRefused(f"the signature of {self.name} is not of this text") from None

    def _verify_cosignature(self, text: str, signature: bytes) -> int:
        time = int.from_bytes(signature[: _TIME.size], "big")
        signed = signature[_TIME.size :]
        if time > MAX_TIME:
            raise AuditRefused("no cosignature has such a time")
        checkpoint = parse_checkpoint(text)
        if self.kind == COSIGNER_ED25519:
            public = Ed25519PublicKey.from_public_bytes(self.public)
            public.verify(signed, cosigned_text(text, time))
        else:
            key = MLDSA44PublicKey.from_public_bytes(self.public)
            key.verify(signed, cosigned_subtree(self.name, time, checkpoint))
        return time


class SignerKey:
    """A private key; it is shown nowhere but in its line."""

    def __init__(
        self, name: str, kind: int, seed: bytes, first: int = 0, last: int = MAX_SIZE
    ) -> None:
        """first, last: see VerifierKey. Raises AuditRefused if there is no such kind, or the name
        is none."""
        _check(name, kind)
        assert len(seed) == SEED_BYTES
        self._seed = seed
        self._ml_dsa = self._ed25519 = None
        if kind == COSIGNER_ML_DSA_44:
            self._ml_dsa = MLDSA44PrivateKey.from_seed_bytes(seed)
            public = self._ml_dsa.public_key().public_bytes_raw()
        else:
            self._ed25519 = Ed25519PrivateKey.from_private_bytes(seed)
            public = self._ed25519.public_key().public_bytes_raw()
        self.verifier = VerifierKey(name, kind, public, first, last)

    def __repr__(self) -> str:  # type: ignore[explicit-override] # typing has it from 3.12
        return f"SignerKey({self.verifier.name}, kind {self.verifier.kind})"

    @property
    def text(self) -> str:
        """The key as it is kept, in one line, with its period if it has one: a secret."""
        name, kind, _, first, last = self.verifier
        encoded = to_base64(bytes([kind]) + self._seed)
        text = f"{_PRIVATE}{name}+{self.verifier.key_id.hex()}+{encoded}"
        return text + _period(first, last)

    def sign(self, text: str, time: int) -> Signature:
        """Sign a note's text, which is a checkpoint's if the key is a cosigner's. time: seconds
        since 1970."""
        assert 0 <= time <= MAX_TIME
        name, kind, *_ = self.verifier
        if self._ml_dsa is not None:
            message = cosigned_subtree(name, time, parse_checkpoint(text))
            signed = _TIME.pack(time) + self._ml_dsa.sign(message)
        else:
            assert self._ed25519 is not None
            if kind == COSIGNER_ED25519:
                signed = _TIME.pack(time) + self._ed25519.sign(cosigned_text(text, time))
            else:
                signed = self._ed25519.sign(text.encode())
        return Signature(name, self.verifier.key_id, signed)


class SignedCheckpoint(NamedTuple):
    """A checkpoint, and which of the known keys have signed it, each with its time."""

    checkpoint: Checkpoint
    signers: dict[VerifierKey, int]


def open_checkpoint(data: bytes, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
    """A note's checkpoint, if the log itself signed it: one of `keys` that bears the origin's name.

    Unknown keys are passed over; a wrong signature of a known one spoils the note, and so does one
    that was made outside of its key's period. Raises AuditRefused, SignerUnknown if all are
    unknown.
    """
    note = parse_note(data)
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        known[key.name, key.key_id] = _narrower(known.get((key.name, key.key_id), key), key)
    signers: dict[VerifierKey, int] = {}
    for signature in note.signatures:
        found = known.get((signature.name, signature.key_id))
        if found is not None:
            time = found.verify(note.text, signature.data)
            signers[found] = max(time, signers.get(found, 0))
    if not signers:
        raise SignerUnknown("no known key has signed this")
    checkpoint = parse_checkpoint(note.text)
    for key in signers:
        if not key.signs(checkpoint.size):
            raise AuditRefused(
                f"the key {key.key_id.hex()} of {key.name} signs checkpoints{_period(*key[3:])}, "
                f"and this one is of {checkpoint.size} records"
            )
    if all(key.name != checkpoint.origin for key in signers):
        raise SignerUnknown(f"no known key of {checkpoint.origin} itself has signed this")
    return SignedCheckpoint(checkpoint, signers)


def parse_verifier(text: str) -> VerifierKey:
    """Inverse of VerifierKey.line. Raises AuditRefused."""
    text, first, last = _split(text)
    name, kind, public, key_id = _parse(text)
    if len(public) != PUBLIC_BYTES[kind]:
        raise AuditRefused(f"a public key of kind {kind} has {PUBLIC_BYTES[kind]} bytes")
    key = VerifierKey(name, kind, public, first, last)
    if key.key_id.hex() != key_id:
        raise AuditRefused(f"the id {key_id} is another key's")
    return key


def parse_signer(text: str) -> SignerKey:
    """Inverse of SignerKey.text. Raises AuditRefused, and says nothing of what is in it."""
    if not text.startswith(_PRIVATE):
        raise AuditRefused(f"a private key begins with {_PRIVATE}")
    text, first, last = _split(text.removeprefix(_PRIVATE))
    name, kind, seed, key_id = _parse(text)
    if len(seed) != SEED_BYTES:
        raise AuditRefused(f"a private key has {SEED_BYTES} bytes")
    key = SignerKey(name, kind, seed, first, last)
    if key.verifier.key_id.hex() != key_id:
        raise AuditRefused(f"the id {key_id} is another key's")
    return key


def is_signer(text: str) -> bool:
    """Whether a line claims to be a private key."""
    return text.startswith(_PRIVATE)


def _period(first: int, last: int) -> str:
    """The words behind a key's text."""
    begin = f" {_FROM}{first}" if first else ""
    return begin + (f" {_UNTIL}{last}" if last != MAX_SIZE else "")


def _split(line: str) -> tuple[str, int, int]:
    """A key's text, and its period. Raises AuditRefused for any other spelling of one."""
    text, *words = line.split(" ")
    first, last = 0, MAX_SIZE
    for word in words:
        if word.startswith(_FROM):
            first = from_decimal(word.removeprefix(_FROM))
        elif word.startswith(_UNTIL):
            last = from_decimal(word.removeprefix(_UNTIL))
    if text + _period(first, last) != line or first > last:
        raise AuditRefused(f"behind a key may be its period,{_period(1, 9)}, and nothing else")
    return text, first, last


def _narrower(one: VerifierKey, two: VerifierKey) -> VerifierKey:
    """One key that was given twice, in the period that both allow."""
    return one._replace(first=max(one.first, two.first), last=min(one.last, two.last))


def _parse(text: str) -> tuple[str, int, bytes, str]:
    """Name, kind, key and id."""
    parts = text.split("+", 2)
    if len(parts) < 3:
        raise AuditRefused("a key is a name, an id and base64, with a plus between")
    name, key_id, encoded = parts
    data = from_base64(encoded)
    if not data:
        raise AuditRefused("a key has a kind")
    _check(name, data[0])
    return name, data[0], data[1:], key_id


def _check(name: str, kind: int) -> None:
    check_name(name)
    if len(name.encode()) > MAX_NAME_BYTES:
        raise AuditRefused(f"a key's name has at most {MAX_NAME_BYTES} bytes")
    if kind not in PUBLIC_BYTES:
        raise AuditRefused(f"there is no key of kind {kind}")
