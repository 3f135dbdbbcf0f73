"""The market over FIX: who has subscribed to what, and what each session is told.

Subscriptions belong to a Logon: with the connection, and with a Logon that sets the numbers to 1,
they are over, for nobody could tell their chains from new ones. What was sent is never sent again:
a resend fills its numbers, and who comes back subscribes and is shown the whole.
"""

from collections.abc import Callable, Iterable
from typing import Final

import trio

from engine.journal.follow import JournalReader
from engine.market.feed import MarketUpdate
from engine.market_reader import MarketReader
from engine.model.clock import Clock
from engine.model.enums import BUSINESS_OTHER, BUSINESS_THROTTLED
from engine.model.ids import NOBODY
from engine.model.refdata import Instrument
from engine.replay import Whole
from gateway.fix.errors import PeerError
from gateway.fix.index import MAX_SEQ_NUM
from gateway.fix.states import LOGON
from gateway.fix.steps import Answer, Application, Step
from gateway.fix.timestamps import parse_utc
from gateway.flow.link import Link, log_business_reject
from gateway.flow.log_limit import MEMBER_LINES, LimitedLog
from gateway.flow.throttle import TokenBucket
from gateway.market_data.fix_messages import (
    MARKET_DATA_REQUEST_REJECT,
    READY_TO_TRADE,
    RESUME,
    SECURITY_DEFINITION,
    SECURITY_LIST,
    SECURITY_STATUS,
    SESSION_HALTED,
    SESSION_OPEN,
    TRADING_HALT,
    TRADING_SESSION_STATUS,
    UNKNOWN_SECURITY,
    moment_of,
    request_reject,
    security_definition,
    security_lists,
    security_status,
    session_reject,
    session_status,
)
from gateway.market_data.fix_requests import (
    DUPLICATE_MD_REQ_ID,
    INSUFFICIENT_BANDWIDTH,
    OTHER,
    SNAPSHOT,
    SUBSCRIBE,
    UNKNOWN_ID,
    UNSUBSCRIBE,
    MarketDataRequest,
    NotOffered,
    Shape,
    StatusRequest,
    Unusable,
    read_definition,
    read_list,
    read_market_data,
    read_session_status,
    read_status,
)
from gateway.market_data.fix_topics import FixTopic, Frame, Frames, entries_of, topic_of
from gateway.market_data.schedule import NANOS_PER_MS, Schedule, Subject
from gateway.reports import BUSINESS_MESSAGE_REJECT

SUBSCRIPTIONS: Final = 256
"""Instruments that one session may have subscribed to, over all its requests."""

SHAPES: Final = 8
"""Subscriptions of one session to one instrument: each may be a rendering of its own."""

STATUS_SUBSCRIPTIONS: Final = 256
"""Subscriptions of one session to the state of instruments and of the trading session."""

SNAPSHOT_ENTRIES: Final = 50_000
"""Entries that all snapshots of one request may have: some 2.5 MiB, of the 4 MiB that close a slow
connection."""

REQUESTS: Final = (20, 100)
"""Requests that a session may send, a second and at once: it subscribes, and then it listens."""

LAST_NUMBER: Final = MAX_SEQ_NUM - 1_000_000
"""MsgSeqNum at which a session has to begin again at 1, while there are numbers to say so."""

UNSUPPORTED_MESSAGE_TYPE: Final = 3  # BusinessRejectReason(380)

Key = tuple[int, Shape, int]
"""Instrument id, shape, digits of a second in times: those who share a key share every message."""


class _Subject(Subject[Frames]):
    """A topic and its subscribers."""

    def __init__(self, key: Key, topic: FixTopic) -> None:
        super().__init__(topic, key[1].interval_ms * NANOS_PER_MS)
        self.key = key
        self.topic = topic


class _Subscription:
    """One instrument of one request of a session."""

    __slots__ = ("_member", "_prefix", "subject")

    def __init__(self, member: "_Member", req_id: bytes, subject: _Subject) -> None:
        self._member = member
        self._prefix = b"262=%b\x01" % req_id
        self.subject = subject

    @property
    def unsent(self) -> int:
        """See Subscriber."""
        return self._member.unsent

    def send(self, frames: Frames) -> None:
        """See Subscriber."""
        prefix = self._prefix
        self._member.say([(msg_type, prefix + body) for msg_type, body in frames])


