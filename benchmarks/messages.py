"""The FIX 4.4 requests a load sends, built as bytes before its clock starts.

Prices are cents of BTC-USD's 0.01 tick. Three bands never cross by accident:

    59,900.00-59,949.75  BENCH bids      (`plain` and the adds of `mix`)
    59,990.00-59,999.99  BENCH2 bids     (liquidity that `mix` trades with)
    60,000.01-60,010.00  BENCH2 offers
    60,050.00-60,099.75  BENCH offers

An aggressive order's limit is the far edge of BENCH2's band, so it can trade with all of BENCH2's
orders and with none of its own member's, which the venue would cancel.
"""

import random
import time
from dataclasses import dataclass
from typing import Final

BUY: Final = 1
SELL: Final = 2

# Distinct prices a side that quotes spread over, 0.25 USD apart: a deep book, not one queue.
QUOTE_LEVELS: Final = 200
# Distinct prices a side of the liquidity, 0.01 USD apart.
LIQUIDITY_LEVELS: Final = 1_000
LOWEST_QUOTE_BID: Final = 59_900_00
LOWEST_QUOTE_OFFER: Final = 60_050_00
LOWEST_LIQUIDITY_BID: Final = 59_990_00
LOWEST_LIQUIDITY_OFFER: Final = 60_000_01
HIGHEST_LIQUIDITY_OFFER: Final = LOWEST_LIQUIDITY_OFFER + LIQUIDITY_LEVELS - 1

QUOTE_QUANTITY: Final = b"0.01"
LIQUIDITY_QUANTITY: Final = b"0.02"
# An aggressive order takes half of a resting order, one, or two: 0.0233 on average.
AGGRESSIVE_QUANTITIES: Final = (b"0.01", b"0.02", b"0.04")
# Three resting orders of 0.02 for two aggressive ones: 0.03 each, so that none finds an empty book.
LIQUIDITY_PER_TWO_AGGRESSIVE: Final = 3

# One block of `mix`: 45% adds, 25% aggressive, 20% cancels, 10% replaces.
MIX_BLOCK: Final = ("add",) * 9 + ("aggressive",) * 5 + ("cancel",) * 4 + ("replace",) * 2
# Resting orders of a session before its mix begins: its first cancel must find one in any shuffle.
MIX_SEED_ORDERS: Final = 20


def frame(body: bytes) -> bytes:
    """Return the whole FIX 4.4 message around a body that begins with 35= and ends with SOH."""
    assert body.startswith(b"35=")
    assert body.endswith(b"\x01")
    message = b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body)
    return message + b"10=%03d\x01" % (sum(message) & 255)


def utc_now() -> bytes:
    """Return the wall clock as a FIX UTCTimestamp of whole seconds, written with milliseconds."""
    return time.strftime("%Y%m%d-%H:%M:%S.000", time.gmtime()).encode()


