"""The sequencer: numbers, times, the day's end, parts, and answers that wait for the disk."""

import errno
import threading
from itertools import chain
from pathlib import Path

import pytest

from engine import sequencer as sequencer_module
from engine.journal.files import open_reader
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import ContinueMass, Deposit, EndOfDay, Part
from engine.model.errors import DiskFailed
from engine.replay import join_parts
from engine.sequencer import SALTS_AT_ONCE, Sequencer
from tests.journal.support import T0, FaultyDisk, open_writer
from tests.journal.venue import CountingVenue

MIDNIGHT = (T0 // NANOS_PER_DAY + 1) * NANOS_PER_DAY


def deposit(reference: str = "coins", amount: int = 5) -> Deposit:
    return Deposit(1, 1, amount, reference)


class Entropy:
    """Counts up: as many bytes as asked for, never the same again."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, size: int) -> bytes:
        self.calls.append(size)
        block = len(self.calls)
        return b"".join(block.to_bytes(8, "big") + k.to_bytes(8, "big") for k in range(size // 16))


@pytest.fixture
def writer(tmp_path: Path):
    writer = open_writer(tmp_path)
    yield writer
    writer.close()


@pytest.fixture
def sequencer(writer):
    return Sequencer(CountingVenue(), writer, Entropy())


def test_a_command_is_applied_at_once_and_released_only_by_a_commit(sequencer, tmp_path):
    first = sequencer.submit(deposit(), T0)
    second = sequencer.submit(deposit(), T0 + 5)
    assert [r.number for r in first + second] == [0, 1]
    assert second[0].events[0].available == 10
    assert (sequencer.last_number, sequencer.durable, sequencer.pending) == (1, -1, 2)
    assert open_reader(tmp_path).mark().number == -1
    assert sequencer.commit() == first + second
    assert (sequencer.durable, sequencer.pending) == (1, 0)
    assert list(open_reader(tmp_path).records(0, 1)) == first + second
    assert sequencer.commit() == []


def test_times_never_decrease_when_the_clock_does(sequencer):
    times = [sequencer.submit(deposit(), T0 + delta)[0].time for delta in (5, 3, -(10**12), 6)]
    assert times == [T0 + 5, T0 + 5, T0 + 5, T0 + 6]


def test_numbers_and_times_go_on_after_a_restart(sequencer, writer, tmp_path):
    sequencer.submit(deposit(), T0)
    sequencer.commit()
    writer.close()
    again = open_writer(tmp_path)
    sequencer = Sequencer(CountingVenue(), again, Entropy(), last_time=T0)
    (record,) = sequencer.submit(deposit(), T0 - 1)
    assert (record.number, record.time) == (1, T0)
    sequencer.commit()
    again.close()


def test_the_day_ends_before_the_first_command_at_or_after_midnight(sequencer):
    sequencer.submit(deposit(), T0)
    assert len(sequencer.submit(deposit(), MIDNIGHT - 1)) == 1
    end, record = sequencer.submit(deposit(), MIDNIGHT)
    assert end.command == EndOfDay(T0 // NANOS_PER_DAY)
    assert (end.time, record.time) == (MIDNIGHT, MIDNIGHT)
    assert record.command == deposit()
    assert len(sequencer.submit(deposit(), MIDNIGHT + 1)) == 1


def test_the_day_ends_once_also_after_days_without_anybody(sequencer):
    sequencer.submit(deposit(), T0)
    end, _ = sequencer.submit(deposit(), MIDNIGHT + 9 * NANOS_PER_DAY + 7)
    assert end.command == EndOfDay(T0 // NANOS_PER_DAY + 9)


def test_a_tick_ends_the_day_when_no_command_comes(sequencer):
    assert sequencer.tick(T0) == []
    assert sequencer.submit(deposit(), T0)[0].number == 0
    assert sequencer.tick(MIDNIGHT - 1) == []
    (end,) = sequencer.tick(MIDNIGHT)
    assert end.command == EndOfDay(T0 // NANOS_PER_DAY)
    assert sequencer.tick(MIDNIGHT) == []
    assert [r.number for r in sequencer.commit()] == [0, 1]


def test_the_slices_of_a_mass_operation_go_between_other_commands(sequencer):
    sequencer.submit(deposit("mass-2"), T0)
    assert sequencer.mass_due
    (slice_1,) = sequencer.continue_mass(T0 + 1)
    sequencer.submit(deposit(), T0 + 2)
    (slice_2,) = sequencer.continue_mass(T0 + 3)
    assert (slice_1.command, slice_2.command) == (ContinueMass(0), ContinueMass(0))
    assert not sequencer.mass_due
    with pytest.raises(AssertionError):
        sequencer.continue_mass(T0)


def test_every_record_has_its_own_salt_and_parts_share_theirs(sequencer):
    entropy = sequencer._entropy
    records = [sequencer.submit(deposit(), T0)[0] for _ in range(2 * SALTS_AT_ONCE + 1)]
    assert len({r.salt for r in records}) == len(records)
    assert all(len(r.salt) == 16 for r in records)
    assert entropy.calls == [16 * SALTS_AT_ONCE] * 3
    parts = sequencer.submit(deposit("large-100"), T0)
    assert len({r.salt for r in parts}) == 1
    sequencer.commit()


def test_a_command_with_many_events_fills_several_numbers(sequencer, tmp_path):
    sequencer.submit(deposit(), T0)
    parts = sequencer.submit(deposit("large-200"), T0)
    after = sequencer.submit(deposit(), T0)
    assert [r.number for r in parts] == [1, 2, 3, 4]
    assert [(r.part, r.parts) for r in parts] == [(k, 4) for k in range(4)]
    assert [type(r.command) for r in parts] == [Deposit, Part, Part, Part]
    assert after[0].number == 5
    released = sequencer.commit()
    assert released[1:5] == parts
    wholes = list(join_parts(open_reader(tmp_path).records(0, 5)))
    assert [(w.first, w.last, len(w.events)) for w in wholes] == [(0, 0, 1), (1, 4, 201), (5, 5, 1)]


def test_commands_go_on_while_a_worker_waits_for_the_disk(sequencer):
    begun, may_end = threading.Event(), threading.Event()
    sync = sequencer.writer.sync

    def slow_sync() -> None:
        begun.set()
        assert may_end.wait(10)
        sync()

    sequencer.writer.sync = slow_sync
    first = sequencer.submit(deposit(), T0)
    assert sequencer.begin_commit() == 1
    worker = threading.Thread(target=sequencer.sync_pending)
    worker.start()
    assert begun.wait(10)
    second = sequencer.submit(deposit(), T0)
    assert (sequencer.durable, sequencer.pending) == (-1, 1)
    with pytest.raises(AssertionError, match="not finished"):
        sequencer.begin_commit()
    may_end.set()
    worker.join()
    assert sequencer.finish_commit() == first
    sequencer.writer.sync = sync
    assert sequencer.commit() == second


def test_nothing_is_released_when_the_disk_fails(tmp_path: Path):
    disk = FaultyDisk(["sync_data"], 1_000)
    sequencer = Sequencer(CountingVenue(), open_writer(tmp_path, disk=disk), Entropy())
    sequencer.submit(deposit(), T0)
    sequencer.commit()
    sequencer.submit(deposit(), T0)
    disk.left = 0
    with pytest.raises(DiskFailed):
        sequencer.commit()
    assert sequencer.durable == 0
    with pytest.raises(AssertionError):
        sequencer.finish_commit()
    sequencer.writer.close()


@pytest.mark.parametrize("limit", ["PENDING_RECORDS", "PENDING_BYTES"])
def test_full_says_that_too_much_waits_for_the_disk(sequencer, monkeypatch, limit):
    monkeypatch.setattr(sequencer_module, limit, 3 if limit == "PENDING_RECORDS" else 160)
    sequencer.submit(deposit(), T0)
    sequencer.submit(deposit(), T0)
    assert not sequencer.full
    sequencer.begin_commit()
    while not sequencer.full:
        sequencer.submit(deposit(), T0)
    assert sequencer.pending <= 3
    sequencer.sync_pending()
    sequencer.finish_commit()
    sequencer.commit()
    assert not sequencer.full


def test_a_batch_is_bounded_and_holds_whole_commands(sequencer, monkeypatch):
    """A start looks back one batch for what a killed process did not number."""
    monkeypatch.setattr(sequencer_module, "BATCH_RECORDS", 5)
    wholes = [sequencer.submit(deposit(), T0) for _ in range(3)]
    wholes.append(sequencer.submit(Deposit(1, 1, 1, "large-150"), T0))
    assert len(wholes[-1]) == 3, "it would straddle the end of a batch"
    wholes += [sequencer.submit(deposit(), T0) for _ in range(4)]
    batches = []
    while sequencer.begin_commit():
        sequencer.sync_pending()
        batches.append(sequencer.finish_commit())
    assert [len(batch) for batch in batches] == [3, 5, 2]
    assert list(chain(*batches)) == list(chain(*wholes))
    assert sequencer.pending == 0


def test_low_space_is_told_to_the_gateway(tmp_path: Path):
    disk = FaultyDisk(["allocate"], 1, errno.ENOSPC)
    sequencer = Sequencer(CountingVenue(), open_writer(tmp_path, disk=disk), Entropy())
    assert not sequencer.low_space
    sequencer.writer.prepare_next()
    assert sequencer.low_space
    sequencer.writer.close()
