"""Market data over FIX, from outside: through disconnects and kill -9 of whatever there is, every
picture that a client has is the engine's, and every trade that it is told is the journal's.
"""

from collections import Counter

import pytest

from tests.support.fix_client import ConnectionEnded
from tests.support.market_client import MarketClient, SimplefixMarketClient
from tests.support.progress import progress
from tests.support.venue import wait_until
from tests.support.weather import SYMBOL, Storm, Truth

SOME = f"146=1|55={SYMBOL}|"
WANTED = {
    "levels": "264=0|265=1|267=3|269=0|269=1|269=2|" + SOME,
    "orders": "264=0|265=1|266=N|267=2|269=0|269=1|" + SOME,
    "best": "264=10|265=1|20004=250|267=2|269=0|269=1|" + SOME,
    "picture": "264=5|265=0|267=2|269=0|269=1|" + SOME,
}


class Recorder:
    """A member that subscribes to everything. seen: the levels right after each record that
    `every` divides, as far as it was told of each change by itself."""

    def __init__(self, client, every):
        self.client = client
        self.every = every
        self.seen = {}
        self.counts = Counter()
        client.wanted = dict(WANTED)
        hear = client._hear

        def note(message):
            self.counts[message[35]] += 1
            if message.get(262) == "levels":
                self._note(message)
            hear(message)

        client._hear = note

    @property
    def connected(self):
        return self.client.connected

    def drop(self):
        self.client.drop()

    def connect(self):
        """Raises ConnectionEnded."""
        try:
            self.client.reconnect(timeout=0)
        except OSError as error:
            raise ConnectionEnded(str(error)) from error

    def read(self, timeout=0.0):
        """Whatever there is. Raises ConnectionEnded."""
        self.client.read(timeout)

    def _note(self, message):
        view = self.client.views.views.get(("levels", SYMBOL))
        if message[35] != "X" or int(message[83]) != view.seq + 1 or view.record is None:
            return
        levels = self.client.levels("levels")
        for number in range(
            -(-view.record // self.every) * self.every, int(message[20001]), self.every
        ):
            self.seen[number] = levels


def weather(venue, dial, client, seed, happenings, *, turns, every, books):
    """A storm from its first to its last happening, and until `books` could be compared; what the
    recorder counted."""
    storm = Storm(venue, dial, seed, Recorder(client, every))
    plan = [what for what, times in happenings.items() for _ in range(times)]
    storm.rng.shuffle(plan)
    for number, what in enumerate(plan):
        progress(f"{number} of {len(plan)}: {what}")
        storm.trade(storm.rng.randrange(turns))
        storm.happen(what)
    storm.trade_until(lambda: len(storm.recorder.seen) >= books, turns)
    wait_until(lambda: storm.listen() or storm.recorder.connected, 20, "it is back")
    for trader in storm.traders:
        trader.client.sync()
    client.sync()
    end_of_trading(venue, client)
    recorder = storm.recorder
    truth = Truth(venue.data, recorder.seen)
    assert client.refused == []
    best = truth.levels()
    for req_id, depth in (("levels", None), ("orders", None), ("best", 10), ("picture", 5)):
        cut = {side: levels[:depth] for side, levels in best.items()}
        assert client.levels(req_id) == cut, req_id
    trades = {match: (price, qty) for _, match, price, qty in truth.trade_texts()}
    for view in [*client.past, *client.views.views.values()]:
        told = [match for match, *_ in view.trades]
        if told:
            assert told == [match for match in trades if told[0] <= match <= told[-1]]
        for match, price, qty, _ in view.trades:
            assert trades[match] == (price, qty)
        recorder.counts["trades"] += len(told)
    wrong = [n for n, book in recorder.seen.items() if truth.books.get(n, book) != book]
    assert not wrong, f"{len(wrong)} of {len(recorder.seen)} books, the first after {wrong[0]}"
    recorder.counts["compared"] = sum(n in truth.books for n in recorder.seen)
    return recorder.counts


def end_of_trading(venue, client):
    """Until the client is told all that is in the journal, also what is conflated."""
    end = Truth(venue.data, ()).levels()

    def told():
        client.read()
        return client.levels("levels") == end and client.levels("best") == {
            side: levels[:10] for side, levels in end.items()
        }

    wait_until(told, 10, "the client has all")
    code, _ = venue.stop()
    assert code == 0
    assert client.expect_closed()[-1][35] == "5"


@pytest.mark.proof
@pytest.mark.parametrize("kind", [MarketClient, SimplefixMarketClient])
def test_pictures_are_the_engines_through_disconnects_and_kills(new_venue, dial, kind):
    venue = new_venue(only="core,marketdata").start()
    client = kind("BENCH-MD1", venue.market_data)
    happenings = {"disconnect": 4, "marketdata": 2, "core": 1}
    counts = weather(venue, dial, client, 1, happenings, turns=60, every=10, books=30)
    client.drop()
    assert counts["compared"] > 20
    assert counts["trades"] > 20
    assert counts["X"] > 100
    assert counts["W"] > 20


@pytest.mark.proof
def test_the_same_through_fifty_disconnects_and_fifteen_kills(new_venue, dial):
    venue = new_venue(only="core,marketdata").start()
    client = MarketClient("BENCH-MD1", venue.market_data)
    happenings = {"disconnect": 50, "marketdata": 10, "core": 5}
    counts = weather(venue, dial, client, 2, happenings, turns=100, every=1_000, books=6)
    client.drop()
    assert counts["compared"] > 5
    progress(str(counts))
