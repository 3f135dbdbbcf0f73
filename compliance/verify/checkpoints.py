"""Checkpoints as an auditor takes them: signed by the log's own key, which was handed over some
other way, and cosigned by as many witnesses as the auditor asks for. Pure."""

from msgspec import Struct

from compliance.audit.checkpoint import Checkpoint, parse_checkpoint
from compliance.audit.errors import AuditRefused, SignerUnknown
from compliance.audit.keys import COSIGNER_ED25519, ED25519, VerifierKey, open_checkpoint
from compliance.audit.notes import Signature, parse_note
from compliance.verify.findings import INCOMPLETE, TAMPERED, UNKNOWN_KEY, UNREADABLE, Failed


class Trust(Struct, frozen=True):
    """Whom the auditor believes: keys of the log, keys of witnesses, how many of these there must
    be."""

    log: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0


class Held(Struct, frozen=True):
    """A checkpoint whose signatures are in order. own: the log's signatures as they are written;
    witnesses: the names that have cosigned; signed_at: seconds since 1970, 0 if no signature has
    a time."""

    name: str
    checkpoint: Checkpoint
    own: tuple[Signature, ...]
    signers: tuple[VerifierKey, ...]
    witnesses: frozenset[str]
    signed_at: int


def check_trust(trust: Trust) -> None:
    """Whether so much can be asked for. Raises AuditRefused."""
    if not trust.log:
        raise AuditRefused("at least one key of the log itself is needed")
    if len({key.name for key in trust.log}) > 1:
        raise AuditRefused("the log's keys bear its name: these are keys of several logs")
    for key in trust.witnesses:
        if key.kind == ED25519:
            raise AuditRefused(f"{key.name} is no witness: its key signs no time")
    names = {key.name for key in trust.witnesses}
    if trust.log[0].name in names:
        raise AuditRefused("a log is no witness of itself")
    if not 0 <= trust.quorum <= len(names):
        raise AuditRefused(f"{trust.quorum} of {len(names)} witnesses cannot sign")


def hold(name: str, note: bytes, trust: Trust) -> Held:
    """What a signed note says; name: what it is called in the report. Raises Failed.

    A witness counts once, with however many keys. A wrong signature of a known key spoils all.
    """
    try:
        parsed = parse_note(note)
        parse_checkpoint(parsed.text)
    except AuditRefused as error:
        raise Failed(UNREADABLE, f"this is no checkpoint: {error}", name) from None
    try:
        checkpoint, signers = open_checkpoint(note, (*trust.log, *trust.witnesses))
    except SignerUnknown as error:
        raise Failed(UNKNOWN_KEY, str(error), name) from None
    except AuditRefused as error:
        raise Failed(TAMPERED, str(error), name) from None
    own = tuple(found for found in parsed.signatures if found.name == checkpoint.origin)
    names = {key.name for key in trust.witnesses}
    witnesses = frozenset(key.name for key in signers if key.name in names)
    return Held(name, checkpoint, own, tuple(signers), witnesses, max(signers.values(), default=0))


def check_quorum(held: Held, trust: Trust) -> str:
    """That enough witnesses have cosigned; what is to be said of it. Raises Failed."""
    found = len(held.witnesses)
    if found < trust.quorum:
        raise Failed(
            UNKNOWN_KEY, f"{found} of the {trust.quorum} witnesses asked for have signed", held.name
        )
    return f"{found} of {trust.quorum} asked for: {', '.join(sorted(held.witnesses))}"


def kinds(held: Held) -> str:
    """Who has signed, for a person."""
    words = {ED25519: "Ed25519", COSIGNER_ED25519: "Ed25519 with time"}
    return ", ".join(f"{key.name} ({words.get(key.kind, 'ML-DSA-44')})" for key in held.signers)


def check_newest(folder: Held, newest: Held) -> None:
    """That a folder's checkpoint is not older than one that came from outside, and is the same if
    it is as old. Raises Failed. Whether a later one grew out of it the entries show."""
    here, there = folder.checkpoint, newest.checkpoint
    if here.size < there.size:
        raise Failed(
            INCOMPLETE,
            f"it is of {here.size} records, and {there.size} were signed: this is an older copy, "
            "or it was rolled back",
            folder.name,
        )
    _check_same(folder, newest)


def check_earlier(base: Held, earlier: Held) -> None:
    """That a checkpoint of the auditor's, or of an export, is not of more records than there are,
    and is the same if it is of as many. Raises Failed."""
    size = earlier.checkpoint.size
    if size > base.checkpoint.size:
        raise Failed(
            INCOMPLETE, f"it is of {size} records, and the newest of {base.checkpoint.size}",
            earlier.name,
        )  # fmt: skip
    _check_same(earlier, base)


def _check_same(held: Held, other: Held) -> None:
    """A log makes one checkpoint of a size and no second one, so that its own signatures are the
    same byte by byte. Raises Failed."""
    one, two = held.checkpoint, other.checkpoint
    if one.size != two.size:
        return
    if one.root != two.root:
        raise Failed(TAMPERED, f"of {one.size} records two roots are signed", held.name)
    if held.own != other.own:
        raise Failed(TAMPERED, f"its signatures are not those of the {other.name}", held.name)
