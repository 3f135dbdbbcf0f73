"""Time as an argument: nothing pure reads a clock."""

from typing import Final, Protocol

NANOS_PER_MICRO: Final = 1_000
NANOS_PER_SECOND: Final = 1_000_000_000
NANOS_PER_DAY: Final = 86_400 * NANOS_PER_SECOND


class Clock(Protocol):
    """The two clocks of a process, both in integer nanoseconds."""

    def now(self) -> int:
        """The time, nanoseconds since 1970-01-01 UTC; the system's neither jumps nor goes back."""
        ...

    def monotonic(self) -> int:
        """Monotonic clock, nanoseconds from an arbitrary start; never goes back."""
        ...


def divergence(ahead: int, offset: int, max_error: int) -> int | None:
    """How far the venue's time is from UTC at most, ns, by a ClockSampled's values; None where
    nobody has a bound."""
    return None if max_error < 0 else abs(ahead + offset) + max_error


def next_midnight(time: int) -> int:
    """The first 00:00 UTC strictly after `time` (ns UTC), in ns UTC."""
    return (time // NANOS_PER_DAY + 1) * NANOS_PER_DAY
