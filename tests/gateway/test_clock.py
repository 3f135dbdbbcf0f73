"""The venue's time while the wall clock jumps, strobes, drifts and sleeps, and its days' ends."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.commands import Deposit, EndOfDay
from engine.sequencer import Sequencer
from gateway.flow.steered_clock import JUMP_NS, LOG_NS, SLEW, SteeredClock
from tests.journal.support import T0, open_writer
from tests.journal.venue import CountingVenue

SECOND, MS, HOUR = NANOS_PER_SECOND, 1_000_000, 3_600 * NANOS_PER_SECOND
FIRST_MIDNIGHT = (T0 // NANOS_PER_DAY + 1) * NANOS_PER_DAY


@dataclass
class Machine:
    """Its two raw clocks; true time is what the steady one shows."""

    steady: int = 5 * SECOND
    wrong: int = 0
    lines: list[str] = field(default_factory=list)
    busy: int = 0
    """What passes between two readings of the clocks, ns."""

    def __post_init__(self):
        self.begin = self.steady

    @property
    def true(self):
        return T0 + self.steady - self.begin

    def read_steady(self):
        return self.steady

    def read_wall(self):
        self.steady += self.busy
        return self.true + self.wrong

    def clock(self, offset=None):
        return SteeredClock(self.read_steady, self.read_wall, self.lines.append, offset)


def hour_back(second):
    return -HOUR if second >= 1_000 else 0


def hour_ahead(second):
    return HOUR if second >= 1_000 else 0


def strobe(second):
    return 200 * MS * (1 if second % 2 else -1)


def slow_drift(second):
    return second * 200_000  # 200 ppm


WRONG_CLOCKS = [
    ("an hour back", hour_back, 3, 7),
    ("an hour ahead", hour_ahead, 3, 7),
    ("a strobe of 200 ms", strobe, 2, 1),
    ("200 ppm for 30 days", slow_drift, 30, 60),
]
"""What, how wrong at a second, for how many days, looked at every so many seconds."""


@pytest.mark.parametrize(("name", "wrong", "days", "step"), WRONG_CLOCKS)
def test_whatever_the_wall_clock_does_time_goes_on_and_each_day_ends_once(
    tmp_path, name, wrong, days, step
):
    machine = Machine()
    clock = machine.clock()
    writer = open_writer(tmp_path)
    sequencer = Sequencer(CountingVenue(), writer, bytes)
    sequencer.submit(Deposit(1, 1, 5, "coins"), clock.now())
    ends, last, second = [], clock.now(), 0
    while machine.true < T0 + days * NANOS_PER_DAY:
        second += step
        machine.steady += step * SECOND
        machine.wrong = wrong(second)
        now = clock.now()
        passed = now - last
        assert abs(passed - step * SECOND) <= step * SECOND // SLEW, name
        ends += [r.command for r in sequencer.tick(now) if isinstance(r.command, EndOfDay)]
        last = now
    first = T0 // NANOS_PER_DAY
    assert ends == [EndOfDay(day) for day in range(first, first + days)]
    if wrong is slow_drift:
        assert abs(clock.ahead) < 20 * MS, "a drift is followed"
    elif wrong is strobe:
        assert abs(last - machine.true) <= 200 * MS
    else:
        assert abs(last - machine.true) <= days * NANOS_PER_DAY // SLEW
    assert clock.jumps == (1 if "hour" in name else 0)
    assert len(machine.lines) == clock.jumps
    sequencer.commit()
    writer.close()


def test_an_hours_jump_moves_the_time_by_less_than_two_seconds_an_hour():
    machine = Machine()
    clock = machine.clock()
    machine.wrong = -HOUR
    for _ in range(3_600):
        machine.steady += SECOND
        now = clock.now()
    assert machine.true - 2 * SECOND < now < machine.true
    assert "3600.0 s behind the venue's time" in machine.lines[0]
    assert "restart fixgate" in machine.lines[0]


def test_suspended_time_has_passed():
    machine = Machine()
    clock = machine.clock()
    machine.steady += 8 * HOUR
    assert clock.now() == machine.true
    assert (clock.jumps, machine.lines) == (0, [])


def test_a_small_difference_is_made_up_for_and_not_overshot():
    machine = Machine()
    clock = machine.clock()
    machine.wrong = 100 * MS
    machine.steady += SECOND
    clock.now()  # sees it
    machine.steady += 100 * SECOND
    assert clock.now() == machine.true + 50 * MS
    machine.steady += 1_000 * SECOND
    assert clock.now() == machine.true + 100 * MS


def test_a_process_that_was_stopped_between_two_readings_sees_no_jump():
    machine = Machine()
    clock = machine.clock()
    machine.steady += SECOND
    machine.busy = 10 * SECOND
    clock.now()
    machine.busy = 0
    for _ in range(3):
        machine.steady += SECOND
        assert clock.now() == machine.true
    assert (clock.jumps, clock.ahead) == (0, 0)


def test_a_clock_is_carried_over_to_another_process():
    machine = Machine()
    clock = machine.clock()
    machine.wrong = HOUR
    machine.steady += 500 * MS
    other = machine.clock(clock.offset())
    assert other.now() == clock.now()
    assert other.jumps == 1


def test_a_wall_clock_that_jumps_to_and_fro_does_not_fill_the_log():
    machine = Machine()
    clock = machine.clock()
    for second in range(600):
        machine.wrong = 5 * SECOND * (second % 2)
        machine.steady += SECOND
        clock.now()
    assert clock.jumps == 599
    assert len(machine.lines) <= 600 * SECOND // LOG_NS + 1


def test_the_operator_is_told_when_it_is_right_again():
    machine = Machine()
    clock = machine.clock()
    for wrong in (2 * JUMP_NS, 0):
        machine.wrong = wrong
        machine.steady += LOG_NS
        clock.now()
    assert [line[:18] for line in machine.lines] == ["the wall clock is "] * 2
    assert machine.lines[1].endswith("right again")


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 999, MS, 300 * MS, SECOND - 1, SECOND, 3 * SECOND, HOUR]),
            st.integers(-2 * HOUR, 2 * HOUR) | st.integers(-JUMP_NS, JUMP_NS),
        ),
        max_size=60,
    )
)
def test_time_never_goes_back_and_never_runs_faster_or_slower_than_the_slew(moves):
    machine = Machine()
    clock = machine.clock()
    last = clock.now()
    total = 0
    for passed, wrong in moves:
        machine.steady += passed
        machine.wrong = wrong
        now = clock.now()
        total += passed
        assert now >= last
        assert abs(now - T0 - total) <= total // SLEW + len(moves)
        last = now
