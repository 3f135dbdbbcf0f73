"""Snapshots end to end: made by a shadow, interrupted, damaged, taken up again by a start.

Whatever happens to a snapshot, the venue comes back with the same state; only later.
"""

import errno
import shutil
from pathlib import Path
from random import Random

import pytest

from engine.core import snapshot
from engine.core.venue import Venue
from engine.journal import snapshot_files
from engine.journal.disk import RealDisk
from engine.journal.files import MARK_NAME, list_segments, open_reader
from engine.journal.segment import segment_name
from engine.journal.snapshot_files import SnapshotFile, list_snapshots, named_by_snapshots
from engine.model.errors import JournalDamaged
from engine.model.events import CommandRefused
from engine.replay import replay_folder
from engine.restore import recover_venue, restored_names
from engine.sequencer import Sequencer
from engine.shadow import Shadow
from tests.engine.streams import RANDOM_BALANCES, START, RandomTrader, bootstrap_commands
from tests.journal.support import CrashDisk, FaultyDisk, PowerLost, open_writer

RECORDS = 2_400
FIRST, SECOND = 900, 1_700


def quiet(_: str) -> None:
    """No log."""


class BusyTrader(RandomTrader):
    """One without nights, so that the venue remembers all orders."""

    def wait(self) -> int:
        return self.random.randint(0, 1_000_000_000)


def trade(sequencer: Sequencer, trader: RandomTrader, until: int) -> None:
    """Seeded traffic of every kind, with the days and the mass operations that it causes."""
    time = max(sequencer.last_time, START)
    while sequencer.last_number < until:
        time += trader.wait()
        if sequencer.mass_due and trader.random.random() < 0.5:
            sequencer.continue_mass(time)
        else:
            sequencer.submit(trader.command(), time)
        if trader.random.random() < 0.1:
            sequencer.commit()
    sequencer.commit()


def fold(shadow: Shadow, number: int) -> None:
    """Up to the first whole command at or after record `number`."""
    while shadow.result.last < number or not shadow.whole:
        assert shadow.step(1)


