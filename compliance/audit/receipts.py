"""Receipts: a proof that the record of an execution is in the log, with its ExecID(17). Pure.

A record has both sides of a trade. So a receipt has the hash of its entry alone, unless whoever
makes it says otherwise: such a one binds the venue all the same, because it can show no other
record for it. What is extra in the proof is one JSON object, `{"exec_id", "leaf"}` or `{"exec_id",
"record"}`, of which nothing is believed that the proof does not show.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from compliance.audit.checkpoint import Checkpoint, parse_checkpoint
from compliance.audit.errors import AuditRefused
from compliance.audit.keys import SignedCheckpoint, VerifierKey
from compliance.audit.merkle import inclusion_proof, leaf_hash, verify_inclusion
from compliance.audit.notes import parse_note
from compliance.audit.proofs import TlogProof, format_proof, parse_proof
from compliance.audit.text import from_base64, from_hash, to_base64
from compliance.audit.tiles import TILE_WIDTH, TileReader
from engine.model.events import Event
from engine.model.record import Record, decode_record

_EXEC_ID: Final = re.compile(r"(0|[1-9][0-9]{0,18})-([1-9][0-9]{0,5})")


class _Extra(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    exec_id: str
    leaf: str = ""
    record: str = ""


class Receipt(Struct, frozen=True):
    """What a receipt shows. event, record: None if only the hash of the record is in it; then that
    the record has the event is not shown either."""

    number: int
    exec_id: str
    leaf: bytes
    signed: SignedCheckpoint
    record: Record | None = None
    event: Event | None = None


def parse_exec_id(text: str) -> tuple[int, int]:
    """Record and event, the event from 1. Raises AuditRefused."""
    found = _EXEC_ID.fullmatch(text)
    if found is None:
        raise AuditRefused("an ExecID is a record's number, a dash, and an event's place in it")
    return int(found[1]), int(found[2])


def published(note: bytes) -> Checkpoint:
    """What a log's own checkpoint says; who signed it is for others to see. AuditRefused."""
    return parse_checkpoint(parse_note(note).text)


def make_receipt(reader: TileReader, note: bytes, exec_id: str, *, whole: bool) -> bytes:
    """The receipt's bytes. note: the published checkpoint, of the reader's size. whole: with the
    record in it, which shows both sides of a trade.

    Raises AuditRefused: there is no such execution, it is not published yet, or tiles are damaged.
    """
    number, place = parse_exec_id(exec_id)
    checkpoint = published(note)
    assert checkpoint.size == reader.size
    if number >= reader.size:
        raise AuditRefused(
            f"record {number} is not in the log: its checkpoint has {reader.size} records"
        )
    entry = reader.bundle(number // TILE_WIDTH)[number % TILE_WIDTH]
    _event(record_of(entry, number), place)
    leaf = leaf_hash(entry)
    hashes = inclusion_proof(reader.node, number, reader.size)
    verify_inclusion(leaf, number, reader.size, hashes, checkpoint.root)
    if whole:
        extra = _Extra(exec_id, record=to_base64(entry))
    else:
        extra = _Extra(exec_id, leaf=to_base64(leaf))
    return format_proof(TlogProof(number, tuple(hashes), note, msgspec.json.encode(extra)))


def check_receipt(data: bytes, keys: Sequence[VerifierKey]) -> Receipt:
    """What a receipt shows to whoever trusts `keys`. Raises AuditRefused."""
    proof = parse_proof(data)
    try:
        extra = msgspec.json.decode(proof.extra or b"", type=_Extra)
    except msgspec.DecodeError:
        raise AuditRefused("this is a proof, but not the receipt of an execution") from None
    number, place = parse_exec_id(extra.exec_id)
    if number != proof.index:
        raise AuditRefused(f"the proof is of record {proof.index}, the ExecID of {number}")
    if bool(extra.leaf) == bool(extra.record):
        raise AuditRefused("a receipt has either a record or the hash of one")
    if extra.leaf:
        leaf = from_hash(extra.leaf)
        return Receipt(number, extra.exec_id, leaf, proof.verify(leaf, keys))
    entry = from_base64(extra.record)
    leaf = leaf_hash(entry)
    signed = proof.verify(leaf, keys)
    record = record_of(entry, number)
    return Receipt(number, extra.exec_id, leaf, signed, record, _event(record, place))


def record_of(entry: bytes, number: int) -> Record:
    """Record `number`, out of its entry. Raises AuditRefused."""
    try:
        record = decode_record(entry)
    except msgspec.DecodeError as error:
        raise AuditRefused(f"record {number} is of another release of fixgate: {error}") from None
    if record.number != number:
        raise AuditRefused(f"entry {number} is record {record.number}: this is no venue's log")
    return record


def _event(record: Record, place: int) -> Event:
    if place > len(record.events):
        raise AuditRefused(f"record {record.number} has {len(record.events)} events, not {place}")
    return record.events[place - 1]
