"""Keeps an instrument's book from the market data stream, and verifies every checksum.

    book_client.py BTC-USD [--address 127.0.0.1:8081] [--token demo-ACME] [--depth 10]
                   [--messages N]

Prints the best prices after each message; comes back where it was when the connection ends.
"""

import argparse
import time
import zlib
from decimal import Decimal

from stream import Stream


class Book:
    """Levels by price: {price: (quantity, orders)}, texts as they came."""

    def __init__(self, snapshot):
        self.seq = snapshot["seq"]
        self.sides = {"bids": {}, "asks": {}}
        self._take(snapshot)

    def update(self, message):
        """Apply the next update; it has to be the next one."""
        if message["prev"] != self.seq:
            raise ConnectionError(f"missed what is between {self.seq} and {message['prev']}")
        self.seq = message["seq"]
        self._take(message)

    def _take(self, message):
        for side, levels in self.sides.items():
            for price, quantity, orders in message[side]:
                if orders:
                    levels[price] = quantity
                else:
                    del levels[price]
        if self.checksum() != message["checksum"]:
            raise ConnectionError(f"another book than the venue's after {self.seq}")

    def best(self, side, count):
        """The best levels of a side: [(price, quantity)]."""
        prices = sorted(self.sides[side], key=Decimal, reverse=side == "bids")
        return [(price, self.sides[side][price]) for price in prices[:count]]

    def checksum(self):
        """CRC-32 of the best ten levels of each side."""
        bids, asks = (
            ",".join(f"{price}:{quantity}" for price, quantity in self.best(side, 10))
            for side in ("bids", "asks")
        )
        return zlib.crc32(f"{bids}|{asks}".encode())


def watch(args):
    """Connect, again and again, and print; ends after so many messages."""
    book, count = None, 0
    while True:
        try:
            stream = Stream(args.address, args.token)
            words = {} if book is None else {"resume_from": book.seq}
            stream.say(
                op="subscribe", channel="book", symbol=args.symbol, depth=args.depth, **words
            )
            while True:
                message = stream.hear()
                match message["type"]:
                    case "error":
                        raise SystemExit(message["text"])
                    case "book_snapshot":
                        book = Book(message)
                    case "book_update":
                        book.update(message)
                    case _:
                        continue
                bid, ask = (book.best(side, 1) for side in ("bids", "asks"))
                print(book.seq, "bid", *bid, "ask", *ask, flush=True)
                count += 1
                if count == args.messages:
                    stream.close()
                    return
        except OSError as error:
            print(f"{error}; connecting again", flush=True)
            time.sleep(0.5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("symbol")
    parser.add_argument("--address", default="127.0.0.1:8081")
    parser.add_argument("--token", default="demo-ACME")
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--messages", type=int, help="how many to print; without it: for ever")
    watch(parser.parse_args())
