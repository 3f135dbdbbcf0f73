"""Clients of a market stream without sockets: real trading, a real journal, real frames."""

import contextlib

from engine.journal.files import open_reader
from engine.market.feed import MarketFeed
from engine.market_reader import MarketReader
from engine.model.commands import Block, Origin, Unblock
from engine.model.enums import BLOCK_INSTRUMENT
from engine.model.refdata import ReferenceData
from gateway.market_data.stream import MarketStream
from gateway.stream.replay import Replays
from tests.stream.subscriber import Everybody, Subscriber
from tests.support.house import HandClock
from tests.support.stream_books import SIDES, Levels, Orders
from tests.support.trading import Trading


class Client(Subscriber):
    """A subscriber that keeps a book of each channel."""

    def __init__(self, floor):
        self.floor = floor
        self.books = {}
        self.answered = []
        super().__init__(floor.stream)

    def hear(self, message):
        super().hear(message)
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
        self.answered = super().say(**words)
        return self.answered

    def subscribe(self, channel, symbol="BTC-USD", **words):
        answer, *rest = self.say(op="subscribe", channel=channel, symbol=symbol, **words)
        assert answer["type"] == "subscribed", answer
        self.answered = rest
        return rest


class Floor(Trading):
    """A venue, its journal and the stream of its market."""

    def __init__(self, folder, seed=1):
        super().__init__(folder, seed)
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
        super().trade(count)
        self.read(at_once)

    def halt(self, instrument, reason):
        """Nobody may trade it any more."""
        self.submit(Block(Origin(0, 0, 0), BLOCK_INSTRUMENT, instrument, False, reason))

    def open(self, instrument, reason):
        self.submit(Unblock(Origin(0, 0, 0), BLOCK_INSTRUMENT, instrument, reason))

    def submit(self, command):
        super().submit(command)
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
        self.stream.schedule.tell_due()


@contextlib.contextmanager
def floor(folder, seed=1):
    """A floor that is open."""
    here = Floor(folder, seed)
    try:
        yield here
    finally:
        here.close()
