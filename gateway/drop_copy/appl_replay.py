"""Reports again over FIX, by ApplSeqNum(1181): who may ask for what, and when it is sent.

A replay ends where the reports had come to when it was asked for; what comes later is sent live,
between its messages. So a member has everything once that it lacked, and nothing is missing between
the two: replayed reports say ApplResendFlag(1352)=Y, live ones do not.
"""

from collections.abc import Callable, Sequence
from typing import Final

from engine.model.clock import NANOS_PER_DAY, Clock
from engine.model.record import Record
from engine.model.refdata import ReferenceData
from gateway.drop_copy.appl_index import ApplIndex
from gateway.drop_copy.appl_messages import (
    APPLICATION_MESSAGE_REPORT,
    APPLICATION_MESSAGE_REQUEST_ACK,
    CANCEL,
    NO_SUCH_APPLICATION,
    NOT_AVAILABLE,
    RETRANSMISSION,
    ApplState,
    completed,
    granted,
    read_request,
    refused,
)
from gateway.drop_copy.filters import ReportFilter, is_copied
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.resend import APPL_RESEND
from gateway.fix.steps import Answer, Application
from gateway.flow.link import Link, Report
from gateway.stream.replay import Replay, Replays
from gateway.websocket.frames import CloseCode

DAILY_REPLAYED: Final = 5_000_000
"""Reports that one session may be sent again in 24 hours, messages: each takes a MsgSeqNum and 32
bytes of the session's index for as long as its numbers are kept, 160 MB for these."""


class _Asked:
    """A request, its session and the connection that it came on: whom its replay is for.

    number: MsgSeqNum of the request. chosen: the session's filter. next, end: the ApplSeqNums that
    are still to be sent, both counted.
    """

    def __init__(self, link: Link, step: Application, chosen: ReportFilter | None) -> None:
        assert link.connection is not None
        self.link = link
        self.connection = link.connection
        self.who = link.config.comp_id
        self.request = read_request(step.message)
        self.number = step.number
        self.chosen = chosen
        self.next = self.end = 0
        self.replay: Replay | None = None

    @property
    def open(self) -> bool:
        """Whether the connection still takes messages."""
        return self.link.connection is self.connection and self.link.session.listening

    def send(self, frames: bytes) -> None:
        """Send what has its numbers."""
        self.connection.write(frames)

    def close(self, code: CloseCode, reason: str, now: int) -> None:
        """Nothing more can be sent; FIX has no word for why."""
        self.connection.close(DisconnectReason.INTERNAL)


