"""The checksum of a book, by the text that a client has to make."""

from zlib import crc32

import pytest

from engine.market.book import OrderBook
from engine.market.checksum import book_checksum
from engine.model.enums import BUY, SELL
from tests.engine.desk import LOT, Desk
from tests.engine.streams import BTC_USD


@pytest.fixture
def instrument():
    return Desk().venue.refdata.instruments[BTC_USD]


@pytest.mark.parametrize(
    ("orders", "text"),
    [
        ([], b"|"),
        ([(BUY, 6_000_000, LOT)], b"60000:1|"),
        ([(SELL, 6_000_001, LOT // 2)], b"|60000.01:0.5"),
        (
            [
                (BUY, 5_999_990, 1),
                (BUY, 6_000_000, LOT),
                (BUY, 6_000_000, LOT // 4),
                (SELL, 6_000_010, 3 * LOT),
                (SELL, 6_000_005, LOT),
            ],
            b"60000:1.25,59999.9:0.000001|60000.05:1,60000.1:3",
        ),
        (
            [(SELL, 6_000_100 + 100 * k, LOT) for k in range(12)],
            b"|" + b",".join(b"%d:1" % price for price in range(60_001, 60_011)),
        ),
    ],
)
def test_the_checksum_is_the_crc_of_the_ten_best_levels(instrument, orders, text):
    book = OrderBook()
    for order_id, (side, price, lots) in enumerate(orders):
        book.add(order_id, side, price, lots)
    assert book_checksum(instrument, book) == crc32(text)


def test_an_example_for_those_who_write_clients():
    text = b"60000:1.25,59999.9:0.000001|60000.05:1,60000.1:3"
    assert crc32(text) == 2_689_130_737


def test_a_client_of_one_level_checks_one_level(instrument):
    book = OrderBook()
    for order_id, (side, price) in enumerate([(BUY, 6_000_000), (BUY, 5_999_900)]):
        book.add(order_id, side, price, LOT)
    assert book_checksum(instrument, book, 1) == crc32(b"60000:1|")
    assert book_checksum(instrument, book, 2) == crc32(b"60000:1,59999:1|")
    assert book_checksum(instrument, book, 100) == book_checksum(instrument, book)
