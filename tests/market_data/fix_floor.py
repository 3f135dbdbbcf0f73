"""Members of market data sessions without sockets: real trading, a real journal, real FIX."""

import contextlib

from engine.model.commands import NewOrder, Origin
from engine.model.enums import GTC, LIMIT, MARKET_DATA, SOURCE_FIX
from engine.model.refdata import SessionInfo
from gateway.config import load_config, resolve_sessions
from gateway.data import data_file
from gateway.fix.codec import Framer
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.index import MemoryStorage, SessionIndex
from gateway.fix.session import Session
from gateway.fix.settings import SessionSettings
from gateway.fix.steps import Application, LogonStep, ResendStep
from gateway.fix.timestamps import format_utc
from gateway.fix.validate import MAX_FIELDS, MAX_GROUP_ENTRIES
from gateway.flow.link import Link
from gateway.market_data.fix_service import FixMarketData
from gateway.processes.sessions import NothingPending
from tests.engine.streams import ACCOUNT_OF, ACME_OE1, BTC_USD
from tests.fix.pipes import full_decoder, pipes, wire
from tests.market_data.floor import Floor
from tests.support.fix_books import ENTRIES, Views, fields_of

MEMBERS = 3
ENVELOPE = {8, 9, 10, 34, 49, 52, 56}


class Line:
    """A connection: what is written to it is heard at once, unless nobody reads."""

    def __init__(self, member):
        self.member = member
        self.queued = 0
        self.closing = None

    def write(self, data):
        self.member.hear(data)

    def finish(self, reason):
        self.closing = reason

    close = finish


class Member:
    """A member of a market data session; keeps what it hears, and a view of each subscription.

    heard: messages since `take`, as `35=W|...` without header and trailer.
    """

    def __init__(self, floor, number, throttle=None):
        config = load_config(data_file("config", "bench.yaml"))
        [first, *_] = [s for s in resolve_sessions(config) if s.kind == "market_data"]
        self.floor = floor
        self.comp_id = f"ACME-MD{number}"
        settings = SessionSettings(venue_comp_id=b"FIXGATE", comp_id=self.comp_id.encode())
        self.session = Session(settings, SessionIndex(MemoryStorage()))
        info = SessionInfo(100 + number, 1, self.comp_id, MARKET_DATA, 1)
        self.link = Link(info, first, self.session, None, NothingPending(), None, throttle)
        self.link.on_resend = self._resend
        self.decoder = full_decoder()
        self.seq = 0
        self.next_in = 1
        self.raws = []
        self.heard = []
        self.views = Views()
        self.framer = Framer()

    # --- in -----------------------------------------------------------------------------------

    def hear(self, data):
        for raw in _messages(data):
            fields = fields_of(raw)
            head = dict(reversed(fields))
            if int(head.get(ENTRIES, "0")) <= MAX_GROUP_ENTRIES and len(fields) < MAX_FIELDS:
                assert self.decoder.decode(raw).error is None, self.decoder.decode(raw).error.text
            if 43 not in head:
                assert int(head[34]) == self.next_in, "a number is missing"
                self.next_in += 1
                self.views.hear(raw)
            self.raws.append(raw)
            self.heard.append(
                "".join(f"{tag}={value}|" for tag, value in fields if tag not in ENVELOPE)
            )

    def take(self):
        """What was heard since this was last asked."""
        heard, self.heard = self.heard, []
        self.raws = []
        return heard

    @property
    def view(self):
        """Of the one subscription."""
        [view] = self.views.views.values()
        return view

    # --- out ----------------------------------------------------------------------------------

    def logon(self, *, reset=False):
        """Connect if need be, and log on."""
        if self.link.connection is None:
            self.session.connect(self.now, self.floor.clock.monotonic())
            self.line = self.link.connection = Line(self)
        if reset:
            self.seq, self.next_in = 0, 1
        self.views = Views()
        flag = "141=Y|" if reset else ""
        answers = self.ask("A", f"98=0|108=30|{flag}553={self.comp_id}|554=demo|")
        assert answers[0].startswith("35=A|"), answers
        return self

    def leave(self):
        """The connection is gone."""
        self.link.detach()
        self.session.disconnect(DisconnectReason.PEER_CLOSED)

    @property
    def now(self):
        return self.floor.clock.now()

    def ask(self, msg_type, body, *, head=""):
        """Send one message; what is said at once."""
        self.take()
        self.seq += 1
        stamp = format_utc(self.now, 3).decode()
        whole = f"35={msg_type}|49={self.comp_id}|56=FIXGATE|34={self.seq}|52={stamp}|{head}{body}"
        self.receive(wire(whole))
        return self.take()

    def receive(self, raw):
        service, now = self.floor.service, self.now
        message = self.decoder.decode(raw)
        for step in self.session.receive(message, now, self.floor.clock.monotonic()):
            if isinstance(step, Application):
                service.application(self.link, step, now)
            elif isinstance(step, LogonStep):
                steps = self.session.accept_logon(now, self.floor.clock.monotonic(), -1)
                reset = steps[0].reset
                for answer in steps[: 1 if reset else None]:
                    service.perform(self.link, answer, now)
                if reset:
                    self.session.settled()
            else:
                service.perform(self.link, step, now)

    def subscribe(self, req_id="m1", *, types="01", depth=0, symbols=("BTC-USD",), **tags):
        """A MarketDataRequest with 263=1 and 265=1, unless `tags` (t20004=100) say otherwise."""
        return self.ask("V", request(req_id, types=types, depth=depth, symbols=symbols, **tags))

    def _resend(self, link, step):
        assert isinstance(step, ResendStep)
        for piece in self.session.resend(step, None, self.floor.clock):
            link.connection.write(piece)


