"""Drop copy: a reader of the journal that numbers every report of a member for its risk desk."""

import socket

import trio

from engine.journal.files import open_reader
from engine.journal.wake import WakeClient
from engine.model.enums import DROP_COPY
from gateway.children import announce_ready, announce_status
from gateway.config import resolve_sessions
from gateway.drop_copy.checkpoint import CopyCheckpoints
from gateway.drop_copy.service import DropCopy
from gateway.drop_copy.stream import CopyStream
from gateway.drop_copy.wording import ReportWording
from gateway.flow.acceptor import Acceptor
from gateway.flow.following import follow
from gateway.processes.place import STATUS_SECONDS, Place
from gateway.processes.sessions import NothingPending, acceptor_of, close_indexes, open_links
from gateway.reports import ReportRenderer
from gateway.stream.figures import feed_figures
from gateway.stream.replay import Replays
from gateway.stream.server import StreamServer
from gateway.stream.tokens import Tokens


async def run_dropcopy(place: Place, stop: trio.Event) -> None:
    """Follow the journal and serve drop copies over FIX and WebSocket until `stop`."""
    venue = place.config.venue
    listener = place.listen(venue.ports.drop_copy)
    stream_listener = place.listen(venue.ports.drop_copy_stream)
    reader = open_reader(place.journal)
    checkpoints = CopyCheckpoints(place.copies, place.log)
    wanted = [s.comp_id for s in resolve_sessions(place.config) if s.kind == "drop_copy"]
    begin = checkpoints.beginning(reader, wanted)
    links = open_links(
        place,
        begin.refdata,
        DROP_COPY,
        NothingPending(),
        always_extend=True,
        journalled={},
    )
    replays = Replays(reader.another, place.clock.monotonic, place.log)
    service = DropCopy(
        reader, begin, links, place.clock, place.log, replays, checkpoints, venue.snapshot_records
    )
    acceptor = acceptor_of(place, links, service)
    server = _stream_server(place, service, replays)
    wake = WakeClient(place.wake)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, wake, service.step)
        nursery.start_soon(_dropcopy_status, service, acceptor, server, replays)
        nursery.start_soon(acceptor.serve, listener)
        nursery.start_soon(replays.serve)
        nursery.start_soon(_serve_stream, service, server, stream_listener)
        announce_ready()
        await stop.wait()
        while service.step():
            await trio.lowlevel.checkpoint()
        listener.close()
        stream_listener.close()
        async with trio.open_nursery() as closing:
            closing.start_soon(acceptor.close, "the venue is closing")
            closing.start_soon(server.close, "the venue is closing")
        nursery.cancel_scope.cancel()
    service.save()
    await close_indexes(links)


def _stream_server(place: Place, service: DropCopy, replays: Replays) -> StreamServer:
    config = place.config
    stream = CopyStream(
        service.refdata,
        service.index,
        ReportRenderer(
            service.refdata,
            digits=config.defaults.timestamp_precision,
            extensions=True,
            drop_copy=True,
        ),
        ReportWording(place.dictionary),
        Tokens(config),
        replays,
        lambda: service.last_read,
    )
    service.listeners.append(stream.tell)
    return StreamServer(
        stream, place.clock, place.log, config.limits, place.counters, config.venue.origins
    )


async def _serve_stream(service: DropCopy, server: StreamServer, listener: socket.socket) -> None:
    """Who connects waits until the index is complete."""
    await service.settle()
    await server.serve(listener)


async def _dropcopy_status(
    service: DropCopy, acceptor: Acceptor, server: StreamServer, replays: Replays
) -> None:
    while True:
        await trio.sleep(STATUS_SECONDS)
        metrics = {
            **feed_figures(acceptor, server, replays),
            "fixgate_journal_read_record": service.last_read,
        }
        announce_status({}, metrics)
