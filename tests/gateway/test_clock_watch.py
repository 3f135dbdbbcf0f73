"""How far the venue's time is from UTC: what is measured, journalled, and said."""

import pytest

from engine.core.venue import Venue
from engine.model.commands import ClockSampled
from gateway.clock_watch import ClockWatch
from gateway.flow.kernel_clock import (
    STA_NANO,
    STA_UNSYNC,
    TIME_ERROR,
    KernelClock,
    _told,
    kernel_clock,
)
from tests.engine.streams import START, bootstrap_commands

US = 1_000
LIMIT = 1_000 * US


class Bench:
    """A watch whose kernel says what a test wants."""

    def __init__(self, limit=LIMIT):
        self.said, self.journal, self.log = KernelClock(0, 0, "kernel"), [], []
        self.ahead = 0
        self.watch = ClockWatch(self, lambda: self.ahead, self.ask, limit, self.log.append)

    def ask(self):
        if isinstance(self.said, OSError):
            raise self.said
        return self.said

    def submit(self, command):
        self.journal.append(command)

    def sample(self, offset=0, max_error=0, ahead=0):
        self.said, self.ahead = KernelClock(offset, max_error, "kernel"), ahead
        return self.watch.sample()


@pytest.mark.parametrize(
    ("offset", "max_error", "ahead", "divergence", "out"),
    [
        (0, 400 * US, 0, 400 * US, False),
        (100 * US, 400 * US, 500 * US, LIMIT, False),
        (100 * US, 400 * US, 501 * US, LIMIT + US, True),
        (-700 * US, 0, 700 * US, 0, False),  # the wall clock is ahead of UTC, the venue is not
        (-700 * US, 400 * US, 0, 1_100 * US, True),
        (0, -1, 0, None, True),
    ],
)
def test_a_sample_is_journalled_and_judged(offset, max_error, ahead, divergence, out):
    bench = Bench()
    taken = bench.sample(offset, max_error, ahead)
    assert bench.journal == [taken]
    assert taken == ClockSampled(ahead, offset, max_error, LIMIT, "kernel")
    assert (bench.watch.divergence, bench.watch.out_of_class) == (divergence, out)


def test_the_operator_is_told_once_when_it_is_off_and_once_when_it_is_back():
    bench = Bench()
    for max_error in (0, 0, 2_000 * US, 3_000 * US, 0, 0, -1, -1):
        bench.sample(0, max_error)
    assert bench.log == [
        "the clock may be 2,000 us from UTC, over venue.max_clock_divergence_us, 1,000 us",
        "the clock is within venue.max_clock_divergence_us, 1,000 us, again",
        "nobody vouches for the clock (kernel): run chrony, or see venue.max_clock_divergence_us,"
        " 1,000 us",
    ]
    assert bench.watch.samples == 8


def test_without_a_limit_anything_is_allowed():
    bench = Bench(limit=0)
    bench.sample(0, -1)
    assert (bench.watch.out_of_class, bench.log) == (False, [])


def test_a_system_that_does_not_tell_is_journalled_as_that():
    bench = Bench()
    bench.said = OSError(1, "Operation not permitted")
    assert bench.watch.sample().source == "nobody: Operation not permitted"
    assert bench.watch.out_of_class


@pytest.mark.parametrize(
    ("state", "status", "offset", "max_error", "told"),
    [
        (0, 0, 5, 700, KernelClock(5_000, 700_000, "kernel")),
        (0, STA_NANO, 5, 700, KernelClock(5, 700_000, "kernel")),
        (0, STA_UNSYNC, 5, 700, KernelClock(0, -1, "kernel: not disciplined")),
        (TIME_ERROR, STA_NANO, 5, 700, KernelClock(0, -1, "kernel: not disciplined")),
    ],
)
def test_what_the_kernel_says(state, status, offset, max_error, told):
    assert _told(state, status, offset, max_error) == told


def test_the_kernel_is_asked():
    """Whether its clock is disciplined is the machine's affair."""
    said = kernel_clock()
    assert said.source.startswith("kernel")
    assert said.max_error >= -1


def test_a_sample_changes_nothing():
    venue = Venue()
    for number, command in enumerate(bootstrap_commands()):
        venue.apply(command, number, START)
    before = venue.state.accounts, venue.state.totals, venue.state.operations
    assert venue.apply(ClockSampled(1, 2, 3, 4, "kernel"), 1_000, START) == []
    assert (venue.state.accounts, venue.state.totals, venue.state.operations) == before
