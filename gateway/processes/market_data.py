"""Market data: a reader of the journal that folds the public market and tells whoever listens."""

import trio

from engine.journal.files import open_reader
from engine.journal.wake import WakeClient
from engine.market_reader import MarketReader
from engine.market_shadow import restored_market
from engine.model.enums import MARKET_DATA
from gateway.children import announce_ready, announce_status
from gateway.flow.acceptor import Acceptor
from gateway.flow.following import POLL_RECORDS, follow
from gateway.market_data.fix_service import FixMarketData
from gateway.market_data.stream import MarketStream
from gateway.processes.memory import freeze_what_there_is
from gateway.processes.place import STATUS_SECONDS, Place
from gateway.processes.sessions import NothingPending, acceptor_of, close_indexes, open_links
from gateway.stream.figures import feed_figures
from gateway.stream.replay import Replays
from gateway.stream.server import StreamServer
from gateway.stream.tokens import Tokens


async def run_marketdata(place: Place, stop: trio.Event) -> None:
    """Fold the journal and serve the market until `stop`."""
    venue = place.config.venue
    listener = place.listen(venue.ports.market_data_stream)
    fix_listener = place.listen(venue.ports.market_data)
    announce_ready()  # who connects waits for the fold
    reader = open_reader(place.journal)
    market = restored_market(place.market, reader, place.log)
    while market.step(POLL_RECORDS):
        await trio.lowlevel.checkpoint()
    freeze_what_there_is()
    replays = Replays(reader.another, place.clock.monotonic, place.log)
    stream = MarketStream(market, Tokens(place.config), place.clock, replays)
    links = open_links(
        place, market.refdata, MARKET_DATA, NothingPending(), always_extend=True, journalled={}
    )
    service = FixMarketData(market, links, place.clock, place.log)
    acceptor = acceptor_of(place, links, service)
    market.listeners += [stream, service]
    server = StreamServer(
        stream, place.clock, place.log, place.config.limits, place.counters, venue.origins
    )
    wake = WakeClient(place.wake)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, wake, lambda: market.step(POLL_RECORDS) > 0)
        nursery.start_soon(stream.schedule.conflate)
        nursery.start_soon(service.schedule.conflate)
        nursery.start_soon(replays.serve)
        nursery.start_soon(server.serve, listener)
        nursery.start_soon(acceptor.serve, fix_listener)
        nursery.start_soon(_status, market, acceptor, server, replays)
        await stop.wait()
        while market.step(POLL_RECORDS):
            await trio.lowlevel.checkpoint()
        listener.close()
        fix_listener.close()
        async with trio.open_nursery() as closing:
            closing.start_soon(server.close, "the venue is closing")
            closing.start_soon(acceptor.close, "the venue is closing")
        nursery.cancel_scope.cancel()
    await close_indexes(links)


async def _status(
    market: MarketReader, acceptor: Acceptor, server: StreamServer, replays: Replays
) -> None:
    while True:
        await trio.sleep(STATUS_SECONDS)
        metrics = {
            **feed_figures(acceptor, server, replays),
            "fixgate_journal_read_record": market.last_read,
        }
        announce_status({}, metrics)
