"""The one place that reads the machine's clocks."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.flow.steered_clock import SteeredClock

STEADY: Final[Callable[[], int]] = (
    partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic_ns
)
"""ns since the machine started, suspended time included where the system counts it."""


def silent(text: str) -> None:
    """For commands that end before a clock could jump."""


class SystemClock:
    """engine.model.clock.Clock on the machine's own clocks."""

    __slots__ = ("monotonic", "now", "steered")

    def __init__(self, log: Callable[[str], None] = silent, offset: int | None = None) -> None:
        """log and offset as of SteeredClock."""
        self.steered = SteeredClock(STEADY, time.time_ns, log, offset)  # noqa: TID251 - see above
        self.now = self.steered.now
        """The venue's time, ns UTC: see SteeredClock."""
        self.monotonic = time.monotonic_ns
        """Monotonic clock, ns."""
