"""The composition root: what each process of the venue is made of.

`python -m gateway.app NAME --config FILE --data DIR --port-offset N` is what the supervisor
runs; nobody types it. The core process owns the journal and order entry; every other process
reads the journal.
"""

import argparse
import contextlib
import gc
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import trio

import gateway
from engine.core.venue import Venue
from engine.journal.disk import RealDisk
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.journal.place import Start
from engine.journal.snapshot_files import named_by_snapshots
from engine.journal.wake import WakeClient, WakeServer
from engine.journal.writer import JournalWriter
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import CoreStarted, DefineSession
from engine.model.enums import DROP_COPY, ORDER_ENTRY
from engine.model.errors import ConfigError, JournalDamaged
from engine.model.events import CommandRefused
from engine.model.refdata import ReferenceData, SessionInfo
from engine.restore import recover_venue, restored_names
from engine.sequencer import Sequencer
from engine.shadow import Shadow
from gateway.bootstrap import bootstrap_commands
from gateway.bots.traders import Bot
from gateway.children import CORE, MIRROR, announce_ready, announce_status, run_child
from gateway.config import Config, Limits, ResolvedSession, load_config, resolve_sessions
from gateway.data import data_file
from gateway.drop_copy.service import POLL_RECORDS, DropCopy
from gateway.fix.dictionary import Dictionary
from gateway.fix.session import Session
from gateway.fix.settings import SessionSettings
from gateway.flow.acceptor import Acceptor, Service
from gateway.flow.counters import Counters
from gateway.flow.figures import connection_figures, duration_figure
from gateway.flow.index_file import FileIndex, highest_named
from gateway.flow.link import Gate, Link
from gateway.flow.listener import listen_or_explain
from gateway.flow.system_clock import SystemClock, silent
from gateway.flow.throttle import Throttle
from gateway.mirror.service import Mirror
from gateway.order_entry.mapping import OrderMapper
from gateway.order_entry.service import OrderEntry
from gateway.reports import ReportRenderer
from gateway.snapshot.service import SPARE_SEGMENTS, SnapshotService

STATUS_SECONDS: Final = 1.0
"""How often a process tells the supervisor how it is doing."""

IDENTICAL_RESENDS: Final = 10
"""Identical ResendRequests in a row, each served in full, after which a member is logged out."""

MIB: Final = 1024 * 1024

GC_THRESHOLDS: Final = (100_000, 50, 1_000_000)
"""Collections while trading: young ones are rare and short, a full one never comes.

Nothing on the order path makes reference cycles; what recovery built is frozen.
"""


SWITCH_SECONDS: Final = 0.001
"""How long a worker that has synced may wait for the interpreter, seconds; Python's is 5 ms."""


SNAPSHOT_NICE: Final = 10
"""Added to the snapshot process's nice value: a tenth of the weight of core, where both want the
same processor."""


class Place:
    """Where a process runs: its configuration, its folders, its ports."""

    def __init__(
        self,
        name: str,
        config: Path,
        data: Path,
        port_offset: int,
        clock_offset: int | None = None,
        mirror: Path | None = None,
    ) -> None:
        self.name = name
        self.config: Config = load_config(config)
        self.data = data
        self.mirror = mirror
        self.port_offset = port_offset
        # All processes keep one time; one of them speaks of what the wall clock does.
        self.clock = SystemClock(self.log if name == CORE else silent, clock_offset)
        self.counters = Counters()
        self.journal = data / "journal"
        self.snapshots = data / "snapshots"
        self.indexes = data / "sessions"
        self.wake = data / "run" / "journal.sock"
        self.dictionary = Dictionary.load(data_file("fix_dictionaries", "FIX44.xml"))

    def log(self, text: str) -> None:
        """One line for the operator, on standard error."""
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def listen(self, port: int) -> socket.socket:
        """A listening socket on a port of the configuration, moved by the offset."""
        return listen_or_explain(self.config.venue.bind, port + self.port_offset)


