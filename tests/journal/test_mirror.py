"""The mirror of a journal: followed, killed, short of power, given the wrong journal."""

import errno
import shutil
from random import Random

import pytest

from engine.journal import mirror as mirror_module
from engine.journal.disk import RealDisk
from engine.journal.files import list_segments, open_reader, read_mark
from engine.journal.mirror import JournalMirror, MirrorRefusedError
from engine.journal.recovery import recover
from engine.journal.segment import segment_name
from engine.model.errors import JournalDamaged
from tests.journal.support import (
    CrashDisk,
    FaultyDisk,
    Image,
    PowerLost,
    UnsyncedDisk,
    open_writer,
    parts_flags,
    payloads,
)

LARGE = 30_000
"""Filler with which eight records fill a segment of the smallest size."""


@pytest.fixture
def source(tmp_path):
    """A journal of some segments, with a command of three parts, and its writer."""
    folder = tmp_path / "source"
    writer = open_writer(folder)
    for count in (5, 9, 1, 7):
        add(writer, count)
    writer.append(payloads(writer.next_number, 3, LARGE), parts_flags(3))
    writer.sync()
    add(writer, 4)
    yield writer
    writer.close()


def add(writer, count):
    writer.append(payloads(writer.next_number, count, LARGE))
    writer.sync()


def follow(source, folder, disk=None):
    """Copy until there is no more; the mirror's mark."""
    folder.mkdir(exist_ok=True)
    mirror = JournalMirror(source, folder, disk or RealDisk())
    try:
        while mirror.step():
            pass
        assert mirror.lag() == (0, 0)
        return mirror.mark
    finally:
        mirror.close()


def records(folder):
    reader = open_reader(folder)
    try:
        return list(reader.records(0, reader.mark().number))
    finally:
        reader.close()


def assert_a_good_prefix(source, folder):
    """What the mirror's mark vouches for is the journal's own beginning, of whole commands; and
    recovery, which a restored venue starts with, agrees. Returns its last record."""
    mark = read_mark(folder)
    if mark is None:
        return -1
    mine = records(folder)
    assert mine == records(source)[: mark.number + 1]
    last = mine[-1]
    assert last.part == last.parts - 1
    images = []
    for first in list_segments(folder):
        if first <= mark.segment:
            data = bytearray((folder / segment_name(first)).read_bytes())
            images.append(Image(first, data[: mark.offset] if first == mark.segment else data))
    assert recover(images, mark).last == mark.number
    return mark.number


def test_a_mirror_follows_over_many_segments(source, tmp_path, monkeypatch):
    monkeypatch.setattr(mirror_module, "COPY_BYTES", 100_000)
    folder = tmp_path / "mirror"
    assert follow(source.folder, folder).number == source.durable == 28
    assert len(list_segments(folder)) == len(list_segments(source.folder)) > 3
    assert_a_good_prefix(source.folder, folder)
    add(source, 6)
    assert follow(source.folder, folder).number == 34
    assert_a_good_prefix(source.folder, folder)


def test_the_lag_is_told_in_records_and_bytes(source, tmp_path, monkeypatch):
    monkeypatch.setattr(mirror_module, "COPY_BYTES", 100_000)
    (tmp_path / "mirror").mkdir()
    mirror = JournalMirror(source.folder, tmp_path / "mirror", RealDisk())
    before = mirror.lag()
    assert before.records == 29
    assert before.size > 29 * LARGE
    behind = [before]
    while mirror.step():
        behind.append(mirror.lag())
    assert behind == sorted(behind, reverse=True)
    assert mirror.lag() == (0, 0)
    add(source, 1)
    assert mirror.lag().records == 1
    assert LARGE < mirror.lag().size < 2 * LARGE + 300_000
    mirror.close()


def test_nothing_is_copied_that_is_not_durable(source, tmp_path):
    source.append(payloads(source.next_number, 2))
    assert follow(source.folder, tmp_path / "mirror").number == source.durable == 28


def test_the_mark_names_whole_commands_only(tmp_path, monkeypatch):
    monkeypatch.setattr(mirror_module, "COPY_BYTES", 1)
    monkeypatch.setattr(mirror_module, "READ_BYTES", 70_000)
    writer = open_writer(tmp_path / "source")
    add(writer, 2)
    writer.append(payloads(2, 7, LARGE), parts_flags(7))
    writer.sync()
    folder = tmp_path / "mirror"
    folder.mkdir()
    mirror = JournalMirror(writer.folder, folder, RealDisk())
    marks = []
    while mirror.step():
        marks.append(assert_a_good_prefix(writer.folder, folder))
    assert set(marks) == {0, 1}, "while the parts come in"
    assert assert_a_good_prefix(writer.folder, folder) == 8
    mirror.close()
    writer.close()


STOPS = [
    pytest.param(False, 6, id="kill, every sixth call"),
    pytest.param(True, 5, id="loss of power, every fifth call"),
    pytest.param(False, 1, id="kill", marks=pytest.mark.proof),
    pytest.param(True, 1, id="loss of power", marks=pytest.mark.proof),
]


