"""What happens later in a scenario, in its order."""

import heapq

from engine.model.clock import NANOS_PER_SECOND


class Agenda:
    """The time of a scenario, and what is to be done when. Whoever is one has `random`."""

    def __init__(self, start):
        self.now = start
        self.names = 0
        """Given so far: no two are the same."""
        self.agenda = []
        """(time, its place among what is at that time, deed)."""

    def let(self, seconds):
        """It goes on for so long."""
        end = self.now + int(seconds * NANOS_PER_SECOND)
        while self.agenda and self.agenda[0][0] <= end:
            time, _, act = heapq.heappop(self.agenda)
            self.now = max(self.now, time)
            act()
        self.now = max(self.now, end)

    def between(self, low, high):
        """It goes on for some time between so many seconds."""
        self.let(self.random.uniform(low, high))

    def at(self, delay, act):
        """Do something `delay` seconds from now."""
        self.names += 1
        heapq.heappush(self.agenda, (self.now + int(delay * NANOS_PER_SECOND), self.names, act))
