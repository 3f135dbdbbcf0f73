"""A FIX member of our own: blocking sockets, bytes, and a memory that forgets nothing.

It is written against FIX 4.4 and knows nothing of the venue's code, so it can be its judge. What
it asserts about every message that it is sent, whatever a test is about:
- a MsgSeqNum has one content for ever: a resend repeats the body, and only what was never an
  application message may be filled;
- no ExecID(17) comes twice without PossDupFlag(43) or PossResend(97), and never with another body;
- new reports come in the order of their records.
"""

import re
import select
import socket
import time

from tests.support.member import SOH, ConnectionEnded, Member, Message, utc_now

_HEAD = re.compile(rb"8=FIX\.4\.4\x019=(\d+)\x01")
SESSION_TYPES = frozenset("0124A5")
"""MsgTypes that a resend replaces by a gap fill; a Reject(3) is repeated."""

ADMIN = b"(session message)"


def envelope(text):
    """A whole message of `35=...|...|`, with BeginString, BodyLength and CheckSum."""
    body = text.encode("latin-1").replace(b"|", SOH)
    message = b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body)
    return message + b"10=%03d\x01" % (sum(message) & 255)


class FixClient(Member):
    """One member's session. Its numbers and its memory outlive its connections.

    reports: by ExecID, what was seen of it first. resends: whether a ResendRequest is answered
    with the messages themselves; else with a gap fill, as members do who would rather send a new
    order than an old one.
    filled: types that a resend replaces by a gap fill.
    """

    filled = SESSION_TYPES

    def __init__(self, comp_id, port, venue="FIXGATE", password="demo", *, resends=False):
        super().__init__(comp_id)
        self.port, self.venue, self.password = port, venue, password
        self.resends = resends
        self._sent = {}
        self.next_out = self.next_in = 1
        self.reports = {}
        self.resend_requests = 0
        self.asked = 0
        self._generation = 0
        self._contents = {}
        self._number_of = {}
        self._last_record = (-1, 0)
        self._probes = 0
        self._sock = None
        self._buffer = b""
        self._gap_until = 0

    def __repr__(self):
        return f"FixClient({self.comp_id}, next_out={self.next_out}, next_in={self.next_in})"

    # --- connections ----------------------------------------------------------------------

    @property
    def connected(self):
        """A socket is open, as far as this side knows."""
        return self._sock is not None

    def connect(self, timeout=10):
        """Open a socket; the numbers go on where they were."""
        self.drop()
        self._sock = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer, self._gap_until = b"", 0
        return self

    def drop(self):
        """Close the socket without a word, as a dying process does."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def logon(self, *, reset=False, heartbeat=30, password=None, timeout=10):
        """Connect if need be, log on; the venue's Logon."""
        if self._sock is None:
            self.connect(timeout)
        if reset:
            self._forget_numbers()
        flag = "141=Y|" if reset else ""
        word = self.password if password is None else password
        self.send("A", f"98=0|108={heartbeat}|{flag}553={self.comp_id}|554={word}|")
        return self.expect("A", timeout=timeout)

    def _forget_numbers(self):
        self.next_out = self.next_in = 1
        self._generation += 1
        self._sent.clear()
        self._number_of.clear()

    def reconnect(self, *, reset=False, timeout=20):
        """Log on as soon as the venue lets us, by default with the numbers of before; catch up.

        The venue may be starting, or not know yet that the old connection is gone.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                self.connect().logon(reset=reset)
                self.sync()
            except (OSError, ConnectionEnded):
                self.drop()
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
            else:
                return self

    def logout(self):
        """Log out and close, as one should."""
        self.send("5", "")
        self.expect("5")
        self.drop()

    # --- out ------------------------------------------------------------------------------

    def send(self, msg_type, body, *, seq=None, header=""):
        """Send one message; its MsgSeqNum. A `seq` of its own leaves the next number as it is."""
        number = self.next_out if seq is None else seq
        if seq is None:
            self.next_out += 1  # first: a message that was half written may have arrived
        if body and not body.endswith("|"):
            body += "|"
        if self.resends and msg_type not in SESSION_TYPES:
            self._sent[number] = (msg_type, utc_now(), header + body)
        self.send_raw(self._encode(self._head(msg_type, number) + header + body))
        return number

    def _head(self, msg_type, number):
        return f"35={msg_type}|49={self.comp_id}|56={self.venue}|34={number}|52={utc_now()}|"

    def _encode(self, text):
        """A whole message of `35=...|...|`."""
        return envelope(text)

    def send_raw(self, data):
        """Send bytes as they are."""
        if self._sock is None:
            raise ConnectionEnded("not connected")
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise ConnectionEnded(str(error)) from error

    # --- in -------------------------------------------------------------------------------

    def receive(self, timeout=5.0):
        """The next message, whatever it is; None at time-out. Raises ConnectionEnded."""
        end = time.monotonic() + timeout
        while True:
            message = self._take()
            if message is not None:
                return message
            if self._sock is None:
                raise ConnectionEnded("not connected")
            left = max(0.0, end - time.monotonic())
            poll = select.poll()  # select() ends at descriptor 1,023
            poll.register(self._sock, select.POLLIN)
            if not poll.poll(left * 1_000):
                return None
            try:
                data = self._sock.recv(1 << 20)
            except OSError as error:
                self.drop()
                raise ConnectionEnded(str(error)) from error
            if not data:
                self.drop()
                raise ConnectionEnded("closed by the venue")
            self._buffer += data

    def _frame(self):
        """The bytes of the next message; None while it is not all here."""
        if not self._buffer:
            return None
        head = _HEAD.match(self._buffer)
        if head is None:
            assert len(self._buffer) < 64, f"no FIX: {self._buffer[:200]!r}"
            return None
        size = head.end() + int(head[1]) + 7
        if len(self._buffer) < size:
            return None
        raw, self._buffer = self._buffer[:size], self._buffer[size:]
        return raw

    def _take(self):
        raw = self._frame()
        if raw is None:
            return None
        assert raw.endswith(b"\x0110=%03d\x01" % (sum(raw[:-7]) & 255)), f"bad checksum: {raw!r}"
        message = Message(raw)
        self._latest = [*self._latest[-7:], str(message)]
        assert (message[49], message[56]) == (self.venue, self.comp_id), str(message)
        self._remember(message)
        self._react(message)
        return message

    def sync(self, timeout=30.0):
        """Wait until everything that the venue has sent us so far is here, gaps filled."""
        self._probe()
        end = time.monotonic() + timeout
        answered = None
        while answered is None or self.next_in <= answered:
            message = self.receive(max(0.0, end - time.monotonic()))
            assert message is not None, f"{self}: no answer in {timeout} s; got {self._latest}"
            if message[35] == "0" and message.get(112) == f"probe-{self._probes}":
                answered = message.seq
            elif message[35] == "2":
                self._probe()  # the gap fill that we answered with has swallowed the other one

    def _probe(self):
        self._probes += 1
        self.send("1", f"112=probe-{self._probes}|")

    def expect_closed(self, timeout=5.0):
        """The venue closes the connection; the messages before that."""
        seen = []
        end = time.monotonic() + timeout
        try:
            while (message := self.receive(max(0.0, end - time.monotonic()))) is not None:
                seen.append(message)
        except ConnectionEnded:
            return seen
        raise AssertionError(f"{self.comp_id}: still connected after {timeout} s")

    # --- what every message must keep -----------------------------------------------------

    def _remember(self, message):
        """Nothing about a number or a report may ever change."""
        seq, dup = message.seq, message.get(43) == "Y"
        kind = message[35]
        if kind == "4" and message.get(123) == "Y":
            for number in range(seq, int(message[36])):
                key = (self._generation, number)
                was = self._contents.setdefault(key, ADMIN)
                assert was == ADMIN, f"{self.comp_id}: {number} was {was!r}, now filled: {message}"
            return
        key = (self._generation, seq)
        body = ADMIN if kind in self.filled else message.body
        if key in self._contents:
            was = self._contents[key]
            assert dup, f"{self.comp_id}: number {seq} came again: was {was!r}, is {message}"
            assert was == body, f"{self.comp_id}: number {seq} was {was!r}, is {message}"
        self._contents[key] = body
        if kind == "8" and message[17] != "0":
            self._remember_report(message, seq, dup)

    def _remember_report(self, message, seq, dup):
        exec_id = message[17]
        if message.get(1352) == "Y":  # asked for by ApplSeqNum: the same under another number
            if (first := self.reports.get(exec_id)) is not None:
                assert first.body + b"1352=Y\x01" == message.body, f"{first} became {message}"
            return
        record, _, k = exec_id.partition("-")
        first = self.reports.setdefault(exec_id, message)
        if first is message:
            place = (int(record), int(k))
            if not self._gap_until:
                assert place > self._last_record, f"{self.comp_id}: out of order: {message}"
            self._last_record = max(self._last_record, place)
        else:
            resent = dup or message.get(97) == "Y"
            assert resent, f"{self.comp_id}: ExecID {exec_id} twice: {first} and {message}"
            assert first.body == message.body, f"{self.comp_id}: {first} became {message}"
        number = self._number_of.setdefault(exec_id, seq)
        assert number == seq, f"{self.comp_id}: {exec_id} was number {number}, is {message}"

    def _react(self, message):
        """What a session owes: numbers in order, gaps asked for, requests answered."""
        kind, seq = message[35], message.seq
        if kind == "2":
            self.asked += 1
            self._answer_resend_request(int(message[7]))
        if seq > self.next_in:
            if not self._gap_until and kind != "5":
                self.resend_requests += 1
                self.send("2", f"7={self.next_in}|16=0|")
            self._gap_until = max(self._gap_until, seq)  # it will come again, in its turn
        elif seq == self.next_in:
            if kind == "4":
                self.next_in = int(message[36])
            else:
                self.next_in += 1
                if kind not in SESSION_TYPES:
                    self.delivered.append(message)
        else:
            dup = message.get(43) == "Y"
            assert dup, f"{self}: {seq} is too low without PossDupFlag: {message}"
        if self.next_in > self._gap_until:
            self._gap_until = 0
        if kind == "1":
            self.send("0", f"112={message[112]}|")

    def _answer_resend_request(self, begin):
        """Our messages again, and a gap fill for what is not ours to repeat."""
        out = []
        gap = begin
        for number in [*(n for n in self._sent if n >= begin), self.next_out]:
            if gap < number:
                fill = f"43=Y|122={utc_now()}|123=Y|36={number}|"
                out.append(self._encode(self._head("4", gap) + fill))
            if number < self.next_out:
                msg_type, sent, body = self._sent[number]
                out.append(self._encode(self._head(msg_type, number) + f"43=Y|122={sent}|" + body))
            gap = number + 1
        self.send_raw(b"".join(out))
