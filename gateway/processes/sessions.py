"""The FIX sessions of a process: their indexes, their links, and what listens for them."""

from collections.abc import Iterable, Mapping
from typing import Final

import trio

from engine.model.enums import DROP_COPY
from engine.model.refdata import ReferenceData, SessionInfo
from gateway.config import Limits, ResolvedSession, resolve_sessions
from gateway.fix.session import Session
from gateway.fix.settings import SessionSettings
from gateway.flow.acceptor import Acceptor, Service
from gateway.flow.index_file import FileIndex
from gateway.flow.link import Gate, Link
from gateway.flow.throttle import Throttle
from gateway.processes.place import Place
from gateway.reports import ReportRenderer

IDENTICAL_RESENDS: Final = 10
"""Identical ResendRequests in a row, each served in full, after which a member is logged out."""


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
    drop_copy = kind == DROP_COPY
    renderers: dict[tuple[int, bool], ReportRenderer] = {}
    links = []
    for config in resolve_sessions(place.config):
        info = by_name.get(config.comp_id)
        if info is None or info.kind != kind:
            continue
        extensions = always_extend or config.extensions
        key = (config.timestamp_precision, extensions)
        if key not in renderers:
            renderers[key] = ReportRenderer(
                refdata, digits=key[0], extensions=key[1], drop_copy=drop_copy
            )
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


def acceptor_of(place: Place, links: Iterable[Link], service: Service) -> Acceptor:
    """What listens for the sessions of `links`."""
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
