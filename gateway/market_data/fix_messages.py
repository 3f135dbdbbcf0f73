"""The bodies of market data messages over FIX. Pure.

MDReqID(262) is not among them: it comes first, and is all in which the messages of two subscribers
who asked for the same differ. Each function gives fields ended by SOH, in the order of
fix_dictionaries/FIX44.xml. Prices and quantities are the texts of the WebSocket feed.
"""

from collections.abc import Sequence
from typing import Final

from engine.market.book import LevelChange, OrderChange
from engine.market.channel import Place
from engine.market.feed import TapeTrade
from engine.model.clock import NANOS_PER_DAY
from engine.model.enums import BUY
from engine.model.refdata import Instrument
from gateway.fix.answers import one_line
from gateway.fix.timestamps import format_utc
from gateway.market_data.fix_requests import BID, OFFER, TRADE, TRADING_SESSION

MARKET_DATA_SNAPSHOT: Final = b"W"
MARKET_DATA_INCREMENTAL: Final = b"X"
MARKET_DATA_REQUEST_REJECT: Final = b"Y"
SECURITY_LIST: Final = b"y"
SECURITY_DEFINITION: Final = b"d"
SECURITY_STATUS: Final = b"f"
TRADING_SESSION_STATUS: Final = b"h"

# SecurityTradingStatus, tag 326
TRADING_HALT: Final = 2
RESUME: Final = 3
READY_TO_TRADE: Final = 17
UNKNOWN_SECURITY: Final = 20

# TradSesStatus, tag 340
SESSION_HALTED: Final = 1
SESSION_OPEN: Final = 2
SESSION_REJECTED: Final = 6

LISTED: Final = 100
"""Instruments in one SecurityList, entries; more come in several messages (893)."""


def _entry_type(side: int) -> bytes:
    return BID if side == BUY else OFFER


class Phrases:
    """The fields of one instrument. digits: of a second, in times."""

    def __init__(self, instrument: Instrument, digits: int) -> None:
        self._price = instrument.format_price
        self._qty = instrument.format_qty
        self._symbol = b"55=%b\x01" % instrument.symbol.encode()
        self._digits = digits

    # --- messages -----------------------------------------------------------------------------

    def snapshot(self, place: Place, entries: Sequence[bytes], checksum: int | None) -> bytes:
        """MarketDataSnapshotFullRefresh: 55, 83, the place, 20003 if there is one, the entries."""
        return b"%b83=%d\x01%b%b268=%d\x01%b" % (
            self._symbol,
            place.seq,
            self._moment(place),
            _checksum(checksum),
            len(entries),
            b"".join(entries),
        )

    def incremental(
        self, prev: int, place: Place, entries: Sequence[bytes], checksum: int | None
    ) -> bytes:
        """MarketDataIncrementalRefresh, of entries that `level`, `order`, `trade` and `figure`
        give: 20002, the place, 20003 if there is one, the entries with 83 at the end of each."""
        seq = b"83=%d\x01" % place.seq
        return b"20002=%d\x01%b%b268=%d\x01%b%b" % (
            prev,
            self._moment(place),
            _checksum(checksum),
            len(entries),
            seq.join(entries),
            seq,
        )

    def _moment(self, place: Place) -> bytes:
        """20001 and 779; nothing before the instrument's first change."""
        if place.record < 0:
            return b""
        return b"20001=%d\x01779=%b\x01" % (place.record, format_utc(place.time, self._digits))

    # --- entries of a snapshot ----------------------------------------------------------------

    def shown_level(self, side: int, position: int, level: tuple[int, int, int]) -> bytes:
        """A level (price in ticks, lots, orders), the so many-th best of its side from 1 on."""
        price, lots, orders = level
        return b"269=%b\x01270=%b\x01271=%b\x01346=%d\x01290=%d\x01" % (
            _entry_type(side),
            self._price(price),
            self._qty(lots),
            orders,
            position,
        )

    def shown_order(self, side: int, position: int, order: tuple[int, int, int]) -> bytes:
        """An order (OrderID, price in ticks, open lots), the so many-th to trade of its side."""
        order_id, price, lots = order
        return b"269=%b\x01278=%d\x01270=%b\x01271=%b\x01290=%d\x01" % (
            _entry_type(side),
            order_id,
            self._price(price),
            self._qty(lots),
            position,
        )

    def shown_trade(self, found: TapeTrade) -> bytes:
        """A trade."""
        return b"269=%b\x01278=%d\x01%b" % (TRADE, found.trade.match, self._trade(found))

    def shown_figure(self, entry_type: bytes, value: bytes) -> bytes:
        """A statistic; value: its 270 or 271."""
        return b"269=%b\x01%b" % (entry_type, value)

    # --- entries of an incremental refresh, without 83 ----------------------------------------

    def level(self, change: LevelChange) -> bytes:
        """What became of a level; one that is gone has its price alone."""
        head = b"279=%d\x01269=%b\x01%b270=%b\x01" % (
            change.action,
            _entry_type(change.side),
            self._symbol,
            self._price(change.price),
        )
        if not change.orders:
            return head
        return b"%b271=%b\x01346=%d\x01" % (head, self._qty(change.lots), change.orders)

    def order(self, change: OrderChange) -> bytes:
        """What became of an order; one that is gone has its price and no quantity."""
        head = b"279=%d\x01269=%b\x01278=%d\x01%b270=%b\x01" % (
            change.action,
            _entry_type(change.side),
            change.order_id,
            self._symbol,
            self._price(change.price),
        )
        return b"%b271=%b\x01" % (head, self._qty(change.lots)) if change.lots else head

    def trade(self, found: TapeTrade) -> bytes:
        """A trade that has just been."""
        return b"279=0\x01269=%b\x01278=%d\x01%b%b" % (
            TRADE,
            found.trade.match,
            self._symbol,
            self._trade(found),
        )

    def figure(self, action: int, entry_type: bytes, value: bytes) -> bytes:
        """A statistic that is new, has changed or is gone; value: its 270 or 271, if it has one."""
        return b"279=%d\x01269=%b\x01%b%b" % (action, entry_type, self._symbol, value)

    def _trade(self, found: TapeTrade) -> bytes:
        trade = found.trade
        moment = format_utc(found.time, self._digits)
        return b"270=%b\x01271=%b\x01272=%b\x01273=%b\x012446=%d\x01" % (
            self._price(trade.price),
            self._qty(trade.lots),
            moment[:8],
            moment[9:],
            1 if trade.aggressor == BUY else 2,
        )


