"""The mirror process: follows journal and session indexes into another folder, and never gives up.

A mirror whose disk fails or is full says so, waits, and tries again from its last mark; the venue
trades on. All file work is done in one worker thread, so that a disk that hangs does not keep this
process from saying how far behind it is, nor from ending.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import trio

from engine.journal.disk import Disk, RealDisk
from engine.journal.files import DiskFiles
from engine.journal.mirror import JournalMirror, Lag, MirrorRefusedError
from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.model.errors import JournalDamaged
from gateway.mirror.folder import open_mirror
from gateway.mirror.indexes import IndexMirror

_T = TypeVar("_T")

POLL_SECONDS: Final = 0.05
"""Time between two looks at the journal, seconds: what came meanwhile is brought to disk by one
sync, and a mirror on the journal's own disk takes few of its syncs."""

INDEX_SECONDS: Final = 1.0
"""Time between two copies of the session indexes, seconds: up to three syncs per busy session."""

RETRY_SECONDS: Final = 1.0
RETRY_MAX_SECONDS: Final = 60.0
"""Wait after a failure, doubled each time up to the second figure."""


class Copies:
    """Journal and indexes of one data folder, copied into one mirror. For one thread at a time."""

    def __init__(self, data: Path, folder: Path, disk: Disk) -> None:
        self._data, self._folder, self._disk = data, folder, disk
        self._lock = -1
        self._journal: JournalMirror | None = None
        self._indexes: IndexMirror | None = None

    def open(self) -> None:
        """Take the folder, and find where to go on. Raises OperatorError, OSError."""
        if self._lock < 0:
            self._lock = open_mirror(self._folder)
        journal, sessions = self._folder / "journal", self._folder / "sessions"
        for made in (journal, sessions):
            made.mkdir(exist_ok=True)
        self._disk.sync_folder(self._folder)
        self._indexes = IndexMirror(self._data / "sessions", sessions, self._disk)
        self._journal = JournalMirror(self._data / "journal", journal, self._disk)

    def on_one_disk(self) -> bool:
        """Whether both folders are on one file system: also if a disk is not mounted."""
        return self._data.stat().st_dev == self._folder.stat().st_dev

    def indexes(self) -> None:
        """Copy what is new in the session indexes. Raises OSError."""
        assert self._indexes is not None
        self._indexes.step()

    def journal(self) -> tuple[bool, int, Lag]:
        """Copy on: whether there is more, the mirror's last record, and how far it is behind.

        Raises JournalDamaged, OSError.
        """
        assert self._journal is not None
        more = self._journal.step()
        return more, self._journal.mark.number, self._journal.lag()

    def close(self) -> None:
        """Close the journal's files; the folder stays ours."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


class Mirror:
    """Runs Copies until it is stopped, and knows how far they are behind."""

    def __init__(
        self,
        data: Path,
        folder: Path,
        clock: Clock,
        log: Callable[[str], None],
        disk: Disk | None = None,
    ) -> None:
        self.last = -1
        """The last record that the mirror holds."""
        self.bytes_behind = 0
        """What it has not got yet, bytes, as of the last copy; unused ends of segments count."""
        self.trouble = ""
        """Why the mirror does not follow just now; empty while it does."""
        self._clock, self._log = clock, log
        self._source = DiskFiles(data / "journal")
        self._level_at = clock.monotonic()
        self._index_at = self._level_at
        self._copies = Copies(data, folder, disk or RealDisk())
        self._wait = RETRY_SECONDS

    @property
    def records_behind(self) -> int:
        """Durable records that it has not got yet."""
        return max(0, self._source.mark().number - self.last)

    @property
    def ms_behind(self) -> int:
        """Time since it last held every durable record, ms; 0 while it does."""
        if not self.records_behind:
            return 0
        return (self._clock.monotonic() - self._level_at) // 1_000_000

    async def open(self) -> None:
        """Begin. A disk that fails is left for later; raises OperatorError if a person must act."""
        try:
            await _aside(self._copies.open)
            if self._copies.on_one_disk():
                self._log("the mirror is on the data folder's own disk: it goes when that goes")
        except OSError as error:
            self._failed(error)

    async def run(self, stop: trio.Event) -> None:
        """Follow until `stop`, then to the end of the journal.

        Raises OperatorError if the folder turns out to be another journal's.
        """
        while not stop.is_set():
            if self.trouble:
                await _pause(self._wait, stop)
                self._wait = min(2 * self._wait, RETRY_MAX_SECONDS)
            if not await self.step():
                await _pause(POLL_SECONDS, stop)
        self._index_at = 0
        while not self.trouble and await self.step():
            pass
        self._copies.close()

    async def step(self) -> bool:
        """Copy what there is, within bounds; False if there is no more."""
        now = self._clock.monotonic()
        try:
            if self.trouble:
                await _aside(self._copies.open)
            if now >= self._index_at:
                await _aside(self._copies.indexes)
                self._index_at = now + int(INDEX_SECONDS * NANOS_PER_SECOND)
            more, self.last, lag = await _aside(self._copies.journal)
        except MirrorRefusedError:
            raise
        except (OSError, JournalDamaged) as error:
            self._copies.close()
            self._failed(error)
            return False
        if self.trouble:
            self.trouble, self._wait = "", RETRY_SECONDS
            self._log("the mirror follows again")
        self.bytes_behind = lag.size
        if not lag.records:
            self._level_at = now
        return more

    def _failed(self, error: Exception) -> None:
        text = str(error)
        if text != self.trouble:
            self._log(f"the mirror stands still and the venue trades on: {text}; trying again")
        self.trouble = text


async def _aside(work: Callable[[], _T]) -> _T:
    """In a worker thread, which is left behind if this process has to end meanwhile."""
    return await trio.to_thread.run_sync(work, abandon_on_cancel=True)


async def _pause(seconds: float, stop: trio.Event) -> None:
    with trio.move_on_after(seconds):
        await stop.wait()
