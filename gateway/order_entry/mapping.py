"""FIX order messages to commands: exactly, or with the refusal that says why not.

Three outcomes. A message that can be expressed in ticks, lots and ids becomes its command, and
the core decides. A well-formed message that cannot (off tick, unknown symbol, unsupported
feature) becomes a Refused* command, because refusals are journalled too. A message that breaks
FIX itself raises PeerError (Reject, 35=3) or BusinessError (BusinessMessageReject, 35=j) and is
not an order message at all. Sources: FIX 4.4 volume 4, messages D, F, G, H, q; appendix of
OrdRejReason(103), CxlRejReason(102), BusinessRejectReason(380).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import (
    CancelOrder,
    MassCancel,
    NewOrder,
    OrderCommand,
    Origin,
    RefusedCancel,
    RefusedMassCancel,
    RefusedMessage,
    RefusedOrder,
    ReplaceOrder,
)
from engine.model.enums import (
    BUY,
    CXL_REJ_OTHER,
    DAY,
    FOK,
    GTC,
    IOC,
    LIMIT,
    MARKET,
    MASS_CANCEL_ALL,
    MASS_CANCEL_INSTRUMENT,
    MASS_REJ_NOT_SUPPORTED,
    MASS_REJ_UNKNOWN_SYMBOL,
    ORD_REJ_OTHER,
    ORD_REJ_QUANTITY,
    ORD_REJ_TOO_LATE,
    ORD_REJ_UNKNOWN_ACCOUNT,
    ORD_REJ_UNKNOWN_SYMBOL,
    ORD_REJ_UNSUPPORTED,
    RESPONSE_TO_REPLACE,
    SELL,
    SOURCE_FIX,
)
from engine.model.errors import FixgateError
from engine.model.money import INT64_MAX
from engine.model.refdata import Instrument, ReferenceData, SessionInfo
from gateway.fix.errors import VALUE_INCORRECT, PeerError
from gateway.fix.message import Message
from gateway.fix.timestamps import parse_utc

MAX_ID_BYTES: Final = 64
"""Longest identifier a member may send (ClOrdID, Account, PartyID ...), bytes.

FIX sets none; venues allow 18 to 64. It bounds a record whatever a peer sends.
"""

MAX_PARTIES: Final = 10
"""Parties kept per order, entries: roles 3, 12 and 122 may each come with a few."""

KEPT_ROLES: Final = frozenset({b"3", b"12", b"122"})
"""PartyRole(452): client id, executing trader, investment decision maker. Short codes only."""

EXECUTING_TRADER: Final = 12  # PartyRole(452)

CAPACITY_TAGS: Final = frozenset({528, 529, 581, 582})

UNSUPPORTED_TAGS: Final = {
    18: "ExecInst",
    99: "StopPx",
    110: "MinQty",
    111: "MaxFloor",
    126: "ExpireTime",
    152: "CashOrderQty",
    168: "EffectiveTime",
    210: "MaxShow",
    211: "PegOffsetValue",
    388: "DiscretionInst",
    432: "ExpireDate",
}
"""Instructions that change what an order does: to ignore one would do what was not asked."""

_UNSUPPORTED: Final = frozenset(UNSUPPORTED_TAGS)

SIDES: Final = {b"1": BUY, b"2": SELL}
ORD_TYPES: Final = {b"1": MARKET, b"2": LIMIT}
TIFS: Final = {b"0": DAY, b"1": GTC, b"3": IOC, b"4": FOK, None: DAY}

CONDITIONALLY_REQUIRED: Final = 5  # BusinessRejectReason(380)

NUMBER_CACHE_ENTRIES: Final = 65_536
"""Parsed number texts kept per instrument, entries: about 8 MiB; prices repeat all day."""


class BusinessError(FixgateError):
    """Answered with BusinessMessageReject: reason is BusinessRejectReason(380)."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """OrderStatusRequest(35=H): a question, so not a command. req_id is OrdStatusReqID(790)."""

    cl_ord_id: bytes
    order_id: int
    symbol: bytes
    side: bytes
    req_id: bytes


class _Refusal(Exception):
    """A well-formed message that cannot become its command: reason is 103 (or 102, 532)."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class _Symbol:
    """An instrument with the number texts seen on it."""

    __slots__ = ("instrument", "prices", "qtys")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.prices: dict[bytes, int] = {}
        self.qtys: dict[bytes, int] = {}

    def price(self, text: bytes) -> int:
        """Ticks. Raises _Refusal with 103=99 if it is off tick or out of range."""
        ticks = self.prices.get(text)
        if ticks is None:
            value = self.instrument.parse_price(text)
            if value is None or abs(value) > INT64_MAX:
                raise _Refusal(ORD_REJ_OTHER, _off_grid("Price(44)", text, "tick", self._tick()))
            ticks = _remember(self.prices, text, value)
        return ticks

    def qty(self, text: bytes) -> int:
        """Lots. Raises _Refusal with 103=13 if it is off lot or out of range."""
        lots = self.qtys.get(text)
        if lots is None:
            value = self.instrument.parse_qty(text)
            if value is None or abs(value) > INT64_MAX:
                raise _Refusal(
                    ORD_REJ_QUANTITY, _off_grid("OrderQty(38)", text, "lot", self._lot())
                )
            lots = _remember(self.qtys, text, value)
        return lots

    def _tick(self) -> bytes:
        return self.instrument.format_price(1)

    def _lot(self) -> bytes:
        return self.instrument.format_qty(1)


