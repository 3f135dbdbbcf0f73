"""The venue's processes as the composition root makes them, on the simulated machine.

Everything inside is the product's: recovery, replay, sequencer, venue, writer, mapper, renderer,
order entry, drop copy, snapshots, acceptor, connections, sessions, indexes. Sockets, disk, clock,
randomness and the scheduler are the simulator's.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from engine.journal.files import open_reader
from engine.journal.place import Start
from engine.journal.snapshot_files import named_by_snapshots
from engine.journal.writer import JournalWriter
from engine.model.clock import NANOS_PER_SECOND
from engine.model.enums import DROP_COPY, ORDER_ENTRY
from engine.model.record import Record
from engine.restore import recover_venue
from engine.sequencer import Sequencer
from engine.shadow import Shadow
from gateway.config import load_config, resolve_sessions
from gateway.data import data_file
from gateway.drop_copy.checkpoint import CopyCheckpoints
from gateway.drop_copy.service import DropCopy
from gateway.fix.decoder import Decoder
from gateway.fix.dictionary import Dictionary
from gateway.fix.session import Session
from gateway.fix.settings import SessionSettings
from gateway.flow.acceptor import Acceptor
from gateway.flow.connection import Connection
from gateway.flow.counters import Counters
from gateway.flow.following import follow
from gateway.flow.index_file import FileIndex, highest_named
from gateway.flow.link import Gate, Link
from gateway.order_entry.mapping import OrderMapper
from gateway.order_entry.service import OrderEntry
from gateway.processes.core import write_configuration
from gateway.processes.drop_copy import NothingPending
from gateway.processes.sessions import throttle_of
from gateway.reports import ReportRenderer
from gateway.snapshot.service import SPARE_SEGMENTS, SnapshotService
from gateway.stream.replay import Replays
from tests.simulation.disk import ProcessDisk
from tests.simulation.network import Listener
from tests.simulation.small import SEGMENT_BYTES
from tests.simulation.stage import Stage

DATA = Path("/data")
JOURNAL = DATA / "journal"
INDEXES = DATA / "sessions"
SNAPSHOTS = DATA / "snapshots"
COPIES = DATA / "dropcopy"


@cache
def config():
    return load_config(Path(__file__).with_name("venue.yaml"))


@cache
def sessions():
    return resolve_sessions(config())


@cache
def dictionary() -> Dictionary:
    return Dictionary.load(data_file("fix_dictionaries", "FIX44.xml"))


@cache
def decoder() -> Decoder:
    """One for all, because compiling a shape takes longer than a short run.

    What it accepts does not depend on what it has seen: tests/fix holds it to that.
    """
    return Decoder(dictionary())


class WatchedSession(Session):
    """The real session; counts its transitions."""

    tally = None

    def _move(self, event) -> None:
        assert self.tally is not None
        self.tally[f"session: {self.state.name} {event.name}"] += 1
        super()._move(event)


class WatchedSequencer(Sequencer):
    """The real sequencer; the world hears of each record."""

    world = None

    def submit(self, command, now: int) -> list[Record]:
        return self._heard(super().submit(command, now))

    def tick(self, now: int) -> list[Record]:
        return self._heard(super().tick(now))

    def _heard(self, records: list[Record]) -> list[Record]:
        assert self.world is not None
        self.world.submitted(records)
        return records


class Process(ABC):
    """What all have: a disk, a stage; those with sessions a listener and links, too."""

    name = ""
    snapshots = SNAPSHOTS

    def __init__(self, world) -> None:
        self.world = world
        self.config = config()
        self.clock = world.clock
        self.disk = ProcessDisk(world.machine, world.clock.sync_takes, self._renamed)
        self.stage = Stage(world.clock)
        self.stop = self.stage.Event()
        self.counters = Counters()
        self.links: list[Link] = []
        self.listener: Listener | None = None

    @abstractmethod
    def start(self) -> None:
        """Open what is on disk and begin. Raises what the product raises."""

    def _renamed(self) -> None:
        self.world.renamed(self)

    def log(self, text: str) -> None:
        if self.stage.alive:
            self.world.log(self.name, text)

    def open_links(
        self,
        refdata,
        kind: int,
        gate: Gate,
        *,
        always_extend: bool,
        journalled: Mapping[int, tuple[int, int]],
    ) -> None:
        by_name = {session.comp_id: session for session in refdata.sessions.values()}
        for session in sessions():
            info = by_name.get(session.comp_id)
            if info is None or info.kind != kind:
                continue
            extensions = always_extend or session.extensions
            digits = session.timestamp_precision
            renderer = ReportRenderer(
                refdata, digits=digits, extensions=extensions, drop_copy=kind == DROP_COPY
            )
            watched = self._session(session)
            if info.id in journalled:
                watched.journalled(*journalled[info.id])
            throttle = throttle_of(self.config.limits)
            link = Link(info, session, watched, renderer, gate, self.counters, throttle)
            self.links.append(link)

    def _session(self, config) -> Session:
        settings = SessionSettings(
            comp_id=config.comp_id.encode(),
            timestamp_precision=config.timestamp_precision,
            out_of_order_cap=4,
            held_cap=5,
            identical_resend_limit=4,
        )
        index = FileIndex.open(
            INDEXES / self.name,
            config.comp_id,
            log=self.log,
            disk=self.disk,
        )
        self.world.tally["index: after power loss"] += index.power_lost
        watched = WatchedSession(settings, index)
        watched.tally = self.world.tally
        return watched

    def accept(self, service, port: str) -> None:
        by_name = {link.config.comp_id.encode(): link for link in self.links}
        self.acceptor = Acceptor(
            by_name,
            service,
            dictionary(),
            self.clock,
            self.log,
            self.config.venue.comp_id.encode(),
            self.config.limits,
            self.counters,
            self.config.venue.busy_poll_us,
        )
        self.acceptor._decoders = dict.fromkeys(by_name, decoder())
        self.listener = Listener(self.stage, self.world.socket_number())
        self.world.ports[port] = self.listener

    def kill(self) -> None:
        """The process is gone between two of its steps, or in the middle of a disk call."""
        for reason, count in self.counters.disconnects.items():
            self.world.tally[f"closed: {reason}"] += count
        self.world.tally["messages throttled"] += self.counters.throttled
        self.disk.kill()
        self.stage.kill()
        if self.listener is not None:
            self.listener.died()


class Core(Process):
    """gateway.app.run_core."""

    name = "core"

    def start(self) -> None:
        world, disk = self.world, self.disk
        self.writer, self.venue, result, snapshot = recover_venue(
            JOURNAL, SNAPSHOTS, self._open_journal, self.log, disk
        )
        world.tally["recovery: from a snapshot"] += snapshot >= 0
        if self.writer.epoch <= world.epoch:
            raise AssertionError("an epoch came twice")
        world.epoch = self.writer.epoch
        world.truth.recovered(list(self.writer.records()), self.venue)
        self.sequencer = WatchedSequencer(
            self.venue, self.writer, world.random.randbytes, result.time
        )
        self.sequencer.world = world
        write_configuration(self, self.venue, self.sequencer, self.writer.epoch)
        mapper = OrderMapper(
            self.venue.refdata, max_order_age=self.config.venue.max_order_age_s * NANOS_PER_SECOND
        )
        self.service = OrderEntry(
            self.venue,
            self.sequencer,
            self.writer.reader(),
            mapper,
            world.wake,
            self.clock,
            self.log,
        )
        self.open_links(
            self.venue.refdata,
            ORDER_ENTRY,
            self.service,
            always_extend=False,
            journalled=self.venue.last_inbound,
        )
        self.service.links = {link.info.id: link for link in self.links}
        for link in self.links:
            record, seq = self.venue.last_inbound.get(link.info.id, (-1, 0))
            if record > link.session.index.reset_record:
                world.by_name[link.config.comp_id].settled_below(seq)
        self.service.renumber(self.links)
        self.accept(self.service, "order entry")
        self.stage.start(self._main())

    def _open_journal(self, start: Start | None) -> JournalWriter:
        disk = self.disk
        self.world.tally["recovery: scan from a snapshot"] += start is not None
        return JournalWriter.open(
            JOURNAL,
            named=max(
                highest_named(INDEXES, disk=disk),
                named_by_snapshots(SNAPSHOTS, disk),
            ),
            start=start,
            segment_bytes=SEGMENT_BYTES,
            log=self.log,
            disk=disk,
        )

    async def _main(self) -> None:
        service, acceptor = self.service, self.acceptor
        async with self.stage.open_nursery() as nursery:
            nursery.start_soon(service.commit_loop)
            nursery.start_soon(service.timer_loop)
            nursery.start_soon(acceptor.serve, self.listener)
            await self.stop.wait()
            self.listener.close()
            await acceptor.close("the venue is closing; all orders are kept")
            await service.settle()
            nursery.cancel_scope.cancel()
        for link in self.links:
            link.session.index.close()
        self.writer.close()

    def kill(self) -> None:
        if hasattr(self, "sequencer"):
            self.world.truth.died(self.venue)
        super().kill()


class DropCopyProcess(Process):
    """gateway.app.run_dropcopy."""

    name = "dropcopy"

    def start(self) -> None:
        reader = open_reader(JOURNAL, self.disk)
        checkpoints = CopyCheckpoints(COPIES, self.log, self.disk)
        wanted = [session.comp_id for session in sessions() if session.kind == "drop_copy"]
        begin = checkpoints.beginning(reader, wanted)
        self.world.tally["drop copy: from a checkpoint"] += begin.indexed >= 0
        self.open_links(
            begin.refdata, DROP_COPY, NothingPending(), always_extend=True, journalled={}
        )
        self.replays = Replays(reader.another, self.clock.monotonic, self.log)
        self.service = DropCopy(
            reader,
            begin,
            self.links,
            self.clock,
            self.log,
            self.replays,
            checkpoints,
            self.config.venue.snapshot_records,
        )
        self.accept(self.service, "drop copy")
        self.stage.start(self._main())

    async def _main(self) -> None:
        service = self.service
        async with self.stage.open_nursery() as nursery:
            nursery.start_soon(follow, WakeClient(self.world.wake, self), service.step)
            nursery.start_soon(self.replays.serve)
            nursery.start_soon(self.acceptor.serve, self.listener)
            await self.stop.wait()
            while service.step():
                await self.stage.lowlevel.checkpoint()
            self.listener.close()
            await self.acceptor.close("the venue is closing")
            nursery.cancel_scope.cancel()
        service.save()
        for link in self.links:
            link.session.index.close()


class SnapshotProcess(Process):
    """gateway.app.run_snapshot."""

    name = "snapshot"

    def start(self) -> None:
        self.shadow = Shadow(JOURNAL, SNAPSHOTS, self.disk, self.log)
        service = SnapshotService(
            self.shadow,
            self.config.venue.snapshot_records,
            SPARE_SEGMENTS * SEGMENT_BYTES,
            lambda: self.disk.free_bytes(JOURNAL),
            self.clock,
            self.log,
        )
        self.stage.start(service.run(self.stop))


PROCESSES: dict[str, type[Process]] = {
    kind.name: kind for kind in (Core, SnapshotProcess, DropCopyProcess)
}
"""What the supervisor keeps running, in the order in which it starts them."""


class WakeServer:
    """Core's side of the wake-up socket."""

    def __init__(self) -> None:
        self.client: WakeClient | None = None

    def notify(self) -> None:
        if self.client is not None:
            self.client.wake()


