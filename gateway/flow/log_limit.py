"""Log lines that strangers can cause: some a second, then one line that says how many more."""

from collections.abc import Callable
from typing import Final

from engine.model.clock import NANOS_PER_SECOND

LINES_PER_SECOND: Final = 10
"""Lines written in one second about peers that are not logged on: enough to see what goes on."""


class LimitedLog:
    """Passes the first lines of each second to `log`. monotonic gives ns."""

    __slots__ = ("_began", "_lines", "_log", "_monotonic", "_unwritten")

    def __init__(self, log: Callable[[str], None], monotonic: Callable[[], int]) -> None:
        self._log = log
        self._monotonic = monotonic
        self._began = monotonic()
        self._lines = 0
        self._unwritten = 0

    def __call__(self, line: str) -> None:
        """Write the line, or count it."""
        self.tick()
        if self._lines < LINES_PER_SECOND:
            self._lines += 1
            self._log(line)
        else:
            self._unwritten += 1

    def tick(self) -> None:
        """Call now and then: says how many lines of a second that is over were not written."""
        now = self._monotonic()
        if now - self._began < NANOS_PER_SECOND:
            return
        self._began = now
        self._lines = 0
        if self._unwritten:
            self._log(f"{self._unwritten} more such lines were not written")
            self._unwritten = 0
