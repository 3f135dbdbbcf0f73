"""Drop copy over WebSocket: a member's reports as JSON, live and from any ApplSeqNum on.

One channel, `reports`. A connection subscribes to it once, with a filter of its own if it wants
one; every connection of a member is a consumer by itself, and comes back with the ApplSeqNum(1181)
that it had last. A report has the fields that a drop copy session has over FIX.
"""

from collections.abc import Callable, Sequence
from typing import Final

from engine.model.record import Record
from engine.model.refdata import ReferenceData
from gateway.config import CopyFilter
from gateway.drop_copy.appl_index import ApplIndex
from gateway.drop_copy.filters import ReportFilter, is_copied
from gateway.drop_copy.wording import ReportWording
from gateway.reports import CopiedEvent, ReportRenderer
from gateway.stream.answers import (
    ErrorCode,
    Refused,
    decoded,
    error,
    frame,
    subscribed,
    unsubscribed,
)
from gateway.stream.client import StreamClient
from gateway.stream.replay import Replay, Replays
from gateway.stream.requests import Authenticate, Request, Subscribe, Unsubscribe
from gateway.stream.tokens import Tokens

CHANNEL: Final = "reports"


class _Subscription:
    """What one client has asked for. replay: its way to the live reports, None once it is there."""

    __slots__ = ("chosen", "member", "replay")

    def __init__(self, member: int, chosen: ReportFilter | None) -> None:
        self.member = member
        self.chosen = chosen
        self.replay: Replay | None = None


