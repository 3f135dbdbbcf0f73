"""The records in the entries, one command after the other: numbered without hole, in time.

Memory: the parts of one command.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from compliance.verify.entries import Source
from compliance.verify.findings import INCOMPLETE, TAMPERED, UNREADABLE, Failed
from engine.model.commands import Command
from engine.model.errors import JournalDamaged
from engine.model.events import Event
from engine.model.record import Record, decode_record
from engine.replay import join_parts


class Step(Struct, frozen=True):
    """A command with all its events, and the records, with their bytes, that it is in."""

    first: int
    time: int
    command: Command
    events: tuple[Event, ...]
    records: tuple[Record, ...]
    payloads: tuple[bytes, ...]

    @property
    def where(self) -> str:
        """For what is found in it."""
        return f"record {self.first}"


def record_of(number: int, payload: bytes) -> Record:
    """The record in entry `number`. Raises Failed."""
    where = f"record {number}"
    try:
        record = decode_record(payload)
    except msgspec.DecodeError as error:
        raise Failed(UNREADABLE, f"it is of another release of fixgate: {error}", where) from None
    if record.number != number:
        code = INCOMPLETE if record.number > number else TAMPERED
        raise Failed(code, f"in its place is record {record.number}", where)
    return record


class Records:
    """Goes over all commands of a log once. unfinished: records at the end whose command goes on
    after them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._group: list[tuple[Record, bytes]] = []
        self.count = 0
        self.time = 0
        self.unfinished = 0

    def __iter__(self) -> Iterator[Step]:
        """Raises Failed."""
        try:
            for whole in join_parts(self._records()):
                group, self._group = self._group, []
                yield Step(
                    whole.first, whole.time, whole.command, whole.events, *zip(*group, strict=True)
                )
        except JournalDamaged as error:
            raise Failed(TAMPERED, str(error)) from None
        self.unfinished = len(self._group)

    def _records(self) -> Iterator[Record]:
        for number, payload in enumerate(self._source):
            record = record_of(number, payload)
            if record.time < self.time:
                raise Failed(
                    TAMPERED, "it is earlier than the record before it", f"record {number}"
                )
            self.time = record.time
            self.count = number + 1
            self._group.append((record, payload))
            yield record