class ApplReplays:
    """Answers the ApplicationMessageRequests of the drop copy sessions."""

    def __init__(
        self,
        refdata: ReferenceData,
        index: ApplIndex,
        replays: Replays,
        last_read: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._refdata = refdata
        self._index = index
        self._replays = replays
        self._last_read = last_read
        self._clock = clock
        self._running: dict[int, _Asked] = {}
        """By session."""
        self._spent: dict[int, tuple[int, int]] = {}
        """By session: when its 24 hours began, monotonic ns, and what was granted in them."""

    def asked(self, link: Link, step: Application, chosen: ReportFilter | None) -> None:
        """A BW of a session with that filter."""
        asked = _Asked(link, step, chosen)
        request, appl = asked.request, self._appl(link)
        if request.ranges > 1:
            self._refuse(asked, NOT_AVAILABLE, "one range of one application in a request")
        elif request.appl not in (None, appl):
            text = f"the application is {appl.decode()}, the member"
            self._refuse(asked, NO_SUCH_APPLICATION, text)
        elif request.kind == RETRANSMISSION:
            self._retransmit(asked)
        else:
            if request.kind == CANCEL:
                self._cancel(link)
            self._grant(asked, None)

    def _appl(self, link: Link) -> bytes:
        return self._refdata.members[link.info.member].name.encode()

    def _retransmit(self, asked: _Asked) -> None:
        link, request = asked.link, asked.request
        last = self._index.last(link.info.member)
        asked.next = request.begin or 1
        asked.end = min(request.end or last, last)
        why = self._why_not(asked, last)
        if why:
            self._refuse(asked, NOT_AVAILABLE, why)
            return
        count = max(0, asked.end - asked.next + 1)
        self._grant(asked, count if asked.chosen is None else None)
        if not count:
            self._complete(asked)
            return
        self._spend(link, count)
        self._running[link.info.id] = asked
        asked.replay = Replay(
            asked,
            self._index.begin(link.info.member, asked.next) - 1,
            lambda records: self._render(asked, records),
            lambda: -1 if asked.next > asked.end else self._last_read(),
            lambda: self._complete(asked),
        )
        self._replays.start(asked.replay)

    def _why_not(self, asked: _Asked, last: int) -> str:
        """Why a range cannot be sent; empty if it can."""
        request, session = asked.request, asked.link.info.id
        if request.end and request.end < asked.next:
            return f"ApplEndSeqNum(1183) {request.end} is before ApplBegSeqNum(1182) {asked.next}"
        if asked.next > last + 1:
            return f"no report {asked.next} yet; the last one is {last}"
        running = self._running.get(session)
        if running is not None and running.open:
            ident = running.request.ident.decode("latin-1")
            return f"{ident} is being answered: wait for its BY, or cancel it by 1347=5"
        count = asked.end - asked.next + 1
        if self._spent_today(session) + count > DAILY_REPLAYED:
            return f"at most {DAILY_REPLAYED} reports in 24 hours; over WebSocket there is no limit"
        return ""

    def _spent_today(self, session: int) -> int:
        began, spent = self._spent.get(session, (0, 0))
        return spent if self._clock.monotonic() - began < NANOS_PER_DAY else 0

    def _spend(self, link: Link, count: int) -> None:
        session = link.info.id
        spent = self._spent_today(session)
        began = self._spent[session][0] if spent else self._clock.monotonic()
        self._spent[session] = (began, spent + count)

    def _render(self, asked: _Asked, records: Sequence[Record]) -> bytes:
        """The messages of what is due in some records, with their numbers."""
        link = asked.link
        reports: list[Report] = []
        for record in records:
            for k, event in enumerate(record.events, 1):
                if not is_copied(event) or event.member != link.info.member:
                    continue
                if not asked.next <= event.appl_seq <= asked.end:
                    continue
                asked.next = event.appl_seq + 1
                if asked.chosen is None or asked.chosen.passes(event, self._refdata):
                    number = record.number
                    msg_type, body = link.renderer.render_event(number, record.time, k, event)
                    reports.append((number, k, msg_type, body + APPL_RESEND))
        link.counters.messages_out += len(reports)
        return link.session.transmit_replays(reports, self._clock.now())

    def _complete(self, asked: _Asked) -> None:
        """Say that all has been sent."""
        link = asked.link
        if self._running.get(link.info.id) is asked:
            del self._running[link.info.id]
        body = completed(asked.request, asked.number, self._appl(link), asked.end)
        self._say(link, Answer(APPLICATION_MESSAGE_REPORT, body, stored=True))

    def _cancel(self, link: Link) -> None:
        running = self._running.pop(link.info.id, None)
        if running is not None and running.replay is not None:
            running.replay.cancel()

    def _grant(self, asked: _Asked, count: int | None) -> None:
        """Say that it is done, or begun. count: of the messages that follow, if that is known."""
        last = self._index.last(asked.link.info.member)
        state = ApplState(self._appl(asked.link), asked.next, asked.end, last)
        self._acknowledge(asked, granted(asked.request, asked.number, state, count))

    def _refuse(self, asked: _Asked, response: int, text: str) -> None:
        last = self._index.last(asked.link.info.member)
        self._acknowledge(asked, refused(asked.request, asked.number, response, text, last))

    def _acknowledge(self, asked: _Asked, body: bytes) -> None:
        next_in = asked.number + 1
        self._say(asked.link, Answer(APPLICATION_MESSAGE_REQUEST_ACK, body, True, next_in))

    def _say(self, link: Link, answer: Answer) -> None:
        link.perform(answer, self._clock.now())