class CopyStream:
    """The StreamService of the drop copy process, told by its reader of the journal."""

    def __init__(
        self,
        refdata: ReferenceData,
        index: ApplIndex,
        renderer: ReportRenderer,
        wording: ReportWording,
        tokens: Tokens,
        replays: Replays,
        last_read: Callable[[], int],
    ) -> None:
        """renderer: of drop copies. last_read: the last record whose reports were told."""
        self._refdata = refdata
        self._index = index
        self._renderer = renderer
        self._wording = wording
        self._tokens = tokens
        self._replays = replays
        self._last_read = last_read
        self._clients: dict[StreamClient, _Subscription | None] = {}
        self._live: dict[int, dict[StreamClient, ReportFilter | None]] = {}
        """By member: who is told of reports as they come."""

    # --- StreamService ------------------------------------------------------------------------

    def authorize(self, token: str) -> str | None:
        """A member's reports are for that member."""
        return self._tokens.owner(token)

    def opened(self, client: StreamClient) -> None:
        """A client is there."""
        self._clients[client] = None

    def closed(self, client: StreamClient) -> None:
        """It is gone."""
        self._end(client)
        del self._clients[client]

    def received(self, client: StreamClient, text: str) -> None:
        """A message of a client, answered at once."""
        ident = None
        try:
            request = decoded(text)
            ident = request.id
            self._take(client, request)
        except Refused as refused:
            client.send(error(ident, refused))

    def _take(self, client: StreamClient, request: Request) -> None:
        match request:
            case Subscribe():
                self._subscribe(client, request)
            case Unsubscribe():
                self._unsubscribe(client, request)
            case Authenticate():
                raise Refused(ErrorCode.MALFORMED, "the connection has shown its token already")

    # --- subscriptions ------------------------------------------------------------------------

    def _subscribe(self, client: StreamClient, request: Subscribe) -> None:
        _check(request)
        if self._clients[client] is not None:
            raise Refused(ErrorCode.ALREADY_SUBSCRIBED, "this connection has the reports already")
        member = self._member(client.who)
        if request.filter is not None:
            self._check_filter(member, request.filter)
        last = self._index.last(member)
        after = last if request.resume_from is None else request.resume_from
        if after > last:
            text = f"no report {after} yet; the last one is {last}"
            raise Refused(ErrorCode.UNKNOWN_SEQUENCE, text)
        subscription = _Subscription(member, ReportFilter.of(request.filter))
        self._clients[client] = subscription
        resumed = request.resume_from is not None
        client.send(subscribed(request, resumed=resumed, seq=after))
        if after == last:
            self._join(client, subscription)
        else:
            self._replay(client, subscription, after)

    def _member(self, name: str) -> int:
        for member in self._refdata.members.values():
            if member.name == name:
                return member.id
        raise Refused(ErrorCode.NOT_OFFERED, f"{name} has no part in the venue yet")

    def _check_filter(self, member: int, chosen: CopyFilter) -> None:
        """Whether the filter names what is there: a slip of the pen must not silence reports."""
        refdata = self._refdata
        known = (
            ("account", chosen.accounts, refdata.accounts, "name"),
            ("session", chosen.sessions, refdata.sessions, "comp_id"),
        )
        for what, names, table, attribute in known:
            own = {getattr(row, attribute) for row in table.values() if row.member == member}
            _check_names(what, names, own)
        symbols = {instrument.symbol for instrument in refdata.instruments.values()}
        _check_names("instrument", chosen.symbols, symbols)

    def _join(self, client: StreamClient, subscription: _Subscription) -> None:
        subscription.replay = None
        self._live.setdefault(subscription.member, {})[client] = subscription.chosen

    def _replay(self, client: StreamClient, subscription: _Subscription, after: int) -> None:
        replay = Replay(
            client,
            self._index.begin(subscription.member, after + 1) - 1,
            lambda records: self._missed(subscription, after, records),
            self._last_read,
            lambda: self._join(client, subscription),
        )
        subscription.replay = replay
        self._replays.start(replay)

    def _unsubscribe(self, client: StreamClient, request: Unsubscribe) -> None:
        _check(request)
        if self._clients[client] is None:
            raise Refused(ErrorCode.NOT_SUBSCRIBED, "not subscribed to reports")
        self._end(client)
        client.send(unsubscribed(request))

    def _end(self, client: StreamClient) -> None:
        subscription = self._clients[client]
        if subscription is None:
            return
        self._clients[client] = None
        if subscription.replay is not None:
            subscription.replay.cancel()
            return
        live = self._live[subscription.member]
        del live[client]
        if not live:
            del self._live[subscription.member]

    # --- reports ------------------------------------------------------------------------------

    def tell(self, records: Sequence[Record]) -> None:
        """The next records have been read, all of them durable."""
        if not self._live:
            return
        frames: dict[StreamClient, list[bytes]] = {}
        for record in records:
            for k, event in enumerate(record.events, 1):
                if not is_copied(event) or event.member not in self._live:
                    continue
                shared = b""
                for client, chosen in self._live[event.member].items():
                    if chosen is None or chosen.passes(event, self._refdata):
                        shared = shared or self._frame(record, k, event)
                        frames.setdefault(client, []).append(shared)
        for client, some in frames.items():
            client.send(b"".join(some))

    def _missed(self, subscription: _Subscription, after: int, records: Sequence[Record]) -> bytes:
        """The frames of reports behind ApplSeqNum `after` in some records."""
        member, chosen = subscription.member, subscription.chosen
        return b"".join(
            self._frame(record, k, event)
            for record in records
            for k, event in enumerate(record.events, 1)
            if is_copied(event)
            and event.member == member
            and event.appl_seq > after
            and (chosen is None or chosen.passes(event, self._refdata))
        )

    def _frame(self, record: Record, k: int, event: CopiedEvent) -> bytes:
        number = record.number
        msg_type, body = self._renderer.render_event(number, record.time, k, event)
        return frame(self._wording.message(event.appl_seq, number, msg_type, body))


def _check(request: Subscribe | Unsubscribe) -> None:
    """Whether the channel is there and has what is asked for. Raises Refused."""
    if request.channel != CHANNEL:
        text = f"no channel {request.channel}; there is {CHANNEL}"
        raise Refused(ErrorCode.UNKNOWN_CHANNEL, text)
    if request.symbol is not None:
        raise Refused(ErrorCode.NOT_OFFERED, "reports are of all symbols: choose some by filter")
    if request.depth is not None or request.interval_ms or request.interval is not None:
        text = "reports are sent one by one: they have no depth and no interval"
        raise Refused(ErrorCode.NOT_OFFERED, text)


def _check_names(what: str, names: Sequence[str] | None, own: set[str]) -> None:
    for name in names or ():
        if name not in own:
            raise Refused(ErrorCode.UNKNOWN_FILTER, f"no {what} {name}")
