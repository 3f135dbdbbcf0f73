"""A test desk: one session with its real framer, decoder and dictionary, and a clock by hand.

Scripts are pipe-delimited FIX. What the member sends is completed with 8, 9, 49, 56, 52 and 10;
what the venue answers is compared field by field without 8, 9, 49, 56, 52 and 10.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from gateway.fix.codec import SOH, Framer, encode
from gateway.fix.decoder import Decoder
from gateway.fix.dictionary import Dictionary
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.index import MemoryStorage, SessionIndex
from gateway.fix.session import Session
from gateway.fix.settings import SessionSettings
from gateway.fix.steps import Answer, Application, Disconnect, LogonStep, ResendStep, Step
from gateway.fix.timestamps import format_utc

SECOND = 1_000_000_000
NOON = 1_790_000_000 * SECOND
ROOT = Path(__file__).parents[2]

Slicer = Callable[[bytes], Iterable[bytes]]


@cache
def dictionary() -> Dictionary:
    return Dictionary.load(ROOT / "fix_dictionaries" / "FIX44.xml")


def whole(data: bytes) -> list[bytes]:
    return [data]


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def fields(text: str | bytes) -> list[tuple[int, bytes]]:
    data = text.encode("latin-1").replace(b"|", SOH) if isinstance(text, str) else text
    pairs = []
    for field in data.split(SOH):
        if field:
            tag, _, value = field.partition(b"=")
            pairs.append((int(tag), value))
    return pairs


HEADER = (35, 49, 56, 34, 52)


def complete(
    given: list[tuple[int, bytes]], comp_id: bytes, number: int, now: int
) -> tuple[bytes, int]:
    """The body of a member's message with a whole header, and his next number.

    `number` is the one that is his to use; a value of `-` leaves the field out.
    """
    tags = {tag: value for tag, value in given if tag in HEADER}
    assert given[0][0] == 35, "a message begins with its type"
    own = {49: comp_id, 56: b"FIXGATE", 34: b"%d" % number, 52: format_utc(now, 3)} | tags
    head = [(tag, own[tag]) for tag in HEADER]
    rest = [pair for pair in given if pair[0] not in HEADER]
    body = b"".join(b"%d=%b\x01" % pair for pair in head + rest if pair[1] != b"-")
    return body, int(own[34]) + 1 if own[34].isdigit() else number


NOT_SHOWN = {8, 9, 49, 56, 52, 10}


def shown(raw: bytes) -> str:
    """A message as scripts show it: `35=0|34=2|112=HELLO|`."""
    return "".join(
        f"{tag}={value.decode('latin-1')}|" for tag, value in fields(raw) if tag not in NOT_SHOWN
    )


class Journal:
    """The reports of a venue: what render(record, k) shows again, always the same."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, int, bytes, bytes]] = []
        self.cl_ord_ids: set[bytes] = set()
        self.rendered = 0

    def report(self) -> tuple[int, int, bytes, bytes]:
        record = len(self.reports)
        found = (record, 0, b"8", b"37=%d\x0117=%d-0\x01" % (record, record))
        self.reports.append(found)
        return found

    def render(self, record: int, k: int) -> tuple[bytes, bytes]:
        self.rendered += 1
        return self.reports[record][2], self.reports[record][3]


