"""The clock's discipline: how far the venue's time is from UTC is measured, journalled, and said
when it is farther than the venue's class allows.

(EU) 2017/574 (RTS 25), Article 2: a venue with a gateway-to-gateway latency above 1 ms keeps its
clocks within 1 ms of UTC, a faster one within 100 us.
"""

from collections.abc import Callable
from typing import Final, Protocol

from engine.model.clock import NANOS_PER_MICRO, divergence
from engine.model.commands import ClockSampled
from gateway.flow.kernel_clock import KernelClock

SAMPLE_SECONDS: Final = 60
"""Between two samples: 1,440 records a day."""


class Journals(Protocol):
    """Takes a command into the journal, as ingress does."""

    def submit(self, command: ClockSampled) -> object:
        """Apply it and let it be written."""
        ...


class ClockWatch:
    """Takes samples. divergence: of the last one, ns; None where nobody has a bound."""

    def __init__(
        self,
        journals: Journals,
        ahead: Callable[[], int],
        kernel: Callable[[], KernelClock],
        limit: int,
        log: Callable[[str], None],
    ) -> None:
        """ahead: the wall clock less the venue's time, ns. limit: what is allowed, ns; 0: anything
        is."""
        self.divergence: int | None = None
        self.samples = 0
        self._journals = journals
        self._ahead = ahead
        self._kernel = kernel
        self._limit = limit
        self._log = log
        self._told = False

    @property
    def out_of_class(self) -> bool:
        """Whether the last sample is farther from UTC than is allowed, or nobody knows."""
        if not (self._limit and self.samples):
            return False
        return self.divergence is None or self.divergence > self._limit

    def sample(self) -> ClockSampled:
        """Measure, journal, and say so if the clock came out of its class or into it again."""
        try:
            said = self._kernel()
        except OSError as error:
            said = KernelClock(0, -1, f"nobody: {error.strerror or error}")
        taken = ClockSampled(self._ahead(), said.offset, said.max_error, self._limit, said.source)
        self.divergence = divergence(taken.ahead, taken.offset, taken.max_error)
        self.samples += 1
        self._journals.submit(taken)
        self._tell(said.source)
        return taken

    def _tell(self, source: str) -> None:
        """Once when it goes out of its class, once when it is back: not each minute."""
        if self.out_of_class == self._told:
            return
        self._told = self.out_of_class
        limit = f"venue.max_clock_divergence_us, {self._limit // NANOS_PER_MICRO:,} us"
        if not self.out_of_class:
            self._log(f"the clock is within {limit}, again")
        elif self.divergence is None:
            self._log(f"nobody vouches for the clock ({source}): run chrony, or see {limit}")
        else:
            self._log(
                f"the clock may be {self.divergence // NANOS_PER_MICRO:,} us from UTC, over {limit}"
            )
