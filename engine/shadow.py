"""A second computation of the venue, from the journal alone, and the snapshots made of it.

A reader folds the journal as core did, compares every event with what core wrote, and now and
then writes down what it has. Core never spends time on snapshots.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Final

from engine.core.snapshot import STATE_FORMAT, write_state
from engine.core.venue import Venue
from engine.journal.disk import Disk
from engine.journal.files import open_reader
from engine.journal.place import Place
from engine.journal.snapshot import SnapshotHeader
from engine.journal.snapshot_files import remove_unfinished, write_snapshot
from engine.model.record import Record
from engine.replay import BEFORE_ALL, ReplayResult, replay
from engine.restore import Log, restored

BYTES_PER_ORDER: Final = 256
"""Room that a known order may take in a snapshot, bytes; most take 100."""


class Shadow:
    """Follows a journal with a venue of its own. Not for two threads."""

    def __init__(self, journal: Path, folder: Path, disk: Disk, log: Log) -> None:
        """Begins at the newest snapshot in `folder` that the journal's mark covers, else before
        record 0."""
        disk.make_folder(folder)
        remove_unfinished(folder, disk)
        self.folder = folder
        self.venue = Venue()
        self.saved = -1
        """The record of the newest snapshot."""
        self._disk = disk
        self._reader = open_reader(journal, disk)
        self._result = BEFORE_ALL
        self._rest: list[Record] = []
        self._place: Place | None = None
        for found in restored(folder, self._reader, log, disk):
            if found.start.place.number <= self._reader.mark().number:
                self._reader.learn(found.start.indexes)
                self.venue, self._result = found.venue, found.result
                self.saved = found.start.place.number
                break
        self._follower = self._reader.follow(self.saved)

    @property
    def result(self) -> ReplayResult:
        """The last record that was folded, and its time."""
        return self._result

    @property
    def behind(self) -> int:
        """Records that are on disk and not folded yet."""
        return self._reader.mark().number - self._result.last

    @property
    def whole(self) -> bool:
        """Whether what was read ends with a whole command: only there a snapshot can be made."""
        return self._place is not None and self._place.number == self._result.last

    def step(self, limit: int) -> int:
        """Fold the next records, at most `limit`; how many were read.

        Raises JournalDamaged if the journal is damaged, or if this venue does something else than
        core's did: then one of the two has computed wrongly.
        """
        records = self._follower.poll(limit)
        if records:
            batch = [*self._rest, *records]
            self._result = replay(batch, self.venue, after=self._result)
            self._rest = [record for record in batch if record.number > self._result.last]
            self._place = self._follower.place
        return len(records)

    def size(self) -> int:
        """About how many bytes a snapshot takes at most."""
        state = self.venue.state
        names = sum(len(session.names) for session in state.sessions.values())
        return BYTES_PER_ORDER * (len(state.orders) + names)

    def write(self) -> Generator[int, None, None]:
        """Write a snapshot of what was folded; yields the bytes of each piece, to pause between.

        Nothing may be folded before it has ended. Raises OSError; then the snapshots of before
        are still there.
        """
        place = self._place
        assert place is not None
        assert self.whole
        header = SnapshotHeader(
            STATE_FORMAT,
            place,
            self._result.time,
            self._reader.mark().synced,
            self.venue.state_hash(),
        )
        indexes = [self._reader.indexes[first] for first in sorted(self._reader.indexes)]
        state = write_state(self.venue.state)
        yield from write_snapshot(self.folder, self._disk, header, indexes, state)
        self.saved = place.number

    def close(self) -> None:
        """Give the journal's files back."""
        self._reader.close()
