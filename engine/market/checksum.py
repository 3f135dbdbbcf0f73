"""A number by which a client sees that its book is the venue's."""

from typing import Final
from zlib import crc32

from engine.market.book import OrderBook
from engine.model.enums import BUY, SELL
from engine.model.refdata import Instrument

CHECKED_LEVELS: Final = 10
"""Best levels of each side that the checksum covers."""


def book_checksum(instrument: Instrument, book: OrderBook) -> int:
    """CRC-32 (ISO 3309, as in zlib) of the best levels' text, 0 to 2**32 - 1.

    The text is `price:quantity` of the ten best bids from the best on, joined by commas, then `|`,
    then the same of the asks; price and quantity as the feeds write them, without trailing zeros.
    An empty book is `|`.
    """
    sides = (_text(instrument, book, side) for side in (BUY, SELL))
    return crc32(b"|".join(sides))


def _text(instrument: Instrument, book: OrderBook, side: int) -> bytes:
    return b",".join(
        instrument.format_price(price) + b":" + instrument.format_qty(lots)
        for price, lots, _ in book.depth(side, CHECKED_LEVELS)
    )
