"""A member's engine: an initiator that keeps its numbers, asks for gaps and answers resends.

Naive on purpose: it processes in sequence only, drops what comes out of order and asks for it once.
What a member trades is in tests.simulation.trader.
"""

from gateway.fix.codec import Framer
from tests.simulation.fix import APPLICATION, content, fields, message
from tests.simulation.network import Line

SECOND = 1_000_000_000


class Wrong(AssertionError):
    """The venue broke a promise."""


class Member:
    """One session's other end. world: what it lives in; see tests.simulation.simulation."""

    def __init__(self, world, name: str, port: str) -> None:
        self.world = world
        self.name = name
        self.comp_id = name.encode()
        self.port = port
        self.skew = 0  # its wall clock against the true one, ns
        self.line: Line | None = None
        self.framer = Framer()
        self.up = False
        self.leaving = False
        self.resetting = True  # a reset was asked for and is not confirmed
        self.generation = 0
        self.next_in = 1
        self.next_out = 1
        self.asked = 0  # what the last ResendRequest began with
        self.asked_by = 0  # its own number
        self.sent: dict[int, tuple[bytes, bytes, bytes, int]] = {}  # kind, header, body, time
        self.unanswered: dict[int, bytes] = {}  # number -> what its answer names
        self.refused: set[int] = set()  # numbers that the venue answered with a Reject or such
        self.unjournalled: set[int] = set()  # what no record stands behind: questions, mistakes
        self.tests: dict[bytes, int] = {}
        self.orphans: list[tuple[bytes, bytes, bytes]] = []  # (name, kind, body) of other lives
        self.inbox: dict[int, bytes] = {}  # of this generation: number -> content, in order
        self.reports: dict[tuple[int, int], bytes] = {}  # of all generations
        self.last_report = (-1, -1)
        self.heartbeat = 1
        self.heard_at = self.said_at = 0
        self.read_nothing_until = 0
        self.logon_number = 0

    # --- the line ---------------------------------------------------------------------------

    def connect(self, *, reset: bool, password: bytes = b"demo") -> None:
        """Connect and log on; reset: with 141=Y."""
        random = self.world.random
        line = self.world.dial(self)
        if line is None:
            return
        self.line, self.framer = line, Framer()
        self.asked = 0
        self.leaving = False
        self.heard_at = self.world.clock.monotonic()
        self.heartbeat = random.choice((1, 2, 3))
        if reset:
            self.resetting = True
        self._logon(password)

    def _logon(self, password: bytes) -> None:
        body = b"98=0\x01108=%d\x01553=%b\x01554=%b\x01" % (self.heartbeat, self.comp_id, password)
        if self.resetting:
            if not self.up:
                self._new_generation()
            self.send(b"A", b"141=Y\x01" + body, number=1)
            return
        number = self.take()
        self.send(b"A", body, number=number)
        if password != b"demo":
            self.next_out = number  # such a Logon does not use its number up

    def reset_inside(self) -> None:
        """Logon with 141=Y inside the session: the old numbers count until it is answered."""
        self.resetting = True
        self._logon(b"demo")

    def _new_generation(self) -> None:
        """Both numbers are 1; what was under way is another life's."""
        self.generation += 1
        self.next_in = self.next_out = 1
        for number, name in self.unanswered.items():
            kind, _, body, _ = self.sent[number]
            if number not in self.unjournalled:
                self.orphans.append((name, kind, body))
        self.sent.clear()
        self.unanswered.clear()
        self.unjournalled.clear()
        self.refused.clear()
        self.tests.clear()
        self.inbox = {}
        self.last_report = (-1, -1)
        self.asked = 0
        self.next_out = 2

    @property
    def free(self) -> bool:
        """Logged on, and may send what it likes."""
        return self.up and not self.leaving and not self.resetting

    def line_ended(self, line: Line) -> None:
        if line is self.line:
            self.line = None
            self.up = False
            self.tests.clear()  # their answers are not sent again

    def hang_up(self) -> None:
        """What was on its way arrives, and then the end. But not a Logon that has no answer yet:
        one with 141=Y that arrives when a later connection has come and gone resets the numbers
        behind the member's back, and FIX has no remedy for that."""
        if self.line is None:
            return
        if not self.up:
            self.line.cut()
            return
        self.line.hang_up()
        self.line_ended(self.line)

    def forget(self) -> None:
        """The member's engine lost its store: only a reset helps."""
        self.hang_up()
        self.resetting = True

    def tick(self) -> None:
        """Heartbeats, and the end of a line that is silent."""
        if self.line is None:
            return
        mono = self.world.clock.monotonic()
        limit = 3 * self.heartbeat if self.up else 6
        if mono - self.heard_at > limit * SECOND:
            self.world.tally["member gives a silent line up"] += 1
            self.hang_up()
        elif self.up and mono - self.said_at > self.heartbeat * SECOND and not self.resetting:
            self.send(b"0", b"", number=self.take())

    # --- out --------------------------------------------------------------------------------

    def take(self) -> int:
        self.next_out += 1
        return self.next_out - 1

    def now(self) -> int:
        return self.world.clock.true_time() + self.skew

    def send(self, kind: bytes, body: bytes, *, number: int, header: bytes = b"") -> None:
        if self.line is None:
            return
        raw = message(kind, self.comp_id, number, self.now(), body, header=header)
        self.said_at = self.world.clock.monotonic()
        self.world.tally[f"member sends {kind.decode()}"] += 1
        self.world.note(self.name, "->", raw)
        self.line.say(raw)

    def send_application(
        self, kind: bytes, body: bytes, name: bytes, header: bytes = b"", *, journalled: bool = True
    ) -> None:
        """An application message; its answer will carry `name`, or refer to its number."""
        number = self.take()
        self.sent[number] = (kind, header, body, self.now())
        self.unanswered[number] = name
        if not journalled:
            self.unjournalled.add(number)
        self.send(kind, body, number=number, header=header)

    def test(self) -> None:
        number = self.take()
        name = b"t%d" % number
        self.tests[name] = number
        self.send(b"1", b"112=%b\x01" % name, number=number)

    def ask(self, begin: int, end: int) -> None:
        self.asked_by = self.take()
        self.send(b"2", b"7=%d\x0116=%d\x01" % (begin, end), number=self.asked_by)

    def _serve(self, tags: dict[bytes, bytes]) -> None:
        """Orders again, everything else as gap fills."""
        if self.resetting:
            return
        begin, end = int(tags[b"7"]), int(tags[b"16"])
        last = self.next_out - 1 if end == 0 else min(end, self.next_out - 1)
        gap = 0
        for number in range(begin, last + 1):
            found = self.sent.get(number)
            if found is None:
                gap = gap or number
                continue
            if gap:
                self._fill(gap, number)
                gap = 0
            kind, header, body, time = found
            self.send(kind, body, number=number, header=self._dup(time) + header)
        if gap:
            self._fill(gap, last + 1)

    def _dup(self, time: int) -> bytes:
        stamp = fields(message(b"0", b"", 1, min(time, self.now()), b""))[b"52"]
        return b"43=Y\x01122=%b\x01" % stamp

    def settled_below(self, end: int) -> None:
        """The process died, and the journal settles all numbers below `end`: answers that no
        record stands behind may be lost, and are not owed any more."""
        for number in (self.unjournalled | self.refused) & self.unanswered.keys():
            if number < end:
                del self.unanswered[number]

    def _fill(self, first: int, new: int) -> None:
        # Admin messages do not come again, so neither do the answers to them.
        if first <= self.asked_by < new:
            self.asked = 0
        self.tests = {n: at for n, at in self.tests.items() if not first <= at < new}
        body = b"36=%d\x01123=Y\x01" % new
        self.send(b"4", body, number=first, header=self._dup(self.now()))

    # --- in ---------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        for raw in self.framer.feed(data):
            if self.line is None:
                return
            self.heard_at = self.world.clock.monotonic()
            self._hear(raw, fields(raw))
        if self.framer.garbled:
            raise Wrong(f"{self.name} got bytes that are no FIX message: {data!r}")

    def _hear(self, raw: bytes, tags: dict[bytes, bytes]) -> None:
        kind, number = tags[b"35"], int(tags[b"34"])
        self.world.tally[f"venue sends {kind.decode()}"] += 1
        if kind == b"A" and tags.get(b"141") == b"Y":
            self._reset_confirmed(number)
            return
        if number > self.next_in:
            self._early(kind, tags)
        elif number < self.next_in:
            if tags.get(b"43") != b"Y":
                raise Wrong(f"{self.name} expects {self.next_in}, got {number} without PossDup")
            self.world.tally["member ignores a duplicate"] += 1
        elif kind == b"4":
            if tags.get(b"123") != b"Y" or int(tags[b"36"]) <= number:
                raise Wrong(f"{self.name} got a strange SequenceReset {tags}")
            self.next_in = int(tags[b"36"])
        else:
            self.next_in += 1
            self._process(raw, kind, tags)

    def _reset_confirmed(self, number: int) -> None:
        if not self.resetting or number != 1:
            raise Wrong(f"{self.name} got a reset that it did not ask for, number {number}")
        if self.up:  # inside the session: only now the old numbers are over
            self._new_generation()
        self.resetting = False
        self.up = True
        self.next_in = 2
        self.world.tally["reset confirmed"] += 1

    def _early(self, kind: bytes, tags: dict[bytes, bytes]) -> None:
        """A gap: everything from it on is dropped and asked for again, once."""
        if kind == b"A":
            self.up = True
        elif kind == b"2":
            self._serve(tags)
        elif kind == b"5":
            self._logout_heard(tags)
            return
        elif kind == b"0":
            self.tests.pop(tags.get(b"112", b""), None)  # dropped, and it does not come again
        if self.line is not None and self.asked != self.next_in and not self.resetting:
            self.asked = self.next_in
            self.tests.clear()  # their answers may be among what is dropped
            self.world.tally["member asks for a gap"] += 1
            self.ask(self.next_in, 0)

    def _process(self, raw: bytes, kind: bytes, tags: dict[bytes, bytes]) -> None:
        if kind == b"A":
            self.up = True
        elif kind == b"0":
            self._heartbeat(tags.get(b"112"))
        elif kind == b"1" and not self.resetting:
            self.send(b"0", b"112=%b\x01" % tags[b"112"], number=self.take())
        elif kind == b"2":
            self._serve(tags)
        elif kind == b"5":
            self._logout_heard(tags)
        elif kind in APPLICATION:
            self.inbox[self.next_in - 1] = content(raw)
            self._application(raw, kind, tags)

    def _heartbeat(self, name: bytes | None) -> None:
        """The answer to a TestRequest comes after the answers to all that was sent before it."""
        number = self.tests.pop(name, 0) if name else 0
        late = [n for n in self.unanswered if n < number and self.sent[n][0] != b"q"]
        if late:
            raise Wrong(f"{self.name}: the test of {number} is answered before {late}")

    def _logout_heard(self, tags: dict[bytes, bytes]) -> None:
        text = tags.get(b"58", b"")
        if b"too low" in text:
            raise Wrong(f"{self.name} was told {text.decode()}: it keeps its numbers")
        self.world.tally["venue logs a member out" if not self.leaving else "logout answered"] += 1
        if not self.leaving and self.up and not self.resetting:
            self.send(b"5", b"", number=self.take())
        self.hang_up()

    def _application(self, raw: bytes, kind: bytes, tags: dict[bytes, bytes]) -> None:
        if kind in (b"3", b"j"):
            self.unanswered.pop(int(tags[b"45"]), None)
            return
        name = tags.get(b"790") or tags.get(b"11", b"")
        for number in [n for n, known in self.unanswered.items() if known == name]:
            del self.unanswered[number]
        self.orphans = [orphan for orphan in self.orphans if orphan[0] != name]
        place = self.world.truth.place_of(tags)
        if place is None:
            return
        again = tags.get(b"97") == b"Y"
        if place in self.reports:
            if not again:
                raise Wrong(f"{self.name} got report {place} twice without PossResend")
            if self.reports[place] != content(raw):
                raise Wrong(f"{self.name} got report {place} with two contents")
            self.world.tally["report again with PossResend"] += 1
        elif place <= self.last_report and not again:
            raise Wrong(f"{self.name} got report {place} after {self.last_report}")
        self.reports[place] = content(raw)
        self.last_report = max(self.last_report, place)
