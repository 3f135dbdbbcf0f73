"""Log lines that peers can cause: a burst, then some a second, and how many were left out."""

from collections.abc import Callable
from typing import Final

from engine.model.clock import NANOS_PER_SECOND
from gateway.flow.throttle import TokenBucket

STRANGER_LINES: Final = (10, 10)
"""Lines a second, and at once, about peers that are not logged on: enough to see what goes on."""

MEMBER_LINES: Final = (50, 400)
"""The same about members who come and go: 200 who are cut off and come back at once are all
seen, and who does that over and over does not fill the log."""


class LimitedLog:
    """Passes to `log` what its token bucket has room for. lines: a second, and at once; monotonic
    gives ns."""

    __slots__ = ("_bucket", "_log", "_monotonic", "_since", "_unwritten")

    def __init__(
        self, log: Callable[[str], None], monotonic: Callable[[], int], lines: tuple[int, int]
    ) -> None:
        self._log = log
        self._monotonic = monotonic
        self._bucket = TokenBucket(*lines)
        self._since = 0  # when the first line was left out that nobody has been told of
        self._unwritten = 0

    def __call__(self, line: str) -> None:
        """Write the line, or count it."""
        self.tick()
        now = self._monotonic()
        if self._bucket.take(now):
            self._log(line)
            return
        if not self._unwritten:
            self._since = now
        self._unwritten += 1

    def tick(self) -> None:
        """Call now and then: says how many lines of a second that is over were not written."""
        if self._unwritten and self._monotonic() - self._since >= NANOS_PER_SECOND:
            self._log(f"{self._unwritten} more such lines were not written")
            self._unwritten = 0
