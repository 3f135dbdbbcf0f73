"""The venue as it was: from the newest snapshot that can be trusted, and the records after it.

What a snapshot cannot give, because it is torn, damaged, of another release or of another
journal, an older one gives, and in the end the journal alone: the same state, later.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.core.snapshot import STATE_FORMAT, read_reference_data, read_state
from engine.core.venue import Venue
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.journal.place import Start
from engine.journal.snapshot_files import SnapshotFile, list_snapshots
from engine.journal.writer import JournalWriter
from engine.model.errors import JournalDamaged, SnapshotDamaged
from engine.model.refdata import ReferenceData
from engine.replay import BEFORE_ALL, ReplayResult, replay, without_collections

Log = Callable[[str], None]


class Restored(NamedTuple):
    """A venue after the record of `place`, and all that was learnt on the way.

    synced: the record was known to be on disk. time is the record's, ns UTC.
    """

    venue: Venue
    start: Start
    time: int
    synced: bool

    @property
    def result(self) -> ReplayResult:
        """What a replay up to here would have said."""
        return ReplayResult(0, self.start.place.number, self.time)


def trusted_snapshots(
    folder: Path, reader: JournalReader, log: Log, disk: Disk = REAL_DISK
) -> Iterator[SnapshotFile]:
    """The snapshots in `folder` that `reader`'s journal goes with, newest first."""
    for path in list_snapshots(folder, disk):
        try:
            yield _trusted(SnapshotFile(path, disk), reader)
        except SnapshotDamaged as error:
            log(f"snapshot passed over: {error}")


def _trusted(snapshot: SnapshotFile, reader: JournalReader) -> SnapshotFile:
    name = snapshot.path.name
    if snapshot.header.state_format != STATE_FORMAT:
        raise SnapshotDamaged(f"{name} is of another release")
    if not reader.has(snapshot.header.place):
        raise SnapshotDamaged(f"{name} does not agree with the journal")
    return snapshot


def restored(
    folder: Path, reader: JournalReader, log: Log, disk: Disk = REAL_DISK
) -> Iterator[Restored]:
    """What each trusted snapshot holds, newest first, read when it is asked for."""
    for snapshot in trusted_snapshots(folder, reader, log, disk):
        try:
            with without_collections():
                found = _restored(snapshot)
        except SnapshotDamaged as error:
            log(f"snapshot passed over: {error}")
        else:
            yield found


def _restored(snapshot: SnapshotFile) -> Restored:
    header = snapshot.header
    indexes, chunks = snapshot.parts()
    venue = Venue(read_state(chunks))
    if venue.state_hash() != header.state_hash:
        raise SnapshotDamaged(f"{snapshot.path.name} gives another state than was written")
    return Restored(venue, Start(header.place, indexes), header.time, header.synced)


def restored_names(
    folder: Path, reader: JournalReader, log: Log, disk: Disk = REAL_DISK
) -> Iterator[tuple[ReferenceData, Start]]:
    """Names, scales and segment indexes alone, as of each trusted snapshot, newest first."""
    for snapshot in trusted_snapshots(folder, reader, log, disk):
        try:
            indexes, chunks = snapshot.parts()
            names = read_reference_data(chunks)
        except SnapshotDamaged as error:
            log(f"snapshot passed over: {error}")
        else:
            yield names, Start(snapshot.header.place, indexes)


class Recovered(NamedTuple):
    """A journal that is open for writing and the venue after its last record."""

    writer: JournalWriter
    venue: Venue
    result: ReplayResult
    snapshot: int
    """The record whose snapshot was the beginning, -1 for none."""


def recover_venue(
    journal: Path,
    snapshots: Path,
    open_journal: Callable[[Start | None], JournalWriter],
    log: Log,
    disk: Disk = REAL_DISK,
) -> Recovered:
    """Open the journal by `open_journal` and bring the venue to its last record.

    Only what lies after the snapshot is scanned and replayed. Raises as JournalWriter.open and
    replay do; a snapshot after which the journal replays differently is passed over, too.
    """
    reader = open_reader(journal, disk)
    candidates = restored(snapshots, reader, log, disk)
    first = next(candidates, None)
    writer = open_journal(first.start if first is not None and first.synced else None)
    try:
        while first is not None:
            found = _replay_tail(writer, first, log)
            if found is not None:
                return found
            first = next(candidates, None)
        venue = Venue()
        return Recovered(writer, venue, replay(writer.records(), venue), BEFORE_ALL.last)
    except BaseException:
        writer.close()
        raise
    finally:
        reader.close()


def _replay_tail(writer: JournalWriter, begin: Restored, log: Log) -> Recovered | None:
    """The venue after the journal's last record; None if the snapshot does not lead there."""
    number = begin.start.place.number
    if number > writer.durable:
        log(f"snapshot passed over: record {number} was cut off the journal")
        return None
    try:
        result = replay(writer.records(number + 1), begin.venue, after=begin.result)
    except JournalDamaged as error:
        log(f"snapshot passed over: after record {number}: {error}")
        return None
    return Recovered(writer, begin.venue, result, number)
