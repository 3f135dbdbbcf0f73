"""The market over WebSocket, from outside: through disconnects and kill -9 of whatever there is,
a client ends with exactly the journal's trades, and its books were the engine's all along.
"""

import random
from collections import Counter
from contextlib import suppress

import pytest

from engine.core.venue import Venue
from engine.model.enums import BUY, SELL, TAKER
from engine.model.events import OrderFilled
from engine.replay import folder_records, join_parts
from tests.support.fix_client import ConnectionEnded
from tests.support.progress import progress
from tests.support.stream_books import Levels, Orders
from tests.support.stream_client import StreamClient
from tests.support.traders import Trader
from tests.support.venue import wait_until

SYMBOL = "BTC-USD"
SESSIONS = ("BENCH-OE1", "BENCH2-OE1")


class Recorder:
    """Keeps a book of levels and one of orders, and all trades; comes back where it was.

    seen: the levels right after each record that `every` divides, as far as it was told of each
    change by itself.
    """

    def __init__(self, venue, every):
        self.client = StreamClient(venue.market_data_stream, "demo-BENCH")
        self.every = every
        self.books = {}
        self.trades = []
        self.seen = {}
        self.counts = Counter()

    def connect(self):
        """Raises ConnectionEnded."""
        self.client.connect()
        for channel in ("book", "orders", "trades"):
            words = {}
            if channel == "trades":
                words["resume_from"] = self.trades[-1]["match"] if self.trades else 0
            elif channel in self.books:
                words["resume_from"] = self.books[channel].seq
            answer, before = self.client.subscribe(channel, symbol=SYMBOL, **words)
            self.counts["resumed"] += answer.get("resumed", False)
            for message in before:
                self.hear(message)

    def read(self, timeout=0.0):
        """Whatever there is. Raises ConnectionEnded."""
        while (message := self.client.receive(timeout)) is not None:
            self.hear(message)
            timeout = 0.0

    def hear(self, message):
        self.counts[message["type"]] += 1
        kind, _, what = message["type"].partition("_")
        if kind == "trade":
            assert message["prev"] == (self.trades[-1]["match"] if self.trades else 0)
            self.trades.append(message)
            return
        book = self.books.get(kind)
        if what == "snapshot":
            assert book is None or message["seq"] >= book.seq
            book = self.books[kind] = (Levels if kind == "book" else Orders)(message)
        else:
            if kind == "book" and message["seq"] == book.seq + 1:
                self._note(book, message["record"])
            book.hear(message)
        assert book.checksum() == message["checksum"]
        self.counts["checksums"] += 1

    def _note(self, book, record):
        for number in range(-(-book.record // self.every) * self.every, record, self.every):
            self.seen[number] = {side: book.levels(side) for side in book.sides}


class Truth:
    """What the journal says: trades of the instrument, and the engine's books."""

    def __init__(self, data, numbers):
        venue = Venue()
        self.trades, self.books, self.last = [], {}, None
        for whole in join_parts(folder_records(data / "journal")):
            venue.apply(whole.command, whole.first, whole.time)
            for event in whole.events:
                if isinstance(event, OrderFilled) and event.liquidity == TAKER:
                    self.trades.append((whole.last, event.match, event.last_price, event.last_qty))
            instrument = next(iter(venue.refdata.instruments.values()), None)
            if instrument is not None and instrument.id in venue.state.markets:
                self.instrument = instrument
                self.last = venue.state.markets[instrument.id].book
                if whole.last in numbers:
                    self.books[whole.last] = self.levels()
        assert self.instrument.symbol == SYMBOL

    def levels(self):
        price, qty = self.instrument.format_price, self.instrument.format_qty
        return {
            name: [
                (price(ticks).decode(), qty(lots).decode())
                for ticks, lots, _ in self.last.side(side).depth()
            ]
            for name, side in (("bids", BUY), ("asks", SELL))
        }

    def trade_texts(self):
        price, qty = self.instrument.format_price, self.instrument.format_qty
        return [(r, m, price(p).decode(), qty(q).decode()) for r, m, p, q in self.trades]


class Storm:
    """A venue under load, and a recorder to whom everything happens."""

    def __init__(self, venue, dial, seed, every):
        self.venue = venue
        self.rng = random.Random(seed)
        self.recorder = Recorder(venue, every)
        self.traders = [
            Trader(dial(venue, comp_id), random.Random(self.rng.getrandbits(64)), window=50)
            for comp_id in SESSIONS
        ]
        for trader in self.traders:
            trader.reconnect()

    def trade(self, turns):
        """Some load; the recorder reads now and then."""
        for _ in range(turns):
            for trader in self.traders:
                trader.trade()
            self.listen()

    def listen(self):
        """Read, or try to come back."""
        try:
            if not self.recorder.client.connected:
                self.recorder.connect()
            if self.rng.random() < 0.3:
                self.recorder.read()
        except ConnectionEnded:
            pass

    def kill_core(self):
        killed = self.venue.kill_one("core")
        for trader in self.traders:
            trader.read_to_the_end()
            trader.client.drop()
        wait_until(lambda: self.venue.pid("core") != killed, 10, "core is started again")
        for trader in self.traders:
            trader.reconnect()

    def happen(self, what):
        match what:
            case "disconnect":
                self.recorder.client.drop()
            case "marketdata":
                self.venue.kill_one("marketdata")
            case "core":
                self.kill_core()

    def settle(self):
        """Until the recorder has all that the journal has."""
        for trader in self.traders:
            trader.client.sync()
        self.venue.stop()  # its last words come first
        with suppress(ConnectionEnded):
            while True:
                if not self.recorder.client.connected:
                    self.recorder.connect()
                self.recorder.read(1)


def weather(venue, dial, seed, happenings, *, turns, every):
    """A storm from its first to its last happening; what the recorder counted."""
    venue.start()
    storm = Storm(venue, dial, seed, every)
    plan = [what for what, times in happenings.items() for _ in range(times)]
    storm.rng.shuffle(plan)
    for number, what in enumerate(plan):
        progress(f"{number} of {len(plan)}: {what}")
        storm.trade(storm.rng.randrange(turns))
        storm.happen(what)
    storm.trade(turns)
    wait_until(lambda: storm.listen() or storm.recorder.client.connected, 20, "it is back")
    storm.settle()
    recorder = storm.recorder
    truth = Truth(venue.data, recorder.seen)
    told = [(t["record"], t["match"], t["price"], t["quantity"]) for t in recorder.trades]
    assert told == truth.trade_texts()
    levels = truth.levels()
    for book in recorder.books.values():
        assert {side: book.levels(side) for side in levels} == levels
    wrong = [n for n, book in recorder.seen.items() if truth.books.get(n, book) != book]
    assert not wrong, f"{len(wrong)} of {len(recorder.seen)} books, the first after {wrong[0]}"
    recorder.counts["compared"] = sum(n in truth.books for n in recorder.seen)
    return recorder.counts


def test_a_client_that_comes_and_goes_has_the_journals_trades_and_the_engines_books(
    new_venue, dial
):
    happenings = {"disconnect": 6, "marketdata": 2, "core": 1}
    counts = weather(new_venue(), dial, 1, happenings, turns=60, every=10)
    assert counts["compared"] > 20
    assert counts["trade"] > 20
    assert counts["checksums"] > 200


@pytest.mark.proof
def test_the_same_through_fifty_disconnects_ten_kills_of_the_feed_and_five_of_core(new_venue, dial):
    happenings = {"disconnect": 50, "marketdata": 10, "core": 5}
    counts = weather(new_venue(), dial, 2, happenings, turns=100, every=1_000)
    assert counts["compared"] > 5
    progress(str(counts))
