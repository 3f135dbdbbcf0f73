"""Market data requests over FIX: what is asked for, checked against what the venue offers. Pure.

Whatever the dictionary knows to be wrong was a Reject (35=3) before it came here. What is left:
PeerError, a Reject still, for what is too long to be repeated; NotOffered, a
MarketDataRequestReject (35=Y), for good FIX that this venue does not do; Unusable, a
BusinessMessageReject (35=j), for a request that lacks what its kind needs.
Sources: FIX 4.4 volume 3, messages V, x, c, e, g; MDReqRejReason(281); BusinessRejectReason(380).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from engine.model.enums import BUY, SELL
from engine.model.errors import FixgateError
from engine.model.refdata import Instrument
from gateway.fix.errors import VALUE_INCORRECT, PeerError
from gateway.fix.message import Message
from gateway.market_data.offered import DEPTHS, INTERVALS_MS, STATISTICS_MS

# What SubscriptionRequestType, tag 263, may be
SNAPSHOT: Final = b"0"
SUBSCRIBE: Final = b"1"
UNSUBSCRIBE: Final = b"2"

# Reasons of a MarketDataRequestReject, tag 281
UNKNOWN_SYMBOL: Final = b"0"
DUPLICATE_MD_REQ_ID: Final = b"1"
INSUFFICIENT_BANDWIDTH: Final = b"2"
UNSUPPORTED_MARKET_DEPTH: Final = b"5"
UNSUPPORTED_MD_UPDATE_TYPE: Final = b"6"
UNSUPPORTED_AGGREGATED_BOOK: Final = b"7"
UNSUPPORTED_MD_ENTRY_TYPE: Final = b"8"
UNSUPPORTED_TRADING_SESSION_ID: Final = b"9"
UNSUPPORTED_SCOPE: Final = b"A"
UNSUPPORTED_OPEN_CLOSE_SETTL_FLAG: Final = b"B"
UNSUPPORTED_MD_IMPLICIT_DELETE: Final = b"C"

# Reasons of a BusinessMessageReject, tag 380
OTHER: Final = 0
UNKNOWN_ID: Final = 1
CONDITIONALLY_REQUIRED: Final = 5

# Kinds of entries, MDEntryType, tag 269
BID: Final = b"0"
OFFER: Final = b"1"
TRADE: Final = b"2"
OPENING: Final = b"4"
HIGH: Final = b"7"
LOW: Final = b"8"
AVERAGE: Final = b"9"
VOLUME: Final = b"B"

SIDES: Final = {BID: BUY, OFFER: SELL}
STATISTICS: Final = (OPENING, HIGH, LOW, AVERAGE, VOLUME)
"""Of the last 24 hours, in the order in which they are sent."""

MAX_ID_BYTES: Final = 64
"""Longest identifier of a request, bytes: it comes back in every message that answers it."""

SYMBOLS: Final = 50
"""Instruments of one request, entries."""

REFRESHED_LEVELS: Final = 20
"""Most levels of a side that are sent whole at each change (265=0)."""

TRADING_SESSION: Final = b"1"
"""TradingSessionID(336) of the one there is: the day (1 in FIX 5.0)."""

ID_TAGS: Final = frozenset({262, 320, 324, 335, 336, 55})


class NotOffered(FixgateError):
    """Good FIX that this venue does not do: reason is MDReqRejReason(281)."""

    def __init__(self, reason: bytes, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class Unusable(FixgateError):
    """A request that nothing can be done with: reason is BusinessRejectReason(380), ref_id the
    identifier that it is about, if it is about one."""

    def __init__(self, reason: int, text: str, ref_id: bytes = b"") -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.ref_id = ref_id


class Shape(NamedTuple):
    """What a subscriber is told of an instrument: who asks for the same is told the same.

    sides, depth (None: all levels), by_order: of the book, empty sides for no book. statistics:
    MDEntryType(269) of those that are asked for. refresh: the whole at each change instead of the
    change. interval_ms: least time between two messages, 0 for every change by itself.
    """

    sides: tuple[int, ...] = ()
    depth: int | None = None
    by_order: bool = False
    trades: bool = False
    statistics: tuple[bytes, ...] = ()
    refresh: bool = False
    interval_ms: int = 0


class MarketDataRequest(NamedTuple):
    """MarketDataRequest(35=V); of one that ends a subscription only kind and req_id count."""

    kind: bytes
    req_id: bytes
    shape: Shape = Shape()
    instruments: tuple[Instrument, ...] = ()


class ListRequest(NamedTuple):
    """SecurityListRequest(35=x): what to list, and SecurityRequestResult(560)."""

    req_id: bytes
    instruments: tuple[Instrument, ...]
    result: bytes = b"0"


class DefinitionRequest(NamedTuple):
    """SecurityDefinitionRequest(35=c): what to define, SecurityResponseType(323), and why not."""

    req_id: bytes
    instrument: Instrument | None
    response: bytes = b"1"
    text: str = ""


class StatusRequest(NamedTuple):
    """SecurityStatusRequest(35=e), or TradingSessionStatusRequest(35=g) about a name of its own.

    known: whether there is what it is about.
    """

    kind: bytes
    req_id: bytes
    name: bytes
    known: bool


Instruments = Mapping[bytes, Instrument]
"""By Symbol(55)."""


def check_ids(message: Message) -> None:
    """Raises PeerError for identifiers that are too long."""
    for tag in message.present(ID_TAGS):
        if len(message.get(tag, b"")) > MAX_ID_BYTES:
            text = f"tag {tag} is longer than {MAX_ID_BYTES} characters"
            raise PeerError(VALUE_INCORRECT, tag, text)


# --- V --------------------------------------------------------------------------------------------


def read_market_data(message: Message, instruments: Instruments) -> MarketDataRequest:
    """A MarketDataRequest. Raises PeerError, NotOffered, Unusable."""
    check_ids(message)
    req_id, kind = message.get(262, b""), message.get(263, b"")
    if kind == UNSUBSCRIBE:
        return MarketDataRequest(kind, req_id)
    _refuse_what_changes_the_meaning(message)
    shape = _shape(message, kind)
    return MarketDataRequest(kind, req_id, shape, _instruments(message, instruments))


def _refuse_what_changes_the_meaning(message: Message) -> None:
    if 386 in message:
        raise NotOffered(UNSUPPORTED_TRADING_SESSION_ID, "all trading sessions are one: leave 386")
    if 546 in message:
        raise NotOffered(UNSUPPORTED_SCOPE, "there is one market: leave Scope(546) out")
    if 286 in message:
        text = "there is no open and close: leave OpenCloseSettlFlag(286) out"
        raise NotOffered(UNSUPPORTED_OPEN_CLOSE_SETTL_FLAG, text)
    if message.get(547) == b"Y":
        text = "every level that falls out of the depth is deleted by name: MDImplicitDelete(547)=N"
        raise NotOffered(UNSUPPORTED_MD_IMPLICIT_DELETE, text)


def _shape(message: Message, kind: bytes) -> Shape:
    types = dict.fromkeys(entry[269] for entry in message.group(267))
    for entry_type in types:
        if entry_type not in (BID, OFFER, TRADE, *STATISTICS):
            known = " ".join(t.decode() for t in (BID, OFFER, TRADE, *STATISTICS))
            text = f"MDEntryType(269) {entry_type.decode('latin-1')} is not offered: one of {known}"
            raise NotOffered(UNSUPPORTED_MD_ENTRY_TYPE, text)
    if not types:
        raise NotOffered(UNSUPPORTED_MD_ENTRY_TYPE, "NoMDEntryTypes(267) is 0: ask for something")
    statistics = tuple(each for each in STATISTICS if each in types)
    if statistics and len(statistics) < len(types):
        text = "statistics (4 7 8 9 B) are a subscription of their own: ask for 0 1 2 in another"
        raise NotOffered(UNSUPPORTED_MD_ENTRY_TYPE, text)
    depth = _depth(message)
    sides = tuple(side for entry_type, side in SIDES.items() if entry_type in types)
    shape = Shape(sides, depth if sides else None, trades=TRADE in types, statistics=statistics)
    if sides and message.get(266) == b"N":
        if depth is not None:
            text = "order by order (AggregatedBook(266)=N) there are all levels: MarketDepth(264)=0"
            raise NotOffered(UNSUPPORTED_MARKET_DEPTH, text)
        shape = shape._replace(by_order=True)
    return shape if kind == SNAPSHOT else _with_updates(message, shape)


def _depth(message: Message) -> int | None:
    text = message.get(264, b"")
    depth = int(text)
    if depth and depth not in DEPTHS:
        menu = ", ".join(map(str, DEPTHS))
        raise NotOffered(
            UNSUPPORTED_MARKET_DEPTH, f"MarketDepth(264) is one of 0 (all levels), {menu}"
        )
    return depth or None


def _with_updates(message: Message, shape: Shape) -> Shape:
    """How a subscription is kept up to date."""
    update_type = message.get(265)
    if update_type is None:
        raise Unusable(
            CONDITIONALLY_REQUIRED,
            "MDUpdateType(265) is required with SubscriptionRequestType(263)=1",
            message.get(262, b""),
        )
    interval = int(message.get(20004, b"0"))
    if interval not in INTERVALS_MS:
        menu = ", ".join(map(str, INTERVALS_MS))
        raise NotOffered(UNSUPPORTED_MD_UPDATE_TYPE, f"UpdateInterval(20004) is one of {menu} ms")
    if shape.by_order and (interval or update_type == b"0"):
        text = "order by order (AggregatedBook(266)=N) there is every change by itself, 265=1"
        raise NotOffered(UNSUPPORTED_AGGREGATED_BOOK, text)
    refresh = update_type == b"0"
    if refresh and shape.sides and (shape.depth is None or shape.depth > REFRESHED_LEVELS):
        text = f"MDUpdateType(265)=0 is for 1 to {REFRESHED_LEVELS} levels, MarketDepth(264)"
        raise NotOffered(UNSUPPORTED_MD_UPDATE_TYPE, text)
    if shape.statistics:
        interval = max(interval, STATISTICS_MS)
    return shape._replace(refresh=refresh, interval_ms=interval)


def _instruments(message: Message, instruments: Instruments) -> tuple[Instrument, ...]:
    symbols = list(dict.fromkeys(entry[55] for entry in message.group(146)))
    if not symbols:
        raise NotOffered(UNKNOWN_SYMBOL, "NoRelatedSym(146) is 0: name an instrument")
    if len(symbols) > SYMBOLS:
        text = f"at most {SYMBOLS} instruments in one request"
        raise NotOffered(INSUFFICIENT_BANDWIDTH, text)
    for symbol in symbols:
        if symbol not in instruments:
            raise NotOffered(UNKNOWN_SYMBOL, _not_traded(symbol))
    return tuple(instruments[symbol] for symbol in symbols)


def _not_traded(symbol: bytes) -> str:
    return f"Symbol(55) {symbol.decode('latin-1')} is not traded here"


# --- x, c, e, g -----------------------------------------------------------------------------------


def read_list(message: Message, instruments: Instruments) -> ListRequest:
    """A SecurityListRequest. Raises PeerError, Unusable."""
    check_ids(message)
    req_id = message.get(320, b"")
    if message.get(263, SNAPSHOT) != SNAPSHOT:
        return ListRequest(req_id, (), b"1")  # invalid or unsupported
    kind = message.get(559)
    if kind == b"4":
        return ListRequest(req_id, tuple(instruments.values()))
    if kind != b"0":
        return ListRequest(req_id, (), b"5")  # no lists of that kind
    found = instruments.get(_symbol_of(message, 320))
    return ListRequest(req_id, (found,)) if found else ListRequest(req_id, (), b"2")


def read_definition(message: Message, instruments: Instruments) -> DefinitionRequest:
    """A SecurityDefinitionRequest. Raises PeerError, Unusable."""
    check_ids(message)
    req_id = message.get(320, b"")
    if message.get(263, SNAPSHOT) != SNAPSHOT:
        return DefinitionRequest(req_id, None, b"5", "a definition is sent once: 263=0")
    if message.get(321) not in (b"0", b"1"):
        text = "SecurityRequestType(321) is 0 or 1; 35=x lists instruments"
        return DefinitionRequest(req_id, None, b"5", text)
    symbol = _symbol_of(message, 320)
    found = instruments.get(symbol)
    if found is None:
        return DefinitionRequest(req_id, None, b"6", _not_traded(symbol))
    return DefinitionRequest(req_id, found)


def _symbol_of(message: Message, id_tag: int) -> bytes:
    symbol = message.get(55)
    if symbol is None:
        raise Unusable(
            CONDITIONALLY_REQUIRED, "Symbol(55) is required here", message.get(id_tag, b"")
        )
    return symbol


def read_status(message: Message, instruments: Instruments) -> StatusRequest:
    """A SecurityStatusRequest. Raises PeerError."""
    check_ids(message)
    symbol = message.get(55, b"")
    return StatusRequest(
        message.get(263, b""), message.get(324, b""), symbol, symbol in instruments
    )


def read_session_status(message: Message) -> StatusRequest:
    """A TradingSessionStatusRequest. Raises PeerError."""
    check_ids(message)
    name = message.get(336, TRADING_SESSION)
    return StatusRequest(
        message.get(263, b""), message.get(335, b""), name, name == TRADING_SESSION
    )
