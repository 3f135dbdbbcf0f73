"""A client of a channel, who knows what it was told and nothing else, has the venue's book."""

from random import Random
from zlib import crc32

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.market.book import MD_CHANGE, MD_DELETE, MD_NEW
from engine.market.channel import BookChannel, OrdersChannel
from engine.market.feed import MarketFeed
from engine.model.enums import BUY, SELL
from tests.engine.desk import Desk
from tests.market.along import commands

INSTRUMENTS = Desk().venue.refdata.instruments
LEVELS_CHECKED = 10


def text_checksum(instrument, sides):
    """The checksum as a client computes it: from price and quantity alone."""
    texts = [
        ",".join(
            f"{instrument.format_price(price).decode()}:{instrument.format_qty(lots).decode()}"
            for price, lots in side[:LEVELS_CHECKED]
        )
        for side in sides
    ]
    return crc32("|".join(texts).encode())


class BookClient:
    """Levels by (side, price)."""

    def __init__(self, shown):
        self.last = shown.place
        self.levels = {(BUY, price): rest for price, *rest in shown.bids}
        self.levels |= {(SELL, price): rest for price, *rest in shown.asks}

    def hear(self, changed):
        assert changed.prev == self.last.seq < changed.place.seq, "a message is missing"
        assert self.last.record < changed.place.record
        self.last = changed.place
        for action, side, price, lots, orders in changed.levels:
            assert ((side, price) in self.levels) == (action != MD_NEW)
            if action == MD_DELETE:
                del self.levels[side, price]
            else:
                self.levels[side, price] = [lots, orders]

    def side(self, side):
        found = [(price, *rest) for (s, price), rest in self.levels.items() if s == side]
        return sorted(found, reverse=side == BUY)

    def checksum(self, instrument):
        return text_checksum(
            instrument, [[(p, lots) for p, lots, _ in self.side(side)] for side in (BUY, SELL)]
        )


class Room:
    """One channel with its clients, some of whom come later."""

    def __init__(self, instrument, feed, depth, often):
        self.instrument = instrument
        self.feed = feed
        self.depth = depth
        self.often = often
        self.channel = BookChannel(instrument, feed, depth)
        self.clients = []

    def join(self):
        self.show()
        shown = self.channel.shown()
        self.clients.append(BookClient(shown))
        assert self.clients[-1].checksum(self.instrument) == shown.checksum

    def show(self):
        changed = self.channel.changed()
        for client in self.clients:
            if changed is not None:
                client.hear(changed)
                assert client.checksum(self.instrument) == changed.checksum
            for side in (BUY, SELL):
                assert client.side(side) == self.feed.book.depth(side, self.depth)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), count=st.integers(20, 200))
def test_clients_of_any_depth_and_pace_have_the_venues_book_and_its_checksum(seed, count):
    chance = Random(seed)
    market = MarketFeed()
    rooms = [
        Room(instrument, market.feed(instrument.id), depth, often)
        for instrument in INSTRUMENTS.values()
        for depth in (1, 3, None)
        for often in (1, 0.2)
    ]
    for number, (time, events) in enumerate(commands(seed, count)):
        for update in market.apply(number, time, events):
            for room in rooms:
                if room.instrument.id == update.change.instrument:
                    room.channel.take(update)
        for room in rooms:
            if chance.random() < room.often:
                room.show()
            if chance.random() < 0.02:
                room.join()


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), count=st.integers(20, 200))
def test_a_client_of_the_orders_has_the_venues_queues(seed, count):
    market = MarketFeed()
    feeds = {ident: market.feed(ident) for ident in INSTRUMENTS}
    channels = {ident: OrdersChannel(INSTRUMENTS[ident], feed) for ident, feed in feeds.items()}
    clients = {}
    for number, (time, events) in enumerate(commands(seed, count)):
        for update in market.apply(number, time, events):
            ident = update.change.instrument
            changed = channels[ident].take(update)
            if ident in clients and changed is not None:
                clients[ident].hear(changed)
                assert clients[ident].queues() == venue_queues(feeds[ident])
                assert clients[ident].checksum(INSTRUMENTS[ident]) == changed.checksum
        if number == count // 2:
            clients = {ident: OrdersClient(channel.shown()) for ident, channel in channels.items()}


def venue_queues(feed):
    return [list(feed.book.queue(side)) for side in (BUY, SELL)]


class OrdersClient:
    """Orders of both sides in order of arrival."""

    def __init__(self, shown):
        self.last = shown.place.seq
        self.sides = {
            side: {order_id: (price, lots) for order_id, price, lots in rows}
            for side, rows in ((BUY, shown.bids), (SELL, shown.asks))
        }

    def hear(self, changed):
        assert changed.prev == self.last
        self.last = changed.place.seq
        for action, side, price, order_id, lots in changed.orders:
            orders = self.sides[side]
            assert (order_id in orders) == (action != MD_NEW)
            if action == MD_DELETE:
                del orders[order_id]
                continue
            assert action == MD_NEW or (action == MD_CHANGE and orders[order_id][0] == price)
            orders[order_id] = (price, lots)

    def queues(self):
        """Best price first; sorting keeps the order of arrival."""
        return [
            sorted(
                ((order_id, *rest) for order_id, rest in self.sides[side].items()),
                key=lambda order: order[1] * sign,
            )
            for side, sign in ((BUY, -1), (SELL, 1))
        ]

    def checksum(self, instrument):
        sides = []
        for queue in self.queues():
            levels = {}
            for _, price, lots in queue:
                levels[price] = levels.get(price, 0) + lots
            sides.append(list(levels.items()))
        return text_checksum(instrument, sides)
