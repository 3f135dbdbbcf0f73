"""A reader that folds the journal and writes what it comes to, so that a start need not."""

import os
from typing import Final

import trio

from engine.journal.disk import RealDisk
from engine.market_shadow import MarketShadow
from engine.model.errors import JournalDamaged
from engine.shadow import Shadow
from gateway.children import announce_ready, announce_status
from gateway.processes.memory import freeze_what_there_is
from gateway.processes.place import MIB, STATUS_SECONDS, Place
from gateway.snapshot.service import SPARE_SEGMENTS, SnapshotService

SNAPSHOT_NICE: Final = 10
"""Added to the snapshot process's nice value: a tenth of the weight of core, where both want the
same processor."""


async def run_snapshot(place: Place, stop: trio.Event) -> None:
    """Fold the journal and write snapshots until `stop`, at a low priority."""
    os.nice(SNAPSHOT_NICE)
    announce_ready()
    disk = RealDisk()
    shadow = Shadow(place.journal, place.snapshots, disk, place.log)
    market = MarketShadow(place.journal, place.market, disk, place.log)
    freeze_what_there_is()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_snapshot_status, shadow)
            async with trio.open_nursery() as both:
                for each in (shadow, market):
                    both.start_soon(_service(place, each, disk).run, stop)
            nursery.cancel_scope.cancel()
    except* JournalDamaged:
        place.log("ALARM: the journal is not what it should be; no snapshots until it is looked at")
        raise
    finally:
        shadow.close()
        market.close()


def _service(place: Place, shadow: Shadow | MarketShadow, disk: RealDisk) -> SnapshotService:
    venue = place.config.venue
    return SnapshotService(
        shadow,
        venue.snapshot_records,
        SPARE_SEGMENTS * venue.segment_mib * MIB,
        lambda: disk.free_bytes(place.journal),
        place.clock,
        place.log,
    )


async def _snapshot_status(shadow: Shadow) -> None:
    while True:
        await trio.sleep(STATUS_SECONDS)
        announce_status(
            {},
            {
                "fixgate_snapshot_record": shadow.saved,
                "fixgate_journal_read_record": shadow.result.last,
            },
        )
