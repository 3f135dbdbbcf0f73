"""The demo's traders: clients like any other."""

import trio

from engine.model.refdata import ReferenceData
from gateway.bootstrap import bootstrap_commands
from gateway.bots.traders import Bot
from gateway.children import announce_ready
from gateway.processes.place import Place


async def run_bots(place: Place, stop: trio.Event) -> None:
    """Trade as the configuration's bots until `stop`."""
    refdata = ReferenceData()
    for command in bootstrap_commands(place.config, refdata):
        refdata.apply(command)
    venue = place.config.venue
    async with trio.open_nursery() as nursery:
        for config in place.config.bots:
            bot = Bot(
                config,
                venue.comp_id,
                (venue.bind, venue.ports.order_entry + place.port_offset),
                list(refdata.instruments.values()),
                place.clock,
                place.log,
            )
            nursery.start_soon(bot.run)
        announce_ready()
        await stop.wait()
        nursery.cancel_scope.cancel()