def _remember(cache: dict[bytes, int], text: bytes, value: int) -> int:
    if len(cache) >= NUMBER_CACHE_ENTRIES:
        cache.clear()
    cache[text] = value
    return value


def _off_grid(field: str, text: bytes, kind: str, step: bytes) -> str:
    return (
        f"{field} {text.decode('latin-1')} is not a whole number of {kind}s of {step.decode()},"
        f" or too large: send a multiple of {step.decode()}"
    )


class OrderMapper:
    """Maps the messages of every session of one venue. max_order_age in ns."""

    def __init__(self, refdata: ReferenceData, *, max_order_age: int) -> None:
        self._refdata = refdata
        self._max_order_age = max_order_age
        self._symbols: dict[bytes, _Symbol] = {}
        self._accounts: dict[tuple[int, bytes], int] = {}
        self._mappers: dict[bytes, Callable[[Message, Origin, SessionInfo], OrderCommand]] = {
            b"D": self._new_order,
            b"F": self._cancel,
            b"G": self._replace,
            b"q": self._mass_cancel,
        }
        self.refresh()

    def refresh(self) -> None:
        """Read reference data again, after it changed."""
        self._symbols = {i.symbol.encode(): _Symbol(i) for i in self._refdata.instruments.values()}
        self._accounts = {
            (a.member, a.name.encode()): a.id for a in self._refdata.accounts.values()
        }

    def map(
        self, message: Message, session: SessionInfo, seq: int, received: int
    ) -> OrderCommand | StatusRequest:
        """The command or question that `message` is; received in ns UTC.

        Raises PeerError for identifiers that are too long, BusinessError for a field that this
        kind of order needs.
        """
        _check_ids(message)
        if message.msg_type == b"H":
            return _status_request(message)
        origin = _origin(message, session, seq, received)
        return self._mappers[message.msg_type](message, origin, session)

    # --- D --------------------------------------------------------------------------------

    def _new_order(self, message: Message, origin: Origin, session: SessionInfo) -> OrderCommand:
        get = message.get
        if get(38) is None and get(152) is None:
            raise BusinessError(CONDITIONALLY_REQUIRED, "OrderQty(38) is missing")
        if get(40) == b"2" and get(44) is None:
            raise BusinessError(CONDITIONALLY_REQUIRED, "Price(44) is missing on a limit order")
        try:
            return self._accepted_new_order(message, origin, session)
        except _Refusal as refusal:
            return refused_order(message, origin, refusal.reason, refusal.text)

    def _accepted_new_order(
        self, message: Message, origin: Origin, session: SessionInfo
    ) -> NewOrder:
        get = message.get
        symbol = self._symbols.get(get(55, b""))
        if symbol is None:
            raise _Refusal(ORD_REJ_UNKNOWN_SYMBOL, _unknown_symbol(get(55, b"")))
        if get(43) == b"Y":
            self._refuse_stale(message, origin.received)
        side = SIDES.get(get(54, b""))
        ord_type = ORD_TYPES.get(get(40, b""))
        tif = TIFS.get(get(59))
        if side is None:
            raise _Refusal(ORD_REJ_UNSUPPORTED, "Side(54): only 1 (buy) and 2 (sell)")
        if ord_type is None:
            raise _Refusal(ORD_REJ_UNSUPPORTED, "OrdType(40): only 1 (market) and 2 (limit)")
        if tif is None:
            raise _Refusal(
                ORD_REJ_UNSUPPORTED,
                "TimeInForce(59): only 0 (day), 1 (GTC), 3 (IOC) and 4 (FOK)",
            )
        _refuse_unsupported(message)
        name = get(1)
        if name is None:
            account = self._refdata.default_account.get(session.member, 0)
        else:
            account = self._accounts.get((session.member, name), 0)
        if not account:
            raise _Refusal(
                ORD_REJ_UNKNOWN_ACCOUNT,
                "Account(1) is not one of this member's: leave it out for the default account",
            )
        return NewOrder(
            origin,
            get(11, b""),
            account,
            symbol.instrument.id,
            side,
            ord_type,
            tif,
            symbol.qty(get(38, b"")),
            symbol.price(get(44, b"")) if ord_type == LIMIT else 0,
            get(97) == b"Y",
        )

    def _refuse_stale(self, message: Message, received: int) -> None:
        """A possible duplicate that was first sent long ago is not what its sender wants now."""
        sent = parse_utc(message.get(122) or message.get(52, b""))
        if sent is not None and received - sent > self._max_order_age:
            seconds = self._max_order_age // NANOS_PER_SECOND
            raise _Refusal(
                ORD_REJ_TOO_LATE,
                f"PossDup order older than {seconds} s by OrigSendingTime(122): send a new one",
            )

    # --- F and G --------------------------------------------------------------------------

    def _cancel(self, message: Message, origin: Origin, _session: SessionInfo) -> OrderCommand:
        get = message.get
        symbol = self._symbols.get(get(55, b""))
        return CancelOrder(
            origin,
            get(11, b""),
            get(41, b""),
            _order_id(get(37)),
            symbol.instrument.id if symbol else 0,
            SIDES.get(get(54, b""), 0),
            get(97) == b"Y",
        )

    def _replace(self, message: Message, origin: Origin, _session: SessionInfo) -> OrderCommand:
        get = message.get
        if get(38) is None:
            raise BusinessError(CONDITIONALLY_REQUIRED, "OrderQty(38), the new total, is missing")
        if get(44) is None:
            raise BusinessError(CONDITIONALLY_REQUIRED, "Price(44) is missing")
        try:
            return self._accepted_replace(message, origin)
        except _Refusal as refusal:
            return RefusedCancel(
                origin,
                get(11, b""),
                get(41, b""),
                RESPONSE_TO_REPLACE,
                CXL_REJ_OTHER,
                refusal.text,
            )

    def _accepted_replace(self, message: Message, origin: Origin) -> OrderCommand:
        get = message.get
        symbol = self._symbols.get(get(55, b""))
        if symbol is None:
            raise _Refusal(ORD_REJ_UNKNOWN_SYMBOL, _unknown_symbol(get(55, b"")))
        if get(43) == b"Y":
            self._refuse_stale(message, origin.received)
        _refuse_unsupported(message)
        tif_text = get(59)
        tif = -1 if tif_text is None else TIFS.get(tif_text)
        if tif is None:
            raise _Refusal(ORD_REJ_UNSUPPORTED, "TimeInForce(59) cannot be changed: leave it out")
        return ReplaceOrder(
            origin,
            get(11, b""),
            get(41, b""),
            _order_id(get(37)),
            symbol.instrument.id,
            SIDES.get(get(54, b""), 0),
            ORD_TYPES.get(get(40, b""), 0),
            tif,
            symbol.qty(get(38, b"")),
            symbol.price(get(44, b"")),
            get(97) == b"Y",
        )

    # --- q --------------------------------------------------------------------------------

    def _mass_cancel(self, message: Message, origin: Origin, _session: SessionInfo) -> OrderCommand:
        get = message.get
        scope, name = get(530, b""), get(55)
        if scope == b"7":
            return MassCancel(origin, get(11, b""), MASS_CANCEL_ALL, 0)
        if scope != b"1":
            return RefusedMassCancel(
                origin,
                get(11, b""),
                scope,
                name or b"",
                MASS_REJ_NOT_SUPPORTED,
                "MassCancelRequestType(530): only 1 (by symbol) and 7 (all)",
            )
        if name is None:
            raise BusinessError(CONDITIONALLY_REQUIRED, "Symbol(55) is missing with 530=1")
        symbol = self._symbols.get(name)
        if symbol is None:
            return RefusedMassCancel(
                origin,
                get(11, b""),
                scope,
                name,
                MASS_REJ_UNKNOWN_SYMBOL,
                _unknown_symbol(name),
            )
        return MassCancel(origin, get(11, b""), MASS_CANCEL_INSTRUMENT, symbol.instrument.id)


