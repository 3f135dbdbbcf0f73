"""The words of market data: exact decimals, times in RFC 3339, and a client that reads them."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.market.book import Trade
from engine.market.candles import Candle
from engine.market.channel import BookChannel, OrdersChannel
from engine.market.feed import MarketFeed, TapeTrade
from engine.model.enums import BUY, SELL
from gateway.market_data.messages import MarketMessage
from gateway.market_data.wording import Wording, time_text
from tests.engine.desk import Desk
from tests.engine.streams import BTC_USD, ETH_BTC
from tests.market.along import commands

INSTRUMENTS = Desk().venue.refdata.instruments
MINUTE = 60 * 10**9
DAY = 1_440 * MINUTE
NOON = 1_795_003_200 * 10**9

encode = msgspec.json.encode
decode = msgspec.json.Decoder(MarketMessage).decode


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (NOON + 1, "2026-11-18T12:00:00.000000001Z"),
        (NOON + 999_999_999, "2026-11-18T12:00:00.999999999Z"),
    ],
)
def test_times(time, text):
    assert time_text(time) == text


@pytest.mark.parametrize("ident", [BTC_USD, ETH_BTC])
@settings(deadline=None, derandomize=True)
@given(trades=st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)), min_size=1))
def test_turnover_is_exact_and_the_average_is_rounded_half_up(ident, trades):
    instrument = INSTRUMENTS[ident]
    words = Wording(instrument)
    lots = sum(each for each, _ in trades)
    turnover = sum(each * ticks for each, ticks in trades)
    exact = sum(
        Fraction(words.quantity(each)) * Fraction(words.price(ticks)) for each, ticks in trades
    )
    assert Fraction(words.turnover(turnover)) == exact
    average = exact / Fraction(words.quantity(lots)) if lots else 0
    scale = 10 ** (instrument.price_places + 6)
    per_lot = Fraction(words.turnover(turnover)) / Fraction(words.quantity(lots))
    assert Fraction(words.average(turnover, lots)) == Fraction(
        (2 * per_lot * scale + 1) // 2, scale
    )
    assert abs(Fraction(words.average(turnover, lots)) - average) <= Fraction(1, 2 * scale)


def test_a_trade():
    words = Wording(INSTRUMENTS[BTC_USD])
    found = TapeTrade(77, NOON, Trade(5, 6_000_001, 250_000, SELL))
    assert encode(words.trade(found, 4)) == (
        b'{"type":"trade","symbol":"BTC-USD","match":5,"prev":4,"record":77,'
        b'"time":"2026-11-18T12:00:00.000000000Z","price":"60000.01","quantity":"0.25",'
        b'"side":"sell"}'
    )


@pytest.mark.parametrize(("later", "closed"), [(0, False), (59, False), (60, True)])
def test_a_candle(later, closed):
    words = Wording(INSTRUMENTS[BTC_USD])
    candle = Candle(NOON, 100, 300, 50, 200, 1_000_000, 150_000_000, 3, 7, 9)
    now = NOON + later * 10**9
    assert encode(words.candle(candle, 60, now)) == (
        b'{"type":"candle","symbol":"BTC-USD","interval":60,'
        b'"start":"2026-11-18T12:00:00.000000000Z","open":"1","high":"3","low":"0.5","close":"2",'
        b'"quantity":"1","turnover":"1.5","trades":3,"closed":%b,"record":9}'
        % (b"true" if closed else b"false")
    )


def test_the_ticker_of_an_instrument_that_nobody_has_traded():
    words = Wording(INSTRUMENTS[BTC_USD])
    assert encode(words.ticker(MarketFeed().feed(BTC_USD), NOON)) == (
        b'{"type":"ticker","symbol":"BTC-USD","seq":0,"record":-1,'
        b'"time":"1970-01-01T00:00:00.000000000Z"}'
    )


class Reader:
    """A client that keeps a book from JSON alone: price to (quantity, orders), as texts."""

    def __init__(self, snapshot):
        self.sides = [
            {level[0]: level[1:] for level in side} for side in (snapshot.bids, snapshot.asks)
        ]

    def read(self, update):
        for side, levels in zip(self.sides, (update.bids, update.asks), strict=True):
            for price, quantity, orders in levels:
                if quantity == "0":
                    assert orders == 0
                    del side[price]
                else:
                    side[price] = (quantity, orders)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), depth=st.sampled_from((1, 3, None)))
def test_a_client_that_reads_json_alone_has_the_venues_books_and_numbers(seed, depth):
    market = MarketFeed()
    feeds = {ident: market.feed(ident) for ident in INSTRUMENTS}
    words = {ident: Wording(instrument) for ident, instrument in INSTRUMENTS.items()}
    books = {ident: BookChannel(INSTRUMENTS[ident], feeds[ident], depth) for ident in INSTRUMENTS}
    orders = {ident: OrdersChannel(INSTRUMENTS[ident], feeds[ident]) for ident in INSTRUMENTS}
    readers = {
        ident: Reader(decode(encode(words[ident].book_snapshot(channel.shown(), depth, 0))))
        for ident, channel in books.items()
    }
    queues = {ident: [{}, {}] for ident in INSTRUMENTS}
    for number, (time, events) in enumerate(commands(seed, 120)):
        for update in market.apply(number, time, events):
            ident = update.change.instrument
            books[ident].take(update)
            changed = books[ident].changed()
            if changed is not None:
                message = decode(encode(words[ident].book_update(changed, depth, 0)))
                assert (message.prev, message.seq) == (changed.prev, changed.place.seq)
                readers[ident].read(message)
            moved = orders[ident].take(update)
            if moved is not None:
                message = decode(encode(words[ident].orders_update(moved)))
                for queue, named in zip(queues[ident], (message.bids, message.asks), strict=True):
                    for order_id, price, quantity in named:
                        if quantity == "0":
                            del queue[order_id]
                        else:
                            queue[order_id] = (price, quantity)
    for ident, feed in feeds.items():
        for k, side in enumerate((BUY, SELL)):
            levels = sorted(
                ((Decimal(p), Decimal(q), n) for p, (q, n) in readers[ident].sides[k].items()),
                reverse=side == BUY,
            )
            assert levels == [
                (Decimal(words[ident].price(p)), Decimal(words[ident].quantity(lots)), n)
                for p, lots, n in feed.book.depth(side, depth)
            ]
            shown = decode(encode(words[ident].orders_snapshot(orders[ident].shown())))
            there = (shown.bids, shown.asks)[k]
            assert sorted(there) == sorted((i, p, q) for i, (p, q) in queues[ident][k].items())
        ticker = decode(encode(words[ident].ticker(feed, feed.time)))
        day_begin = (feed.time - DAY) // MINUTE * MINUTE
        trades = [found for found in feed.tape if found.time >= day_begin]
        assert ticker.trades == len(trades)
        if feed.tape:
            assert ticker.last == words[ident].price(feed.tape[-1].trade.price)
        if trades:
            lots = sum(found.trade.lots for found in trades)
            assert ticker.quantity == words[ident].quantity(lots)
