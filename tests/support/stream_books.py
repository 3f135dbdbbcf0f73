"""Books as a client of the market stream keeps them: from its messages and nothing else."""

from decimal import Decimal
from zlib import crc32

from engine.model.enums import BUY, SELL

CHECKED_LEVELS = 10
SIDES = {"bids": BUY, "asks": SELL}


class Book:
    """One book as its messages tell it."""

    def __init__(self, snapshot):
        self.seq = snapshot["seq"]
        self.record = snapshot["record"]
        self.sides = {side: {} for side in SIDES}
        self._take(snapshot)

    def hear(self, update):
        assert update["prev"] == self.seq <= update["seq"], "a message is missing"
        self.seq = update["seq"]
        self.record = update["record"]
        self._take(update)

    def checksum(self):
        """As docs/market_data.md says."""
        texts = [
            ",".join(
                f"{price}:{quantity}" for price, quantity in self.levels(side)[:CHECKED_LEVELS]
            )
            for side in SIDES
        ]
        return crc32("|".join(texts).encode())


class Levels(Book):
    """Of the channel `book`."""

    def _take(self, message):
        for side, levels in self.sides.items():
            for price, quantity, orders in message[side]:
                if orders:
                    levels[price] = (quantity, orders)
                else:
                    del levels[price]

    def levels(self, side):
        best = sorted(self.sides[side], key=Decimal, reverse=side == "bids")
        return [(price, self.sides[side][price][0]) for price in best]


class Orders(Book):
    """Of the channel `orders`."""

    def _take(self, message):
        for side, orders in self.sides.items():
            for ident, price, quantity in message[side]:
                if quantity == "0":
                    del orders[ident]
                else:
                    orders[ident] = (price, quantity)

    def levels(self, side):
        totals = {}
        for price, quantity in self.sides[side].values():
            totals[price] = totals.get(price, 0) + Decimal(quantity)
        best = sorted(totals, key=Decimal, reverse=side == "bids")
        return [(price, f"{totals[price].normalize():f}") for price in best]