class _Member:
    """What one session has asked for since it logged on, and what it is told at the next flush."""

    def __init__(self, link: Link, dirty: "dict[_Member, None]") -> None:
        self.link = link
        self.since = 0
        """When it logged on, ns UTC."""
        self.requests: dict[bytes, list[_Subscription]] = {}
        """By MDReqID(262)."""
        self.statuses: dict[bytes, bytes] = {}
        """SecurityStatusReqID(324) to Symbol(55)."""
        self.sessions: dict[bytes, None] = {}
        """By TradSesReqID(335)."""
        self.bucket = TokenBucket(*REQUESTS)
        self._dirty = dirty
        self._out: list[Frame] = []

    @property
    def unsent(self) -> int:
        """Bytes that it was sent and has not read yet."""
        connection = self.link.connection
        return 0 if connection is None else connection.queued

    @property
    def digits(self) -> int:
        """Of a second, in times."""
        return self.link.config.timestamp_precision

    def subscribed(self, instrument: int | None = None) -> int:
        """How many subscriptions it has, to one instrument or to all."""
        return sum(
            instrument is None or each.subject.key[0] == instrument
            for subscriptions in self.requests.values()
            for each in subscriptions
        )

    def say(self, messages: Iterable[Frame]) -> None:
        """Say this at the next flush."""
        self._out += messages
        self._dirty[self] = None

    def take(self) -> list[Frame]:
        """What is to be said now."""
        out, self._out = self._out, []
        return out

    def forget(self) -> None:
        """It begins anew."""
        self.requests.clear()
        self.statuses.clear()
        self.sessions.clear()
        self._out.clear()


