"""One FIX session, acceptor side: decoded messages in, steps and bytes out; no socket, no clock.

This is the receiving half, the life of the connection, and what is said in return; numbers and
bytes of what leaves are gateway.fix.outbound's. The theory is in gateway.fix.states, the numbers'
memory in gateway.fix.index. `now` is wall clock ns UTC and goes into SendingTime only; `mono` is
monotonic ns and drives every timer.
"""

from collections import deque
from typing import Final

from gateway.fix.answers import UNSUPPORTED_TYPE, business_reject_body, logout_body, reject_body
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.errors import (
    REASON_OTHER,
    SENDING_TIME_PROBLEM,
    VALUE_INCORRECT,
    PeerError,
)
from gateway.fix.gap import Gap
from gateway.fix.header import comp_id_error, late_text, poss_dup_error, routed_back
from gateway.fix.index import MAX_SEQ_NUM, SessionIndex
from gateway.fix.logon import logon_problem
from gateway.fix.message import Message
from gateway.fix.outbound import Outbound
from gateway.fix.resend import Replays
from gateway.fix.settings import SessionSettings
from gateway.fix.states import (
    ADMIN,
    BUSINESS_REJECT,
    HEARTBEAT,
    HOLDING,
    LOGGED_ON,
    LOGON,
    LOGOUT,
    REJECT,
    RESEND_REQUEST,
    SEQUENCE_RESET,
    TEST_REQUEST,
    TRANSITIONS,
    WORKING,
    Event,
    Fate,
    Place,
    State,
    fate,
)
from gateway.fix.steps import Answer, Application, Disconnect, LogonStep, ResendStep, Step
from gateway.fix.timers import NEVER
from gateway.fix.timestamps import parse_utc

_HEADER: Final = (34, 49, 56, 52, 43, 97)
_YES: Final = b"Y"


