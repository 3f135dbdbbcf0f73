"""Replacing the keys that sign a log.

Which key signs is a matter of size alone: the old ones until the last checkpoint that there is, the
new ones from the next record on. So a replacement is one renaming of the key file, and whatever is
cut before or after it, one of the two is in force, for each size the same one.

Before, the old key and the new one sign a statement that one follows the other: whoever has the old
public key needs nobody's word for the new one. Its second line is no number, so that it can never
pass for a checkpoint. Last, the old private keys are overwritten where they lay.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from compliance.audit.errors import AuditRefused, SignerUnknown
from compliance.audit.key_file import LogKeys, format_keys
from compliance.audit.keys import (
    COSIGNER_ML_DSA_44,
    ED25519,
    SEED_BYTES,
    SignerKey,
    VerifierKey,
    open_checkpoint,
    parse_verifier,
)
from compliance.audit.merkle import MAX_SIZE
from compliance.audit.notes import format_note, parse_note
from compliance.audit.tile_store import TileStore
from engine.journal.disk import Disk
from engine.journal.replace import replace_file
from engine.model.errors import OperatorError

TITLE: Final = "fixgate log keys replaced/v1"
"""First line of a statement."""

MAX_STATED_KEYS: Final = 64
"""Keys in a statement; a log has two."""


class Rotation(Struct, frozen=True):
    """old: the keys that signed, each with its last size; new: those that sign from the next record
    on. All bear the log's name."""

    old: tuple[VerifierKey, ...]
    new: tuple[VerifierKey, ...]

    @property
    def text(self) -> str:
        """What is signed of it."""
        lines = [key.line for key in (*self.old, *self.new)]
        return "".join(f"{line}\n" for line in (TITLE, self.old[0].name, *lines))


class Plan(Struct, frozen=True):
    """What is written: the statement, and the key file that comes in the place of the old one."""

    rotation: Rotation
    statement: bytes
    key_file: bytes


def last_signed(store: TileStore, keys: LogKeys) -> int:
    """Size of the last checkpoint that anybody may have seen, 0 for none. Raises OperatorError if
    it is not one of these keys."""
    published = store.checkpoint()
    if published is None:
        return 0
    try:
        size = open_checkpoint(published, keys.verifiers).checkpoint.size
    except AuditRefused as error:
        raise OperatorError(f"{store.folder} was signed with other keys: {error}") from None
    try:  # one that was prepared will be published as it is
        return max(size, open_checkpoint(store.prepared() or b"", keys.verifiers).checkpoint.size)
    except AuditRefused:
        return size


def plan_rotation(keys: LogKeys, last: int, chance: Callable[[int], bytes]) -> Plan:
    """New keys of both kinds from size `last` + 1 on. chance: gives so many bytes that nobody can
    guess. Raises OperatorError if no Ed25519 key would be replaced."""
    ending = [key for key in keys.signers if key.verifier.signs(last + 1)]
    signing = [key for key in ending if key.verifier.kind == ED25519 and key.verifier.signs(last)]
    if not signing:
        raise OperatorError(
            f"no Ed25519 key signs both {last} and {last + 1} records: the keys were replaced "
            "already, and the new ones have signed nothing yet"
        )
    fresh = [
        SignerKey(keys.origin, kind, chance(SEED_BYTES), first=last + 1)
        for kind in (ED25519, COSIGNER_ML_DSA_44)
    ]
    retired = {key.verifier: key.verifier._replace(last=last) for key in ending}
    rotation = Rotation(
        tuple(retired[key.verifier] for key in ending if key.verifier.signs(last)),
        tuple(key.verifier for key in fresh),
    )
    signers = [*signing, *(key for key in fresh if key.verifier.kind == ED25519)]
    # Ed25519 signs no time.
    statement = format_note(rotation.text, [key.sign(rotation.text, 0) for key in signers])
    public = [retired.get(key, key).line for key in keys.verifiers]
    lines = [*public, *(key.text for key in fresh)]
    return Plan(rotation, statement, format_keys(lines, keys.origin))


def carry_out(plan: Plan, key_file: Path, statement: Path, disk: Disk) -> None:
    """Write the statement, have the new keys in force, destroy the old ones. Raises OSError.

    A copy of the old file elsewhere, and what a disk keeps of blocks that were written over, is
    beyond this.
    """
    replace_file(statement, plan.statement, disk)
    old = disk.open(key_file, os.O_RDWR)
    try:
        replace_file(key_file, plan.key_file, disk)
        size = disk.size(old)
        if disk.pwrite(old, bytes(size), 0) != size:
            raise OSError("the old keys were overwritten in part: destroy the disk's copy")
        disk.sync_data(old)
    finally:
        disk.close(old)


def open_rotation(data: bytes, known: Sequence[VerifierKey]) -> Rotation:
    """What a statement says, if the known keys that it retires have signed it, and the new ones.

    Ed25519 keys, that is: the others sign checkpoints alone. Raises AuditRefused, SignerUnknown if
    none of the keys it retires is known.
    """
    note = parse_note(data)
    rotation = _parse(note.text)
    ids = {key.text for key in known}
    old = [key for key in rotation.old if key.text in ids and key.kind == ED25519]
    if not old:
        raise SignerUnknown("it replaces no key that you have")
    signed = {(found.name, found.key_id): found.data for found in note.signatures}
    fresh = [key for key in rotation.new if key.kind == ED25519]
    for key in (*old, *fresh):
        signature = signed.get((key.name, key.key_id))
        if signature is None:
            raise AuditRefused(f"the key {key.key_id.hex()} has not signed it")
        key.verify(note.text, signature)
    return rotation


def keys_after(known: Sequence[VerifierKey], rotation: Rotation) -> list[VerifierKey]:
    """The keys to believe from now on: those that were known, as long as they sign, and the new."""
    retired = {key.text: key for key in rotation.old}
    kept = [retired.get(key.text, key) for key in known]
    there = {key.text for key in kept}
    return [*kept, *(key for key in rotation.new if key.text not in there)]


def _parse(text: str) -> Rotation:
    """Inverse of Rotation.text. Raises AuditRefused."""
    title, _, rest = text.partition("\n")
    origin, *lines = rest.split("\n")
    if title != TITLE or len(lines) > MAX_STATED_KEYS:
        raise AuditRefused("this is no statement about replaced keys")
    keys = [parse_verifier(line) for line in lines if line]
    old = tuple(key for key in keys if key.last != MAX_SIZE)
    new = tuple(key for key in keys if key.last == MAX_SIZE)
    rotation = Rotation(old, new)
    at_once = {key.last + 1 for key in old} | {key.first for key in new}
    if not old or not new or len(at_once) != 1 or any(key.name != origin for key in keys):
        raise AuditRefused("new keys of a log sign from where on its old ones do not")
    if rotation.text != text:
        raise AuditRefused("this is no statement as it is written here")
    return rotation