def save(shadow: Shadow) -> int:
    """A snapshot of what was folded; its record."""
    for _ in shadow.write():
        pass
    return shadow.saved


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A data folder with a journal of some segments and two snapshots, closed cleanly."""
    folder = tmp_path_factory.mktemp("venue")
    writer = open_writer(folder / "journal")
    sequencer = Sequencer(Venue(), writer, bytes)
    for command in bootstrap_commands(balances=RANDOM_BALANCES):
        sequencer.submit(command, START)
    trade(sequencer, BusyTrader(21), RECORDS)
    writer.close()
    assert len(list_segments(folder / "journal")) > 2
    shadow = Shadow(folder / "journal", folder / "snapshots", RealDisk(), quiet)
    for number in (FIRST, SECOND):
        fold(shadow, number)
        save(shadow)
    shadow.close()
    (folder / "hash").write_text(sequencer.venue.state_hash())
    return folder


@pytest.fixture
def venue(data, tmp_path) -> Path:
    """A copy of it that a test may damage."""
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


class Started:
    """A start of core on a folder: what it took, and that the state is the right one."""

    def __init__(self, folder: Path, **options) -> None:
        self.log: list[str] = []
        self.starts = []

        def open_journal(start):
            self.starts.append(start)
            named = named_by_snapshots(folder / "snapshots")
            return open_writer(folder / "journal", start=start, named=named, **options)

        self.writer, self.venue, self.result, self.snapshot = recover_venue(
            folder / "journal", folder / "snapshots", open_journal, self.log.append
        )

    def close(self) -> "Started":
        self.writer.close()
        return self


def started(folder: Path, **options) -> Started:
    done = Started(folder, **options).close()
    assert done.venue.state_hash() == (folder / "hash").read_text()
    done.venue.check()
    return done


def snapshots_of(folder: Path) -> list[int]:
    return [SnapshotFile(path).header.place.number for path in list_snapshots(folder / "snapshots")]


# --- the usual ------------------------------------------------------------------------------------


def test_a_start_replays_only_what_came_after_the_newest_snapshot(venue):
    newest, older = snapshots_of(venue)
    done = started(venue)
    assert done.snapshot == newest
    assert done.result.records == done.result.last - newest
    assert done.starts[0].place.number == newest
    assert done.log == []
    last = replay_folder(venue / "journal", Venue())
    assert (done.result.last, done.result.time) == (last.last, last.time)
    list_snapshots(venue / "snapshots")[0].unlink()
    assert started(venue).snapshot == older
    list_snapshots(venue / "snapshots")[0].unlink()
    assert started(venue).snapshot == -1


def test_a_venue_from_a_snapshot_trades_on_as_one_from_record_0(venue, tmp_path):
    shutil.copytree(venue, tmp_path / "whole")
    shutil.rmtree(tmp_path / "whole" / "snapshots")
    ends = []
    for folder in (venue, tmp_path / "whole"):
        begin = Started(folder)
        sequencer = Sequencer(begin.venue, begin.writer, bytes, begin.result.time)
        trade(sequencer, RandomTrader(22), RECORDS + 600)
        begin.writer.close()
        files = [(folder / "journal" / segment_name(s)).read_bytes() for s in segments(folder)]
        ends.append((begin.venue.state_hash(), files))
    assert ends[0] == ends[1]
    assert replay_folder(venue / "journal", again := Venue()).last >= RECORDS + 600
    assert again.state_hash() == ends[0][0]


def segments(folder: Path) -> list[int]:
    return list_segments(folder / "journal")


def test_old_records_are_read_after_a_start_that_did_not_scan_them(venue):
    done = Started(venue)
    whole = {r.number: r for r in open_reader(venue / "journal").records(0, done.result.last)}
    reader = done.writer.reader()
    for number in [*segments(venue), *Random(1).sample(sorted(whole), 200)]:
        assert reader.read(number) == whole[number]
    indexes = done.writer._indexes
    assert sorted(indexes) == segments(venue)
    done.writer.close()
    scanned = open_writer(venue / "journal")
    assert {s: list(i.offsets) for s, i in indexes.items()} == {
        s: list(i.offsets) for s, i in scanned._indexes.items()
    }
    scanned.close()


def test_names_and_scales_come_from_a_snapshot_alone(venue):
    found = list(restored_names(venue / "snapshots", open_reader(venue / "journal"), quiet))
    assert [start.place.number for _, start in found] == snapshots_of(venue)
    refdata, _ = found[0]
    assert {s.comp_id for s in refdata.sessions.values()} >= {"ACME-OE1", "CYGNUS-OE1"}


def test_a_shadow_goes_on_from_its_snapshot_and_keeps_two(venue):
    kept = snapshots_of(venue)
    shadow = Shadow(venue / "journal", venue / "snapshots", RealDisk(), quiet)
    assert shadow.saved == shadow.result.last == kept[0]
    assert not shadow.whole, "nothing new, nothing to save"
    fold(shadow, SECOND + 200)
    assert shadow.behind > 0
    save(shadow)
    assert snapshots_of(venue) == [shadow.saved, kept[0]]
    done = started(venue)
    assert done.snapshot == shadow.saved
    assert len(done.starts[0].indexes) == len(
        [s for s in segments(venue) if s <= done.starts[0].place.segment]
    )


def test_a_shadow_follows_a_live_core_through_commands_of_many_parts(tmp_path):
    writer = open_writer(tmp_path / "journal")
    sequencer = Sequencer(Venue(), writer, bytes)
    shadow = Shadow(tmp_path / "journal", tmp_path / "snapshots", RealDisk(), quiet)
    for command in bootstrap_commands(balances=RANDOM_BALANCES):
        sequencer.submit(command, START)
    trader = RandomTrader(4)
    for until in range(50, 800, 25):
        trade(sequencer, trader, until)
        while shadow.step(3):
            pass
        assert shadow.whole
        assert shadow.venue.state_hash() == sequencer.venue.state_hash()
    save(shadow)
    assert shadow.saved == sequencer.last_number
    writer.close()
    (tmp_path / "hash").write_text(sequencer.venue.state_hash())
    done = started(tmp_path)
    assert (done.snapshot, done.result.records) == (sequencer.last_number, 0)
    assert done.result.time == sequencer.last_time


# --- what may be wrong ----------------------------------------------------------------------------


def test_a_snapshot_that_is_damaged_anywhere_gives_way_to_the_one_before(venue):
    newest, older = snapshots_of(venue)
    path = list_snapshots(venue / "snapshots")[0]
    good = path.read_bytes()
    random = Random(8)
    places = [*range(0, 132, 40), *(random.randrange(len(good)) for _ in range(6))]
    for at in places:
        damaged = bytearray(good)
        damaged[at] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        done = started(venue)
        assert done.snapshot == older, at
        assert "passed over" in done.log[0]
    for end in (0, 132, len(good) - 1):
        path.write_bytes(good[:end])
        assert started(venue).snapshot == older
    path.write_bytes(good)
    assert started(venue).snapshot == newest


def test_without_any_sound_snapshot_the_whole_journal_is_replayed(venue):
    for path in list_snapshots(venue / "snapshots"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    done = started(venue)
    assert (done.snapshot, done.starts) == (-1, [None])
    assert len(done.log) == 2


def test_a_snapshot_of_another_journal_is_passed_over(venue, tmp_path):
    other = tmp_path / "other"
    writer = open_writer(other / "journal")
    sequencer = Sequencer(Venue(), writer, lambda n: b"?" * n)
    for command in bootstrap_commands(balances=RANDOM_BALANCES):
        sequencer.submit(command, START)
    trade(sequencer, BusyTrader(21), RECORDS)
    writer.close()
    (other / "hash").write_text(sequencer.venue.state_hash())
    shutil.copytree(venue / "snapshots", other / "snapshots")
    done = started(other)
    assert done.snapshot == -1
    assert all("does not agree with the journal" in line for line in done.log)


def test_a_snapshot_of_another_release_is_passed_over(venue, monkeypatch):
    monkeypatch.setattr("engine.restore.STATE_FORMAT", snapshot.STATE_FORMAT + 1)
    assert started(venue).snapshot == -1


def test_a_snapshot_after_which_the_journal_replays_differently_is_passed_over(venue, monkeypatch):
    """Its bytes are sound, but it was made by a venue that computed wrongly."""
    newest, older = snapshots_of(venue)
    shadow = Shadow(venue / "journal", venue / "snapshots", RealDisk(), quiet)
    fold(shadow, newest + 50)
    for session in shadow.venue.state.sessions.values():
        session.member.appl_seq += 1
    wrong = save(shadow)
    assert snapshots_of(venue) == [wrong, newest]
    done = started(venue)
    assert done.snapshot == newest
    assert "replays differently" in done.log[0]
    assert older < newest


def test_a_record_that_a_snapshot_saw_on_disk_is_not_cut(venue):
    newest = snapshots_of(venue)[0]
    journal = venue / "journal"
    place = SnapshotFile(list_snapshots(venue / "snapshots")[0]).header.place
    (journal / MARK_NAME).unlink()
    for first in segments(venue):
        path = journal / segment_name(first)
        if first > place.segment:
            path.unlink()
        elif first == place.segment:
            data = path.read_bytes()
            path.write_bytes(data[: place.begin] + bytes(len(data) - place.begin))
    with pytest.raises(JournalDamaged, match=f"cursor names record {newest}"):
        Started(venue)


def test_without_syncs_the_whole_journal_is_scanned_and_a_snapshot_is_no_proof(tmp_path):
    writer = open_writer(tmp_path / "journal", durability="os")
    sequencer = Sequencer(Venue(), writer, bytes)
    for command in bootstrap_commands(balances=RANDOM_BALANCES):
        sequencer.submit(command, START)
    trade(sequencer, RandomTrader(6), 400)
    hashes = {sequencer.last_number: sequencer.venue.state_hash()}
    shadow = Shadow(tmp_path / "journal", tmp_path / "snapshots", RealDisk(), quiet)
    fold(shadow, 200)
    save(shadow)
    fold(shadow, 400)
    number = save(shadow)
    place = SnapshotFile(list_snapshots(tmp_path / "snapshots")[0]).header.place
    writer._release()
    assert named_by_snapshots(tmp_path / "snapshots") == -1
    done = Started(tmp_path, durability="os").close()
    assert (done.snapshot, done.starts) == (number, [None])
    assert done.venue.state_hash() == hashes[number]
    # The machine loses power: of the last segment, what was before the snapshot's record is gone.
    path = tmp_path / "journal" / segment_name(place.segment)
    data = bytearray(path.read_bytes())
    data[place.begin - 700 : place.begin - 600] = bytes(100)
    path.write_bytes(data)
    (tmp_path / "journal" / MARK_NAME).unlink()
    done = Started(tmp_path, durability="os").close()
    assert done.result.last < number
    assert "was cut off the journal" in done.log[0]
    again = Venue()
    replay_folder(tmp_path / "journal", again)
    assert again.state_hash() == done.venue.state_hash()


def test_a_second_computation_that_differs_is_an_alarm_by_record(tmp_path):
    class OtherVenue(Venue):
        """Says more than it should about record 60."""

        def apply(self, command, number, time):
            events = super().apply(command, number, time)
            return [*events, CommandRefused("a bit flipped")] if number == 60 else events

    writer = open_writer(tmp_path / "journal")
    sequencer = Sequencer(OtherVenue(), writer, bytes)
    for command in bootstrap_commands(balances=RANDOM_BALANCES):
        sequencer.submit(command, START)
    trade(sequencer, RandomTrader(4), 100)
    writer.close()
    shadow = Shadow(tmp_path / "journal", tmp_path / "snapshots", RealDisk(), quiet)
    with pytest.raises(JournalDamaged, match="record 60 replays differently"):
        shadow.step(1_000)


# --- interrupted ----------------------------------------------------------------------------------


@pytest.fixture
def small_pieces(monkeypatch):
    """Many writes and syncs to a snapshot."""
    monkeypatch.setattr(snapshot, "CHUNK_ROWS", 32)
    monkeypatch.setattr(snapshot_files, "PIECE_BYTES", 8_192)


def writing(folder: Path, disk) -> Shadow:
    """A shadow ahead of its snapshots, that writes to `disk`."""
    shadow = Shadow(folder / "journal", folder / "snapshots", RealDisk(), quiet)
    fold(shadow, SECOND + 400)
    shadow._disk = disk
    return shadow


def test_a_loss_of_power_at_any_call_leaves_the_new_or_the_one_before(venue, small_pieces):
    newest = snapshots_of(venue)[0]
    outcomes = set()
    source = venue / "snapshots"
    shadow = writing(venue, None)
    for crash_at in range(200):
        disk = CrashDisk.over(source, crash_at)
        scratch = venue / "scratch"
        shutil.copytree(source, scratch)
        shadow.folder, shadow._disk = scratch, disk
        try:
            save(shadow)
            done = True
        except PowerLost:
            done = False
        for seed in range(3):
            after = venue / f"after{seed}"
            disk.after_power_loss(after, Random(seed * 1_000 + crash_at))
            found = [path for path in list_snapshots(after) if is_sound(path)]
            number = SnapshotFile(found[0]).header.place.number
            assert number in (newest, shadow.result.last)
            assert not done or number == shadow.result.last
            outcomes.add(number)
            shutil.rmtree(after)
        shutil.rmtree(scratch)
        if done:
            break
    else:
        pytest.fail("the writing never came to its end")
    assert crash_at > 12
    assert outcomes == {newest, shadow.result.last}


def is_sound(path: Path) -> bool:
    """Whether every byte of a snapshot is as it was written."""
    try:
        for _ in SnapshotFile(path).chunks():
            pass
    except snapshot_files.SnapshotDamaged:
        return False
    return True


@pytest.mark.parametrize("kind", ["pwrite", "sync_data", "rename", "sync_folder"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_an_error_of_any_call_leaves_the_snapshots_of_before(venue, small_pieces, kind, error):
    kept = snapshots_of(venue)
    shadow = writing(venue, None)
    for nth in range(100):
        shadow._disk = FaultyDisk([kind], nth, error)
        try:
            save(shadow)
        except OSError:
            if kind != "sync_folder":  # then it has its name, and only that may be lost
                assert snapshots_of(venue) == kept
            assert all(map(is_sound, list_snapshots(venue / "snapshots")))
            continue
        break
    assert nth >= {"pwrite": 4, "sync_data": 4}.get(kind, 1)
    assert snapshots_of(venue) == [shadow.result.last, kept[0]]
    assert started(venue).snapshot == shadow.saved


def test_a_snapshot_that_was_given_up_half_way_is_removed_by_the_next_shadow(venue, small_pieces):
    kept = snapshots_of(venue)
    shadow = writing(venue, RealDisk())
    pieces = shadow.write()
    next(pieces)
    pieces.close()
    assert len(list((venue / "snapshots").iterdir())) == 3
    assert started(venue).snapshot == kept[0]
    Shadow(venue / "journal", venue / "snapshots", RealDisk(), quiet).close()
    assert snapshots_of(venue) == kept
    assert len(list((venue / "snapshots").iterdir())) == 2


def test_snapshots_of_records_that_the_journal_has_not_are_removed_by_the_next_one(venue):
    far = list_snapshots(venue / "snapshots")[0]
    shutil.copy(far, far.with_name(far.name.replace("0000", "0099", 1)))
    shadow = writing(venue, RealDisk())
    number = save(shadow)
    assert number in snapshots_of(venue)
    assert len(list((venue / "snapshots").iterdir())) == 2
