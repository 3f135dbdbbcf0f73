"""Checkpoints (c2sp.org/tlog-checkpoint): how large the log is and its root, as a note's text; and
what those who sign them sign. Pure.

We write three lines and never an extension line: nobody can audit one. Those of other logs are read
over.
"""

from struct import Struct
from typing import Final, NamedTuple

from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from compliance.audit.text import from_decimal, from_hash, to_base64

MAX_NAME_BYTES: Final = 255
"""Of a log's origin and of a cosigner's name in UTF-8: one byte counts them in what is signed."""

MAX_TIME: Final = 2**63 - 1
"""Largest time of a cosignature, seconds since 1970."""

_SUBTREE_LABEL: Final = b"subtree/v1\n\0"
_NUMBER = Struct(">Q")


class Checkpoint(NamedTuple):
    """The log `origin` had `size` entries, with that root."""

    origin: str
    size: int
    root: bytes


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """The text of its note."""
    origin, size, root = checkpoint
    assert 0 < len(origin.encode()) <= MAX_NAME_BYTES
    assert 0 <= size <= MAX_SIZE
    assert len(root) == HASH_BYTES
    return f"{origin}\n{size}\n{to_base64(root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """What a note's text says. Raises AuditRefused."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise AuditRefused("a checkpoint has an origin, a size and a root, a line each")
    origin = lines[0]
    if len(origin.encode()) > MAX_NAME_BYTES:
        raise AuditRefused(f"an origin has at most {MAX_NAME_BYTES} bytes")
    checkpoint = Checkpoint(origin, from_decimal(lines[1]), from_hash(lines[2]))
    if not checkpoint.size and checkpoint.root != EMPTY_ROOT:
        raise AuditRefused("the log without entries has another root")
    return checkpoint


def cosigned_text(text: str, time: int) -> bytes:
    """What an Ed25519 cosigner signs of a checkpoint's text; time: seconds since 1970.

    c2sp.org/tlog-cosignature, "Ed25519 signed message".
    """
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosigned_subtree(cosigner: str, time: int, checkpoint: Checkpoint) -> bytes:
    """What an ML-DSA-44 cosigner signs: of the whole tree, so that its start is 0.

    c2sp.org/tlog-cosignature, "ML-DSA-44 signed message".
    """
    name, origin = cosigner.encode(), checkpoint.origin.encode()
    assert 0 < len(name) <= MAX_NAME_BYTES
    return b"".join(
        (
            _SUBTREE_LABEL,
            bytes([len(name)]),
            name,
            _NUMBER.pack(time),
            bytes([len(origin)]),
            origin,
            _NUMBER.pack(0),
            _NUMBER.pack(checkpoint.size),
            checkpoint.root,
        )
    )
