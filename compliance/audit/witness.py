"""A witness (c2sp.org/tlog-witness): cosigns a log's checkpoint if it continues the last one that
it has cosigned. Pure.

With enough witnesses who are not the venue's, the venue cannot show two members two logs: no
witness cosigns both.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from compliance.audit.checkpoint import Checkpoint, parse_checkpoint
from compliance.audit.errors import AuditRefused, SignerUnknown
from compliance.audit.keys import SignerKey, VerifierKey, open_checkpoint
from compliance.audit.merkle import verify_consistency
from compliance.audit.notes import MAX_NOTE_BYTES, Note, format_signatures, parse_note
from compliance.audit.text import from_decimal, from_hash, to_base64

MAX_PROOF: Final = 63
"""Hashes of a request: the standard's."""

MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 8 * 1024
"""Of a request: a checkpoint, and 63 hashes of 45 bytes before it."""

BAD, FORBIDDEN, UNKNOWN, CONFLICT, UNPROVEN = 400, 403, 404, 409, 422
"""Statuses of HTTP that refuse a request."""

_OLD: Final = "old "


class AddCheckpoint(NamedTuple):
    """A request: the size that the log believes was cosigned last, the proof from there to the
    checkpoint, and the checkpoint's note."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes


class WitnessRefused(Exception):
    """The checkpoint is not cosigned. size: of the last one that was, for a CONFLICT about it."""

    def __init__(self, status: int, text: str, size: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.size = size


def format_request(request: AddCheckpoint) -> bytes:
    """The request's body."""
    lines = [f"{_OLD}{request.old}\n", *(f"{to_base64(found)}\n" for found in request.proof), "\n"]
    return "".join(lines).encode() + request.note


def parse_request(body: bytes) -> AddCheckpoint:
    """Inverse of format_request. Raises AuditRefused."""
    head, empty, note = body.partition(b"\n\n")
    try:
        first, *rest = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise AuditRefused("before the checkpoint all is ASCII") from None
    if not empty or not first.startswith(_OLD):
        raise AuditRefused("a request is an old size, a proof, an empty line and a checkpoint")
    if len(rest) > MAX_PROOF:
        raise AuditRefused(f"a proof has at most {MAX_PROOF} hashes")
    old = from_decimal(first.removeprefix(_OLD))
    return AddCheckpoint(old, tuple(map(from_hash, rest)), note)


def consider(
    body: bytes,
    logs: Mapping[str, Sequence[VerifierKey]],
    last: Callable[[str], Checkpoint | None],
) -> tuple[Checkpoint, Note]:
    """The checkpoint of a request, if it is to be cosigned: first kept as the last one, on disk.

    logs: keys by origin. last: what was cosigned last of an origin, None for nothing. Raises
    WitnessRefused.
    """
    try:
        request = parse_request(body)
        note = parse_note(request.note)
        origin = parse_checkpoint(note.text).origin
    except AuditRefused as error:
        raise WitnessRefused(BAD, str(error)) from None
    if origin not in logs:
        raise WitnessRefused(UNKNOWN, f"{origin} is no log that is witnessed here")
    try:
        checkpoint = open_checkpoint(request.note, logs[origin]).checkpoint
    except (SignerUnknown, AuditRefused) as error:
        raise WitnessRefused(FORBIDDEN, str(error)) from None
    if request.old > checkpoint.size:
        raise WitnessRefused(BAD, "the old size is larger than the checkpoint's")
    _check_continues(request, checkpoint, last(origin))
    return checkpoint, note


def _check_continues(
    request: AddCheckpoint, checkpoint: Checkpoint, before: Checkpoint | None
) -> None:
    """That a checkpoint continues the last one. Raises WitnessRefused."""
    size = 0 if before is None else before.size
    if request.old != size:
        raise WitnessRefused(CONFLICT, f"the last checkpoint cosigned has size {size}", size)
    if before is None:
        if request.proof:
            raise WitnessRefused(UNPROVEN, "from size 0 there is nothing to prove")
        return
    if size == checkpoint.size and before.root != checkpoint.root:
        raise WitnessRefused(CONFLICT, f"another root of size {size} was cosigned", size)
    try:
        verify_consistency(
            before.size, checkpoint.size, request.proof, before.root, checkpoint.root
        )
    except AuditRefused as error:
        raise WitnessRefused(UNPROVEN, str(error)) from None


def cosign(note: Note, signers: Sequence[SignerKey], time: int) -> bytes:
    """The answer to a request: a line a key. time: seconds since 1970."""
    return format_signatures([signer.sign(note.text, time) for signer in signers])
