"""The second copy of journal and indexes."""

import trio

from gateway.children import announce_ready, announce_status
from gateway.mirror.service import Mirror
from gateway.processes.place import STATUS_SECONDS, Place


async def run_mirror(place: Place, stop: trio.Event) -> None:
    """Keep a second copy of the journal until `stop`."""
    assert place.mirror is not None
    mirror = Mirror(place.data, place.mirror, place.clock, place.log)
    await mirror.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_mirror_status, mirror)
        announce_ready()
        await mirror.run(stop)
        nursery.cancel_scope.cancel()


async def _mirror_status(mirror: Mirror) -> None:
    while True:
        await trio.sleep(STATUS_SECONDS)
        announce_status(
            {
                "last record": mirror.last,
                "records behind": mirror.records_behind,
                "bytes behind": mirror.bytes_behind,
                "ms behind": mirror.ms_behind,
                "trouble": mirror.trouble,
            },
            {
                "fixgate_mirror_record": mirror.last,
                "fixgate_mirror_lag_records": mirror.records_behind,
                "fixgate_mirror_lag_bytes": mirror.bytes_behind,
                "fixgate_mirror_lag_seconds": mirror.ms_behind / 1_000,
                "fixgate_mirror_in_trouble": int(bool(mirror.trouble)),
            },
        )
