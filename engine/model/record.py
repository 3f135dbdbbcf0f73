"""The record: one entry of the one sequence, and its bytes."""

from typing import Final

import msgspec
from msgspec import Struct

from engine.model.commands import Command, Part
from engine.model.events import Event

MAX_RECORD_BYTES: Final = 65_535
"""Largest encoded record, bytes: a reader can hold any record in one small fixed buffer."""

SALT_BYTES: Final = 16
"""Random bytes stored with each record: the audit tree salts its leaves with them."""


class Record(Struct, frozen=True, array_like=True):
    """number counts from 0; time is ns UTC and never decreases; part counts from 0 of parts.

    A command whose events do not fit one record fills several consecutive numbers: the first
    holds the command, the others a Part naming the first. They are recovered all or none.
    """

    number: int
    time: int
    salt: bytes
    command: Command
    events: tuple[Event, ...]
    part: int = 0
    parts: int = 1


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """The record's payload bytes (MessagePack, arrays only); may exceed MAX_RECORD_BYTES."""
    return _encoder.encode(record)


def decode_record(payload: bytes) -> Record:
    """Inverse of encode_record. Raises msgspec.DecodeError or ValidationError."""
    return _decoder.decode(payload)


def encode_parts(
    number: int, time: int, salt: bytes, command: Command, events: list[Event]
) -> list[tuple[Record, bytes]]:
    """The records, with their bytes, that hold one command and all its events, in order.

    Almost always one. Raises ValueError if the command alone does not fit a record.
    """
    whole = Record(number, time, salt, command, tuple(events))
    payload = _encoder.encode(whole)
    if len(payload) <= MAX_RECORD_BYTES:
        return [(whole, payload)]
    groups = _split(command, events)
    parts = []
    for k, group in enumerate(groups):
        part = Record(
            number + k,
            time,
            salt,
            command if k == 0 else Part(number),
            tuple(group),
            k,
            len(groups),
        )
        parts.append((part, _encoder.encode(part)))
    assert all(len(payload) <= MAX_RECORD_BYTES for _, payload in parts)
    return parts


_OVERHEAD_BYTES: Final = 128
"""Room for a record's own fields and array headers, bytes; they take at most 60."""


def _split(command: Command, events: list[Event]) -> list[list[Event]]:
    room = MAX_RECORD_BYTES - _OVERHEAD_BYTES - len(_encoder.encode(command))
    if room < 0:
        raise ValueError("a command larger than a record")
    groups: list[list[Event]] = [[]]
    for event in events:
        size = len(_encoder.encode(event))
        if size > room:
            groups.append([])
            room = MAX_RECORD_BYTES - _OVERHEAD_BYTES
        groups[-1].append(event)
        room -= size
    return groups
