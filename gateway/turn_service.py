"""A reader of the journal that keeps files, turn by turn, and what it does about a full disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import trio
from trio.to_thread import run_sync

from engine.journal.files import open_reader

TURN_SECONDS: Final = 0.5
"""Wait between two looks at the journal, seconds: a record is in a checkpoint within a second, and
one is signed and synced twice a second at most while the audit log keeps up."""

RETRY_SECONDS: Final = 1.0
RETRY_MAX_SECONDS: Final = 60.0
"""Wait after a disk error; it doubles until something could be written."""


class Turning(Protocol):
    """What is kept up to date."""

    def turn(self) -> bool:
        """Do what is new; whether there may be more already. Raises OSError."""
        ...

    def close(self) -> None:
        """Give the files back."""
        ...


Worker = TypeVar("Worker", bound=Turning)


class TurnService(Generic[Worker]):
    """Keeps what `make()` gives up to date. The work is done in a thread: to read a journal anew
    may take minutes, and the process has to hear its supervisor meanwhile."""

    def __init__(self, what: str, make: Callable[[], Worker], log: Callable[[str], None]) -> None:
        """what: its name for people, such as "the audit log"."""
        self.worker: Worker | None = None
        self.trouble = ""
        """Why it stands still, empty if it does not."""
        self._what = what
        self._make = make
        self._log = log
        self._wait = RETRY_SECONDS

    async def run(self, stop: trio.Event) -> None:
        """Until `stop`, and then once more. Raises what the worker cannot go on from."""
        while not stop.is_set():
            more = await run_sync(self.turn)
            if self.trouble:
                await _pause(stop, self._wait)
                self._wait = min(2 * self._wait, RETRY_MAX_SECONDS)
            elif not more:
                await _pause(stop, TURN_SECONDS)
        await run_sync(self.turn)

    def turn(self) -> bool:
        """Do what is new; whether there may be more already."""
        try:
            if self.worker is None:
                self.worker = self._make()
            more = self.worker.turn()
        except OSError as error:
            if not self.trouble:
                self._log(f"nothing can be written to {self._what}, trying again: {error}")
            self.trouble = str(error)
            self.close()
            return False
        if self.trouble:
            self._log(f"{self._what} is written again")
        self.trouble, self._wait = "", RETRY_SECONDS
        return more

    def close(self) -> None:
        """Give the files back. After an error the next turn opens them anew, and trusts nothing
        that was not synced."""
        if self.worker is not None:
            self.worker.close()
            self.worker = None


async def first_record(journal: Path, stop: trio.Event) -> None:
    """Wait until a journal has a record, or for `stop`."""
    reader = open_reader(journal)
    try:
        while reader.mark().number < 0 and not stop.is_set():
            await _pause(stop, TURN_SECONDS)
    finally:
        reader.close()


async def _pause(stop: trio.Event, seconds: float) -> None:
    with trio.move_on_after(seconds):
        await stop.wait()