def open_links(
    place: Place,
    refdata: ReferenceData,
    kind: int,
    gate: Gate,
    *,
    always_extend: bool,
    journalled: Mapping[int, tuple[int, int]],
) -> list[Link]:
    """A link for each session of `kind` in the configuration.

    journalled: (record, MsgSeqNum) of the latest inbound message in the journal, by session id.
    """
    by_name = {s.comp_id: s for s in refdata.sessions.values()}
    renderers: dict[tuple[int, bool], ReportRenderer] = {}
    links = []
    for config in resolve_sessions(place.config):
        info = by_name.get(config.comp_id)
        if info is None or info.kind != kind:
            continue
        extensions = always_extend or config.extensions
        key = (config.timestamp_precision, extensions)
        if key not in renderers:
            renderers[key] = ReportRenderer(refdata, digits=key[0], extensions=key[1])
        links.append(_link(place, info, config, renderers[key], gate, journalled.get(info.id)))
    return links


def _link(
    place: Place,
    info: SessionInfo,
    config: ResolvedSession,
    renderer: ReportRenderer,
    gate: Gate,
    journalled: tuple[int, int] | None,
) -> Link:
    settings = SessionSettings(
        venue_comp_id=place.config.venue.comp_id.encode(),
        comp_id=config.comp_id.encode(),
        min_heartbeat_seconds=config.heartbeat_s.min,
        max_heartbeat_seconds=config.heartbeat_s.max,
        timestamp_precision=config.timestamp_precision,
        send_next_expected_msg_seq_num=config.send_next_expected_msg_seq_num,
        enable_last_msg_seq_num_processed=config.enable_last_msg_seq_num_processed,
        identical_resend_limit=IDENTICAL_RESENDS,
    )
    folder = place.indexes / place.name
    index = FileIndex.open(folder, config.comp_id, log=place.log)
    session = Session(settings, index)
    if journalled is not None:
        session.journalled(*journalled)
    throttle = throttle_of(place.config.limits)
    return Link(info, config, session, renderer, gate, place.counters, throttle)


def throttle_of(limits: Limits) -> Throttle | None:
    """What limits the rate of one session; None where no rate is limited."""
    if not limits.messages_per_second and not limits.cancels_per_second:
        return None
    return Throttle(
        messages_per_second=limits.messages_per_second,
        message_burst=limits.message_burst,
        cancels_per_second=limits.cancels_per_second,
        cancel_burst=limits.cancel_burst,
        flood_multiple=limits.flood_multiple,
    )


async def close_indexes(links: Iterable[Link]) -> None:
    """Close all session indexes at once: the disk takes hundreds of syncs together far sooner
    than one after the other."""
    async with trio.open_nursery() as nursery:
        for link in links:
            nursery.start_soon(trio.to_thread.run_sync, link.session.index.close)


# --- core -------------------------------------------------------------------------------------


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
    _bootstrap(place, venue, sequencer, writer.epoch)
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
        acceptor = _acceptor(place, links, service)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH_SECONDS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.commit_loop)
            nursery.start_soon(service.timer_loop)
            nursery.start_soon(acceptor.serve, listener)
            nursery.start_soon(_accept_readers, wake)
            nursery.start_soon(_core_status, service, acceptor, place.clock)
            announce_ready()
            await stop.wait()
            listener.close()
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


def _bootstrap(place: Place, venue: Venue, sequencer: Sequencer, epoch: int) -> None:
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


async def _core_status(service: OrderEntry, acceptor: Acceptor, clock: SystemClock) -> None:
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
        }
        announce_status(shown, metrics)
        orders, trades = service.orders, service.trades // 2


# --- drop copy --------------------------------------------------------------------------------


class _NothingPending:
    """The gate of a reader: what it reads is durable already."""

    @property
    def last_number(self) -> int:
        """Nothing is ever submitted here."""
        return -1

    @property
    def durable(self) -> int:
        """So nothing ever waits."""
        return -1


