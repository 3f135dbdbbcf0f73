"""The sending half of a session: here messages get their numbers and their bytes.

A number is given out at the last moment, in the order of the calls to transmit and
transmit_reports. The receiving half, gateway.fix.session, decides what is said.
"""

from collections.abc import Iterator, Sequence

from engine.model.clock import Clock
from gateway.fix.answers import business_reject_body, reject_body
from gateway.fix.errors import PeerError
from gateway.fix.header import routed_back
from gateway.fix.index import MAX_BATCH, MAX_SEQ_NUM, Report, SessionIndex
from gateway.fix.resend import Recall, Render, Replays
from gateway.fix.settings import SessionSettings
from gateway.fix.states import BUSINESS_REJECT, LOGON, LOGOUT, REJECT, RESEND_REQUEST, State
from gateway.fix.steps import Answer, Application, ResendStep
from gateway.fix.timers import Timers
from gateway.fix.wire import Wire, trailer


class Outbound:
    """What a session knows to send: its numbers, its index, whether anybody listens.

    The attributes are described at gateway.fix.session.Session, the one class built on this.
    """

    def __init__(self, settings: SessionSettings, index: SessionIndex) -> None:
        self.settings = settings
        self.index = index
        self.state = State.DISCONNECTED
        self.next_in = index.next_in
        self._wire = Wire(settings)
        self._timers = Timers()
        self._connection = 0  # how many there were
        self._open = False  # the Logon reply has left: bytes may follow
        self._forget_sent()

    def _forget_sent(self) -> None:
        """What belongs to one connection only."""
        self._replays = Replays()
        self._logon_number = 0
        self._request_number = 0  # of our latest ResendRequest
        self._settling = False  # numbers were reset, and that may not be on disk yet
        self._reset_record = -1

    @property
    def connected(self) -> bool:
        """A socket is attached, logged on or not."""
        return self.state is not State.DISCONNECTED

    @property
    def listening(self) -> bool:
        """Somebody is logged on, and no Logout of ours has left."""
        return self._open

    @property
    def next_out(self) -> int:
        """The MsgSeqNum of the next message that goes out."""
        return self.index.next_out

    def answer(self, msg_type: bytes, body: bytes, *, stored: bool) -> Answer:
        """An Answer of the shell's own, such as a status; see gateway.fix.steps."""
        return Answer(msg_type, body, stored)

    def reject(self, step: Application, error: PeerError) -> Answer:
        """A session Reject of an application message, found after validation."""
        body = reject_body(step.number, step.message.msg_type, error)
        return Answer(REJECT, routed_back(step.message) + body, True, step.number + 1)

    def business_reject(
        self, step: Application, reason: int, text: str, *, ref_id: bytes = b""
    ) -> Answer:
        """BusinessMessageReject of an application message; reason is BusinessRejectReason(380),
        ref_id the identifier that it is about."""
        msg_type = step.message.msg_type
        body = business_reject_body(step.number, msg_type, reason, text, ref_id=ref_id)
        return Answer(BUSINESS_REJECT, routed_back(step.message) + body, True, step.number + 1)

    def _answer(self, msg_type: bytes, body: bytes, *, stored: bool = False) -> Answer:
        return Answer(msg_type, body, stored, self.next_in, self._connection)

    def transmit(self, answer: Answer, now: int) -> bytes:
        """Number an Answer, all before which is durable; its bytes, b"" if nobody is there.

        A stored one keeps its number for a ResendRequest; any other is dropped with its
        connection.
        """
        index = self.index
        own = answer.connection in {-1, self._connection}
        live = self.connected and (self._open or (own and answer.msg_type in {LOGON, LOGOUT}))
        if not answer.stored and not (live and own):
            return b""
        if answer.reset:
            index.reset(now, self._reset_record, answer.next_in)
            self._settling = True
            number = 1
        else:
            next_in = answer.next_in if own and answer.next_in <= MAX_SEQ_NUM else 0
            if answer.stored:
                number = index.append_body(
                    answer.msg_type, answer.body, now, live=live, next_in=next_in
                )
            else:
                number = index.append_admin(now, live=live, next_in=next_in)
        if answer.msg_type == LOGON:
            self._open = not answer.reset
            self._logon_number = number
        elif answer.msg_type == RESEND_REQUEST:
            self._request_number = number
        if not live:
            return b""
        if answer.msg_type == LOGOUT and self.state is State.CLOSING:
            self._open = False  # nothing may follow it
        self._timers.said = self._timers.mono
        index.mark_sent(number, number)
        return self._wire.message(
            answer.msg_type, number, answer.body, now, self.next_in, poss_resend=False
        )

    def transmit_unkept(
        self, messages: Sequence[tuple[bytes, bytes]], now: int, *, next_in: int = 0
    ) -> bytes:
        """Number (MsgType, body) of messages that nobody needs again; their bytes.

        A resend fills their numbers as it fills those of session messages. While nobody is there
        they are dropped and use none. next_in: as in Answer.
        """
        if not (messages and self.connected and self._open):
            return b""
        if len(messages) > MAX_BATCH:
            return b"".join(
                self.transmit_unkept(messages[at : at + MAX_BATCH], now, next_in=next_in)
                for at in range(0, len(messages), MAX_BATCH)
            )
        index, count = self.index, len(messages)
        last = index.append_admin(now, live=True, next_in=next_in, count=count)
        number = last - count
        template = self._wire.template(now, self.next_in, poss_resend=False)
        frame = self._wire.frame
        out: list[bytes] = []
        for msg_type, body in messages:
            number += 1
            text = template % (msg_type, number, body)
            text = frame % (len(text), text)
            out += (text, trailer(text))
        index.mark_sent(last - count + 1, last)
        self._timers.said = self._timers.mono
        return b"".join(out)

    def unheard(self) -> None:
        """The connection is closing and takes nothing more: what is numbered from here on has not
        been sent."""
        self._open = False

    def settled(self) -> None:
        """The index is settled, so the Logon reply of a reset may leave, and bytes may follow it.

        What was numbered since the reset has been kept back: the `unsent` ResendStep sends it.
        """
        if self._settling:
            self._settling = False
            self._open = self.state is not State.CLOSING
            self._unsent = (2, self.index.next_out - 1)

    def transmit_reports(
        self, reports: Sequence[Report], now: int, *, poss_resend: bool = False
    ) -> bytes:
        """Number reports, in record order, each durable; their bytes, b"" if nobody is there.

        poss_resend: an earlier process may have sent them under numbers that are lost.
        """
        if len(reports) > MAX_BATCH:
            return b"".join(
                self.transmit_reports(reports[at : at + MAX_BATCH], now, poss_resend=poss_resend)
                for at in range(0, len(reports), MAX_BATCH)
            )
        if not reports:
            return b""
        live = self._open
        first = self.index.append_reports(reports, now, live=live, poss_resend=poss_resend)
        return self._messages(first, reports, now, poss_resend=poss_resend) if live else b""

    def transmit_replays(self, reports: Sequence[Report], now: int) -> bytes:
        """Number at most MAX_BATCH reports once more, whose bodies say that they are a replay, for
        the connection that asked; their bytes, b"" if it has gone."""
        if not self._open or not reports:
            return b""
        first = self.index.append_replays(reports, now)
        return self._messages(first, reports, now, poss_resend=False)

    def _messages(
        self, first: int, reports: Sequence[Report], now: int, *, poss_resend: bool
    ) -> bytes:
        """The bytes of reports that have their numbers, from `first` on, and leave now."""
        number = first
        template = self._wire.template(now, self.next_in, poss_resend=poss_resend)
        frame = self._wire.frame
        out: list[bytes] = []
        add = out.append
        for _, _, msg_type, body in reports:
            text = template % (msg_type, number, body)
            text = frame % (len(text), text)
            add(text)
            add(trailer(text))
            number += 1
        self.index.mark_sent(first, number - 1)
        self._timers.said = self._timers.mono
        return b"".join(out)

    def resend(self, request: ResendStep, render: Render, clock: Clock) -> Iterator[bytes]:
        """The bytes that a ResendStep asks for, slice by slice; some slices may be empty.

        The range is that of now: what gets a number from here on must wait behind the slices.
        Ends by itself when the connection does. See gateway.fix.resend.
        """
        connection, generation = self._connection, self.index.generation

        def alive() -> bool:
            return (
                self._open
                and self.state is not State.RESETTING  # what a reset carries is being prepared
                and self._connection == connection
                and self.index.generation == generation
            )

        stale = request.connection not in {-1, connection} or (
            request.generation not in {-1, generation}
        )
        if stale or not alive():
            return iter(())
        recall = Recall(self.index, self._wire, render, clock, alive)
        if request.what == "unsent":
            return recall.first(*self._unsent)
        replays = self._replays
        expected = request.what == "expected"  # up to the Logon reply, which has left
        last = self._logon_number if expected else self.index.next_out - 1
        begin, end = replays.start(request.number, request.begin, request.end, last)
        return self._replay(recall, replays, begin, min(end, last - expected))

    def _replay(self, recall: Recall, replays: Replays, begin: int, end: int) -> Iterator[bytes]:
        yield from recall.again(begin, end, replays)
        if recall.alive():
            replays.served()
            self._timers.said = self._timers.mono