class Session(Outbound):
    """What one member's session knows and owes. A connection comes and goes; this stays.

    settings, index: as given. state: see gateway.fix.states. connected: a socket is attached.
    next_in: the inbound MsgSeqNum that is due. heartbeat_seconds: as agreed at Logon, 0 before.
    rejects_received: how many Rejects(35=3) the peer sent, which somebody should look into.
    """

    def __init__(self, settings: SessionSettings, index: SessionIndex) -> None:
        super().__init__(settings, index)
        self.heartbeat_seconds = 0
        self.rejects_received = 0
        self._due_resets = False  # ResetOnLogout or ResetOnDisconnect took effect
        self._time_text = b""  # the last SendingTime read, and what it means
        self._time = 0
        self._forget_connection()

    def _forget_connection(self) -> None:
        """What belongs to one connection only."""
        self._forget_sent()
        self._logon: Message | None = None
        self._held: deque[Message] = deque()
        self._gap = Gap(self.settings.out_of_order_cap)
        self._queue = self._gap.waiting
        self._logout_sent = False

    @property
    def logged_on(self) -> bool:
        """The Logon was accepted and the connection has not been given up."""
        return self.state in LOGGED_ON

    def _move(self, event: Event) -> None:
        assert (self.state, event) in TRANSITIONS, f"{event} cannot happen in {self.state}"
        self.state = TRANSITIONS[self.state, event]

    # The shell's side

    def journalled(self, record: int, seq: int) -> None:
        """At start, for each journal record that came in over this session, in record order.

        seq is its inbound MsgSeqNum; it need not be asked for again. Records from before the last
        reset of the numbers say nothing.
        """
        if record > self.index.reset_record and self.next_in <= seq < MAX_SEQ_NUM:
            self.next_in = seq + 1

    def connect(self, now: int, mono: int) -> None:
        """A socket is given to this session: its first message named both CompIDs rightly."""
        assert not self.connected, "the acceptor turns a second connection away"
        self._move(Event.CONNECT)
        self._connection += 1
        self._forget_connection()
        self._timers.start(mono, mono + self.settings.logon_timeout)

    def disconnect(self, reason: DisconnectReason) -> None:
        """The socket is gone, whoever closed it."""
        if not self.connected:
            return
        if self.heartbeat_seconds:  # a Logon was accepted
            self._due_resets |= self.settings.reset_on_disconnect
            self._due_resets |= self.settings.reset_on_logout and reason is DisconnectReason.LOGOUT
        self._move(Event.DISCONNECT)
        self._open = False
        self.heartbeat_seconds = 0
        self._forget_connection()
        self._timers.start(self._timers.mono, NEVER)
        self.index.save()

    def next_deadline(self) -> int:
        """Monotonic ns at which tick must be called, if nothing else happens before."""
        return self._timers.next_deadline()

    def receive(self, message: Message, now: int, mono: int) -> list[Step]:
        """What follows from one message. Raises nothing, whatever the peer sent."""
        timers = self._timers
        timers.mono = timers.heard = mono
        timers.tested = False
        state = self.state
        if state is State.ACTIVE and not self._queue and message.error is None:
            # The fast path: an application message in sequence. Everything else asks the tables.
            seq, sender, target, sent, dup, resend = message.pick(_HEADER)
            settings = self.settings
            if (
                dup is None
                and seq == b"%d" % self.next_in
                and message.msg_type not in ADMIN
                and sender == settings.comp_id
                and target == settings.venue_comp_id
                and message.begin_string == settings.begin_string
                and self._on_time(sent, now)
            ):
                number = self.next_in
                self.next_in = number + 1
                return [Application(message, number, False, resend == _YES)]
        if state in WORKING:
            return self._work(message, now)
        if state in HOLDING:
            return self._hold(message)
        if state is State.CONNECTED:
            return self._first(message, now)
        return []

    def tick(self, now: int, mono: int) -> list[Step]:
        """What is due by `mono`: heartbeats, a TestRequest, a time-out."""
        timers = self._timers
        assert mono >= timers.mono, "the monotonic clock went back"
        timers.mono = mono
        if self.state in {State.DISCONNECTED, State.CLOSING}:
            return []
        if mono >= timers.limit:
            if self.state is State.LOGGING_OUT:
                return self._drop(DisconnectReason.LOGOUT_TIMEOUT)
            return self._drop(DisconnectReason.NO_LOGON)
        if not timers.interval:
            return []
        silence = mono - timers.heard
        if silence >= timers.drop_after:
            return self._drop(DisconnectReason.HEARTBEAT_TIMEOUT)
        steps: list[Step] = []
        if silence >= timers.test_after and not timers.tested:
            timers.tested = True
            timers.said = mono
            text = b"112=%b-%d\x01" % (self.settings.venue_comp_id, self.index.next_out)
            steps.append(self._answer(TEST_REQUEST, text))
        elif mono >= timers.said + timers.interval:
            timers.said = mono
            steps.append(self._answer(HEARTBEAT, b""))
            self.index.save()
        if self._gap.until and mono >= timers.gap_asked + timers.interval:
            timers.gap_asked = mono
            steps.append(self._resend_request())
        return steps

    def accept_logon(self, now: int, mono: int, record: int) -> list[Step]:
        """The credentials of the LogonStep are right. record: the last one submitted, -1 if none.

        Nothing happens if the connection has ended meanwhile.
        """
        message = self._logon
        if self.state not in HOLDING or message is None:
            return []
        self._timers.mono = max(self._timers.mono, mono)
        settings = self.settings
        reset = self._wants_reset(message)
        seq = message.seq
        if reset:
            self.next_in = 1
            self._gap.forget()
            self._replays = Replays()
            self._timers.gap_asked = NEVER
        elif seq < self.next_in:
            return self._too_low(seq)
        self._reset_record = record
        seconds = int(message.get(108, b"0"))
        high = seq > self.next_in
        if not high:
            self.next_in += 1
        body = b"98=0\x01108=%d\x01" % seconds
        if reset:
            body += b"141=Y\x01"
        expects = None
        if settings.send_next_expected_msg_seq_num:
            expects = message.get(789)
            body += b"789=%d\x01" % self.next_in
        self._move(Event.ACCEPT)
        self.heartbeat_seconds = seconds
        self._timers.beat(seconds, settings.test_request_percent, settings.drop_percent)
        self._logon = None
        steps: list[Step] = [Answer(LOGON, body, False, self.next_in, self._connection, reset)]
        if reset:
            self._due_resets = False
            steps.append(ResendStep(0, 0, 0, "unsent", self._connection))
        elif expects:
            steps.append(ResendStep(int(expects), 0, 0, "expected", self._connection))
        if high:
            self._queue.keep(seq, None)
            asked = self._ask(seq + 1)
            if not expects:  # else the peer fills our gap by itself
                steps += asked
        held, self._held = self._held, deque()
        for waiting in held:
            steps += self.receive(waiting, now, self._timers.mono)
        return steps

    def refuse_logon(self, text: str, now: int) -> list[Step]:
        """The credentials are wrong; `text` says what to do. The Logon's number stays due."""
        if self.state not in HOLDING:
            return []
        return self.end(DisconnectReason.LOGON_REFUSED, text)

    def logout(self, text: str, mono: int) -> list[Step]:
        """The venue wants the member to leave: a Logout, and the end once it is answered."""
        if self.state not in {State.ACTIVE, State.RESETTING}:
            if self.state in {State.CONNECTED, State.AUTHENTICATING}:
                return self._drop(DisconnectReason.SHUTDOWN)
            return []
        self._timers.mono = max(self._timers.mono, mono)
        self._move(Event.LOGOUT)
        self._logon = None
        self._timers.limit = self._timers.mono + self.settings.logout_timeout
        return [self._logout(text)]

    def end(self, reason: DisconnectReason, text: str) -> list[Step]:
        """A Logout that says why, and the end, without waiting for an answer."""
        if self.state in {State.DISCONNECTED, State.CLOSING}:
            return []
        return [self._logout(text), *self._drop(reason)]

    # Receiving

    def _hold(self, message: Message) -> list[Step]:
        if len(self._held) >= self.settings.held_cap:
            return self.end(
                DisconnectReason.TOO_MANY_HELD, "Wait for the Logon reply before sending more"
            )
        self._held.append(message)
        return []

    def _first(self, message: Message, now: int) -> list[Step]:
        """The first message of a connection."""
        settings = self.settings
        if message.msg_type != LOGON:
            return self._drop(DisconnectReason.FIRST_MESSAGE_NOT_LOGON)
        if message.begin_string != settings.begin_string:
            return self._drop(DisconnectReason.BAD_BEGIN_STRING)
        if message.get(49) != settings.comp_id or message.get(56) != settings.venue_comp_id:
            return self._drop(DisconnectReason.UNKNOWN_COMP_ID)
        return self._logon_arrives(message, now)

    def _logon_arrives(self, message: Message, now: int) -> list[Step]:
        problem = logon_problem(
            message,
            self.settings,
            resets=self._wants_reset(message),
            on_time=self._on_time(message.get(52), now),
            next_out=self.index.next_out,
        )
        if problem:
            return self.end(DisconnectReason.LOGON_REFUSED, problem)
        self._move(Event.LOGON)
        self._logon = message
        self._timers.limit = self._timers.mono + self.settings.authentication_timeout
        return [
            LogonStep(
                message.get(553),
                message.get(554),
                message.get(96),
                self._wants_reset(message),
                message,
            )
        ]

    def _wants_reset(self, message: Message) -> bool:
        return message.get(141) == _YES or self.settings.reset_on_logon or self._due_resets

    def _on_time(self, text: bytes | None, now: int) -> bool:
        """SendingTime(52) is a time, and within max_latency of ours."""
        if text is None:
            return False
        if text != self._time_text:
            time = parse_utc(text)
            if time is None:
                return False
            self._time_text, self._time = text, time
        settings = self.settings
        return not settings.check_latency or -settings.max_latency <= now - self._time <= (
            settings.max_latency
        )

    def _work(self, message: Message, now: int) -> list[Step]:
        """A message inside a session: header first, then what its number decides."""
        settings = self.settings
        if message.begin_string != settings.begin_string:
            begin = settings.begin_string.decode("latin-1")
            return self.end(DisconnectReason.BAD_BEGIN_STRING, f"BeginString(8) must be {begin}")
        seq = message.seq
        if not 0 <= seq <= MAX_SEQ_NUM:
            text = "MsgSeqNum(34) is missing or not a number that can be used"
            return self.end(DisconnectReason.SEQ_MISSING, text)
        error = comp_id_error(message, settings)
        if error is not None:
            return self._reject_and_end(message, seq, error, DisconnectReason.COMP_ID)
        sent = message.get(52)
        if sent is not None and parse_utc(sent) is not None and not self._on_time(sent, now):
            error = PeerError(SENDING_TIME_PROBLEM, 52, late_text(self.settings))
            return self._reject_and_end(message, seq, error, DisconnectReason.SENDING_TIME)
        dup = message.get(43) == _YES
        if message.msg_type == SEQUENCE_RESET and message.get(123, b"N") == b"N":
            return self._reset_mode(message, seq)
        if message.msg_type == LOGON and message.get(141) == _YES and not dup:
            if self.state is State.ACTIVE:
                return self._logon_arrives(message, now)
            return []
        return self._by_number(message, seq, dup=dup)

    def _by_number(self, message: Message, seq: int, *, dup: bool) -> list[Step]:
        due = self.next_in
        place = Place.EXPECTED if seq == due else Place.LOW if seq < due else Place.HIGH
        decided = fate(message.msg_type, place)
        if decided is Fate.PROCESS_UNNUMBERED and message.error is not None:
            decided = fate(b"", place)
        match decided:
            case Fate.PROCESS:
                self.next_in = due + 1
                steps = self._content(message, seq, dup=dup)
                return steps + self._drain()
            case Fate.PROCESS_UNNUMBERED:
                return self._unnumbered(message, seq, place, dup=dup)
            case Fate.QUEUE:
                self._queue.keep(seq, message)
                return self._ask(seq)
            case Fate.SILENT_IF_POSS_DUP:
                return self._low(message, seq, dup=dup)

    def _unnumbered(self, message: Message, seq: int, place: Place, *, dup: bool) -> list[Step]:
        """A Logout, or a ResendRequest from behind a gap."""
        if place is Place.LOW and dup:
            return self._low(message, seq, dup=dup)
        steps = self._content(message, seq, dup=dup)
        if place is Place.HIGH and self.state in WORKING:
            self._queue.keep(seq, None)
            steps += self._ask(seq + 1)
        return steps

    def _low(self, message: Message, seq: int, *, dup: bool) -> list[Step]:
        """A number that has passed."""
        if message.msg_type == SEQUENCE_RESET:
            if dup or seq < self._gap.asked_below:
                return self._passed_gap_fill(message, seq)
        elif dup:
            return self._dup_problem(message, seq)
        return self._too_low(seq)

    def _passed_gap_fill(self, message: Message, seq: int) -> list[Step]:
        """A GapFill whose number has passed: ignored, unless it fills what is still due.

        Then it answers our request; what it begins with came meanwhile from behind the gap.
        """
        new = int(message.get(36, b"0")) if message.error is None else 0
        if not (self._gap.was_asked(seq) and self.next_in < new <= MAX_SEQ_NUM):
            return []
        self.next_in = new
        return self._drain()

    def _too_low(self, seq: int) -> list[Step]:
        text = f"MsgSeqNum too low, expecting {self.next_in} but received {seq}"
        return self.end(DisconnectReason.SEQ_TOO_LOW, text)

    def _dup_problem(self, message: Message, seq: int) -> list[Step]:
        """What follows from the OrigSendingTime(122) of a message with 43=Y; [] if it is good."""
        error = poss_dup_error(message)
        if error is None:
            return []
        if error.reason == SENDING_TIME_PROBLEM:
            return self._reject_and_end(message, seq, error, DisconnectReason.SENDING_TIME)
        return [self._reject(message, seq, error)]

    def _drain(self) -> list[Step]:
        """After the due number moved: what waited behind a gap, and the gap itself."""
        steps: list[Step] = []
        queue = self._queue
        while queue and self.state in WORKING and self.next_in in queue:
            message = queue.take(self.next_in)
            seq = self.next_in
            self.next_in = seq + 1
            if message is not None:
                steps += self._content(message, seq, dup=message.get(43) == _YES)
        if not self._gap.until or self.state not in WORKING:
            return steps
        self._timers.gap_asked = self._timers.mono
        if self._gap.shrink(self.next_in):
            self._timers.gap_asked = NEVER
            if queue:  # all that was asked for is here, and yet something lacks
                steps += self._ask(min(queue))
        return steps

    def _ask(self, until: int) -> list[Step]:
        """Everything from the due number to below `until` lacks: ask for it, once."""
        if not self._gap.open(self.next_in, until):
            return []
        self._timers.gap_asked = self._timers.mono
        return [self._resend_request()]

    def _resend_request(self) -> Answer:
        return self._answer(RESEND_REQUEST, b"7=%d\x0116=0\x01" % self.next_in)

    # Content

    def _content(self, message: Message, seq: int, *, dup: bool) -> list[Step]:
        """What a message says, its number being in order."""
        msg_type = message.msg_type
        if dup and msg_type != SEQUENCE_RESET:
            problem = self._dup_problem(message, seq)
            if problem:
                return problem
        if message.error is not None:
            return [self._rejection(message, seq, message.error)]
        if msg_type not in ADMIN:
            return [Application(message, seq, dup, message.get(97) == _YES)]
        match msg_type:
            case b"1":
                return [self._answer(HEARTBEAT, b"112=%b\x01" % message.get(112, b""))]
            case b"2":
                return self._resend_asked(message, seq)
            case b"3":
                self.rejects_received += 1
                return []
            case b"4":
                return self._gap_filled(message, seq)
            case b"5":
                return self._logout_received()
            case b"A":
                text = "Already logged on; log out first, or set ResetSeqNumFlag(141)=Y"
                return [self._reject(message, seq, PeerError(REASON_OTHER, None, text))]
            case _:
                assert msg_type == HEARTBEAT
                return []

    def _resend_asked(self, message: Message, seq: int) -> list[Step]:
        begin, end = int(message.get(7, b"0")), int(message.get(16, b"0"))
        if begin < 1:
            error = PeerError(VALUE_INCORRECT, 7, "BeginSeqNo(7) must be 1 or more")
            return [self._reject(message, seq, error)]
        if end and end < begin:
            text = "EndSeqNo(16) is lower than BeginSeqNo(7); 0 stands for all there are"
            return [self._reject(message, seq, PeerError(VALUE_INCORRECT, 16, text))]
        last = self.index.next_out - 1
        if begin > last:
            text = f"BeginSeqNo(7) is {begin} but the last number sent is {last}"
            return [self._reject(message, seq, PeerError(VALUE_INCORRECT, 7, text))]
        verdict = self._replays.ask(seq, begin, end, last)
        if verdict >= self.settings.identical_resend_limit:
            text = f"the same ResendRequest(7={begin}) {verdict} times: it was answered in full"
            return self.end(DisconnectReason.RESEND_LOOP, text)
        if not verdict:
            return []
        steps: list[Step] = [
            ResendStep(begin, end, seq, "asked", self._connection, self.index.generation)
        ]
        if begin <= self._request_number <= (end or last) and self._gap.ask_again():
            # The answer fills the number of our own request. A peer that keeps it until its gap is
            # closed throws it away then.
            self._timers.gap_asked = self._timers.mono
            steps.append(self._resend_request())
        return steps

    def _gap_filled(self, message: Message, seq: int) -> list[Step]:
        new = int(message.get(36, b"0"))
        if not seq < new <= MAX_SEQ_NUM:
            text = f"attempt to lower sequence number, invalid value NewSeqNo(36)={new}"
            return [self._reject(message, seq, PeerError(VALUE_INCORRECT, 36, text))]
        self.next_in = new
        return []

    def _reset_mode(self, message: Message, seq: int) -> list[Step]:
        """SequenceReset-Reset: its own number is ignored; it can only raise the one that is due."""
        if message.error is not None:
            return [self._rejection(message, seq, message.error)]
        new = int(message.get(36, b"0"))
        if not self.next_in <= new <= MAX_SEQ_NUM:
            text = f"NewSeqNo(36) must not lower the number that is due, {self.next_in}"
            return [self._reject(message, seq, PeerError(VALUE_INCORRECT, 36, text))]
        self.next_in = new
        return self._drain()

    def _logout_received(self) -> list[Step]:
        steps: list[Step] = []
        if not self._logout_sent:
            steps.append(self._logout(""))
        return steps + self._drop(DisconnectReason.LOGOUT)

    # What is said in return

    def _logout(self, text: str) -> Answer:
        self._logout_sent = True
        return self._answer(LOGOUT, logout_body(text))

    def _drop(self, reason: DisconnectReason) -> list[Step]:
        self._move(Event.END)
        self._queue.clear()
        self._held.clear()
        self._timers.limit = NEVER
        self._timers.interval = 0
        return [Disconnect(reason, self._connection)]

    def _rejection(self, message: Message, seq: int, error: PeerError) -> Answer:
        """35=3, or 35=j where the type is good FIX that the venue does not take."""
        if error.unsupported:
            body = business_reject_body(seq, message.msg_type, UNSUPPORTED_TYPE, error.text)
            return self._answer(BUSINESS_REJECT, routed_back(message) + body, stored=True)
        return self._reject(message, seq, error)

    def _reject(self, message: Message, seq: int, error: PeerError) -> Answer:
        """A session Reject; it is stored, for a resend repeats it."""
        body = routed_back(message) + reject_body(seq, message.msg_type, error)
        return self._answer(REJECT, body, stored=True)

    def _reject_and_end(
        self, message: Message, seq: int, error: PeerError, reason: DisconnectReason
    ) -> list[Step]:
        """A problem of the header: Reject, which uses up the number, Logout, and the end."""
        if seq == self.next_in:
            self.next_in += 1
        return [self._reject(message, seq, error), *self.end(reason, error.text)]