def _checksum(checksum: int | None) -> bytes:
    return b"" if checksum is None else b"20003=%d\x01" % checksum


# --- answers --------------------------------------------------------------------------------------


def request_reject(req_id: bytes, reason: bytes, text: str) -> bytes:
    """MarketDataRequestReject."""
    return b"262=%b\x01281=%b\x0158=%b\x01" % (req_id, reason, one_line(text))


def security_lists(req_id: bytes, instruments: Sequence[Instrument], result: bytes) -> list[bytes]:
    """SecurityList, several if one cannot hold them all. result: SecurityRequestResult(560)."""
    pieces = [instruments[at : at + LISTED] for at in range(0, len(instruments), LISTED)] or [()]
    bodies = []
    for k, piece in enumerate(pieces, 1):
        body = b"320=%b\x01322=%b-%d\x01560=%b\x01" % (req_id, req_id, k, result)
        if instruments:
            body += b"393=%d\x01893=%b\x01146=%d\x01" % (
                len(instruments),
                b"Y" if k == len(pieces) else b"N",
                len(piece),
            )
        bodies.append(body + b"".join(_listed(instrument) for instrument in piece))
    return bodies


def security_definition(
    req_id: bytes, instrument: Instrument | None, response: bytes, text: str
) -> bytes:
    """SecurityDefinition; response: SecurityResponseType(323), text: why there is none."""
    head = b"320=%b\x01322=%b-1\x01323=%b\x01" % (req_id, req_id, response)
    if instrument is None:
        return head + b"58=%b\x01" % one_line(text)
    return head + _listed(instrument)


def _listed(instrument: Instrument) -> bytes:
    """Symbol, what prices are in, the steps of quantity and price."""
    lot = instrument.format_qty(1)
    return b"55=%b\x0115=%b\x01561=%b\x01562=%b\x01969=%b\x01" % (
        instrument.symbol.encode(),
        instrument.quote.code.encode(),
        lot,
        lot,
        instrument.format_price(1),
    )


def security_status(
    req_id: bytes, symbol: bytes, status: int, moment: bytes, text: str | None, *, asked: bool
) -> bytes:
    """SecurityStatus. status: 326. moment: 60 and 20001, as `moment_of` gives them, or nothing.
    asked: it answers a request; else something has happened."""
    return b"324=%b\x0155=%b\x01325=%b\x01326=%d\x01%b%b" % (
        req_id,
        symbol,
        b"N" if asked else b"Y",
        status,
        moment,
        b"" if text is None else b"58=%b\x01" % one_line(text),
    )


def moment_of(record: int, time: int, digits: int) -> bytes:
    """TransactTime(60), ns UTC, and RecordNumber(20001)."""
    return b"60=%b\x0120001=%d\x01" % (format_utc(time, digits), record)


def session_status(req_id: bytes, now: int, status: int, text: str | None, *, asked: bool) -> bytes:
    """TradingSessionStatus of the day that `now`, ns UTC, is in: from midnight to midnight."""
    start = now // NANOS_PER_DAY * NANOS_PER_DAY
    return b"335=%b\x01336=%b\x01338=1\x01325=%b\x01340=%d\x01341=%b\x01345=%b\x01%b" % (
        req_id,
        TRADING_SESSION,
        b"N" if asked else b"Y",
        status,
        format_utc(start, 0),
        format_utc(start + NANOS_PER_DAY, 0),
        b"" if text is None else b"58=%b\x01" % one_line(text),
    )


def session_reject(req_id: bytes, name: bytes) -> bytes:
    """TradingSessionStatus about a trading session that there is not."""
    return b"335=%b\x01336=%b\x01325=N\x01340=%d\x01567=1\x0158=%b\x01" % (
        req_id,
        name,
        SESSION_REJECTED,
        b"there is one trading session, TradingSessionID(336)=%b" % TRADING_SESSION,
    )
