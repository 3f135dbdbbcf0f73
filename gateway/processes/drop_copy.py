"""Drop copy: a reader of the journal that numbers every report of a member for its risk desk."""

import trio

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.journal.wake import WakeClient
from engine.model.commands import DefineSession
from engine.model.enums import DROP_COPY
from engine.model.refdata import ReferenceData
from engine.restore import restored_names
from gateway.children import announce_ready, announce_status
from gateway.config import resolve_sessions
from gateway.drop_copy.service import POLL_RECORDS, DropCopy
from gateway.flow.acceptor import Acceptor
from gateway.flow.figures import connection_figures
from gateway.processes.place import STATUS_SECONDS, Place
from gateway.processes.sessions import acceptor_of, close_indexes, open_links


class NothingPending:
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
    refdata, known = reference_data(place, reader)
    links = open_links(
        place,
        refdata,
        DROP_COPY,
        NothingPending(),
        always_extend=True,
        journalled={},
    )
    wake = WakeClient(place.wake)
    service = DropCopy(reader, refdata, links, wake, place.clock, place.log, known)
    acceptor = acceptor_of(place, links, service)
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


def reference_data(
    place: Place, reader: JournalReader, disk: Disk = REAL_DISK
) -> tuple[ReferenceData, int]:
    """Names and scales from a snapshot, and on to where every drop copy session of the
    configuration is known; and the record up to which they are complete."""
    wanted = {s.comp_id for s in resolve_sessions(place.config) if s.kind == "drop_copy"}
    refdata, after = ReferenceData(), -1
    for found, start in restored_names(place.snapshots, reader, place.log, disk):
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
