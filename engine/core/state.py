"""Everything the venue remembers, and the few transitions that several commands share."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from engine.core.accounts import AccountState, HeldWithdrawal, Hold
from engine.core.book import Book
from engine.core.operations import MassOperation
from engine.core.orders import Order
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import Origin
from engine.model.enums import BUY, PARTIALLY_FILLED, SOURCE_FIX
from engine.model.ids import NOBODY, VENUE_ACCOUNT
from engine.model.money import INT64_MAX
from engine.model.refdata import Instrument, ReferenceData

CL_ORD_ID_LIFE: Final = NANOS_PER_DAY
"""How long a ClOrdID(11) stays known at least, ns (docs/fix.md)."""

FORGET_PER_COMMAND: Final = 4
"""ClOrdIDs looked at for their age per command: a command adds one at most, so age wins."""

Refusal = tuple[int, str]
"""(OrdRejReason(103), Text(58)) of a pre-trade check."""


class NameAge(Struct, array_like=True, gc=False, frozen=True):
    """When a session used a ClOrdID, or when it was last looked at; ns UTC."""

    time: int
    session: int
    cl_ord_id: bytes


class Market:
    """An instrument with its book, its last trade and its limits (0: off).

    last_price in ticks, 0 before the first trade. The scale factors and fee rates are copies of
    the instrument's, because they are read several times per order.
    """

    __slots__ = (
        "base",
        "base_per_lot",
        "book",
        "collar_bps",
        "id",
        "instrument",
        "last_price",
        "maker_ppm",
        "max_order_lots",
        "max_order_notional",
        "quote",
        "quote_per_tick_lot",
        "taker_ppm",
    )

    def __init__(self, instrument: Instrument) -> None:
        self.id = instrument.id
        self.book = Book()
        self.last_price = 0
        self.max_order_lots = 0
        self.max_order_notional = 0
        self.collar_bps = 0
        self.adopt(instrument)

    def adopt(self, instrument: Instrument) -> None:
        """Copy what is read per order out of the reference data."""
        self.instrument = instrument
        self.base = instrument.base.id
        self.quote = instrument.quote.id
        self.base_per_lot = instrument.base_per_lot
        self.quote_per_tick_lot = instrument.quote_per_tick_lot
        self.maker_ppm = instrument.maker_ppm
        self.taker_ppm = instrument.taker_ppm


class MemberState:
    """A member's counter of reports: appl_seq is the last ApplSeqNum(1181) given out."""

    __slots__ = ("appl_seq", "id")

    def __init__(self, member: int) -> None:
        self.id = member
        self.appl_seq = 0


class SessionState:
    """A session's orders.

    names: every ClOrdID(11) that it used, to the order it stands for (a rejected one too), in
    order of use. open: its open orders by id, which is their age. cap: most names at a time.
    last_inbound: (record, MsgSeqNum(34)) of its latest command that came over FIX; (-1, 0): none.
    """

    __slots__ = ("cap", "comp_id", "id", "last_inbound", "member", "names", "open")

    def __init__(self, session: int, member: MemberState, comp_id: str, cap: int) -> None:
        self.id = session
        self.member = member
        self.comp_id = comp_id
        self.cap = cap
        self.last_inbound = (-1, 0)
        self.names: dict[bytes, Order] = {}
        self.open: dict[int, Order] = {}


class State:
    """All state of the venue.

    orders: accepted orders by id, finished ones until their last ClOrdID is dropped.
    blocks: (scope, target) to reason. holds: by account. references: of deposits, withdrawals,
    reversals and holds, to their records. withdrawals: those that are held, by reference. totals:
    asset id to what is in the venue of it. match counts trades. name_ages: in order of time.
    day_end: when the next EndOfDay is due, ns UTC. expiring: unfinished EndOfDay operations.
    new_rules, replace_rules: the rules of engine.core.risk that are switched on now.
    """

    __slots__ = (
        "accounts",
        "blocks",
        "day_end",
        "expiring",
        "holds",
        "last_number",
        "last_time",
        "markets",
        "match",
        "members",
        "name_ages",
        "new_rules",
        "operations",
        "orders",
        "refdata",
        "references",
        "replace_rules",
        "sessions",
        "totals",
        "withdrawals",
    )

    def __init__(self) -> None:
        self.refdata = ReferenceData()
        self.markets: dict[int, Market] = {}
        self.accounts: dict[int, AccountState] = {
            VENUE_ACCOUNT: AccountState(VENUE_ACCOUNT, NOBODY)
        }
        self.members: dict[int, MemberState] = {}
        self.sessions: dict[int, SessionState] = {}
        self.orders: dict[int, Order] = {}
        self.blocks: dict[tuple[int, int], str] = {}
        self.holds: dict[int, Hold] = {}
        self.operations: deque[MassOperation] = deque()
        self.references: dict[str, int] = {}
        self.withdrawals: dict[str, HeldWithdrawal] = {}
        self.totals: dict[int, int] = {}
        self.name_ages: deque[NameAge] = deque()
        self.new_rules: tuple[Callable[[Any], Refusal | None], ...] = ()
        self.replace_rules: tuple[Callable[[Any], Refusal | None], ...] = ()
        self.match = 0
        self.expiring = 0
        self.day_end = INT64_MAX
        self.last_number = -1
        self.last_time = 0

    def session_of(self, origin: Origin) -> SessionState | None:
        """The session that sent a command, its MsgSeqNum(34) noted; None if it is unknown."""
        session = self.sessions.get(origin.session)
        if session is not None and origin.source == SOURCE_FIX:
            session.last_inbound = (self.last_number, origin.seq)
        return session

    def remember(self, session: SessionState, cl_ord_id: bytes, order: Order, time: int) -> None:
        """Let `cl_ord_id` stand for `order`, if it is free and the session's table has room."""
        names = session.names
        if len(names) >= session.cap or cl_ord_id in names:
            return
        names[cl_ord_id] = order
        order.names += 1
        self.name_ages.append(NameAge(time, session.id, cl_ord_id))

    def forget(self, time: int) -> None:
        """Drop a few ClOrdIDs that are older than their life and whose order is finished.

        Those of open orders are looked at again a life later: their order can then still be
        asked for after its end.
        """
        ages = self.name_ages
        for _ in range(FORGET_PER_COMMAND):
            if not ages or ages[0].time > time - CL_ORD_ID_LIFE:
                return
            aged = ages.popleft()
            names = self.sessions[aged.session].names
            order = names[aged.cl_ord_id]
            if order.is_open():
                ages.append(NameAge(time, aged.session, aged.cl_ord_id))
                continue
            del names[aged.cl_ord_id]
            order.names -= 1
            assert order.names >= 0
            if order.names == 0:
                self.orders.pop(order.id, None)

    def close_order(self, order: Order, status: int) -> None:
        """An order that was open, already out of its book, is finished: free what it holds."""
        assert status > PARTIALLY_FILLED
        order.status = status
        account = self.accounts[order.account]
        account.open_orders -= 1
        assert account.open_orders >= 0
        del self.sessions[order.session].open[order.id]
        if order.held:
            market = self.markets[order.instrument]
            asset = market.quote if order.side == BUY else market.base
            account.balances[asset].release(order.held)
            order.held = 0

    def take_out(self, order: Order, status: int) -> None:
        """An open order leaves its book unfilled and is finished."""
        assert order.is_open()
        book = self.markets[order.instrument].book
        book.side(order.side).remove(order, order.qty - order.cum)
        self.close_order(order, status)
