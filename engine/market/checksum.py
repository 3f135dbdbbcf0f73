"""A number by which a client sees that its book is the venue's."""

from typing import Final
from zlib import crc32

from engine.market.book import OrderBook
from engine.model.enums import BUY, SELL
from engine.model.refdata import Instrument

CHECKED_LEVELS: Final = 10
"""Best levels of each side that the checksum covers."""


def book_checksum(instrument: Instrument, book: OrderBook, depth: int | None = None) -> int:
    """CRC-32 (ISO 3309, as in zlib) of the best levels' text, 0 to 2**32 - 1.

    The text is `price:quantity` of the ten best bids from the best on, joined by commas, then `|`,
    then the same of the asks; price and quantity as the feeds write them, without trailing zeros.
    An empty book is `|`. depth: levels that the client sees, None for all; of fewer than ten the
    text has no more.
    """
    levels = CHECKED_LEVELS if depth is None else min(depth, CHECKED_LEVELS)
    sides = (_text(instrument, book, side, levels) for side in (BUY, SELL))
    return crc32(b"|".join(sides))


def _text(instrument: Instrument, book: OrderBook, side: int, levels: int) -> bytes:
    return b",".join(
        instrument.format_price(price) + b":" + instrument.format_qty(lots)
        for price, lots, _ in book.depth(side, levels)
    )