def _origin(message: Message, session: SessionInfo, seq: int, received: int) -> Origin:
    parties = _parties(message) if message.get(453) is not None else ()
    trader = next((ident for role, ident in parties if role == EXECUTING_TRADER), b"")
    return Origin(session.id, seq, received, SOURCE_FIX, parties, _capacity(message), trader)


def refused_unread(
    message: Message, session: SessionInfo, seq: int, received: int, reason: int, text: str
) -> RefusedMessage:
    """An order message that is refused whatever it says; reason is BusinessRejectReason(380).

    Raises PeerError for identifiers that are too long to be journalled.
    """
    _check_ids(message)
    origin = _origin(message, session, seq, received)
    return RefusedMessage(origin, message.msg_type, message.get(11, b""), reason, text)


def refused_order(message: Message, origin: Origin, reason: int, text: str) -> RefusedOrder:
    """A NewOrderSingle refused in the words it came in; reason is OrdRejReason(103)."""
    get = message.get
    return RefusedOrder(
        origin,
        get(11, b""),
        get(1, b""),
        get(55, b""),
        get(54, b""),
        get(40, b""),
        get(59, b""),
        get(38, b""),
        get(44, b""),
        reason,
        text,
    )


ID_TAGS: Final = frozenset({11, 41, 37, 1, 55, 790, 528, 529, 581, 582})


