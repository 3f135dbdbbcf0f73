"""A log that follows its journal: what is published, where a start goes on, what it refuses."""

import os
import shutil

import pytest

from compliance.audit.builder import TURN_RECORDS
from compliance.audit.errors import LogForked
from compliance.audit.tile_store import CHECKPOINT_NAME, PREPARED_NAME, LogFolder
from engine.model.errors import OperatorError
from tests.audit.support import KEYS, Source, check, keys_of, open_log, published


@pytest.fixture
def source(tmp_path):
    made = Source(tmp_path / "journal")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path):
    return LogFolder(tmp_path / "audit")


def build(source, folder, keys=KEYS):
    """One run of the builder; what it said."""
    said = []
    log = open_log(source, folder.folder, keys=keys, said=said)
    while log.turn():
        pass
    assert log.behind == 0
    assert log.published == check(folder, source, keys)
    log.close()
    return said


def files(folder):
    return {path: path.read_bytes() for path in folder.folder.rglob("*") if path.is_file()}


def test_each_record_is_an_entry_and_what_is_new_is_published(source, folder):
    log = open_log(source, folder.folder)
    assert not log.turn()
    assert folder.checkpoint() is None, "there is no log without a record"
    for count in (1, 1, 253, 1, 1, 700, 3):
        source.grow(count)
        assert log.behind == count
        assert not log.turn(), "that was all"
        assert check(folder, source) == len(source.entries)
        assert not log.turn(), "one checkpoint a size"
    log.close()


def test_records_are_published_in_turns_of_a_size_that_is_known(source, folder):
    source.grow(TURN_RECORDS + 5)
    log = open_log(source, folder.folder)
    assert log.turn()
    assert published(folder).size == TURN_RECORDS
    assert not log.turn()
    assert check(folder, source) == TURN_RECORDS + 5
    log.close()


def test_what_is_not_durable_is_not_signed(source, folder):
    source.grow(3)
    source.writer.append([b"x"])
    build(source, folder)
    assert published(folder).size == 3


@pytest.mark.parametrize("steps", [(5, 3), (256, 1), (255, 1, 1), (700, 0, 12, 600)])
def test_a_start_goes_on_where_the_last_run_ended(source, folder, steps):
    for count in steps:
        source.grow(count)
        before = folder.checkpoint()
        assert build(source, folder) == []
        assert (folder.checkpoint() == before) == (count == 0)


def test_partial_tiles_go_when_full_ones_are_there(source, folder):
    for count in (200, 50, 5, 300):
        source.grow(count)
        build(source, folder)
    parts = folder.folder.rglob("*.p")
    assert sorted(str(path.relative_to(folder.folder)) for path in parts) == [
        "tile/0/002.p", "tile/1/000.p", "tile/entries/002.p",
    ]  # fmt: skip


def test_a_start_removes_what_the_last_run_had_no_time_to_remove(source, folder):
    for count in (200, 100):
        source.grow(count)
        build(source, folder)
    left = folder.folder / "tile/0/000.p"
    left.mkdir()
    (left / "200").write_bytes(b"x")
    build(source, folder)
    assert not left.exists()


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["gone", "changed", "short"])
def test_a_damaged_edge_is_made_anew_with_the_same_bytes(source, folder, what):
    source.grow(700)
    build(source, folder)
    whole = files(folder)
    edge = [path for path in whole if ".p" in path.parent.name]
    assert len(edge) == 3
    for path in edge:
        if what == "gone":
            path.unlink()
        else:
            path.write_bytes(whole[path][:-1] + (b"\0" if what == "changed" else b""))
        (said,) = build(source, folder)
        assert "made anew from the journal" in said
        assert files(folder) == whole


def test_all_tiles_can_be_made_anew(source, folder):
    source.grow(3_000)
    build(source, folder)
    whole = files(folder)
    shutil.rmtree(folder.folder / "tile")
    build(source, folder)
    assert files(folder) == whole


def test_making_anew_writes_only_what_is_damaged(source, folder):
    source.grow(700)
    build(source, folder)
    (folder.folder / "tile/0/002.p/188").unlink()
    before = {path: path.stat().st_mtime_ns for path in files(folder)}
    for path in before:
        os.utime(path, ns=(1, 1))
    build(source, folder)
    assert sorted(p.name for p in files(folder) if p.stat().st_mtime_ns != 1) == ["188"]


