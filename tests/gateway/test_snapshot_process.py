"""When snapshots are made, what happens if one cannot be, and who is told of a difference."""

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from engine.core.venue import Venue
from engine.journal.snapshot_files import SnapshotFile, list_snapshots
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import CoreStarted
from engine.model.events import CommandRefused
from engine.sequencer import Sequencer
from engine.shadow import Shadow
from gateway.children import EXIT_OPERATOR
from gateway.snapshot import service as service_module
from gateway.snapshot.service import RETRY_SECONDS, SnapshotService
from tests.engine.streams import START, bootstrap_commands
from tests.journal.support import FaultyDisk, open_writer

ROOT = Path(__file__).parents[2]
SPARE = 1_000_000


class HandClock:
    """The monotonic clock moves by a second with each look."""

    time = 0

    def now(self) -> int:
        return START

    def monotonic(self) -> int:
        self.time += NANOS_PER_SECOND
        return self.time


class Desk:
    """A journal that grows, and the service that follows it, making a snapshot every 10 records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sequencer = Sequencer(Venue(), open_writer(folder / "journal"), bytes)
        for command in bootstrap_commands():
            self.sequencer.submit(command, START)
        self.sequencer.commit()
        self.disk = FaultyDisk([], 0)
        self.clock = HandClock()
        self.free = 10 * SPARE
        self.log: list[str] = []
        self.shadow = Shadow(folder / "journal", folder / "snapshots", self.disk, self.log.append)
        self.service = SnapshotService(
            self.shadow, 10, SPARE, lambda: self.free, self.clock, self.log.append
        )

    def grow(self, count: int) -> int:
        """So many more records; the last one's number."""
        for _ in range(count):
            self.sequencer.submit(CoreStarted(1, "x"), START)
        self.sequencer.commit()
        return self.sequencer.last_number

    def snapshots(self) -> list[int]:
        paths = list_snapshots(self.folder / "snapshots")
        return [SnapshotFile(path).header.place.number for path in paths]

    async def turns(self, count: int = 20) -> None:
        """Let the service run for a while and end it, without its last snapshot."""
        with trio.move_on_after(count * service_module.FOLD_SECONDS):
            await self.service.run(trio.Event())


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.shadow.close()
    made.sequencer.writer.close()


@pytest.mark.trio
async def test_a_snapshot_is_made_when_enough_records_have_come(desk, autojump_clock):
    last = desk.sequencer.last_number
    await desk.turns()
    assert desk.snapshots() == [last]
    desk.grow(9)
    await desk.turns()
    assert desk.snapshots() == [last]
    end = desk.grow(1)
    await desk.turns()
    assert desk.snapshots() == [end, last]
    await desk.turns()
    assert desk.snapshots() == [end, last], "nothing new, nothing written"


@pytest.mark.trio
async def test_after_a_snapshot_it_rests_four_times_as_long_as_it_took(desk, autojump_clock):
    desk.shadow.step(1_000)
    await desk.service.write(0, trio.Event())
    took = NANOS_PER_SECOND  # two looks at the clock
    end = desk.grow(50)
    desk.shadow.step(1_000)
    assert desk.shadow.result.last == end
    looks = 0
    while not desk.service.due:
        looks += 1
    assert looks == service_module.WRITING_SHARE * took // NANOS_PER_SECOND - 1


@pytest.mark.trio
async def test_an_error_of_the_disk_is_logged_and_tried_again_later(desk, autojump_clock):
    desk.disk.kinds, desk.disk.left = frozenset(["sync_data"]), 0
    await desk.turns(5)
    assert desk.snapshots() == []
    assert "no snapshot of record" in desk.log[0]
    assert "Input/output error" in desk.log[0]
    desk.disk.kinds = frozenset()
    assert not desk.service.due
    desk.clock.time += RETRY_SECONDS * NANOS_PER_SECOND
    await desk.turns()
    assert desk.snapshots() == [desk.sequencer.last_number]


@pytest.mark.trio
async def test_a_stop_gives_a_snapshot_up_half_way(desk, monkeypatch, autojump_clock):
    monkeypatch.setattr("engine.journal.snapshot_files.PIECE_BYTES", 64)
    desk.shadow.step(1_000)
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.service.write, 1, stop)
        await trio.sleep(1.5)
        stop.set()
    assert desk.snapshots() == []
    await desk.service.write(0, trio.Event())
    assert desk.snapshots() == [desk.sequencer.last_number]


@pytest.mark.trio
async def test_the_journals_room_is_left_to_the_journal(desk, autojump_clock):
    desk.free = SPARE - 1
    await desk.turns()
    assert desk.snapshots() == []
    assert "too little room" in desk.log[0]


@pytest.mark.trio
async def test_a_clean_stop_makes_a_last_snapshot_if_it_is_small(desk, monkeypatch, autojump_clock):
    stop = trio.Event()
    stop.set()
    await desk.service.run(stop)
    assert desk.snapshots() == []
    assert desk.shadow.behind > 10, "too much to fold now"
    desk.shadow.step(1_000)
    end = desk.grow(3)
    await desk.service.run(stop)
    assert desk.snapshots() == [end]
    await desk.service.run(stop)
    monkeypatch.setattr(service_module, "LAST_BYTES", -1)
    desk.grow(3)
    await desk.service.run(stop)
    assert desk.snapshots() == [end]


def test_the_process_ends_for_a_person_if_core_and_it_disagree(tmp_path):
    class OtherVenue(Venue):
        """Says too much at record 5."""

        def apply(self, command, number, time):
            events = super().apply(command, number, time)
            return [*events, CommandRefused("a bit flipped")] if number == 5 else events

    sequencer = Sequencer(OtherVenue(), open_writer(tmp_path / "journal"), bytes)
    for command in bootstrap_commands():
        sequencer.submit(command, START)
    sequencer.commit()
    sequencer.writer.close()
    command = [sys.executable, "-m", "gateway.app", "snapshot", "--data", str(tmp_path)]
    command += ["--config", str(ROOT / "config/bench.yaml")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        said = process.stderr.read().decode()
        assert process.stdout.read() == b"ready\n"
        assert process.wait(30) == EXIT_OPERATOR
    assert "ALARM" in said
    assert "record 5 replays differently" in said
    assert not list_snapshots(tmp_path / "snapshots")