@pytest.mark.parametrize(("power", "step"), STOPS)
def test_it_goes_on_after_a_stop_at_any_call(source, tmp_path, monkeypatch, power, step):
    monkeypatch.setattr(mirror_module, "COPY_BYTES", 200_000)
    random = Random(20261122)
    stops = 0
    for crash_at in range(0, 1_000, step):
        folder = tmp_path / f"mirror{crash_at}"
        folder.mkdir()
        disk = CrashDisk(crash_at)
        mirror = None
        known = -1
        try:
            mirror = JournalMirror(source.folder, folder, disk)
            while mirror.step():
                known = mirror.mark.number
        except PowerLost:
            stops += 1
        else:
            break
        finally:
            disk.left = 10**6
            if mirror is not None:
                known = mirror.mark.number
                mirror.close()
        if power:
            found = tmp_path / f"found{crash_at}"
            disk.after_power_loss(found, random)
            shutil.rmtree(folder)
            folder = found
        assert assert_a_good_prefix(source.folder, folder) >= known
        assert follow(source.folder, folder, UnsyncedDisk([], 0)).number == 28
        assert_a_good_prefix(source.folder, folder)
        shutil.rmtree(folder)
    assert stops > 40 // step


@pytest.mark.parametrize("kind", ["pwrite", "sync_data", "sync_folder"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_failed_is_written_again_from_the_last_mark(source, tmp_path, kind, error):
    folder = tmp_path / "mirror"
    folder.mkdir()
    for nth in range(4):
        disk = FaultyDisk([kind], nth, error)
        try:
            follow(source.folder, folder, disk)
        except OSError as failure:
            assert failure.errno == error  # noqa: PT017 - some need more calls than others make
        assert_a_good_prefix(source.folder, folder)
    assert follow(source.folder, folder).number == 28


@pytest.mark.parametrize("damaged", [0, 3, 12, 24, 28])
def test_a_damaged_journal_is_not_copied_over_its_mirror(source, tmp_path, damaged):
    folder = tmp_path / "mirror"
    segment = max(first for first in list_segments(source.folder) if first <= damaged)
    path = source.folder / segment_name(segment)
    data = bytearray(path.read_bytes())
    at = data.index(f"deposit-{damaged}x".encode())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalDamaged, match=f"should hold record {damaged}"):
        follow(source.folder, folder)
    mark = read_mark(folder)
    assert (mark.number if mark else -1) == (damaged - 1 if damaged != 24 else 21)
    data[at] ^= 1
    path.write_bytes(data)
    assert follow(source.folder, folder).number == 28


def test_another_journal_is_refused(source, tmp_path):
    folder = tmp_path / "mirror"
    follow(source.folder, folder)
    other = open_writer(tmp_path / "other")
    other.append(payloads(0, 2))
    other.sync()
    with pytest.raises(MirrorRefusedError, match="records up to 28, this journal only up to 1"):
        follow(other.folder, folder)
    other.append(payloads(2, 40, LARGE))
    other.sync()
    with pytest.raises(MirrorRefusedError, match="differ"):
        follow(other.folder, folder)
    assert assert_a_good_prefix(source.folder, folder) == 28
    (folder / "mark").unlink()
    with pytest.raises(MirrorRefusedError, match="no mark"):
        follow(other.folder, folder)
    assert follow(source.folder, folder).number == 28
    other.close()


def test_a_journal_that_went_another_way_is_refused(source, tmp_path):
    """The same beginning, then other records: an old backup that was traded on."""
    fork = tmp_path / "fork"
    source.close()
    shutil.copytree(source.folder, fork)
    one, two = open_writer(source.folder), open_writer(fork)
    add(one, 2)
    follow(source.folder, tmp_path / "mirror")
    two.append(payloads(29, 3, LARGE + 1))
    two.sync()
    with pytest.raises(MirrorRefusedError, match="differ"):
        follow(fork, tmp_path / "mirror")
    one.close()
    two.close()


def test_a_damaged_mirror_is_not_followed(source, tmp_path):
    folder = tmp_path / "mirror"
    mark = follow(source.folder, folder)
    path = folder / segment_name(mark.segment)
    data = bytearray(path.read_bytes())
    data[mark.offset - 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(MirrorRefusedError, match="one of the two is damaged"):
        follow(source.folder, folder)


def test_the_mirror_goes_on_in_a_new_epoch(source, tmp_path):
    folder = tmp_path / "mirror"
    follow(source.folder, folder)
    source.close()
    again = open_writer(source.folder)
    add(again, 3)
    mark = follow(source.folder, folder)
    assert (mark.number, mark.epoch) == (31, 2)
    assert_a_good_prefix(source.folder, folder)
    again.close()


def test_a_mirror_of_a_mirror_is_as_good(source, tmp_path):
    """What a restore does."""
    follow(source.folder, tmp_path / "mirror")
    follow(tmp_path / "mirror", tmp_path / "restored")
    writer = open_writer(tmp_path / "restored")
    assert (writer.durable, writer.epoch) == (28, 2)
    add(writer, 3)
    writer.close()
    assert records(tmp_path / "restored")[:29] == records(source.folder)
