"""The index on disk: equal to the one in memory, whatever happens to the process or the machine."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.journal.disk import REAL_DISK, Disk, RealDisk, read_boot_id
from engine.model.errors import DiskFailed, OperatorError
from gateway.fix.index import (
    ADMIN,
    BODY,
    CARRY_ENTRIES,
    CHUNK_ENTRIES,
    ENTRY,
    ENTRY_BYTES,
    HOLE,
    LIVE,
    MAX_BATCH,
    NO_REPORT,
    POSS_RESEND,
    REPORT,
    Entry,
    MemoryStorage,
    SessionIndex,
)
from gateway.flow.index_file import (
    HEADER_BYTES,
    SKIP_NUMBERS,
    SLOT_BYTES,
    SLOTS,
    SYNC_ENTRIES,
    SYNC_ENTRIES_MAX,
    FileIndex,
    highest_named,
)

BOOT = b"first boot......"
OTHER_BOOT = b"second boot....."


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def opened(
    folder: Path,
    boot: bytes = BOOT,
    log: Callable[[str], None] | None = None,
    disk: Disk = REAL_DISK,
) -> FileIndex:
    return FileIndex.open(folder, "ACME-OE1", log=log or Log(), boot_id=boot, disk=disk)


def reports(first: int, count: int) -> list[tuple[int, int, bytes, bytes]]:
    return [(record, 0, b"8", b"") for record in range(first, first + count)]


def entries(index: SessionIndex) -> list[Entry]:
    return [entry for chunk in index.chunks(1, index.next_out - 1) for entry in chunk]


def told(index: SessionIndex) -> dict[str, object]:
    found = entries(index)
    return {
        "generation": index.generation,
        "next_out": index.next_out,
        "next_in": index.next_in,
        "sent": index.sent,
        "last_report": index.last_report,
        "doubtful": index._doubtful,
        "reset_record": index.reset_record,
        "entries": found,
        "bodies": [index.body(entry) for entry in found if entry[5] == BODY],
    }


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("reports"), st.integers(1, 5), st.booleans(), st.booleans()),
        st.tuples(st.just("admin"), st.booleans()),
        st.tuples(st.just("body"), st.binary(max_size=20), st.booleans()),
        st.tuples(st.just("next_in"), st.integers(1, 9)),
        st.tuples(st.just("resend")),
        st.tuples(st.just("save")),
        st.tuples(st.just("prepare")),
        st.tuples(st.just("reset")),
        st.tuples(st.just("reopen"), st.booleans()),
    ),
    max_size=30,
)


class Pair:
    """The file and its oracle, driven alike."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = MemoryStorage()
        self.both: list[SessionIndex] = [opened(folder), SessionIndex(self.storage)]
        self.record = 0
        self.time = 1_000

    def act(self, act: tuple) -> None:
        self.time += 1
        match act:
            case ("reports", count, live, poss_resend):
                batch = reports(self.record, count)
                self.record += count
                for index in self.both:
                    first = index.append_reports(
                        batch, self.time, live=live, poss_resend=poss_resend
                    )
                    if live:
                        index.mark_sent(first, first + count - 1)
            case ("admin", live):
                for index in self.both:
                    number = index.append_admin(self.time, live=live)
                    if live:
                        index.mark_sent(number, number)
            case ("body", body, live):
                for index in self.both:
                    number = index.append_body(b"3", body, self.time, live=live)
                    if live:
                        index.mark_sent(number, number)
            case ("next_in", more):
                for index in self.both:
                    index.next_in += more
            case ("resend",):
                for index in self.both:
                    last = min(index.next_out - 1, index.sent + 3)
                    if last > index.sent:
                        index.doubt(last)
                        index.mark_sent(index.sent + 1, last)
            case ("save",):
                for index in self.both:
                    index.save()
            case ("prepare",):
                for index in self.both:
                    index.prepare_reset(self.time)
            case ("reset",):
                counts = [index.reset(self.time, self.record - 1, 2) for index in self.both]
                assert counts[0] == counts[1]
                for index in self.both:
                    index.mark_sent(1, 1)
            case ("reopen", clean):
                for index in self.both:
                    index.save()
                    if clean:
                        index.close()
                self.both = [opened(self.folder), SessionIndex(self.storage)]

    def check(self) -> None:
        file, memory = self.both
        assert told(file) == told(memory)


@given(ACTS)
@settings(max_examples=150, deadline=None)
def test_the_file_is_the_memory(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple]
) -> None:
    pair = Pair(tmp_path_factory.mktemp("index"))
    for act in acts:
        pair.act(act)
    pair.check()
    for index in pair.both:
        index.save()
    pair.both = [opened(pair.folder), SessionIndex(pair.storage)]
    pair.check()


