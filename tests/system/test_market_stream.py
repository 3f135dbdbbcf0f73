"""The market over WebSocket, from outside: through disconnects and kill -9 of whatever there is,
a client ends with exactly the journal's trades, and its books were the engine's all along.
"""

from collections import Counter

import pytest

from tests.support.progress import progress
from tests.support.stream_books import Levels, Orders
from tests.support.stream_client import StreamClient
from tests.support.venue import wait_until
from tests.support.weather import SYMBOL, Storm, Truth


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

    @property
    def connected(self):
        return self.client.connected

    def drop(self):
        self.client.drop()

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


def weather(venue, dial, seed, happenings, *, turns, every, books):
    """A storm from its first to its last happening, and until `books` could be compared; what the
    recorder counted."""
    venue.start()
    storm = Storm(venue, dial, seed, Recorder(venue, every))
    plan = [what for what, times in happenings.items() for _ in range(times)]
    storm.rng.shuffle(plan)
    for number, what in enumerate(plan):
        progress(f"{number} of {len(plan)}: {what}")
        storm.trade(storm.rng.randrange(turns))
        storm.happen(what)
    storm.trade_until(lambda: len(storm.recorder.seen) >= books, turns)
    wait_until(lambda: storm.listen() or storm.recorder.connected, 20, "it is back")
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
    counts = weather(
        new_venue(only="core,marketdata"), dial, 1, happenings, turns=60, every=10, books=30
    )
    assert counts["compared"] > 20
    assert counts["trade"] > 20
    assert counts["checksums"] > 200


@pytest.mark.proof
def test_the_same_through_fifty_disconnects_ten_kills_of_the_feed_and_five_of_core(new_venue, dial):
    happenings = {"disconnect": 50, "marketdata": 10, "core": 5}
    counts = weather(
        new_venue(only="core,marketdata"), dial, 2, happenings, turns=100, every=1_000, books=6
    )
    assert counts["compared"] > 5
    progress(str(counts))
