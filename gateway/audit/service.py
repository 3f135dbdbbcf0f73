"""When the audit log publishes, and what it does about a disk that is full."""

from collections.abc import Callable
from typing import Final

import trio
from trio.to_thread import run_sync

from compliance.audit.builder import LogBuilder

TURN_SECONDS: Final = 0.5
"""Wait between two looks at the journal, seconds: a record is in a checkpoint within a second, and
one is signed and synced twice a second at most while the log keeps up."""

RETRY_SECONDS: Final = 1.0
RETRY_MAX_SECONDS: Final = 60.0
"""Wait after a disk error; it doubles until something could be written."""


class AuditService:
    """Keeps the log of `make()` up to date. The work is done in a thread: to make a tree anew may
    take minutes, and the process has to hear its supervisor meanwhile."""

    def __init__(self, make: Callable[[], LogBuilder], log: Callable[[str], None]) -> None:
        self.builder: LogBuilder | None = None
        self.trouble = ""
        """Why it stands still, empty if it does not."""
        self._make = make
        self._log = log
        self._wait = RETRY_SECONDS

    async def run(self, stop: trio.Event) -> None:
        """Until `stop`, and then once more. Raises LogForked, JournalDamaged."""
        while not stop.is_set():
            more = await run_sync(self.turn)
            if self.trouble:
                await _pause(stop, self._wait)
                self._wait = min(2 * self._wait, RETRY_MAX_SECONDS)
            elif not more:
                await _pause(stop, TURN_SECONDS)
        await run_sync(self.turn)

    def turn(self) -> bool:
        """Publish what is new; whether there may be more already."""
        try:
            if self.builder is None:
                self.builder = self._make()
            more = self.builder.turn()
        except OSError as error:
            if not self.trouble:
                self._log(f"nothing can be written to the audit log, trying again: {error}")
            self.trouble = str(error)
            self.close()
            return False
        if self.trouble:
            self._log("the audit log is written again")
        self.trouble, self._wait = "", RETRY_SECONDS
        return more

    def close(self) -> None:
        """Give the files back. After an error the next turn opens them anew, and trusts nothing
        that was not synced."""
        if self.builder is not None:
            self.builder.close()
            self.builder = None


async def _pause(stop: trio.Event, seconds: float) -> None:
    with trio.move_on_after(seconds):
        await stop.wait()
