"""Clients of a market stream without sockets: real trading, a real journal, real frames."""

import contextlib
import json
from types import SimpleNamespace

from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from engine.core.venue import Venue
from engine.journal.files import open_reader
from engine.market.feed import MarketFeed
from engine.market_reader import MarketReader
from engine.model.commands import Block, Origin, Unblock
from engine.model.enums import BLOCK_INSTRUMENT
from engine.model.refdata import ReferenceData
from engine.sequencer import Sequencer
from gateway.market_data.stream import MarketStream
from gateway.stream.replay import Replays
from tests.engine.streams import RANDOM_BALANCES, START, RandomTrader, bootstrap_commands
from tests.journal.support import open_writer
from tests.support.house import HandClock
from tests.support.stream_books import SIDES, Levels, Orders


class Everybody:
    """Tokens: any will do."""

    def owner(self, token):
        return token


class Client:
    """A subscriber: it reads the frames that it is sent, and keeps a book of each channel."""

    def __init__(self, floor):
        self.floor = floor
        self.heard = []
        self.books = {}
        self.connection = SimpleNamespace(queued=0)
        self.open = True
        self.closed_with = None
        self.who = "ACME"
        self.answered = []
        self._protocol = Connection(ConnectionType.CLIENT)
        floor.stream.opened(self)

    def send(self, frames):
        """What the venue calls."""
        self._protocol.receive_data(frames)
        for event in self._protocol.events():
            assert isinstance(event, TextMessage)
            assert event.message_finished
            self._hear(json.loads(event.data))

    def _hear(self, message):
        self.heard.append(message)
        kind = message["type"]
        key = (message.get("symbol"), message.get("depth"), message.get("interval_ms", 0))
        if kind.startswith(("book_", "orders_")):
            key = (kind.partition("_")[0], *key)
            if kind.endswith("snapshot"):
                self.books[key] = Levels(message) if key[0] == "book" else Orders(message)
            else:
                self.books[key].hear(message)
            assert self.books[key].checksum() == message["checksum"]

    def say(self, **words):
        """A request; what is answered, and what else comes with it."""
        already = len(self.heard)
        self.floor.stream.received(self, json.dumps(words))
        self.answered = self.heard[already:]
        del self.heard[already:]
        return self.answered

    def subscribe(self, channel, symbol="BTC-USD", **words):
        answer, *rest = self.say(op="subscribe", channel=channel, symbol=symbol, **words)
        assert answer["type"] == "subscribed", answer
        self.answered = rest
        return rest

    def close(self, code, reason, now):
        """What the venue calls when it has to."""
        self.closed_with = code
        self.leave()

    def leave(self):
        self.open = False
        self.floor.stream.closed(self)

    def take(self):
        """What was heard since this was last asked."""
        heard, self.heard = self.heard, []
        return heard


class Floor:
    """A venue, its journal and the stream of its market."""

    def __init__(self, folder, seed=1):
        self.folder = folder
        self.writer = open_writer(folder / "journal")
        self.sequencer = Sequencer(Venue(), self.writer, bytes)
        self.trader = RandomTrader(seed)
        self.time = START
        for command in bootstrap_commands(balances=RANDOM_BALANCES):
            self.sequencer.submit(command, START)
        self.sequencer.commit()
        self.clock = HandClock()
        self.log = []
        self.start()

    def start(self, market=None):
        """A new process: nobody is connected."""
        self.market = market or MarketReader(
            open_reader(self.folder / "journal"), ReferenceData(), MarketFeed(), -1
        )
        self.read()
        self.replays = Replays(self.market.reader.another, self.clock.monotonic, self.log.append)
        self.stream = MarketStream(self.market, Everybody(), self.clock, self.replays)
        self.market.listeners.append(self.stream)

    def read(self, at_once=500):
        """Let the process read what is on disk."""
        while self.market.step(at_once):
            pass

    def trade(self, count, at_once=500):
        """Some commands, and what the process makes of them."""
        for _ in range(count):
            self.time += self.trader.wait()
            if self.sequencer.mass_due:
                self.sequencer.continue_mass(self.time)
            else:
                self.sequencer.submit(self.trader.command(), self.time)
        self.sequencer.commit()
        self.read(at_once)

    def halt(self, instrument, reason):
        """Nobody may trade it any more."""
        self._submit(Block(Origin(0, 0, 0), BLOCK_INSTRUMENT, instrument, False, reason))

    def open(self, instrument, reason):
        self._submit(Unblock(Origin(0, 0, 0), BLOCK_INSTRUMENT, instrument, reason))

    def _submit(self, command):
        self.sequencer.submit(command, self.time)
        self.sequencer.commit()
        self.read()

    def feed(self, symbol="BTC-USD"):
        instruments = self.market.refdata.instruments.values()
        return self.market.market.feed(next(i.id for i in instruments if i.symbol == symbol))

    def levels(self, symbol="BTC-USD", depth=None):
        """The venue's book, in the words of the feed."""
        feed = self.feed(symbol)
        instrument = self.market.refdata.instruments[feed.instrument]
        return {
            name: [
                (instrument.format_price(price).decode(), instrument.format_qty(lots).decode())
                for price, lots, _ in feed.book.depth(side, depth)
            ]
            for name, side in SIDES.items()
        }

    def wait(self, milliseconds):
        """Time passes, and what is conflated comes due."""
        self.clock.time += milliseconds * 1_000_000
        self.stream.tell_due()

    def close(self):
        self.writer.close()


@contextlib.contextmanager
def floor(folder, seed=1):
    """A floor that is open."""
    here = Floor(folder, seed)
    try:
        yield here
    finally:
        here.close()