def request(req_id="m1", *, types="01", depth=0, symbols=("BTC-USD",), **tags):
    """The body of a MarketDataRequest; a tag that is None is left out."""
    found = {"t263": "1", "t264": depth, "t265": "1"} | tags
    single = "".join(f"{tag[1:]}={value}|" for tag, value in found.items() if value is not None)
    kinds = f"267={len(types)}|" + "".join(f"269={kind}|" for kind in types)
    names = f"146={len(symbols)}|" + "".join(f"55={symbol}|" for symbol in symbols)
    return f"262={req_id}|{single}{kinds}{names}"


def _messages(data):
    """Whole messages of any length."""
    while data:
        head = data.index(b"\x01", 10) + 1
        size = head + int(data[:head].rpartition(b"=")[2].rstrip(b"\x01")) + 7
        yield data[:size]
        assert data[size - 7 : size - 4] == b"10=", pipes(data[:size])
        data = data[size:]


class FixFloor(Floor):
    """A floor with market data sessions; `members` are not connected yet."""

    throttle = None
    orders = 0

    def start(self, market=None):
        super().start(market)
        self.members = [Member(self, k + 1, self.throttle) for k in range(MEMBERS)]
        links = [member.link for member in self.members]
        self.service = FixMarketData(self.market, links, self.clock, self.log.append)
        self.market.listeners.append(self.service)

    def order(self, side, price, lots, *, session=ACME_OE1):
        """A limit order of so many ticks and lots."""
        self.orders += 1
        command = NewOrder(
            Origin(session, self.orders, 0, SOURCE_FIX),
            b"o%d" % self.orders,
            ACCOUNT_OF[session],
            BTC_USD,
            side,
            LIMIT,
            GTC,
            lots,
            price,
        )
        self.submit(command)

    def wait(self, milliseconds):
        super().wait(milliseconds)
        self.service.schedule.tell_due()

    def expected(self, side, symbol="BTC-USD", depth=None):
        """What a view's `side` has to be."""
        return self.levels(symbol, depth)[{"0": "bids", "1": "asks"}[side]]


@contextlib.contextmanager
def fix_floor(folder, seed=1):
    """A floor that is open."""
    here = FixFloor(folder, seed)
    try:
        yield here
    finally:
        here.close()
