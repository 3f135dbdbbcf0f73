"""The venue's own time: the wall clock at the start, carried on by a clock that never jumps. Pure.

Members' SendingTime(52) is judged by this time and ours is made from it, so a wall clock that is
set wrong while the venue trades ends no session. A small difference to the wall clock is made up
for slowly, as adjtime(3) does; a larger one is followed no faster, and the operator is told.
"""

from collections.abc import Callable
from typing import Final

from engine.model.clock import NANOS_PER_SECOND

COMPARE_NS: Final = NANOS_PER_SECOND
"""The wall clock is looked at this often, ns, as long as anybody asks for the time."""

SLEW: Final = 2_000
"""Of this many ns that pass, one at most makes up for a difference: 500 us a second, as
adjtime(3). A member's engine sees a clock that is 0.05% fast or slow, as many crystals are."""

JUMP_NS: Final = NANOS_PER_SECOND
"""A larger difference, ns, is a jump: no crystal drifts so far between two looks."""

SAMPLE_NS: Final = 1_000_000
"""Both clocks are read within this time, ns, or the comparison waits for the next look: a process
that was stopped between the two readings has seen no jump."""

LOG_NS: Final = 60 * NANOS_PER_SECOND
"""Time between two lines about the wall clock, ns: one that goes to and fro must not fill logs."""


class SteeredClock:
    """Nanoseconds UTC that never go back and never jump, from two raw clocks.

    steady: ns from an arbitrary start, never back, counting while the machine is suspended.
    wall: ns UTC, as right or wrong as the machine has it.
    """

    __slots__ = (
        "_adjust",
        "_at",
        "_base",
        "_log",
        "_owed",
        "_quiet_until",
        "_steady",
        "_told",
        "_wall",
        "ahead",
        "jumps",
    )

    def __init__(
        self,
        steady: Callable[[], int],
        wall: Callable[[], int],
        log: Callable[[str], None],
        offset: int | None = None,
    ) -> None:
        """offset: `offset()` of a clock to be carried on; None takes the wall clock over."""
        self._steady, self._wall, self._log = steady, wall, log
        self._at = self._quiet_until = steady()
        self._base = wall() if offset is None else self._at + offset
        self._owed = self._adjust = 0
        self._told = False  # that the wall clock is apart
        self.ahead = 0
        """How far the wall clock was ahead of this one at the last look, ns."""
        self.jumps = 0
        """How often the wall clock jumped."""
        self._look()

    def now(self) -> int:
        """The venue's time, ns UTC; called several times per order."""
        passed = self._steady() - self._at
        if passed < COMPARE_NS:
            if self._adjust:
                passed += self._adjust * passed // COMPARE_NS
            return self._base + passed
        most = passed // SLEW
        self._at += passed
        self._base += passed + max(-most, min(most, self._owed))
        self._look()
        return self._base

    def offset(self) -> int:
        """This time less the steady clock, ns: what carries it over to another process."""
        now = self.now()
        return now - self._steady()

    def _look(self) -> None:
        """Compare with the wall clock, as of self._at; what is owed is made up for from here on."""
        wall = self._wall()
        if self._steady() - self._at > SAMPLE_NS:
            self._owed = self._adjust = 0
            return
        before, self.ahead = self.ahead, wall - self._base
        most = COMPARE_NS // SLEW
        self._owed, self._adjust = self.ahead, max(-most, min(most, self.ahead))
        if abs(self.ahead - before) > JUMP_NS:
            self.jumps += 1
        apart = abs(self.ahead) > (JUMP_NS // 2 if self._told else JUMP_NS)
        if apart is not self._told and self._at >= self._quiet_until:
            self._told, self._quiet_until = apart, self._at + LOG_NS
            self._log(_words(self.ahead) if apart else "the wall clock is right again")


def _words(ahead: int) -> str:
    seconds = abs(ahead) / NANOS_PER_SECOND
    return (
        f"the wall clock is {seconds:.1f} s {'ahead of' if ahead > 0 else 'behind'} the venue's "
        "time, which goes on evenly: no session is ended. Set the wall clock right; if it is "
        "right, restart fixgate at a quiet time, and the venue takes it over"
    )