class FixMarketData:
    """The Service of market data sessions, told by the market's reader."""

    def __init__(
        self, market: MarketReader, links: Iterable[Link], clock: Clock, log: Callable[[str], None]
    ) -> None:
        self._market = market
        self._clock = clock
        self._rejects_log = LimitedLog(log, clock.monotonic, MEMBER_LINES)
        self.schedule: Schedule[Frames] = Schedule(clock, self._flush)
        self._subjects: dict[Key, _Subject] = {}
        self._by_instrument: dict[int, dict[Key, _Subject]] = {}
        self._dirty: dict[_Member, None] = {}
        self._members = {link.info.id: _Member(link, self._dirty) for link in links}
        for member in self._members.values():
            member.link.on_detach = self._detached
        self._closed = NOBODY in market.market.halts
        """The whole venue is halted."""
        self._instruments: dict[bytes, Instrument] = {}
        self._learn()
        self._requests: Final[dict[bytes, Callable[[_Member, Application], None]]] = {
            b"V": self._market_data,
            b"x": self._list,
            b"c": self._definition,
            b"e": self._status,
            b"g": self._session_status,
        }

    def _learn(self) -> None:
        instruments = self._market.refdata.instruments.values()
        self._instruments = {each.symbol.encode(): each for each in instruments}

    # --- Service ------------------------------------------------------------------------------

    def application(self, link: Link, step: Application, now: int) -> None:
        """Answer a request at once."""
        member, session = self._members[link.info.id], link.session
        if step.message.msg_type == BUSINESS_MESSAGE_REJECT:
            log_business_reject(link, step.message, self._rejects_log)
            return
        if _of_before(step, member):
            return
        try:
            self._throttle(member, step)
            self._request_of(step)(member, step)
        except PeerError as error:
            self.perform(link, session.reject(step, error), now)
        except NotOffered as error:
            body = request_reject(step.message.get(262, b""), error.reason, error.text)
            member.say([(MARKET_DATA_REQUEST_REJECT, body)])
        except Unusable as error:
            answer = session.business_reject(step, error.reason, error.text, ref_id=error.ref_id)
            self.perform(link, answer, now)
        self._flush(link, step.number + 1)

    def _request_of(self, step: Application) -> Callable[[_Member, Application], None]:
        """What answers a message of that type. Raises Unusable."""
        found = self._requests.get(step.message.msg_type)
        if found is None:
            text = f"{step.message.name} is not taken on a market data session"
            raise Unusable(UNSUPPORTED_MESSAGE_TYPE, text)
        return found

    def _throttle(self, member: _Member, step: Application) -> None:
        """Raises Unusable for what comes too soon."""
        mono, link = self._clock.monotonic(), member.link
        msg_type = step.message.msg_type
        text = "" if link.throttle is None else link.throttle.refusal(msg_type, mono)
        if not text and not member.bucket.take(mono):
            text = f"rate limit: {REQUESTS[0]} requests/s, burst {REQUESTS[1]}; nothing was done"
        if text:
            link.counters.throttled += 1
            extended = link.config.extensions
            raise Unusable(BUSINESS_THROTTLED if extended else BUSINESS_OTHER, text)

    def perform(self, link: Link, step: Step, now: int) -> None:
        """Do a session step; nothing here waits for the disk."""
        if isinstance(step, Answer) and step.msg_type == LOGON:
            self._detached(link)
            self._members[link.info.id].since = now
        link.perform(step, now)

    def after_read(self, link: Link, began: int) -> bool:
        """Nothing to do: reads change nothing here, and nobody waits for the next."""
        return False

    async def room(self) -> None:
        """Let other connections run."""
        await trio.lowlevel.checkpoint()

    async def settle(self) -> None:
        """No session here has reports that it could wait for."""
        await trio.lowlevel.checkpoint()

    def open_reader(self) -> JournalReader:
        """A reader of the journal for one resend."""
        return self._market.reader.another()

    def _detached(self, link: Link) -> None:
        """Nobody is there any more, or somebody who begins anew."""
        member = self._members[link.info.id]
        for subscriptions in member.requests.values():
            self._leave(subscriptions)
        member.forget()

    def _flush(self, answered: Link | None = None, next_in: int = 0) -> None:
        """Let everything leave that was said. answered: a link whose messages below next_in are
        all settled by it."""
        now = self._clock.now()
        dirty = list(self._dirty)
        self._dirty.clear()
        for member in dirty:
            link = member.link
            link.tell(member.take(), now, next_in=next_in if link is answered else 0)
            if link.session.next_out > LAST_NUMBER:
                text = "out of numbers: log on with ResetSeqNumFlag(141)=Y"
                self._detached(link)
                for step in link.session.logout(text, self._clock.monotonic()):
                    link.perform(step, now)

    # --- V ------------------------------------------------------------------------------------

    def _market_data(self, member: _Member, step: Application) -> None:
        request = read_market_data(step.message, self._instruments)
        if request.kind == UNSUBSCRIBE:
            subscriptions = member.requests.pop(request.req_id, None)
            if subscriptions is None:
                text = "nothing is subscribed to under this MDReqID(262)"
                raise Unusable(UNKNOWN_ID, text, request.req_id)
            self._leave(subscriptions)
            return
        self._check_room(member, request)
        if request.kind == SNAPSHOT:
            prefix = b"262=%b\x01" % request.req_id
            for instrument in request.instruments:
                topic = self._topic((instrument.id, request.shape, member.digits))
                member.say([(kind, prefix + body) for kind, body in topic.whole()])
            return
        member.requests[request.req_id] = [
            self._join(member, request.req_id, (instrument.id, request.shape, member.digits))
            for instrument in request.instruments
        ]

    def _check_room(self, member: _Member, request: MarketDataRequest) -> None:
        """Raises NotOffered."""
        if request.req_id in member.requests:
            text = "this MDReqID(262) has a subscription: end it first (263=2), or take another"
            raise NotOffered(DUPLICATE_MD_REQ_ID, text)
        feed = self._market.market.feed
        count = sum(entries_of(feed(each.id), request.shape) for each in request.instruments)
        if count > SNAPSHOT_ENTRIES:
            text = f"{count} entries, at most {SNAPSHOT_ENTRIES}: ask for fewer levels (264)"
            raise NotOffered(INSUFFICIENT_BANDWIDTH, text)
        if request.kind == SNAPSHOT:
            return
        if member.subscribed() + len(request.instruments) > SUBSCRIPTIONS:
            text = f"at most {SUBSCRIPTIONS} subscriptions of a session, counted by instrument"
            raise NotOffered(INSUFFICIENT_BANDWIDTH, text)
        for instrument in request.instruments:
            if member.subscribed(instrument.id) >= SHAPES:
                text = f"at most {SHAPES} subscriptions of a session to {instrument.symbol}"
                raise NotOffered(INSUFFICIENT_BANDWIDTH, text)

    def _topic(self, key: Key) -> FixTopic:
        ident, shape, digits = key
        instrument = self._market.refdata.instruments[ident]
        feed = self._market.market.feed(ident)
        return topic_of(instrument, feed, shape, digits, self._market)

    def _join(self, member: _Member, req_id: bytes, key: Key) -> _Subscription:
        """Subscribe: the others have all that there is, the newcomer is shown the whole."""
        subject = self._subjects.get(key)
        if subject is None:
            subject = self._subjects[key] = _Subject(key, self._topic(key))
            self._by_instrument.setdefault(key[0], {})[key] = subject
            self.schedule.subjects[subject] = None
        subject.tell()
        subscription = _Subscription(member, req_id, subject)
        subject.clients[subscription] = None
        subscription.send(subject.topic.whole())
        return subscription

    def _leave(self, subscriptions: Iterable[_Subscription]) -> None:
        for subscription in subscriptions:
            subject = subscription.subject
            subject.leave(subscription)
            if not subject.clients:
                del self._subjects[subject.key]
                del self._by_instrument[subject.key[0]][subject.key]
                self.schedule.forget(subject)

    # --- x, c, e, g ---------------------------------------------------------------------------

    def _list(self, member: _Member, step: Application) -> None:
        bodies = security_lists(*read_list(step.message, self._instruments))
        member.say((SECURITY_LIST, body) for body in bodies)

    def _definition(self, member: _Member, step: Application) -> None:
        body = security_definition(*read_definition(step.message, self._instruments))
        member.say([(SECURITY_DEFINITION, body)])

    def _status(self, member: _Member, step: Application) -> None:
        request = read_status(step.message, self._instruments)
        if request.kind == UNSUBSCRIBE:
            if member.statuses.pop(request.req_id, None) is None:
                raise _not_subscribed(request, "SecurityStatusReqID(324)")
            return
        if not request.known:
            text = "not traded here"
            body = security_status(
                request.req_id, request.name, UNKNOWN_SECURITY, b"", text, asked=True
            )
            member.say([(SECURITY_STATUS, body)])
            return
        if request.kind == SUBSCRIBE:
            _check_status_room(member, request)
            member.statuses[request.req_id] = request.name
        market = self._market
        halted = market.market.halted(self._instruments[request.name].id)
        body = security_status(
            request.req_id,
            request.name,
            READY_TO_TRADE if halted is None else TRADING_HALT,
            moment_of(market.last_read, market.time, member.digits),
            halted,
            asked=True,
        )
        member.say([(SECURITY_STATUS, body)])

    def _session_status(self, member: _Member, step: Application) -> None:
        request = read_session_status(step.message)
        if request.kind == UNSUBSCRIBE:
            if request.req_id not in member.sessions:
                raise _not_subscribed(request, "TradSesReqID(335)")
            del member.sessions[request.req_id]
            return
        if not request.known:
            body = session_reject(request.req_id, request.name)
            member.say([(TRADING_SESSION_STATUS, body)])
            return
        if request.kind == SUBSCRIBE:
            _check_status_room(member, request)
            member.sessions[request.req_id] = None
        member.say([self._session_message(request.req_id, asked=True)])

    def _session_message(self, req_id: bytes, *, asked: bool) -> Frame:
        reason = self._market.market.halts.get(NOBODY)
        status = SESSION_OPEN if reason is None else SESSION_HALTED
        body = session_status(req_id, self._clock.now(), status, reason, asked=asked)
        return TRADING_SESSION_STATUS, body

    # --- MarketListener -----------------------------------------------------------------------

    def defined(self, instrument: Instrument) -> None:
        """An instrument is new, or was defined anew."""
        self._learn()

    def update(self, update: MarketUpdate) -> None:
        """What a command has done to an instrument."""
        subjects = self._by_instrument.get(update.change.instrument, {}).values()
        for subject in subjects:
            subject.topic.update(update)
        self.schedule.touch(subjects)

    def halted(self, instrument: Instrument, whole: Whole) -> None:
        """An instrument is halted or open again."""
        symbol = instrument.symbol.encode()
        reason = self._market.market.halted(instrument.id)
        status = RESUME if reason is None else TRADING_HALT
        for member in self._members.values():
            moment = moment_of(whole.last, whole.time, member.digits)
            for req_id, about in member.statuses.items():
                if about == symbol:
                    body = security_status(req_id, symbol, status, moment, reason, asked=False)
                    member.say([(SECURITY_STATUS, body)])
        closed = NOBODY in self._market.market.halts
        if closed != self._closed:
            self._closed = closed
            for member in self._members.values():
                member.say([self._session_message(each, asked=False) for each in member.sessions])

    def turn_over(self) -> None:
        """Tell what is due; what is conflated may have to wait."""
        self.schedule.turn_over()
        if self._dirty:
            self._flush()


def _of_before(step: Application, member: _Member) -> bool:
    """A request that a member's engine sends again, and that belongs to a Logon that is over: its
    subscription is over, too."""
    sent = parse_utc(step.message.get(122, b"")) if step.poss_dup else None
    return sent is not None and sent < member.since


def _check_status_room(member: _Member, request: StatusRequest) -> None:
    """Raises Unusable."""
    if request.req_id in member.statuses or request.req_id in member.sessions:
        text = "this identifier has a subscription: end it first (263=2), or take another"
        raise Unusable(OTHER, text, request.req_id)
    if len(member.statuses) + len(member.sessions) >= STATUS_SUBSCRIPTIONS:
        text = f"at most {STATUS_SUBSCRIPTIONS} subscriptions to states"
        raise Unusable(OTHER, text, request.req_id)


def _not_subscribed(request: StatusRequest, field: str) -> Unusable:
    return Unusable(UNKNOWN_ID, f"nothing is subscribed to under this {field}", request.req_id)
