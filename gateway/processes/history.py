"""Trades and candles as daily Parquet files."""

import os
from typing import Final

import trio

from engine.journal.disk import RealDisk
from gateway.children import announce_ready, announce_status
from gateway.processes.place import STATUS_SECONDS, Place

HISTORY_NICE: Final = 10
"""Added to the process's nice value: nobody waits for it."""


async def run_history(place: Place, stop: trio.Event) -> None:
    """Fold the journal's trades into files until `stop`, at a low priority."""
    # pyarrow is an extra: only this process needs it, and only this process loads it.
    from gateway.history.recorder import HistoryRecorder
    from gateway.history.service import HistoryService

    os.nice(HISTORY_NICE)
    announce_ready()
    folder, keep = place.data / "history", place.config.venue.history_days

    def make() -> HistoryRecorder:
        return HistoryRecorder(place.journal, folder, keep, place.log, RealDisk())

    async def status() -> None:
        while True:
            await trio.sleep(STATUS_SECONDS)
            recorder = service.recorder
            if recorder is not None:
                announce_status(
                    {"last record": recorder.last, "trouble": service.trouble},
                    {"fixgate_journal_read_record": recorder.last_read},
                )

    service = HistoryService(make, place.clock, place.log)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(status)
            await service.run(stop)
            nursery.cancel_scope.cancel()
    finally:
        service.close()
