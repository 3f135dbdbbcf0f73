"""The writer on real files: its lock, its epochs, its segments, and a disk that fails."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.journal.disk import RealDisk
from engine.journal.files import MARK_NAME, list_segments, open_reader, read_mark
from engine.journal.segment import MIN_SEGMENT_BYTES, SEGMENT_HEADER_BYTES, segment_name
from engine.journal.writer import NEXT_NAME
from engine.model.errors import DiskFailed, JournalDamaged, JournalInUse
from engine.model.record import encode_record
from tests.journal.support import (
    FaultyDisk,
    open_writer,
    parts_flags,
    payloads,
    record,
)


def write(writer, count: int, filler: int = 0) -> None:
    writer.append(payloads(writer.next_number, count, filler))
    writer.sync()


def test_a_new_journal_is_empty_and_marked(tmp_path: Path):
    writer = open_writer(tmp_path / "journal")
    assert (writer.next_number, writer.epoch, writer.durable) == (0, 1, -1)
    assert list(writer.records()) == []
    mark = read_mark(writer.folder)
    assert mark is not None
    assert (mark.number, mark.segment, mark.offset) == (-1, 0, SEGMENT_HEADER_BYTES)
    writer.close()


def test_what_was_appended_is_durable_only_after_the_sync(tmp_path: Path):
    writer = open_writer(tmp_path)
    writer.append(payloads(0, 3))
    assert (writer.next_number, writer.durable) == (3, -1)
    assert list(writer.records()) == []
    writer.sync()
    assert writer.durable == 2
    assert list(writer.records()) == [record(n) for n in range(3)]
    writer.close()


def test_a_journal_goes_on_where_it_stopped_in_a_new_epoch(tmp_path: Path):
    epochs = []
    for k in range(4):
        writer = open_writer(tmp_path)
        assert writer.next_number == 5 * k
        epochs.append(writer.epoch)
        write(writer, 5)
        writer.close()
    assert epochs == [1, 2, 3, 4]
    assert [r.number for r in open_reader(tmp_path).records(0, 19)] == list(range(20))


def test_the_epoch_grows_even_when_nothing_was_written(tmp_path: Path):
    for epoch in (1, 2, 3):
        writer = open_writer(tmp_path)
        assert writer.epoch == epoch
        writer.close()


def test_a_second_writer_is_refused_and_told_what_to_do(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 2)
    with pytest.raises(JournalInUse, match="stop the other fixgate"):
        open_writer(tmp_path)
    write(writer, 2)
    writer.close()
    open_writer(tmp_path).close()


def test_a_batch_goes_over_as_many_segments_as_it_needs(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 60, filler=15_000)
    segments = list_segments(tmp_path)
    assert len(segments) == 8
    for first in segments:
        assert (tmp_path / segment_name(first)).stat().st_size == MIN_SEGMENT_BYTES
    assert list(writer.records()) == [record(n, 15_000) for n in range(60)]
    writer.close()
    assert open_writer(tmp_path).next_number == 60


def test_the_next_segment_is_prepared_when_half_of_this_one_is_used(tmp_path: Path):
    writer = open_writer(tmp_path)
    assert not writer.prepare_due
    write(writer, 5, filler=14_000)
    assert writer.prepare_due
    writer.prepare_next()
    assert (tmp_path / NEXT_NAME).stat().st_size == MIN_SEGMENT_BYTES
    assert not writer.prepare_due
    write(writer, 5, filler=14_000)
    assert not (tmp_path / NEXT_NAME).exists()
    assert len(list_segments(tmp_path)) == 2
    writer.close()


def test_a_prepared_file_that_was_never_used_is_removed(tmp_path: Path):
    writer = open_writer(tmp_path)
    writer.prepare_next()
    writer.close()
    writer = open_writer(tmp_path)
    assert not (tmp_path / NEXT_NAME).exists()
    writer.close()


def test_the_largest_record_fits_the_smallest_segment(tmp_path: Path):
    writer = open_writer(tmp_path)
    size = 65_535 - len(encode_record(record(0))) - 4
    writer.append([encode_record(record(n, size // 2)) for n in range(9)])
    writer.sync()
    assert list(writer.records()) == [record(n, size // 2) for n in range(9)]
    writer.close()


def test_a_torn_tail_is_cut_zeroed_and_logged(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 3)
    end = read_mark(tmp_path).offset
    writer.close()
    path = tmp_path / segment_name(0)
    with path.open("r+b") as file:
        file.seek(end)
        file.write(b"torn" * 50)
    log: list[str] = []
    writer = open_writer(tmp_path, log=log.append)
    assert len(log) == 1
    assert f"offset {end}, record 3" in log[0]
    assert not any(path.read_bytes()[end:])
    assert path.stat().st_size == MIN_SEGMENT_BYTES
    write(writer, 2)
    writer.close()
    log.clear()
    writer = open_writer(tmp_path, log=log.append)
    assert list(writer.records()) == [record(n) for n in range(5)]
    assert log == []
    writer.close()


def test_damage_refuses_the_start_changes_nothing_and_frees_the_lock(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 3)
    writer.close()
    path = tmp_path / segment_name(0)
    data = bytearray(path.read_bytes())
    data[SEGMENT_HEADER_BYTES + 60] ^= 1
    path.write_bytes(data)
    for _ in range(2):
        with pytest.raises(JournalDamaged, match=r"00000.seg at offset 64"):
            open_writer(tmp_path)
    assert path.read_bytes() == data


def test_a_record_that_a_cursor_names_is_not_cut(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 3)
    writer.close()
    open_writer(tmp_path, named=2).close()
    with pytest.raises(JournalDamaged, match="cursor names record 3"):
        open_writer(tmp_path, named=3)


def test_parts_must_come_in_one_batch(tmp_path: Path):
    writer = open_writer(tmp_path)
    with pytest.raises(AssertionError):
        writer.append(payloads(0, 2), parts_flags(3)[:2])
    writer.append(payloads(0, 3), parts_flags(3))
    writer.sync()
    writer.close()


def test_an_incomplete_group_on_disk_is_cut_by_the_next_start(tmp_path: Path):
    """A kill in the middle of the write: the first parts are there, the others are not."""
    writer = open_writer(tmp_path)
    write(writer, 2)
    writer.append(payloads(2, 3), parts_flags(3))
    end = writer._offset
    writer._release()
    path = tmp_path / segment_name(0)
    data = bytearray(path.read_bytes())
    data[end - 30 : end] = bytes(30)
    path.write_bytes(data)
    writer = open_writer(tmp_path)
    assert writer.next_number == 2
    writer.close()


def test_without_syncs_a_mark_proves_nothing_and_frames_claim_nothing(tmp_path: Path):
    writer = open_writer(tmp_path, durability="os")
    write(writer, 3)
    write(writer, 3)
    assert writer.durable == 5
    mark = read_mark(tmp_path)
    assert (mark.number, mark.synced) == (5, False)
    writer._release()
    path = tmp_path / segment_name(0)
    data = bytearray(path.read_bytes())
    data[SEGMENT_HEADER_BYTES:] = bytes(len(data) - SEGMENT_HEADER_BYTES)
    path.write_bytes(data)
    writer = open_writer(tmp_path, durability="os")
    assert writer.next_number == 0
    assert read_mark(tmp_path).number == -1
    writer.close()


# --- a disk that fails ------------------------------------------------------------------------


def run_until_failure(folder: Path, disk: FaultyDisk) -> tuple[int, bool]:
    """Write batches until the disk fails: last acknowledged record, and whether it failed."""
    acknowledged = -1
    try:
        writer = open_writer(folder, disk=disk)
    except DiskFailed:
        return -1, True
    try:
        for _ in range(12):
            writer.append(payloads(writer.next_number, 3, 10_000))
            writer.sync()
            acknowledged = writer.durable
    except DiskFailed:
        assert writer.durable == acknowledged
        for refused in (lambda: writer.append(payloads(0, 1)), writer.sync):
            with pytest.raises(DiskFailed):
                refused()
        writer.close()
        return acknowledged, True
    writer.close()
    return acknowledged, False


@pytest.mark.parametrize("kind", ["pwrite", "sync_data", "rename", "sync_folder"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_the_first_error_of_each_call_ends_the_writer_and_loses_nothing(tmp_path, kind, error):
    failures = 0
    for nth in range(60):
        folder = tmp_path / str(nth)
        acknowledged, failed = run_until_failure(folder, FaultyDisk([kind], nth, error))
        writer = open_writer(folder)
        assert writer.durable >= acknowledged
        assert list(writer.records()) == [record(n, 10_000) for n in range(writer.next_number)]
        writer.close()
        if not failed:
            assert acknowledged == 35
            break
        failures += 1
    else:
        pytest.fail("the disk never stopped failing")
    assert failures >= {"pwrite": 25, "sync_data": 16, "rename": 2, "sync_folder": 4}[kind]


def test_a_short_write_ends_the_writer_and_loses_nothing(tmp_path: Path):
    for nth in range(3, 20):
        disk = FaultyDisk(["pwrite"], nth)
        disk.short = True
        folder = tmp_path / str(nth)
        acknowledged, failed = run_until_failure(folder, disk)
        assert failed
        writer = open_writer(folder)
        assert writer.durable >= acknowledged
        assert list(writer.records()) == [record(n, 10_000) for n in range(writer.next_number)]
        writer.close()


def test_no_room_for_the_next_segment_only_tells_that_space_is_low(tmp_path: Path):
    disk = FaultyDisk(["allocate"], 1, errno.ENOSPC)
    log: list[str] = []
    writer = open_writer(tmp_path, disk=disk, log=log.append)
    assert not writer.low_space
    writer.prepare_next()
    assert writer.low_space
    assert not writer.prepare_due
    assert "no room" in log[0]
    writer.append(payloads(0, 3))
    with pytest.raises(DiskFailed, match="No space left"):
        writer.append(payloads(3, 20, 30_000))
    writer.close()
    writer = open_writer(tmp_path)
    assert writer.next_number >= 3
    writer.close()


def test_low_space_is_less_than_one_free_segment(tmp_path: Path):
    class SmallDisk(FaultyDisk):
        def free_bytes(self, folder: Path) -> int:
            return self.free

    disk = SmallDisk([], 0)
    disk.free = MIN_SEGMENT_BYTES
    writer = open_writer(tmp_path, disk=disk)
    assert (writer.low_space, writer.free_bytes) == (False, MIN_SEGMENT_BYTES)
    disk.free -= 1
    write(writer, 1)
    writer.look_at_space()
    assert writer.low_space
    write(writer, 1)
    disk.free += 1
    writer.look_at_space()
    assert not writer.low_space
    writer.close()


def test_an_error_while_preparing_is_the_end_too(tmp_path: Path):
    writer = open_writer(tmp_path, disk=FaultyDisk(["allocate"], 1, errno.EIO))
    with pytest.raises(DiskFailed):
        writer.prepare_next()
    with pytest.raises(DiskFailed):
        writer.append(payloads(0, 1))
    writer.close()


def test_a_journal_that_cannot_be_opened_says_why(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskFailed, match="opening the journal"):
        open_writer(tmp_path / "file" / "journal")


def test_no_file_stays_open_after_close(tmp_path: Path):
    before = len(os.listdir("/proc/self/fd"))
    writer = open_writer(tmp_path)
    write(writer, 60, 15_000)
    writer.prepare_next()
    assert sum(1 for _ in writer.records()) == 60
    writer.close()
    writer.close()
    assert len(os.listdir("/proc/self/fd")) == before


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.journal.support import open_writer, payloads
writer = open_writer(Path(sys.argv[1]))
writer.append(payloads(0, 300))
writer.sync()
writer.append(payloads(300, 300, 2_000))
writer.sync()
writer.close()
"""


