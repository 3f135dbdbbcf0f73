"""A venue under load whose readers and core are killed, and what its journal says in the end."""

import random
from contextlib import suppress

from engine.core.venue import Venue
from engine.model.enums import BUY, SELL, TAKER
from engine.model.events import OrderFilled
from engine.replay import folder_records, join_parts
from tests.support.fix_client import ConnectionEnded
from tests.support.traders import Trader
from tests.support.venue import wait_until

SYMBOL = "BTC-USD"
SESSIONS = ("BENCH-OE1", "BENCH2-OE1")
MOST_ROUNDS = 100


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
    """A venue under load, and a recorder to whom everything happens.

    The recorder has connect(), read(timeout), connected and drop().
    """

    def __init__(self, venue, dial, seed, recorder):
        self.venue = venue
        self.rng = random.Random(seed)
        self.recorder = recorder
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

    def trade_until(self, enough, turns):
        """Load until the recorder has heard enough, however slow the machine is."""
        for _ in range(MOST_ROUNDS):
            self.trade(turns)
            if enough():
                return
        raise AssertionError(f"not enough was heard in {MOST_ROUNDS} times {turns} turns")

    def listen(self):
        """Read, or try to come back."""
        try:
            if not self.recorder.connected:
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
                self.recorder.drop()
            case "core":
                self.kill_core()
            case reader:
                self.venue.kill_one(reader)

    def settle(self):
        """Until the recorder has all that the journal has."""
        for trader in self.traders:
            trader.client.sync()
        self.venue.stop()  # its last words come first
        with suppress(ConnectionEnded):
            while True:
                if not self.recorder.connected:
                    self.recorder.connect()
                self.recorder.read(1)
