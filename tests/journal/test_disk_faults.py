"""A disk that fails at any of 500 calls, or is full at any byte: nothing released is lost."""

import errno
import os
import shutil

import pytest

from engine.journal.segment import MIN_SEGMENT_BYTES
from engine.model.commands import Deposit
from engine.model.errors import DiskFailed
from engine.sequencer import Sequencer
from tests.journal.support import T0, UnsyncedDisk, open_writer
from tests.journal.venue import CountingVenue
from tests.support.small_disk import small_disk

CALLS = 500
KINDS = ("pwrite", "sync_data", "allocate", "rename", "sync_folder")
COMMITS = 190
PER_COMMIT = 2
REFERENCE = "deposit" + "x" * 1_500
"""So long that the run fills some segments of the smallest size."""


class FullDisk(UnsyncedDisk):
    """A disk with room for so many written bytes, as on a file system that copies on write."""

    def __init__(self, room):
        super().__init__([], 0)
        self.room = room

    def pwrite(self, fd, data, offset):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().pwrite(fd, data[: self.room], offset)
        self.room -= written
        return written

    def allocate(self, fd, size):
        if size > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().allocate(fd, size)

    def free_bytes(self, folder):
        return self.room


def well():
    return UnsyncedDisk([], 0)


def run(folder, disk):
    """A venue at work until its disk fails, or its work is done. Returns what it released."""
    released = []
    try:
        writer = open_writer(folder, disk=disk)
    except DiskFailed:
        return released
    sequencer = Sequencer(CountingVenue(), writer, bytes)
    try:
        for k in range(COMMITS):
            for _ in range(PER_COMMIT):
                sequencer.submit(Deposit(1, 1, 1, REFERENCE), T0 + k)
            released += sequencer.commit()
            if writer.prepare_due:
                writer.prepare_next()
    except DiskFailed:
        sequencer.submit(Deposit(1, 1, 1, "late"), T0 + COMMITS)
        with pytest.raises(DiskFailed):
            sequencer.commit()
        with pytest.raises(DiskFailed):
            writer.sync()
    finally:
        writer.close()
    return released


def recovered(folder, released, what):
    """The next start has all that was released, and goes on."""
    writer = open_writer(folder, disk=well())
    records = list(writer.records())
    assert records[: len(released)] == released, what
    assert all(record.command.reference == REFERENCE for record in records), what
    sequencer = Sequencer(CountingVenue(), writer, bytes, T0 + COMMITS)
    sequencer.submit(Deposit(1, 1, 1, "after"), T0 + COMMITS)
    assert len(sequencer.commit()) == 1, what
    writer.close()


def check_call(tmp_path, nth, error, *, short):
    folder = tmp_path / f"journal-{nth}-{error}-{short}"
    disk = UnsyncedDisk(KINDS, nth, error)
    disk.short = short
    released = run(folder, disk)
    assert disk.calls > nth
    assert len(released) < COMMITS * PER_COMMIT
    recovered(folder, released, (nth, error, short))


FAULTS = [(errno.EIO, False), (errno.ENOSPC, False), (errno.EIO, True)]


def test_the_run_makes_enough_calls(tmp_path):
    disk = UnsyncedDisk(KINDS, 10**6)
    assert len(run(tmp_path / "journal", disk)) == COMMITS * PER_COMMIT
    assert disk.calls > CALLS
    assert len(list((tmp_path / "journal").glob("*.seg"))) > 2


@pytest.mark.parametrize(("error", "short"), FAULTS)
def test_the_first_error_is_the_last_call_that_matters(tmp_path, error, short):
    for nth in range(0, CALLS, 23):
        check_call(tmp_path, nth, error, short=short)


@pytest.mark.proof
@pytest.mark.parametrize(("error", "short"), FAULTS)
def test_the_first_error_is_the_last_call_that_matters_for_all_calls(tmp_path, error, short):
    for nth in range(CALLS):
        check_call(tmp_path, nth, error, short=short)


@pytest.mark.parametrize("first", [0, 1_001, 2_000])
def test_a_disk_that_is_full_at_any_byte_leaves_a_journal_that_recovers(tmp_path, first):
    for number, room in enumerate(range(first, 2 * MIN_SEGMENT_BYTES + 60_000, 28_657)):
        folder = tmp_path / f"journal-{number}"
        released = run(folder, FullDisk(room))
        recovered(folder, released, room)


@pytest.mark.proof
def test_a_real_disk_that_is_full_at_200_places_leaves_a_journal_that_recovers(tmp_path):
    size, page = 8 * MIN_SEGMENT_BYTES, 4_096  # some more than the run needs
    losses = 0
    with small_disk(tmp_path / "disk", size) as disk:
        for number, taken in enumerate(range(0, size, size // 200 // page * page)):
            ballast, folder = disk / "ballast", disk / f"journal-{number}"
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(taken, 1))
            released = run(folder, well())
            losses += len(released) < COMMITS * PER_COMMIT
            ballast.unlink()
            recovered(folder, released, taken)
            shutil.rmtree(folder)
    assert losses > 100