# --- another history ------------------------------------------------------------------------------


def changed(source, tmp_path, number, count):
    """A journal of `count` records, like the other but for record `number`."""
    other = Source(tmp_path / "other")
    other.grow(number)
    other.grow(1, filler=1)
    other.grow(count - number - 1)
    other.close()
    source.close()
    shutil.rmtree(source.folder)
    other.folder.rename(source.folder)
    return Source(source.folder)


@pytest.mark.parametrize("number", [299, 256])
def test_a_journal_that_ends_otherwise_is_refused_and_nothing_is_written(
    source, folder, tmp_path, number
):
    source.grow(300)
    build(source, folder)
    before = files(folder)
    other = changed(source, tmp_path, number, 400)
    with pytest.raises(LogForked, match="do not give the root"):
        open_log(other, folder.folder)
    assert files(folder) == before
    other.close()


def test_tiles_are_not_made_anew_from_another_journal(source, folder, tmp_path):
    source.grow(300)
    build(source, folder)
    (folder.folder / "tile/0/001.p/44").unlink()
    before = files(folder)
    other = changed(source, tmp_path, 0, 400)
    with pytest.raises(LogForked, match="do not give the root"):
        open_log(other, folder.folder)
    assert files(folder) == before
    other.close()


def test_a_journal_that_has_lost_signed_records_is_refused(source, folder, tmp_path):
    source.grow(300)
    build(source, folder)
    other = changed(source, tmp_path, 0, 299)
    with pytest.raises(LogForked, match="300 records are signed, and the journal has 299"):
        open_log(other, folder.folder)
    other.close()


def test_a_checkpoint_of_unknown_keys_is_refused(source, folder):
    source.grow(3)
    build(source, folder)
    with pytest.raises(LogForked, match="Bring the keys back"):
        open_log(source, folder.folder, keys=keys_of(b"x"))


def test_a_log_goes_on_under_its_next_keys(source, folder):
    source.grow(3)
    build(source, folder)
    both, after = keys_of(b"k", b"n"), keys_of(b"n")
    source.grow(3)
    build(source, folder, both)
    assert published(folder).size == published(folder, after).size == 6
    retired = type(both)(both.origin, after.signers, both.verifiers)
    source.grow(3)
    build(source, folder, retired)
    assert published(folder, after).size == 9
    with pytest.raises(Exception, match="no known key"):
        published(folder)


# --- one writer, one checkpoint a size ------------------------------------------------------------


def test_a_log_has_one_writer(source, folder):
    log = open_log(source, folder.folder)
    with pytest.raises(OperatorError, match="one log has one writer"):
        open_log(source, folder.folder)
    log.close()
    open_log(source, folder.folder).close()


def test_a_prepared_checkpoint_is_published_as_it_is(source, folder):
    """Signed anew it would be another one: ML-DSA's signatures and times differ."""
    source.grow(3)
    build(source, folder)
    first = folder.checkpoint()
    source.grow(3)
    build(source, folder)
    second = folder.checkpoint()
    (folder.folder / CHECKPOINT_NAME).rename(folder.folder / PREPARED_NAME)
    (folder.folder / CHECKPOINT_NAME).write_bytes(first)
    build(source, folder)
    assert folder.checkpoint() == second
    assert not (folder.folder / PREPARED_NAME).exists()


@pytest.mark.parametrize("end", [0, 10, -1])
def test_a_checkpoint_that_was_prepared_in_part_is_forgotten(source, folder, end):
    source.grow(3)
    build(source, folder)
    (folder.folder / PREPARED_NAME).write_bytes(folder.checkpoint()[:end])
    source.grow(1)
    build(source, folder)
    assert published(folder).size == 4
    assert not (folder.folder / PREPARED_NAME).exists()


def test_a_second_checkpoint_of_a_size_is_refused(source, folder):
    source.grow(3)
    build(source, folder)
    (folder.folder / PREPARED_NAME).write_bytes(folder.checkpoint())
    with pytest.raises(LogForked, match="one of the two is forged"):
        open_log(source, folder.folder)
