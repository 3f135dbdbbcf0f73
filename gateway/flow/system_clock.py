"""The one place that reads the machine's clocks."""

import time


class SystemClock:
    """engine.model.clock.Clock on the machine's own clocks."""

    __slots__ = ()

    def now(self) -> int:
        """Wall clock, ns UTC."""
        return time.time_ns()  # noqa: TID251 - every other module is handed a Clock

    def monotonic(self) -> int:
        """Monotonic clock, ns."""
        return time.monotonic_ns()