def _check_ids(message: Message) -> None:
    for tag in message.present(ID_TAGS):
        if len(message.get(tag, b"")) > MAX_ID_BYTES:
            raise PeerError(
                VALUE_INCORRECT, tag, f"tag {tag} is longer than {MAX_ID_BYTES} characters"
            )


def _status_request(message: Message) -> StatusRequest:
    get = message.get
    return StatusRequest(
        get(11, b""), _order_id(get(37)), get(55, b""), get(54, b""), get(790, b"")
    )


def _order_id(text: bytes | None) -> int:
    """OrderID(37) as the number we gave; 0 (none) for anything that we never gave."""
    if text is None or not text.isdigit():
        return 0
    return min(int(text), INT64_MAX)


def _unknown_symbol(symbol: bytes) -> str:
    return f"Symbol(55) {symbol.decode('latin-1')} is not traded here"


def _refuse_unsupported(message: Message) -> None:
    found = message.present(_UNSUPPORTED)
    if not found:
        return
    tag = found[0]
    raise _Refusal(
        ORD_REJ_UNSUPPORTED,
        f"{UNSUPPORTED_TAGS[tag]}({tag}) is not supported: send the order without it",
    )


def _parties(message: Message) -> tuple[tuple[int, bytes], ...]:
    """The roles a regulator's record needs; others are not kept."""
    kept = []
    for party in message.group(453):
        role, ident = party.get(452), party.get(448)
        if role in KEPT_ROLES and ident is not None:
            if len(ident) > MAX_ID_BYTES:
                raise PeerError(
                    VALUE_INCORRECT, 448, f"tag 448 is longer than {MAX_ID_BYTES} characters"
                )
            kept.append((int(role), ident))
    if len(kept) > MAX_PARTIES:
        raise PeerError(VALUE_INCORRECT, 453, f"more than {MAX_PARTIES} parties")
    return tuple(kept)


def _capacity(message: Message) -> tuple[tuple[int, bytes], ...]:
    found = message.present(CAPACITY_TAGS)
    return tuple((tag, message.get(tag, b"")) for tag in found) if found else ()
