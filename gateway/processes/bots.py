"""The demo's traders: clients like any other."""

from importlib.util import find_spec

import trio

from custody.control_client import CONTROL_SOCKET
from engine.model.refdata import ReferenceData
from gateway.bootstrap import bootstrap_commands
from gateway.bots.traders import Bot
from gateway.children import CUSTODY_PACKAGE, announce_ready
from gateway.config import BotConfig, resolve_sessions
from gateway.processes.place import Place


async def run_bots(place: Place, stop: trio.Event) -> None:
    """Trade as the configuration's bots until `stop`."""
    refdata = ReferenceData()
    for command in bootstrap_commands(place.config, refdata):
        refdata.apply(command)
    venue = place.config.venue
    async with trio.open_nursery() as nursery:
        address = (venue.bind, venue.ports.order_entry + place.port_offset)
        for config in place.config.bots:
            if config.kind == "customer":
                nursery.start_soon(_run_customer, place, config, address)
                continue
            bot = Bot(
                config,
                venue.comp_id,
                address,
                list(refdata.instruments.values()),
                place.clock,
                place.log,
            )
            nursery.start_soon(bot.run)
        announce_ready()
        await stop.wait()
        nursery.cancel_scope.cancel()


async def _run_customer(place: Place, config: BotConfig, address: tuple[str, int]) -> None:
    """Where custody is: it needs the extra, and what of it signs is loaded only then."""
    if place.config.custody is None or find_spec(CUSTODY_PACKAGE) is None:
        return
    from gateway.bots.customer import Customer

    control = place.data / "run" / CONTROL_SOCKET
    comp_id, venue = config.comp_id, place.config.venue.comp_id
    account = next(s.member for s in resolve_sessions(place.config) if s.comp_id == comp_id)
    await Customer(config, account, venue, address, control, place.clock, place.log).run()
