"""Loss of power, kills and failed syncs at any system call: what was acknowledged is there.

The writer runs on real files; a model of the disk keeps, drops or garbles each page that was not
synced. A recovered journal is written to and loses power again: nothing stale may come back, and
what a restart kept of unsynced bytes must be on disk before it counts.
"""

import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.journal.mark import MARK_FILE_BYTES
from engine.journal.segment import segment_first
from engine.journal.writer import MARK_NAME, JournalWriter
from engine.model.errors import DiskFailed
from engine.model.record import Record, encode_record
from tests.journal.support import (
    CrashDisk,
    PowerLost,
    open_writer,
    parts_flags,
    record,
)

ENDLESS = 1 << 30
"""Calls that a disk will do, when nothing is to end them."""


class Life:
    """One run of the writer from open to loss of power."""

    def __init__(
        self,
        folder: Path,
        disk: CrashDisk,
        random: Random,
        begun: Sequence[Record] = (),
        before: "Life | None" = None,
    ) -> None:
        self.folder, self.disk, self.random = folder, disk, random
        self.acknowledged = before.acknowledged if before else -1
        self.epoch = before.epoch if before else 0
        """Of the last writer that was opened: no other may ever have it."""
        self.written = list(begun)
        self.groups: list[range] = []

    def run(self) -> None:
        try:
            writer = open_writer(self.folder, disk=self.disk)
        except (PowerLost, DiskFailed):
            return
        try:
            assert writer.durable >= self.acknowledged
            assert writer.epoch > self.epoch
            self.acknowledged, self.epoch = writer.durable, writer.epoch
            self.written = self.written[: writer.next_number]
            self.groups = [g for g in self.groups if g[-1] < writer.next_number]
            assert list(writer.records()) == self.written
            self.check_disk()
            while True:
                self.step(writer)
        except DiskFailed:
            writer.close()
        except PowerLost:
            writer._release()

    def check_disk(self) -> None:
        """What recovery goes on with is on disk: it is not only what the page cache has."""
        for name, file in self.disk.durable_names.items():
            if segment_first(name) is not None:
                seen = (self.folder / name).read_bytes()
                assert file.durable.rstrip(b"\0") == seen.rstrip(b"\0")

    def step(self, writer: JournalWriter) -> None:
        filler = self.random.choice([0, 0, 10, 3_000, 20_000])
        count = self.random.randint(1, 6)
        first = writer.next_number
        records = [record(n, filler) for n in range(first, first + count)]
        parts = self.random.random() < 0.3
        if parts:
            self.groups.append(range(first, first + count))
        self.written += records
        flags = parts_flags(count) if parts and count > 1 else None
        writer.append([encode_record(r) for r in records], flags)
        if self.random.random() < 0.8:
            writer.sync()
            self.acknowledged = writer.durable
        if writer.prepare_due:
            writer.prepare_next()


def survive(seed: int, ends: list[tuple[str, int]]) -> int:
    """Run a life for each (how it ends, at which call); the number of records left at the end."""
    random = Random(seed)
    with TemporaryDirectory() as name:
        folder = Path(name) / "life0"
        disk = CrashDisk(0)
        life = Life(folder, disk, random)
        for k, (how, crash_at) in enumerate([*ends, ("power", 30)]):
            disk.after_kill(crash_at)
            disk.fail_sync = how == "sync"
            life.run()
            if how == "power":
                folder = Path(name) / f"life{k + 1}"
                disk.after_power_loss(folder, random)
                kept = check(folder, life, random)
                disk = CrashDisk.over(folder, 0, boot=k + 1)
                life = Life(folder, disk, random, kept, life)
        return len(life.written)


def check(folder: Path, life: Life, random: Random) -> list[Record]:
    """Open a copy of what is left: the promise of the journal."""
    named = life.acknowledged if random.random() < 0.5 else -1
    copy = Path(shutil.copytree(folder, folder.with_suffix(".copy")))
    writer = open_writer(copy, named=named, disk=CrashDisk.over(copy, ENDLESS, life.disk.boot + 1))
    kept = list(writer.records())
    assert writer.epoch > life.epoch
    writer.close()
    assert len(kept) - 1 >= life.acknowledged, "an acknowledged record is lost"
    assert kept == life.written[: len(kept)], "what is kept is not what was written"
    for group in life.groups:
        if len(group) > 1:
            assert (group[0] < len(kept)) == (group[-1] < len(kept)), "half a command is kept"
    return kept


lives = st.tuples(st.sampled_from(["power", "kill", "sync"]), st.integers(0, 120))


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.lists(lives, min_size=1, max_size=4))
def test_no_end_of_a_life_loses_anything_acknowledged(seed, ends):
    survive(seed, ends)


def test_the_lives_above_do_write_records():
    assert survive(1, [("power", 120), ("kill", 120), ("sync", 120)]) > 40


@pytest.mark.proof
@pytest.mark.parametrize("first", range(0, 150, 25))
def test_an_end_at_every_call_of_a_run(first):
    for crash_at in range(first, first + 25):
        for seed in range(2):
            for how in ("power", "kill", "sync"):
                survive(seed, [(how, crash_at), ("power", 60)])
                survive(seed, [("power", 60), (how, crash_at % 20), ("power", 60)])


@pytest.mark.parametrize("seed", range(5))
def test_a_second_loss_of_power_finds_all_though_the_first_took_both_slots_of_the_mark(
    seed, tmp_path
):
    random = Random(seed)
    found = tmp_path / "found"
    with closing(open_writer(found, disk=CrashDisk(ENDLESS))) as writer:
        for number in range(8):
            writer.append([encode_record(record(number, 200))])
            writer.sync()
    (found / MARK_NAME).write_bytes(random.randbytes(MARK_FILE_BYTES))
    for crash_at in range(20):
        opened = Path(shutil.copytree(found, tmp_path / f"opened{crash_at}"))
        disk = CrashDisk.over(opened, crash_at, boot=1)
        with suppress(PowerLost):
            open_writer(opened, disk=disk)._release()
        left = tmp_path / f"left{crash_at}"
        disk.after_power_loss(left, random)
        with closing(open_writer(left, named=7)) as writer:
            assert writer.durable == 7


@pytest.mark.parametrize("seed", range(5))
def test_an_epoch_that_wrote_no_record_does_not_come_again(seed, tmp_path):
    random = Random(seed)
    for run in range(300):
        crash_at = run % 15
        folder = tmp_path / f"opened{run}"
        disk = CrashDisk(ENDLESS)
        for _ in range(2):  # the first one's epoch is in the header of the segment
            with closing(open_writer(folder, disk=disk)) as writer:
                epoch = writer.epoch
        disk.after_kill(crash_at)
        with suppress(PowerLost):
            again = open_writer(folder, disk=disk)
            epoch = again.epoch
            again._release()
        left = folder.with_suffix(".left")
        disk.after_power_loss(left, random)
        with closing(open_writer(left)) as writer:
            assert writer.epoch > epoch
