"""The clocks of the simulated machine."""

from random import Random

START = 1_795_000_000 * 1_000_000_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000


class Clock:
    """engine.model.clock.Clock of the machine: the wall clock may jump, the monotonic may not."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.time = 0
        self.offset = 0  # the venue's wall clock against the true time, ns
        self.ahead = 0  # the true time against START + time, ns
        self.slow_disk = False

    def now(self) -> int:
        return self.true_time() + self.offset

    def true_time(self) -> int:
        return START + self.time + self.ahead

    def monotonic(self) -> int:
        return self.time

    def sync_takes(self) -> None:
        self.time += self.random.randrange(3_000_000 if self.slow_disk else 300_000)
