"""The loop of the process: what a full disk does to it, and what it leaves at its end."""

import errno

import pytest
import trio

from compliance.audit.errors import LogForked
from compliance.audit.tile_store import LogFolder
from gateway import turn_service
from gateway.turn_service import TurnService
from tests.audit.support import Source, check, keys_of, open_log
from tests.journal.support import FaultyDisk


@pytest.fixture
def source(tmp_path):
    made = Source(tmp_path / "journal")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path):
    return LogFolder(tmp_path / "audit")


@pytest.fixture
def at_once(monkeypatch):
    """The work is done without a thread: a clock that jumps ahead while all wait would not wait for
    one."""

    async def run_sync(work):
        await trio.lowlevel.checkpoint()
        return work()

    monkeypatch.setattr(turn_service, "run_sync", run_sync)


def service_of(source, folder, disk, said):
    return TurnService("the audit log", lambda: open_log(source, folder.folder, disk), said.append)


@pytest.mark.parametrize("kind", ["pwrite", "sync_data", "rename", "sync_folder"])
def test_a_disk_that_fails_is_logged_once_and_tried_again(source, folder, kind):
    said = []
    disk = FaultyDisk([kind], 0, errno.ENOSPC)
    service = service_of(source, folder, disk, said)
    source.grow(300)
    for _ in range(3):
        assert not service.turn()
    assert "No space left" in service.trouble
    assert len(said) == 1
    disk.left = 1_000
    service.turn()
    assert service.trouble == ""
    assert said[1:] == ["the audit log is written again"]
    assert check(folder, source) == 300
    service.close()


@pytest.mark.trio
async def test_at_its_end_all_is_published(source, folder, at_once, autojump_clock):
    service = service_of(source, folder, FaultyDisk([], 0), [])
    stop = trio.Event()
    source.grow(5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run, stop)
        await trio.sleep(1)
        assert check(folder, source) == 5
        source.grow(1)
        stop.set()
    assert check(folder, source) == 6
    service.close()


@pytest.mark.trio
async def test_a_record_waits_half_a_second_for_its_checkpoint_at_most(
    source, folder, at_once, autojump_clock
):
    """The other half of the second that is promised is for the work."""
    service = service_of(source, folder, FaultyDisk([], 0), [])
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run, stop)
        for size in range(1, 6):
            await trio.sleep(0.3)
            source.grow(1)
            await trio.sleep(0.51)
            assert check(folder, source) == size
        stop.set()
    service.close()


@pytest.mark.trio
async def test_in_trouble_it_waits_longer_and_longer(source, folder, at_once, autojump_clock):
    disk = FaultyDisk(["pwrite"], 0, errno.ENOSPC)
    service = service_of(source, folder, disk, [])
    stop = trio.Event()
    source.grow(3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run, stop)
        await trio.sleep(3_600)
        assert 55 < disk.calls < 75
        disk.left = 1_000
        await trio.sleep(61)
        assert check(folder, source) == 3
        stop.set()
    service.close()


@pytest.mark.trio
async def test_another_history_ends_it(source, folder):
    source.grow(3)
    service = service_of(source, folder, FaultyDisk([], 0), [])
    service.turn()
    service.close()
    other = TurnService(
        "the audit log", lambda: open_log(source, folder.folder, keys=keys_of(b"x")), lambda _: None
    )
    with pytest.raises(LogForked):
        await other.run(trio.Event())