def test_the_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path):
    root = str(Path(__file__).resolve().parents[2])
    files = []
    for seed in ("0", "1", "77"):
        folder = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", CHILD, str(folder), root]
        subprocess.run(command, check=True, env=environment)
        names = [*map(segment_name, list_segments(folder)), MARK_NAME]
        files.append([(name, (folder / name).read_bytes()) for name in names])
    assert len(files[0]) >= 3
    assert files[0] == files[1] == files[2]


def test_a_restart_writes_again_what_may_be_unsynced_and_nothing_below_the_mark(tmp_path: Path):
    """A byte that is on disk is never written again: a loss of power could garble it."""

    class NotingDisk(FaultyDisk):
        def pwrite(self, fd: int, data: bytes, offset: int) -> int:
            self.writes.append((os.readlink(f"/proc/self/fd/{fd}"), offset, len(data)))
            return super().pwrite(fd, data, offset)

    writer = open_writer(tmp_path)
    write(writer, 10)
    known = writer._offset
    writer.append(payloads(10, 5))
    end = writer._offset
    writer._release()
    disk = NotingDisk([], 0)
    disk.writes = []
    writer = open_writer(tmp_path, disk=disk)
    segment = str(tmp_path / segment_name(0))
    assert [w for w in disk.writes if w[0] == segment] == [(segment, known, end - known)]
    assert writer.durable == 14
    writer.close()


