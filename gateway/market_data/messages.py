"""What a client of the market data stream reads: JSON objects, one struct for each. Pure.

Prices and quantities are strings, because many readers of JSON make floats of numbers; so are
times, RFC 3339 in UTC with nanoseconds. Everything else that is a number fits 53 bits.
"""

from msgspec import Struct

Level = tuple[str, str, int]
"""Price, quantity, number of orders; quantity "0" and no orders: the level is gone."""

RestingOrder = tuple[int, str, str]
"""OrderID, price, open quantity; quantity "0": the order has left the book."""


class _Message(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """A message of the venue. symbol: which instrument it is about."""

    symbol: str


class BookSnapshot(_Message, frozen=True, tag="book_snapshot"):
    """All levels of the channel, best first. seq: RptSeq of the instrument's last change in it,
    record: that one's number in the journal. depth, interval_ms: the words of the subscription.

    checksum: CRC-32 of the best ten levels' text (docs/market_data.md). conflated: it comes in
    place of updates that the client read too slowly to be sent.
    """

    seq: int
    record: int
    time: str
    bids: list[Level]
    asks: list[Level]
    checksum: int
    depth: int | None = None
    interval_ms: int = 0
    conflated: bool = False


class BookUpdate(_Message, frozen=True, tag="book_update"):
    """What became of levels since the message whose seq was `prev`, in the order in which it is to
    be applied: a level that falls out of the depth goes before another comes."""

    prev: int
    seq: int
    record: int
    time: str
    bids: list[Level]
    asks: list[Level]
    checksum: int
    depth: int | None = None
    interval_ms: int = 0


class OrdersSnapshot(_Message, frozen=True, tag="orders_snapshot"):
    """All resting orders: best price first, then first in first."""

    seq: int
    record: int
    time: str
    bids: list[RestingOrder]
    asks: list[RestingOrder]
    checksum: int


class OrdersUpdate(_Message, frozen=True, tag="orders_update"):
    """What became of orders since the message whose seq was `prev`, in the order in which it
    happened. An order that is there and is named again has that quantity and keeps its place."""

    prev: int
    seq: int
    record: int
    time: str
    bids: list[RestingOrder]
    asks: list[RestingOrder]
    checksum: int


class TradeReport(_Message, frozen=True, tag="trade"):
    """A trade. match: TrdMatchID(880), which both sides' reports have. prev: that of the
    instrument's trade before it, 0 for the first. side: of who came to take."""

    match: int
    prev: int
    record: int
    time: str
    price: str
    quantity: str
    side: str


class TradesSnapshot(_Message, frozen=True, tag="trades_snapshot"):
    """The last trades, oldest first; with `resumed`, all since the one that was named."""

    trades: list[TradeReport]


class CandleReport(_Message, frozen=True, tag="candle"):
    """What traded in an interval, seconds, from `start` on. closed: it will not change again."""

    interval: int
    start: str
    open: str
    high: str
    low: str
    close: str
    quantity: str
    turnover: str
    trades: int
    closed: bool
    record: int


class CandlesSnapshot(_Message, frozen=True, tag="candles_snapshot"):
    """The last candles of an interval, seconds, oldest first."""

    interval: int
    candles: list[CandleReport]


class InstrumentReport(_Message, frozen=True, tag="instrument"):
    """An instrument as it can be traded. state: "open", or "halted": then new orders are refused,
    and `reason` says why. record: of the last change of its state that is known."""

    base: str
    quote: str
    tick: str
    lot: str
    maker_fee_bps: str
    taker_fee_bps: str
    state: str
    record: int
    time: str
    reason: str | None = None


class Ticker(_Message, frozen=True, tag="ticker"):
    """The best prices and the last 24 hours; what there is none of is left out.

    turnover and average are of the 24 hours: the sum of price x quantity, and that over the sum of
    quantities, rounded half up to six decimals more than a price has.
    """

    seq: int
    record: int
    time: str
    bid: str | None = None
    bid_quantity: str | None = None
    ask: str | None = None
    ask_quantity: str | None = None
    last: str | None = None
    open: str | None = None
    high: str | None = None
    low: str | None = None
    quantity: str | None = None
    turnover: str | None = None
    average: str | None = None
    trades: int = 0


MarketMessage = (
    BookSnapshot
    | BookUpdate
    | OrdersSnapshot
    | OrdersUpdate
    | TradeReport
    | TradesSnapshot
    | CandleReport
    | CandlesSnapshot
    | InstrumentReport
    | Ticker
)
