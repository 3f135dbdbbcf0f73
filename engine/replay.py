"""Replay: the venue again, from its records alone. Start-up, audit and tests share it."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from engine.journal.files import open_survey
from engine.model.commands import Command
from engine.model.errors import JournalDamaged
from engine.model.events import Event
from engine.model.record import Record


class Applies(Protocol):
    """What replay needs of engine.core.venue.Venue."""

    def apply(self, command: Command, number: int, time: int) -> list[Event]:
        """Change the venue; what that caused."""
        ...


class ReplayResult(NamedTuple):
    """What was replayed: how many records, the last one's number (-1: none) and time, ns UTC."""

    records: int
    last: int
    time: int


BEFORE_ALL: Final = ReplayResult(0, -1, 0)
"""Nothing was replayed: what comes is record 0."""


class Whole(NamedTuple):
    """A command with all its events, its parts joined. counts: events of each of its records, where
    it has several."""

    first: int
    last: int
    time: int
    command: Command
    events: tuple[Event, ...]
    counts: tuple[int, ...] = ()


def join_parts(records: Iterable[Record]) -> Iterator[Whole]:
    """The commands of consecutive records. Parts whose last ones are missing at the end are left
    out. Raises JournalDamaged if parts do not fit together or numbers have a hole."""
    group: list[Record] = []
    expected = -1
    for record in records:
        number, parts = record.number, record.parts
        if expected >= 0 and number != expected:
            raise JournalDamaged(f"record {expected} is missing: after it comes {number}")
        expected = number + 1
        if parts == 1 and not group:
            yield Whole(number, number, record.time, record.command, record.events)
            continue
        if record.part != len(group) or (group and parts != group[0].parts):
            raise JournalDamaged(f"record {number} is part {record.part} of {parts}, out of place")
        group.append(record)
        if len(group) == parts:
            first = group[0]
            events = tuple(event for part in group for event in part.events)
            counts = tuple(len(part.events) for part in group)
            yield Whole(first.number, number, first.time, first.command, events, counts)
            group = []


@contextmanager
def without_collections() -> Iterator[None]:
    """No garbage collection meanwhile: a replay makes millions of objects and no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def replay(
    records: Iterable[Record],
    venue: Applies,
    *,
    verify: bool = True,
    at: int | None = None,
    after: ReplayResult = BEFORE_ALL,
) -> ReplayResult:
    """Apply the commands of `records` again, up to record `at`, with their numbers and times.

    verify: compare the events, too. A command whose parts reach beyond `at` is left out. after:
    what `venue` has behind it, if it comes from a snapshot; the result counts only what is
    replayed here. Raises JournalDamaged, naming the record, if the venue does something else than
    it did then.
    """
    with without_collections():
        return _replay(records, venue, verify=verify, at=at, after=after)


def _replay(
    records: Iterable[Record],
    venue: Applies,
    *,
    verify: bool,
    at: int | None,
    after: ReplayResult,
) -> ReplayResult:
    count, last, time = 0, after.last, after.time
    apply = venue.apply
    for first, end, then, command, events, _ in join_parts(records):
        if at is not None and end > at:
            break
        if then < time:
            raise JournalDamaged(f"record {first} is earlier than the record before it")
        again = apply(command, first, then)
        if verify and tuple(again) != events:
            raise JournalDamaged(_difference(first, events, again))
        count += end - first + 1
        last, time = end, then
    return ReplayResult(count, last, time)


def replay_folder(
    folder: Path, venue: Applies, *, verify: bool = True, at: int | None = None
) -> ReplayResult:
    """Replay a journal folder, read-only, also while it is written; see `replay`.

    Goes up to the durable mark or, where there is no mark, to where recovery would cut.
    """
    return replay(folder_records(folder, at), venue, verify=verify, at=at)


def folder_records(folder: Path, at: int | None = None) -> Iterator[Record]:
    """The records of a journal folder up to `at`, read-only. Raises JournalDamaged."""
    reader = open_survey(folder)
    try:
        last = reader.mark().number
        yield from reader.records(0, last if at is None else min(at, last))
    finally:
        reader.close()


def _difference(number: int, events: tuple[Event, ...], again: list[Event]) -> str:
    """Where the events of a record and of its replay part, for the operator."""
    k = 0
    while k < len(events) and k < len(again) and events[k] == again[k]:
        k += 1
    then = events[k] if k < len(events) else "nothing"
    now = again[k] if k < len(again) else "nothing"
    return (
        f"record {number} replays differently from event {k + 1} on: the journal has {then!r}, "
        f"this release makes {now!r}. Run the release that wrote it."
    )
