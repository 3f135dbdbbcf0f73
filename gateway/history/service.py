"""When the history folds and flushes, and what it does about a disk that is full."""

from collections.abc import Callable
from typing import Final

import trio

from engine.model.clock import NANOS_PER_SECOND, Clock
from gateway.history.files import HistoryDamaged
from gateway.history.recorder import HistoryRecorder

FOLD_RECORDS: Final = 1_000
"""Records folded in one turn: some 15 ms."""

FOLD_SECONDS: Final = 0.5
"""Wait for new records, seconds. It is not woken by each commit: that would cost core more."""

FLUSH_SECONDS: Final = 300
"""What is older than this, seconds, is in the files: at most 288 parts a day and instrument."""

RETRY_SECONDS: Final = 1.0
RETRY_MAX_SECONDS: Final = 60.0
"""Wait after a disk error; it doubles until something could be written."""


class HistoryService:
    """Keeps the history of `make()` up to date. The work is done in a thread: a day that ends may
    take seconds, and the process has to hear its supervisor meanwhile."""

    def __init__(
        self, make: Callable[[], HistoryRecorder], clock: Clock, log: Callable[[str], None]
    ) -> None:
        self.recorder: HistoryRecorder | None = None
        self.trouble = ""
        """Why it stands still, empty if it does not."""
        self._make = make
        self._clock = clock
        self._log = log
        self._flushed = clock.monotonic()
        self._wait = RETRY_SECONDS

    async def run(self, stop: trio.Event) -> None:
        """Until `stop`, and then what is left. Raises JournalDamaged."""
        while not stop.is_set():
            read = await trio.to_thread.run_sync(self.turn)
            if self.trouble:
                await _pause(stop, self._wait)
                self._wait = min(2 * self._wait, RETRY_MAX_SECONDS)
            elif not read:
                await _pause(stop, FOLD_SECONDS)
        while await trio.to_thread.run_sync(self.turn):
            pass
        await trio.to_thread.run_sync(self.flush)

    def turn(self) -> int:
        """Fold some records, and flush if that is due; how many were read, 0 in trouble."""
        return self._guarded(self._turn)

    def flush(self) -> int:
        """Write what is in memory."""
        return self._guarded(self._flush)

    def close(self) -> None:
        """Give the journal's files back."""
        if self.recorder is not None:
            self.recorder.close()

    def _guarded(self, work: Callable[[HistoryRecorder], int]) -> int:
        try:
            if self.recorder is None:
                self.recorder = self._make()
            try:
                done = work(self.recorder)
            except HistoryDamaged as error:
                self.recorder.start_over(error)
                done = 0
        except OSError as error:
            if not self.trouble:
                self._log(f"nothing can be written, trying again: {error}")
            self.trouble = str(error)
            return 0
        if self.trouble:
            self._log("writing again")
        self.trouble, self._wait = "", RETRY_SECONDS
        return done

    def _turn(self, recorder: HistoryRecorder) -> int:
        read = recorder.step(FOLD_RECORDS)
        if self._clock.monotonic() - self._flushed >= FLUSH_SECONDS * NANOS_PER_SECOND:
            self._flush(recorder)
        return read

    def _flush(self, recorder: HistoryRecorder) -> int:
        recorder.flush()
        self._flushed = self._clock.monotonic()
        return 0


async def _pause(stop: trio.Event, seconds: float) -> None:
    with trio.move_on_after(seconds):
        await stop.wait()