class DeskClock:
    """A desk's two clocks, as a session asks for them."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk

    def now(self) -> int:
        return self._desk.now

    def monotonic(self) -> int:
        return self._desk.mono


class Desk:
    """One session, the venue's shell around it, and the member's side of the wire.

    orders: what the shell was handed. ends: why connections ended. said: what left for the member
    and no test has looked at yet.
    """

    def __init__(
        self,
        *,
        index: SessionIndex | None = None,
        slicer: Slicer = whole,
        journal: Journal | None = None,
        password: bytes = b"demo",
        **settings: object,
    ) -> None:
        self.settings = SessionSettings(comp_id=b"ACME", **settings)
        self.storage = MemoryStorage()
        self.index = index or SessionIndex(self.storage)
        self.session = Session(self.settings, self.index)
        self.journal = journal or Journal()
        self.decoder = Decoder(dictionary())
        self.framer = Framer()
        self.slicer = slicer
        self.password = password
        self.now = NOON
        self.mono = 7 * SECOND
        self.orders: list[Application] = []
        self.ends: list[DisconnectReason] = []
        self.said: list[bytes] = []
        self.wire: list[bytes] = []  # everything that ever left
        self.out = 1  # the member's next number
        self.authenticates = True
        self.reports_for_orders = False

    # Time

    def wait(self, seconds: float) -> None:
        """Let time go by in steps of a tenth of a second, ticking whenever the session asks."""
        for _ in range(round(seconds * 10)):
            self.now += SECOND // 10
            self.mono += SECOND // 10
            if self.mono >= self.session.next_deadline():
                self.perform(self.session.tick(self.now, self.mono))

    # The venue's shell

    def connect(self) -> None:
        self.framer = Framer()
        self.session.connect(self.now, self.mono)

    def receive_bytes(self, data: bytes) -> None:
        for piece in self.slicer(data):
            for raw in self.framer.feed(piece):
                if self.session.connected:
                    message = self.decoder.decode(raw)
                    self.perform(self.session.receive(message, self.now, self.mono))

    def perform(self, steps: list[Step]) -> None:
        for step in steps:
            match step:
                case Application():
                    self.orders.append(step)
                    if self.reports_for_orders:
                        self.report_on(step)
                case Answer():
                    self.leave(self.session.transmit(step, self.now))
                    if step.reset:
                        self.index.sync()
                        self.session.settled()
                case ResendStep():
                    for data in self.resend(step):
                        self.leave(data)
                case LogonStep():
                    if self.authenticates:
                        self.verify(step)
                case Disconnect():
                    self.ends.append(step.reason)
                    self.session.disconnect(step.reason)

    def resend(self, step: ResendStep) -> Iterator[bytes]:
        return self.session.resend(step, self.journal.render, DeskClock(self))

    def verify(self, step: LogonStep) -> None:
        if step.password in {None, self.password}:
            record = len(self.journal.reports) - 1
            self.perform(self.session.accept_logon(self.now, self.mono, record))
        else:
            self.perform(self.session.refuse_logon("wrong Password(554)", self.now))

    def report_on(self, order: Application) -> None:
        """What the application says to an order."""
        self.report()

    def report(self, count: int = 1) -> None:
        """The venue journals `count` reports for this session and numbers them."""
        reports = [self.journal.report() for _ in range(count)]
        self.leave(self.session.transmit_reports(reports, self.now))

    def leave(self, data: bytes) -> None:
        framer = Framer()
        for raw in framer.feed(data):
            self.said.append(raw)
            self.wire.append(raw)
        assert not framer.pending, "half a message left"
        assert not framer.garbled

    def lost(self, reason: DisconnectReason = DisconnectReason.PEER_CLOSED) -> None:
        """The connection breaks."""
        self.session.disconnect(reason)
        self.said.clear()

    def restarted(self, *, clean: bool = False, **settings: object) -> "Desk":
        """A new process on the same index and journal."""
        if clean:
            self.index.close()
        again = type(self)(index=SessionIndex(self.storage), journal=self.journal, **settings)
        again.storage = self.storage
        again.slicer = self.slicer
        again.now, again.mono, again.out = self.now + SECOND, 3 * SECOND, self.out
        return again

    # The member

    def frame(
        self, text: str, *, seq: int | None = None, late: int = 0, begin: str = "FIX.4.4"
    ) -> bytes:
        """A member's message; `text` may begin with its own 34 or 49, 56, 52."""
        given = fields(text)
        if seq is not None:
            given.append((34, b"%d" % seq))
        body, self.out = complete(given, b"ACME", self.out, self.now + late * SECOND)
        return encode(begin.encode(), body)

    def send(self, text: str, **how: object) -> None:
        self.receive_bytes(self.frame(text, **how))

    def logon(self, text: str = "", *, heartbeat: int = 30, connect: bool = True) -> None:
        if connect:
            self.connect()
        reset = "141=Y" in text
        if reset and "34=" not in text:
            text = "34=1|" + text
        self.send(f"35=A|{text}98=0|108={heartbeat}|")

    def order(self, cl_ord_id: str, header: str = "", **how: object) -> None:
        self.send(new_order(cl_ord_id, header, self.now), **how)

    def hears(self, *expected: str) -> None:
        """What has left since the last look is exactly this; `...` at the end of 58 is any text."""
        heard = [shown(raw) for raw in self.said]
        self.said.clear()
        assert len(heard) == len(expected), heard
        for got, want in zip(heard, expected, strict=True):
            if "..." in want:
                parts = want.split("...")
                assert got.startswith(parts[0]), (got, want)
                assert got.endswith(parts[-1]), (got, want)
                for part in parts:
                    assert part in got, (got, want)
            else:
                assert got == want

    def hears_nothing(self) -> None:
        self.hears()

    def tags(self) -> list[dict[int, bytes]]:
        """What has left since the last look, as dictionaries."""
        heard = [dict(fields(raw)) for raw in self.said]
        self.said.clear()
        return heard

    def order_ids(self) -> list[str]:
        return [(step.message.get(11) or b"").decode() for step in self.orders]


def new_order(cl_ord_id: str, header: str, now: int) -> str:
    time = format_utc(now, 3).decode()
    return f"35=D|{header}11={cl_ord_id}|55=BTC-USD|54=1|60={time}|38=1|40=2|44=60000|59=0|"


def at(desk: Desk, seconds: int = 0) -> str:
    """A timestamp that many seconds from the desk's now."""
    return format_utc(desk.now + seconds * SECOND, 3).decode()
