"""Proofs as files (c2sp.org/tlog-proof): an entry's place, the way to the root, a checkpoint. Pure.

What is extra in them is nobody's word: it has to be checked against the entry that it goes with.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from compliance.audit.errors import AuditRefused
from compliance.audit.keys import SignedCheckpoint, VerifierKey, open_checkpoint
from compliance.audit.merkle import MAX_PROOF_HASHES, verify_inclusion
from compliance.audit.notes import MAX_NOTE_BYTES
from compliance.audit.text import from_base64, from_decimal, from_hash, to_base64

MAX_EXTRA_BYTES: Final = 128 * 1024
"""Of what is extra, bytes: a record in base64, and some words."""

MAX_PROOF_BYTES: Final = 2 * MAX_EXTRA_BYTES + MAX_NOTE_BYTES
"""Of a whole proof, bytes."""

SUFFIX: Final = ".tlog-proof"

_FIRST: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = "index "


class TlogProof(Struct, frozen=True):
    """checkpoint is a signed note, byte by byte."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def verify(self, leaf: bytes, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
        """That the entry whose hash is `leaf` is in the log, as its checkpoint, signed by one of
        `keys`, has it. Raises AuditRefused."""
        opened = open_checkpoint(self.checkpoint, keys)
        _, size, root = opened.checkpoint
        verify_inclusion(leaf, self.index, size, self.hashes, root)
        return opened


def format_proof(proof: TlogProof) -> bytes:
    """The file's bytes."""
    lines = [_FIRST]
    if proof.extra is not None:
        lines.append(_EXTRA + to_base64(proof.extra))
    lines.append(f"{_INDEX}{proof.index}")
    lines += map(to_base64, proof.hashes)
    return "\n".join((*lines, "", "")).encode("ascii") + proof.checkpoint


def parse_proof(data: bytes) -> TlogProof:
    """Inverse of format_proof. Raises AuditRefused; the checkpoint is looked at by `verify`."""
    if len(data) > MAX_PROOF_BYTES:
        raise AuditRefused(f"a proof has at most {MAX_PROOF_BYTES} bytes")
    head, separator, checkpoint = data.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise AuditRefused("a proof is ASCII up to its checkpoint") from None
    if not separator or first != _FIRST:
        raise AuditRefused(f"a proof begins with {_FIRST}, and has a checkpoint at its end")
    extra = None
    if lines and lines[0].startswith(_EXTRA):
        extra = from_base64(lines.pop(0).removeprefix(_EXTRA))
    if not lines or not lines[0].startswith(_INDEX):
        raise AuditRefused("a proof has an index")
    index = from_decimal(lines[0].removeprefix(_INDEX))
    if len(lines) - 1 > MAX_PROOF_HASHES:
        raise AuditRefused(f"a proof has at most {MAX_PROOF_HASHES} hashes")
    return TlogProof(index, tuple(map(from_hash, lines[1:])), checkpoint, extra)