class RequestBuilder:
    """Builds one session's requests, numbered from 2 on (1 is its Logon, which resets both ends).

    They must be sent in the order they were built in, within the venue's 120 s of SendingTime.
    `run` begins every ClOrdID, so that repeated loads on one venue never reuse one.
    """

    __slots__ = ("comp", "next_seq", "run", "stamp", "target")

    def __init__(self, comp: bytes, target: bytes, run: bytes, stamp: bytes) -> None:
        self.comp = comp
        self.target = target
        self.run = run
        self.stamp = stamp
        self.next_seq = 2

    def _header(self, msg_type: bytes, seq: int) -> bytes:
        return b"35=%b\x0149=%b\x0156=%b\x0134=%d\x0152=%b\x01" % (
            msg_type,
            self.comp,
            self.target,
            seq,
            self.stamp,
        )

    def _request(self, msg_type: bytes, fields: bytes) -> tuple[bytes, bytes]:
        """Return (ClOrdID, message); `fields` has one %b for the ClOrdID."""
        seq = self.next_seq
        self.next_seq = seq + 1
        cl_ord_id = b"%b%06d" % (self.run, seq)
        return cl_ord_id, frame(self._header(msg_type, seq) + fields % cl_ord_id)

    def logon(self) -> bytes:
        """Return the Logon: number 1, both numbers reset, heartbeats every 30 s, demo password."""
        fields = b"98=0\x01108=30\x01141=Y\x01553=%b\x01554=demo\x01" % self.comp
        return frame(self._header(b"A", 1) + fields)

    def logout(self) -> bytes:
        """Return the Logout that follows the last request that was built."""
        return frame(self._header(b"5", self.next_seq))

    def heartbeat(self) -> bytes:
        """Return the next Heartbeat."""
        self.next_seq += 1
        return frame(self._header(b"0", self.next_seq - 1))

    def resend_request(self, begin: int, end: int) -> bytes:
        """Return the next ResendRequest; `end` 0 asks for all there is."""
        self.next_seq += 1
        fields = b"7=%d\x0116=%d\x01" % (begin, end)
        return frame(self._header(b"2", self.next_seq - 1) + fields)

    def application_request(self, member: bytes) -> bytes:
        """Return the next ApplicationMessageRequest, for all reports of a member."""
        self.next_seq += 1
        fields = b"1346=all\x011347=0\x011351=1\x011355=%b\x011182=1\x011183=0\x01" % member
        return frame(self._header(b"BW", self.next_seq - 1) + fields)

    def new_order(self, side: int, quantity: bytes, cents: int) -> tuple[bytes, bytes]:
        """Return (ClOrdID, NewOrderSingle) of a Day limit order in BTC-USD."""
        return self._request(
            b"D",
            b"11=%%b\x0155=BTC-USD\x0154=%d\x0160=%b\x0138=%b\x0140=2\x0144=%d.%02d\x0159=0\x01"
            % (side, self.stamp, quantity, cents // 100, cents % 100),
        )

    def cancel(self, orig: bytes, side: int) -> bytes:
        """Return the OrderCancelRequest of a live order."""
        fields = b"11=%%b\x0141=%b\x0155=BTC-USD\x0154=%d\x0160=%b\x01" % (orig, side, self.stamp)
        return self._request(b"F", fields)[1]

    def replace(self, orig: bytes, side: int, quantity: bytes, cents: int) -> tuple[bytes, bytes]:
        """Return (new ClOrdID, OrderCancelReplaceRequest) of a live order."""
        return self._request(
            b"G",
            b"11=%%b\x0141=%b\x0155=BTC-USD\x0154=%d\x0160=%b\x0138=%b\x0140=2\x0144=%d.%02d\x0159=0\x01"
            % (orig, side, self.stamp, quantity, cents // 100, cents % 100),
        )


def _quote_cents(side: int, index: int) -> int:
    lowest = LOWEST_QUOTE_BID if side == BUY else LOWEST_QUOTE_OFFER
    # 73 has no factor in common with 200: neighbours in time are far apart in the book.
    return lowest + 25 * (index * 73 % QUOTE_LEVELS)


def plain_orders(builder: RequestBuilder, count: int) -> list[bytes]:
    """Return `count` new orders, bid and offer in turn, that rest and never trade."""
    requests = []
    for index in range(count):
        side = SELL if index % 2 else BUY
        requests.append(builder.new_order(side, QUOTE_QUANTITY, _quote_cents(side, index // 2))[1])
    return requests


def cancelled_orders(builder: RequestBuilder, count: int) -> list[bytes]:
    """Return `count` requests: resting orders that never trade, each cancelled by the next one."""
    assert count % 2 == 0
    requests = []
    for index in range(count // 2):
        side = SELL if index % 2 else BUY
        cl_ord_id, order = builder.new_order(side, QUOTE_QUANTITY, _quote_cents(side, index // 2))
        requests += [order, builder.cancel(cl_ord_id, side)]
    return requests


def liquidity_orders(builder: RequestBuilder, aggressive: int) -> list[bytes]:
    """Return BENCH2's resting orders, enough for that many aggressive orders of a mix."""
    pairs = -(-aggressive * LIQUIDITY_PER_TWO_AGGRESSIVE // 4)
    requests = []
    for index in range(pairs):
        offset = index * 73 % LIQUIDITY_LEVELS
        for side, lowest in ((BUY, LOWEST_LIQUIDITY_BID), (SELL, LOWEST_LIQUIDITY_OFFER)):
            requests.append(builder.new_order(side, LIQUIDITY_QUANTITY, lowest + offset)[1])
    return requests


@dataclass(frozen=True, slots=True)
class Mix:
    """One session's mixed load: orders to place before the clock starts, then the requests."""

    seed: list[bytes]
    kinds: list[str]  # of each request: add, aggressive, cancel, replace
    requests: list[bytes]

    @property
    def aggressive(self) -> int:
        """How many of the requests trade."""
        return self.kinds.count("aggressive")


@dataclass(slots=True)
class _Live:
    """A resting order of the session that a later request may name."""

    cl_ord_id: bytes
    side: int


def mixed_requests(builder: RequestBuilder, blocks: int, seed: int) -> Mix:
    """Return a mix of `blocks` times 20 requests, in an order that depends on `seed` alone.

    Every cancel and replace names an order that is live when the venue handles the session's
    requests in turn, so each request has exactly one answer and none is refused.
    """
    chance = random.Random(seed)
    live: list[_Live] = []
    mix = Mix([], [], [])
    placed = 0

    def add() -> bytes:
        nonlocal placed
        side = SELL if placed % 2 else BUY
        cl_ord_id, message = builder.new_order(
            side, QUOTE_QUANTITY, _quote_cents(side, placed // 2)
        )
        live.append(_Live(cl_ord_id, side))
        placed += 1
        return message

    mix.seed.extend(add() for _ in range(MIX_SEED_ORDERS))
    aggressive = 0
    for _ in range(blocks):
        kinds = list(MIX_BLOCK)
        chance.shuffle(kinds)
        for kind in kinds:
            if kind == "add":
                message = add()
            elif kind == "aggressive":
                side = SELL if aggressive % 2 else BUY
                limit = HIGHEST_LIQUIDITY_OFFER if side == BUY else LOWEST_LIQUIDITY_BID
                quantity = AGGRESSIVE_QUANTITIES[aggressive % len(AGGRESSIVE_QUANTITIES)]
                message = builder.new_order(side, quantity, limit)[1]
                aggressive += 1
            elif kind == "cancel":
                order = live.pop(chance.randrange(len(live)))
                message = builder.cancel(order.cl_ord_id, order.side)
            else:
                order = live[chance.randrange(len(live))]
                message = _replace(builder, order, chance)
            mix.kinds.append(kind)
            mix.requests.append(message)
    return mix


def _replace(builder: RequestBuilder, order: _Live, chance: random.Random) -> bytes:
    """Move the order to another price of its band, at a quantity that goes down, up or stays."""
    quantity = chance.choice((b"0.005", QUOTE_QUANTITY, b"0.015"))
    cents = _quote_cents(order.side, chance.randrange(QUOTE_LEVELS))
    order.cl_ord_id, message = builder.replace(order.cl_ord_id, order.side, quantity, cents)
    return message