async def run_dropcopy(place: Place, stop: trio.Event) -> None:
    """Follow the journal and serve the drop copy sessions until `stop`."""
    listener = place.listen(place.config.venue.ports.drop_copy)
    reader = open_reader(place.journal)
    refdata, known = _reference_data(place, reader)
    links = open_links(
        place,
        refdata,
        DROP_COPY,
        _NothingPending(),
        always_extend=True,
        journalled={},
    )
    wake = WakeClient(place.wake)
    service = DropCopy(reader, refdata, links, wake, place.clock, place.log, known)
    acceptor = _acceptor(place, links, service)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.follow_loop)
        nursery.start_soon(_dropcopy_status, service, acceptor)
        nursery.start_soon(acceptor.serve, listener)
        announce_ready()
        await stop.wait()
        while service.step():
            await trio.lowlevel.checkpoint()
        listener.close()
        await acceptor.close("the venue is closing")
        nursery.cancel_scope.cancel()
    await close_indexes(links)


async def _dropcopy_status(service: DropCopy, acceptor: Acceptor) -> None:
    while True:
        await trio.sleep(STATUS_SECONDS)
        metrics = {
            **connection_figures(acceptor),
            "fixgate_journal_read_record": service.last_read,
        }
        announce_status({}, metrics)


def _reference_data(place: Place, reader: JournalReader) -> tuple[ReferenceData, int]:
    """Names and scales from a snapshot, and on to where every drop copy session of the
    configuration is known; and the record up to which they are complete."""
    wanted = {s.comp_id for s in resolve_sessions(place.config) if s.kind == "drop_copy"}
    refdata, after = ReferenceData(), -1
    for found, start in restored_names(place.snapshots, reader, place.log):
        if start.place.number <= reader.mark().number:
            refdata, after = found, start.place.number
            reader.learn(start.indexes)
            break
    wanted -= {session.comp_id for session in refdata.sessions.values()}
    follower = reader.follow(after)
    while wanted and (records := follower.poll(POLL_RECORDS)):
        for record in records:
            refdata.apply(record.command)
            if isinstance(record.command, DefineSession):
                wanted.discard(record.command.comp_id)
    return refdata, follower.after


# --- mirror -----------------------------------------------------------------------------------


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


# --- snapshot ---------------------------------------------------------------------------------


async def run_snapshot(place: Place, stop: trio.Event) -> None:
    """Fold the journal and write snapshots until `stop`, at a low priority."""
    os.nice(SNAPSHOT_NICE)
    announce_ready()
    venue_config, disk = place.config.venue, RealDisk()
    shadow = Shadow(place.journal, place.snapshots, disk, place.log)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    service = SnapshotService(
        shadow,
        venue_config.snapshot_records,
        SPARE_SEGMENTS * venue_config.segment_mib * MIB,
        lambda: disk.free_bytes(place.journal),
        place.clock,
        place.log,
    )
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_snapshot_status, shadow)
            await service.run(stop)
            nursery.cancel_scope.cancel()
    except* JournalDamaged:
        place.log("ALARM: the journal is not what it should be; no snapshots until it is looked at")
        raise
    finally:
        shadow.close()


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


# --- bots -------------------------------------------------------------------------------------


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


# --- all --------------------------------------------------------------------------------------


def _acceptor(place: Place, links: Iterable[Link], service: Service) -> Acceptor:
    return Acceptor(
        {link.config.comp_id.encode(): link for link in links},
        service,
        place.dictionary,
        place.clock,
        place.log,
        place.config.venue.comp_id.encode(),
        place.config.limits,
        place.counters,
        place.config.venue.busy_poll_us,
    )


PROCESSES: Final = {
    CORE: run_core,
    "snapshot": run_snapshot,
    "dropcopy": run_dropcopy,
    MIRROR: run_mirror,
    "bots": run_bots,
}


def main(argv: list[str] | None = None) -> int:
    """Run one process of the venue; returns its exit code."""
    parser = argparse.ArgumentParser(prog="gateway.app", description="one process of a venue")
    parser.add_argument("name", choices=sorted(PROCESSES))
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port-offset", type=int, default=0)
    parser.add_argument("--clock-offset", type=int)
    parser.add_argument("--mirror", type=Path)
    args = parser.parse_args(argv)

    async def run(stop: trio.Event) -> None:
        place = Place(
            args.name, args.config, args.data, args.port_offset, args.clock_offset, args.mirror
        )
        await PROCESSES[args.name](place, stop)

    return run_child(args.name, run)


if __name__ == "__main__":
    sys.exit(main())