class HookedDisk(RealDisk):
    """Says when a call was made, or is about to be; writes are made in two halves."""

    def __init__(self) -> None:
        self.before_sync: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        for half in (data[: len(data) // 2], data):
            super().pwrite(fd, half, offset)
            self.after()
        return len(data)

    def sync_data(self, fd: int) -> None:
        self.before_sync()
        super().sync_data(fd)
        self.after()

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.after()

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self.after()

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        self.after()


def test_a_kill_between_any_two_calls_loses_no_number_that_was_used(tmp_path: Path) -> None:
    """Copies the files at every call, as kill -9 would leave them, and opens each copy."""
    disk = HookedDisk()
    index = opened(tmp_path / "live", disk=disk)
    used: list[tuple[int, int]] = []  # (generation, number) whose bytes were handed out
    copies: list[tuple[Path, list[tuple[int, int]]]] = []

    def copy_all() -> None:
        copy = tmp_path / f"copy{len(copies)}"
        shutil.copytree(tmp_path / "live", copy)
        copies.append((copy, list(used)))

    disk.after = copy_all
    record = 0
    for turn in range(12):
        first = index.append_reports(
            reports(record, 3), turn, live=turn % 3 != 2, poss_resend=False
        )
        record += 3
        used += [(index.generation, first + n) for n in range(3)]
        number = index.append_body(b"3", b"58=no\x01", turn, live=True)
        used.append((index.generation, number))
        index.save()
        if turn == 7:
            index.reset(turn, record - 1, 2)
            used.append((index.generation, 1))
        if turn in {3, 9}:
            index.sync()
    assert len(copies) > 60
    for copy, handed_out in copies:
        again = opened(copy)
        for generation, number in handed_out:
            if generation == again.generation:
                assert number < again.next_out
            else:
                assert generation < again.generation
        kinds = {entry[5] for entry in entries(again)}
        assert kinds <= {ADMIN, REPORT, BODY}
        assert len(list(copy.iterdir())) == 2, "one generation is left"
        assert again.settled
        again.append_reports(reports(again.named + 1, 1), 99, live=True, poss_resend=False)
        again.close()


@pytest.mark.parametrize("torn", [1, 17, 31])
def test_a_torn_entry_is_cut(tmp_path: Path, torn: int) -> None:
    index = opened(tmp_path)
    index.append_reports(reports(0, 5), 1, live=True, poss_resend=False)
    (path,) = tmp_path.glob("*.idx")
    with path.open("ab") as file:
        file.write(b"\xff" * torn)
    log = Log()
    again = opened(tmp_path, log=log)
    assert again.next_out == 6
    assert len(log.lines) == 1
    assert path.stat().st_size == HEADER_BYTES + 5 * ENTRY_BYTES


def test_a_clean_stop_is_believed_on_any_boot(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.append_reports(reports(0, 5), 1, live=True, poss_resend=False)
    index.mark_sent(1, 5)
    index.next_in = 44
    index.close()
    again = opened(tmp_path, OTHER_BOOT)
    assert (again.next_out, again.sent, again.next_in) == (6, 5, 44)
    assert not again.power_lost


def test_kill_9_is_believed_on_the_same_boot(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.append_reports(reports(0, 5), 1, live=True, poss_resend=False)
    again = opened(tmp_path)
    assert (again.next_out, again.last_report) == (6, (4, 0))
    assert not again.power_lost


def test_after_power_loss_numbers_skip_ahead_and_only_what_was_synced_is_believed(
    tmp_path: Path,
) -> None:
    index = opened(tmp_path)
    record = 0
    while record < SYNC_ENTRIES + 128:
        if record == SYNC_ENTRIES:
            assert index.sync_due
            index.sync()
            assert not index.sync_due
        index.append_reports(reports(record, 64), 1, live=True, poss_resend=False)
        record += 64
    synced = SYNC_ENTRIES
    index.mark_sent(1, record)
    index.save()
    log = Log()
    again = opened(tmp_path, OTHER_BOOT, log)
    assert again.power_lost
    assert again.next_out == synced + SKIP_NUMBERS + 1
    assert again.last_report == (synced - 1, 0), "the owner numbers what follows again"
    assert again.sent == synced
    assert {e[5] for e in entries(again)[synced:]} == {HOLE}
    assert len(log.lines) == 1
    first = again.append_reports(reports(synced, 3), 2, live=True, poss_resend=True)
    assert entries(again)[first - 1][6] == LIVE | POSS_RESEND
    third = opened(tmp_path, OTHER_BOOT)
    assert third.power_lost, "whoever ended while it carried may have left some"
    assert third.next_out == synced + SKIP_NUMBERS + 4
    third.append_reports(reports(synced + 3, 1), 3, live=True, poss_resend=False)
    assert not opened(tmp_path, OTHER_BOOT).power_lost, "once all are carried it is over"


def test_power_loss_that_also_lost_file_size(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.append_reports(reports(0, 10), 1, live=True, poss_resend=False)
    (path,) = tmp_path.glob("*.idx")
    with path.open("r+b") as file:
        file.truncate(HEADER_BYTES + 3 * ENTRY_BYTES)
    again = opened(tmp_path, OTHER_BOOT)
    assert again.next_out == SKIP_NUMBERS + 1
    assert again.last_report == (-1, -1)


def test_more_numbers_are_skipped_than_can_be_lost() -> None:
    assert SYNC_ENTRIES < SYNC_ENTRIES_MAX
    assert SYNC_ENTRIES_MAX - 1 + MAX_BATCH < SKIP_NUMBERS


def test_a_number_is_on_disk_as_used_before_the_first_after_a_clean_stop(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.close()
    again = opened(tmp_path)
    again.append_admin(1, live=True)
    assert opened(tmp_path, OTHER_BOOT).power_lost


class GarblingDisk(RealDisk):
    """Loses power at the sync number `at`: what was written since the last one is garbage."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.unsynced: list[tuple[int, int, int]] = []

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        self.unsynced.append((fd, offset, len(data)))
        return super().pwrite(fd, data, offset)

    def sync_data(self, fd: int) -> None:
        if self.at == 0:
            for file, offset, size in self.unsynced:
                os.pwrite(file, b"\xa5" * size, offset)
            raise OSError("the power is gone")
        self.at -= 1
        self.unsynced.clear()
        super().sync_data(fd)


@pytest.mark.parametrize("at", [0, 1])
def test_a_loss_of_power_in_the_first_write_after_a_kill_does_not_bring_a_clean_stop_back(
    tmp_path: Path, at: int
) -> None:
    stopped = opened(tmp_path)
    stopped.append_admin(1, live=True)
    stopped.close()
    killed = opened(tmp_path)
    killed.append_reports(reports(0, 10), 2, live=True, poss_resend=False)
    disk = GarblingDisk(at)

    def go_on() -> None:
        again = FileIndex.open(tmp_path, "ACME-OE1", log=print, boot_id=BOOT, disk=disk)
        again.append_admin(3, live=True)

    with pytest.raises(DiskFailed):
        go_on()
    after = opened(tmp_path, OTHER_BOOT)
    assert after.power_lost
    assert after.next_out > SKIP_NUMBERS, "numbers 2 to 11 were used"


class NotingDisk(RealDisk):
    """Tells what was written, in order."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        self.written.append(data)
        return super().pwrite(fd, data, offset)


def test_what_a_killed_process_left_is_written_again_before_it_is_vouched_for(
    tmp_path: Path,
) -> None:
    """If its last sync failed, Linux holds the pages for clean, and another does nothing."""
    killed = opened(tmp_path)
    for first in range(0, SYNC_ENTRIES, MAX_BATCH):
        killed.append_reports(reports(first, MAX_BATCH), 2, live=True, poss_resend=False)
    killed.append_body(b"3", b"45=7\x01", 3, live=True)
    (path,) = tmp_path.glob("*.idx")
    entries_left = path.read_bytes()[HEADER_BYTES:]
    disk = NotingDisk()
    again = FileIndex.open(tmp_path, "ACME-OE1", log=print, boot_id=BOOT, disk=disk)
    assert not again.sync_due, "nobody has seen to what is there yet"
    again.sync()
    assert entries_left in disk.written
    assert b"3\x0145=7\x01" in disk.written
    again.append_admin(4, live=True)
    assert not again.sync_due


@pytest.mark.parametrize("slots", [[0], [1], [2], [0, 1, 2]])
def test_damaged_headers(tmp_path: Path, slots: list[int]) -> None:
    index = opened(tmp_path)
    index.append_reports(reports(0, 4), 1, live=True, poss_resend=False)
    index.mark_sent(1, 4)
    index.next_in = 9
    index.append_admin(2, live=True)
    index.save()
    (path,) = tmp_path.glob("*.idx")
    data = bytearray(path.read_bytes())
    for slot in slots:
        data[slot * SLOT_BYTES + 20] ^= 0x40
    path.write_bytes(bytes(data))
    log = Log()
    again = opened(tmp_path, log=log)
    if len(slots) == SLOTS:
        assert again.power_lost, "nobody knows: so no number is used twice"
        assert again.next_out == 6 + SKIP_NUMBERS
        assert again.last_report == NO_REPORT, "and every report goes out again"
        assert log.lines
    else:
        assert again.next_in == 9
        assert again.sent >= 4
        assert again.last_report == (3, 0)
        assert again.next_out == 6


def test_a_file_without_header_is_the_operators(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (path,) = tmp_path.glob("*.idx")
    path.write_bytes(b"short")
    with pytest.raises(OperatorError, match="Restore it"):
        opened(tmp_path)


def test_a_folder_that_is_a_file_is_the_operators(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"")
    with pytest.raises(OperatorError):
        opened(tmp_path / "index")


def test_a_failed_write_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(tmp_path)

    def fails(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.flow.index_file.os.pwrite", fails)
    with pytest.raises(DiskFailed):
        index.append_admin(1, live=True)


def test_lost_bodies_become_gap_fill(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.append_body(b"3", b"58=x\x01", 1, live=True)
    (path,) = tmp_path.glob("*.bod")
    path.write_bytes(b"3\x01")
    (entry,) = entries(opened(tmp_path))
    assert opened(tmp_path).body(entry) is None


def test_old_generations_and_half_made_ones_are_removed(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.append_reports(reports(0, 2), 1, live=False, poss_resend=False)
    index.reset(2, 1, 2)
    (tmp_path / "ACME-OE1.3.new").write_bytes(b"half")
    (tmp_path / "ACME-OE10.1.idx").write_bytes(b"another session's")
    again = opened(tmp_path)
    assert again.generation == 2
    assert again.next_out == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ACME-OE1.2.bod",
        "ACME-OE1.2.idx",
        "ACME-OE10.1.idx",
    ]


def test_a_reset_that_lost_power_before_its_sync_is_undone(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.append_reports(reports(0, 9), 1, live=True, poss_resend=False)
    index.sync()
    index.reset(2, 8, 2)
    index.append_reports(reports(9, 1), 3, live=True, poss_resend=False)
    assert not index.settled, "nothing may leave yet"
    assert index.sync_due
    log = Log()
    again = opened(tmp_path, OTHER_BOOT, log)
    assert (again.generation, again.last_report) == (1, (8, 0))
    assert again.next_out == 9 + SKIP_NUMBERS + 1
    assert len(log.lines) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_reset_that_was_killed_before_its_sync_stands_and_lasts(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.append_reports(reports(0, 9), 1, live=False, poss_resend=False)
    index.reset(2, 8, 2)
    again = opened(tmp_path)
    assert (again.generation, again.next_out, again.settled) == (2, 11, True)
    third = opened(tmp_path, OTHER_BOOT)
    assert (third.generation, third.last_report) == (2, (8, 0)), "opening it has settled it"


def test_a_reset_beside_a_sync_in_a_thread_is_vouched_for_by_none_but_the_next(
    tmp_path: Path,
) -> None:
    disk = HookedDisk()
    index = opened(tmp_path / "live", disk=disk)
    index.append_reports(reports(0, 9), 1, live=True, poss_resend=False)

    def reset_once() -> None:
        disk.before_sync = lambda: None
        index.reset(2, 8, 2)

    disk.before_sync = reset_once
    index.sync()
    assert not index.settled
    copy = shutil.copytree(tmp_path / "live", tmp_path / "copy")
    assert opened(copy, OTHER_BOOT).generation == 1
    index.sync()
    assert index.settled
    assert opened(tmp_path / "live", OTHER_BOOT).generation == 2


def test_what_is_numbered_while_a_reset_settles_is_synced_before_it_counts(tmp_path: Path) -> None:
    disk = HookedDisk()
    index = opened(tmp_path, disk=disk)
    index.reset(1, -1, 2)
    numbered = 0

    def numbering() -> None:
        nonlocal numbered
        if numbered < 4 * SYNC_ENTRIES_MAX:
            batch = reports(numbered, MAX_BATCH)
            numbered += MAX_BATCH
            index.append_reports(batch, 2, live=True, poss_resend=False)

    disk.before_sync = numbering
    index.sync()
    assert numbered >= 4 * SYNC_ENTRIES_MAX
    again = opened(tmp_path, OTHER_BOOT)
    assert index.next_out - (again.next_out - SKIP_NUMBERS) < SKIP_NUMBERS


def test_a_reset_of_who_stayed_away_writes_only_what_came_since_the_last_slice(
    tmp_path: Path,
) -> None:
    written: list[int] = []

    class CountingDisk(RealDisk):
        def pwrite(self, fd: int, data: bytes, offset: int) -> int:
            written.append(len(data))
            return super().pwrite(fd, data, offset)

    index, plain = opened(tmp_path, disk=CountingDisk()), SessionIndex(MemoryStorage())
    for at in range(0, 20 * CARRY_ENTRIES, 1_000):
        for each in (index, plain):
            each.append_reports(reports(at, 1_000), 1, live=False, poss_resend=False)
    slices = 0
    done = False
    while not done:
        written.clear()
        done = index.prepare_reset(1)
        assert sum(written) <= CARRY_ENTRIES * ENTRY_BYTES
        slices += 1
    assert slices > 20
    for each in (index, plain):
        each.append_reports(reports(99_000, 3), 1, live=False, poss_resend=False)
    written.clear()
    carried = index.reset(1, 99_002, 2)
    assert sum(written) == HEADER_BYTES + (1 + 3) * ENTRY_BYTES
    assert carried == plain.reset(1, 99_002, 2)
    assert told(index) == told(plain)


def test_odd_comp_ids_stay_inside_the_folder(tmp_path: Path) -> None:
    for comp_id in ("../up", "a.b", "A B/%"):
        index = FileIndex.open(tmp_path, comp_id, log=Log(), boot_id=BOOT)
        index.append_reports(reports(0, 1), 1, live=True, poss_resend=False)
        index.close()
        again = FileIndex.open(tmp_path, comp_id, log=Log(), boot_id=BOOT)
        assert again.next_out == 2
    assert len(list(tmp_path.iterdir())) == 6


def test_the_highest_record_named_is_found_without_opening(tmp_path: Path) -> None:
    assert highest_named(tmp_path, boot_id=BOOT) == -1
    first = FileIndex.open(tmp_path / "core", "A", log=Log(), boot_id=BOOT)
    second = FileIndex.open(tmp_path / "dropcopy", "B", log=Log(), boot_id=BOOT)
    first.append_reports(reports(0, 900), 1, live=True, poss_resend=False)
    second.append_reports(reports(5, 3), 1, live=True, poss_resend=False)
    for _ in range(600):
        first.append_admin(1, live=True)
    assert first.named == 899
    assert highest_named(tmp_path, boot_id=BOOT) == 899
    first.reset(1, 899, 2)
    assert highest_named(tmp_path, boot_id=BOOT) == 899
    assert highest_named(tmp_path, boot_id=OTHER_BOOT) == -1, "a loss of power undoes the reset"
    first.sync()
    assert highest_named(tmp_path, boot_id=OTHER_BOOT) == 899
    assert highest_named(tmp_path / "dropcopy", boot_id=OTHER_BOOT) == -1, "never synced"


def test_the_boot_id_is_16_bytes() -> None:
    assert len(read_boot_id()) == 16


def test_an_index_that_nobody_syncs_does_it_itself(tmp_path: Path) -> None:
    index = opened(tmp_path)
    for record in range(0, SYNC_ENTRIES_MAX + 100, 100):
        index.append_reports(reports(record, 100), 1, live=True, poss_resend=False)
    assert opened(tmp_path, OTHER_BOOT).last_report == (SYNC_ENTRIES_MAX - 1, 0)


def test_syncing_in_a_thread_beside_appends(tmp_path: Path) -> None:
    index = opened(tmp_path)
    syncs = 0
    with ThreadPoolExecutor(1) as pool:
        running = None
        for record in range(0, 30_000, 50):
            index.append_reports(reports(record, 50), 1, live=True, poss_resend=False)
            if record % 5_000 == 0:
                index.save()
            if index.sync_due and (running is None or running.done()):
                running = pool.submit(index.sync)
                syncs += 1
        assert running is not None
        running.result()
    assert syncs > 1
    again = opened(tmp_path)
    assert again.next_out == 30_001
    assert [entry[0] for entry in entries(again)] == list(range(30_000))


@pytest.mark.parametrize(("kind", "lost"), [(HOLE, True), (ADMIN, False)])
def test_holes_behind_the_last_report_tell_of_a_loss_of_power(kind: int, lost: bool) -> None:
    """A process that skipped numbers and was killed before it had carried all that was lost."""
    storage = MemoryStorage()
    index = SessionIndex(storage)
    index.append_reports([(7, 1, b"8", b"")], 0, live=False, poss_resend=False)
    entry = ENTRY.pack(0, 0, 1, 0, 0, kind, 0, 0)
    storage.write(1, entry * (2 * CHUNK_ENTRIES))
    found = SessionIndex(storage)
    assert found.last_report == (7, 1)
    assert found.power_lost == lost