class WakeClient:
    """The reader's side: readable after a notify, as far as core lives."""

    def __init__(self, server: WakeServer, process: Process) -> None:
        self.server = server
        self.process = process
        self.connected = False
        self.readable = False
        self.number = process.world.socket_number()
        process.stage.sockets[self.number] = self

    def connect(self) -> bool:
        if self.process.world.core is None:
            return False
        self.server.client = self
        self.connected = self.readable = True
        return True

    def wake(self) -> None:
        self.readable = True
        self.process.stage.file_ready(self.number, "readable")

    def fileno(self) -> int:
        return self.number

    def drain(self) -> bool:
        self.readable = False
        return self.connected


def tapped(world) -> type[Connection]:
    """The real connection; the observer sees what it sends, when it does not hold it any more."""

    class Tapped(Connection):
        def __init__(self, *args) -> None:
            super().__init__(*args)
            self.kept: list[tuple[bytes, int]] = []  # what is held, and of which generation

        def write(self, data: bytes) -> None:
            if self._holds:
                generation = world.generation_of(data)
                self.kept.append((data, generation))
                world.held(data, generation)
            else:
                self.tell(data)
            super().write(data)

        def write_ahead(self, data: bytes) -> None:
            self.tell(data)
            super().write_ahead(data)

        def let_go(self) -> None:
            kept, self.kept = self.kept, []
            for data, generation in kept:
                self.tell(data, generation)
            super().let_go()

        def tell(self, data: bytes, generation: int = -1) -> None:
            if data and not self.closed:
                known = generation if generation >= 0 else world.generation_of(data)
                world.truth.handed_out(data, world.venue_says, known)

    return Tapped
