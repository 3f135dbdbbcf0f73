"""Core: recovery, the journal, order entry."""

import contextlib
import os
import sys
from typing import Final

import trio

import gateway
from engine.core.venue import Venue
from engine.journal.place import Start
from engine.journal.snapshot_files import named_by_snapshots
from engine.journal.wake import WakeServer
from engine.journal.writer import JournalWriter
from engine.model.clock import NANOS_PER_MICRO, NANOS_PER_SECOND
from engine.model.commands import CoreStarted
from engine.model.enums import ORDER_ENTRY
from engine.model.errors import ConfigError
from engine.model.events import CommandRefused
from engine.restore import recover_venue
from engine.sequencer import Sequencer
from gateway.bootstrap import bootstrap_commands
from gateway.children import announce_ready, announce_status
from gateway.clock_watch import SAMPLE_SECONDS, ClockWatch
from gateway.flow.acceptor import Acceptor
from gateway.flow.figures import connection_figures, duration_figure
from gateway.flow.index_file import highest_named
from gateway.flow.kernel_clock import kernel_clock
from gateway.flow.system_clock import SystemClock
from gateway.ingress.server import Ingress
from gateway.order_entry.mapping import OrderMapper
from gateway.order_entry.service import OrderEntry
from gateway.processes.memory import freeze_what_there_is
from gateway.processes.place import MIB, STATUS_SECONDS, Place
from gateway.processes.sessions import acceptor_of, close_indexes, open_links

UNKNOWN: Final = -1
"""Of a distance from UTC that nobody knows."""

SWITCH_SECONDS: Final = 0.001
"""How long a worker that has synced may wait for the interpreter, seconds; Python's is 5 ms."""


async def run_core(place: Place, stop: trio.Event) -> None:
    """Recover, owe the configuration its records, then trade until `stop`."""
    venue_config = place.config.venue
    listener = place.listen(venue_config.ports.order_entry)
    started = place.clock.monotonic()
    writer, venue, result, snapshot = recover_venue(
        place.journal, place.snapshots, lambda start: _open_journal(place, start), place.log
    )
    seconds = (place.clock.monotonic() - started) / NANOS_PER_SECOND
    place.log(
        f"recovered {result.records} records in {seconds:.2f} s"
        + (f", from the snapshot of record {snapshot}" if snapshot >= 0 else "")
        + f"; epoch {writer.epoch}"
    )
    sequencer = Sequencer(venue, writer, os.urandom, result.time)
    write_configuration(place, venue, sequencer, writer.epoch)
    mapper = OrderMapper(
        venue.refdata, max_order_age=venue_config.max_order_age_s * NANOS_PER_SECOND
    )
    with contextlib.closing(WakeServer(place.wake)) as wake:
        service = OrderEntry(
            venue, sequencer, writer.reader(), mapper, wake, place.clock, place.log
        )
        links = open_links(
            place,
            venue.refdata,
            ORDER_ENTRY,
            service,
            always_extend=False,
            journalled=venue.last_inbound,
        )
        service.links = {link.info.id: link for link in links}
        service.renumber(links)
        acceptor = acceptor_of(place, links, service)
        ingress = Ingress(place.ingress, service, place.log)
        watch = ClockWatch(
            service,
            lambda: place.clock.steered.ahead,
            kernel_clock,
            venue_config.max_clock_divergence_us * NANOS_PER_MICRO,
            place.log,
        )
        freeze_what_there_is()
        sys.setswitchinterval(SWITCH_SECONDS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.commit_loop)
            nursery.start_soon(service.timer_loop)
            nursery.start_soon(acceptor.serve, listener)
            nursery.start_soon(_accept_readers, wake)
            nursery.start_soon(ingress.serve)
            nursery.start_soon(_core_status, service, acceptor, place.clock, watch)
            nursery.start_soon(_sample_clock, service, watch)
            announce_ready()
            await stop.wait()
            listener.close()
            ingress.close()
            await acceptor.close("the venue is closing; all orders are kept")
            await service.settle()
            nursery.cancel_scope.cancel()
        await close_indexes(links)
    writer.close()


def _open_journal(place: Place, start: Start | None) -> JournalWriter:
    venue_config = place.config.venue
    return JournalWriter.open(
        place.journal,
        named=max(highest_named(place.indexes), named_by_snapshots(place.snapshots)),
        start=start,
        segment_bytes=venue_config.segment_mib * MIB,
        durability=venue_config.durability,
        log=place.log,
    )


def write_configuration(place: Place, venue: Venue, sequencer: Sequencer, epoch: int) -> None:
    """Journal this start, and whatever the configuration has that the journal has not."""
    owed = bootstrap_commands(place.config, venue.refdata)
    now = place.clock.now()
    sequencer.submit(CoreStarted(epoch, gateway.__version__), now)
    for command in owed:
        for record in sequencer.submit(command, now):
            for event in record.events:
                if isinstance(event, CommandRefused):
                    raise ConfigError("", f"the venue refuses {command}: {event.text}")
    sequencer.commit()
    if owed:
        place.log(f"{len(owed)} configuration records written")


async def _accept_readers(wake: WakeServer) -> None:
    """Let the other processes connect to be woken."""
    while True:
        await trio.lowlevel.wait_readable(wake.fileno())
        wake.accept()


async def _sample_clock(service: OrderEntry, watch: ClockWatch) -> None:
    """One sample a minute, from the first minute on. On a disk that is nearly full the room is for
    what members do."""
    while True:
        await trio.sleep(SAMPLE_SECONDS)
        if not service.low_space:
            watch.sample()


async def _core_status(
    service: OrderEntry, acceptor: Acceptor, clock: SystemClock, watch: ClockWatch
) -> None:
    orders = trades = 0
    while True:
        await trio.sleep(STATUS_SECONDS)
        durable = service.sequencer.durable
        open_orders = service.venue.open_orders()
        shown: dict[str, int | str] = {
            "sessions": sum(link.connection is not None for link in service.links.values()),
            "open orders": open_orders,
            "requests/s": service.orders - orders,
            "trades/s": service.trades // 2 - trades,
            "trades": service.trades // 2,
            "records": durable + 1,
            "last": service.last_trades(),
            "wall clock ahead ms": clock.steered.ahead // 1_000_000,
            "wall clock jumps": clock.steered.jumps,
        }
        metrics = {
            **connection_figures(acceptor),
            "fixgate_open_orders": open_orders,
            "fixgate_order_messages": service.orders,
            "fixgate_trades": service.trades // 2,
            "fixgate_pending_records": service.sequencer.pending,
            "fixgate_journal_records": durable + 1,
            "fixgate_journal_durable_record": durable,
            "fixgate_journal_sync_seconds": duration_figure(service.syncs),
            "fixgate_clock_wall_ahead_seconds": clock.steered.ahead / NANOS_PER_SECOND,
            "fixgate_clock_jumps": clock.steered.jumps,
            "fixgate_clock_samples": watch.samples,
            "fixgate_clock_divergence_seconds": (
                UNKNOWN if watch.divergence is None else watch.divergence / NANOS_PER_SECOND
            ),
            "fixgate_clock_out_of_class": int(watch.out_of_class),
        }
        announce_status(shown, metrics)
        orders, trades = service.orders, service.trades // 2