def test_a_sync_that_fails_half_way_closes_no_file_twice(tmp_path: Path):
    disk = FaultyDisk(["sync_data"], 1_000)
    writer = open_writer(tmp_path, disk=disk)
    writer.append(payloads(0, 30, 14_000))
    assert len(writer._unsynced) >= 2
    disk.left = 1
    with pytest.raises(DiskFailed):
        writer.sync()
    writer.close()


@pytest.mark.parametrize("rebooted", [False, True])
def test_what_lies_above_the_mark_is_written_again_unless_the_machine_was_started(
    tmp_path: Path, rebooted: bool
):
    """A start of the machine reads what is on disk; the mark may be older than what was released,
    and a second loss of power would garble what is written again."""
    writer = open_writer(tmp_path)
    write(writer, 5)
    old = (tmp_path / MARK_NAME).read_bytes()
    write(writer, 3)
    writer.close()
    (tmp_path / MARK_NAME).write_bytes(old)

    class BootedDisk(RealDisk):
        def __init__(self) -> None:
            self.segments: list[tuple[int, int]] = []

        def boot_id(self) -> bytes:
            return b"another start..." if rebooted else super().boot_id()

        def pwrite(self, fd: int, data: bytes, offset: int) -> int:
            if os.readlink(f"/proc/self/fd/{fd}").endswith(".seg"):
                self.segments.append((offset, len(data)))
            return super().pwrite(fd, data, offset)

    disk = BootedDisk()
    again = open_writer(tmp_path, disk=disk)
    assert again.next_number == 8
    assert bool(disk.segments) is not rebooted
    again.close()
