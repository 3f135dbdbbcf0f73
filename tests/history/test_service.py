"""The process's loop: what a full disk does to it, and what it leaves at its end."""

import errno

import pytest
import trio

from gateway.history import service as service_module
from gateway.history.files import REAL_DISK
from gateway.history.service import FLUSH_SECONDS, HistoryService
from tests.history.support import Venues
from tests.journal.support import FaultyDisk
from tests.support.house import HandClock


@pytest.fixture
def venue(tmp_path):
    made = Venues(tmp_path)
    made.trade(60)
    yield made
    made.close()


class FullDisk(FaultyDisk):
    """Full until somebody makes room."""

    def __init__(self):
        super().__init__(["pwrite"], 0, errno.ENOSPC)


def test_a_full_disk_is_logged_once_and_tried_again(venue):
    disk = FullDisk()
    service = HistoryService(lambda: venue.recorder(disk=disk), HandClock(), venue.log.append)
    while service.turn():
        pass
    for _ in range(3):
        service.flush()
    assert "No space left" in service.trouble
    assert sum("trying again" in line for line in venue.log) == 1
    service.recorder.folder.disk = REAL_DISK
    service.flush()
    assert service.trouble == ""
    assert venue.log[-1] == "writing again"
    assert service.recorder.last == service.recorder._done > 0


def test_what_is_in_memory_is_written_when_it_is_old(venue):
    clock = HandClock()
    service = HistoryService(venue.recorder, clock, venue.log.append)
    while service.turn():
        pass
    assert service.recorder.last == -1
    clock.time += FLUSH_SECONDS * 10**9
    service.turn()
    assert service.recorder.last == service.recorder._done > 0


@pytest.mark.trio
async def test_at_its_end_all_is_written(venue, monkeypatch):
    monkeypatch.setattr(service_module, "FOLD_SECONDS", 0.01)
    service = HistoryService(venue.recorder, HandClock(), venue.log.append)
    stop = trio.Event()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.run, stop)
            while service.recorder is None or service.recorder._done < 0:  # noqa: ASYNC110
                await trio.sleep(0.005)
            stop.set()
    assert service.recorder.last == service.recorder._reader.mark().number
    assert service.recorder.behind == 0


def test_a_part_that_is_damaged_makes_it_begin_anew(venue):
    service = HistoryService(venue.recorder, HandClock(), venue.log.append)
    while service.turn():
        pass
    service.flush()
    part = next(venue.folder.rglob("*.part"))
    part.write_bytes(b"no part")
    venue.days(1)
    venue.trade(1)
    while service.turn() or service.recorder.behind:
        pass
    assert any("written anew" in line for line in venue.log)
    assert list(venue.folder.rglob("*.parquet"))
