"""The state of the venue as a stream of chunks, and back again. Pure.

A chunk is some thousand rows in MessagePack, so that a venue with millions of orders is never in
memory twice. What is read back is the state that was written: the same tables in the same order,
an order that several tables hold is one object again, and each later command causes the same
events. What follows from the rest (the best level of a book, the rules that are switched on) is
made again.

The order of chunks matters: the configuration comes first, so that a reader who only wants names
and scales stops after it; orders come before the tables that name them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Generic, TypeVar, Union, cast

import msgspec
from msgspec import Struct
from sortedcontainers import SortedDict

from engine.core.accounts import AccountState, Balance, HeldWithdrawal, Hold
from engine.core.book import Book, BookSide, Level
from engine.core.operations import MassOperation
from engine.core.orders import Order
from engine.core.risk import switch_rules
from engine.core.state import Market, MemberState, NameAge, SessionState, State
from engine.model.commands import Command
from engine.model.enums import BUY, SELL
from engine.model.errors import SnapshotDamaged
from engine.model.money import INT64_MAX
from engine.model.refdata import ReferenceData

STATE_FORMAT: Final = 4
"""Grows with each change of what the chunks hold; a snapshot of another format is not read."""

CHUNK_ROWS: Final = 4_096
"""Rows of a chunk: some 400 KiB of orders, encoded in about 2 ms."""

DERIVED: Final = {"Level": frozenset({"removed"})}
"""Class to its fields that a snapshot leaves out: they change nothing that anybody can see.

Level.removed counts the dead slots of a dict, and a dict that was just made has none.
"""

T = TypeVar("T")


class _Chunk(Struct, array_like=True, gc=False):
    """A part of the state; the tag says of which table."""


class _Configuration(_Chunk, tag=1):
    """ReferenceData.configured: what is applied again gives all reference data."""

    commands: list[Command]


class _Counters(_Chunk, tag=2):
    match: int
    expiring: int
    day_end: int
    last_number: int
    last_time: int


class _Members(_Chunk, tag=3):
    """(id, appl_seq)."""

    rows: list[tuple[int, int]]


class _Sessions(_Chunk, tag=4):
    """(id, member, CompID, cap, record and MsgSeqNum of last_inbound)."""

    rows: list[tuple[int, int, str, int, int, int]]


class _Markets(_Chunk, tag=5):
    """(id, last_price, max_order_lots, max_order_notional, collar_bps)."""

    rows: list[tuple[int, int, int, int, int]]


class _Account(_Chunk, tag=6):
    """balances: (asset, available, held); limits: (instrument, lots, notional)."""

    id: int
    member: int
    max_open_orders: int
    open_orders: int
    balances: list[tuple[int, int, int]]
    limits: list[tuple[int, int, int]]


class _Orders(_Chunk, tag=7):
    """accepted: those of State.orders; else rejected ones, that only a ClOrdID leads to."""

    accepted: bool
    rows: list[Order]


class _Names(_Chunk, tag=8):
    """ClOrdIDs of a session with the orders they stand for; None: the order's own cl_ord_id."""

    session: int
    orders: list[int]
    names: list[bytes | None]


class _Open(_Chunk, tag=9):
    session: int
    orders: list[int]


class _Levels(_Chunk, tag=10):
    """(key, lots, orders). A long level goes on in a further row with its key and 0 lots."""

    market: int
    side: int
    rows: list[tuple[int, int, list[int]]]


class _Ages(_Chunk, tag=11):
    """State.name_ages: the order, how long after its creation (ns), the ClOrdID as in _Names."""

    orders: list[int]
    after: list[int]
    names: list[bytes | None]


class _Blocks(_Chunk, tag=12):
    """(scope, target, reason)."""

    rows: list[tuple[int, int, str]]


class _Operation(_Chunk, tag=13):
    """A mass operation without its ids, which follow."""

    operation: MassOperation


class _OperationIds(_Chunk, tag=14):
    ids: list[int]


class _References(_Chunk, tag=15):
    rows: list[tuple[str, int]]


class _Totals(_Chunk, tag=16):
    rows: list[tuple[int, int]]


class _Withdrawals(_Chunk, tag=17):
    rows: list[tuple[str, HeldWithdrawal]]


class _Holds(_Chunk, tag=18):
    rows: list[tuple[int, Hold]]


_AnyChunk = Union[  # noqa: UP007 - msgspec wants the union as a value
    _Configuration,
    _Counters,
    _Members,
    _Sessions,
    _Markets,
    _Account,
    _Orders,
    _Names,
    _Open,
    _Levels,
    _Ages,
    _Blocks,
    _Operation,
    _OperationIds,
    _References,
    _Totals,
    _Withdrawals,
    _Holds,
]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_AnyChunk).decode


# --- out ------------------------------------------------------------------------------------------


def write_state(state: State) -> Iterator[bytes]:
    """The chunks of `state`, which must not change until the last one is taken."""
    for chunk in _chunks(state):
        yield _encode(chunk)


def _chunks(state: State) -> Iterator[_Chunk]:
    for commands in _batches(state.refdata.configured.values()):
        yield _Configuration(commands)
    yield _Counters(state.match, state.expiring, state.day_end, state.last_number, state.last_time)
    yield _Members([(m.id, m.appl_seq) for m in state.members.values()])
    for sessions in _batches(state.sessions.values()):
        yield _Sessions([(s.id, s.member.id, s.comp_id, s.cap, *s.last_inbound) for s in sessions])
    for markets in _batches(state.markets.values()):
        yield _Markets(
            [
                (m.id, m.last_price, m.max_order_lots, m.max_order_notional, m.collar_bps)
                for m in markets
            ]
        )
    for account in state.accounts.values():
        yield _account(account)
    yield from _order_chunks(state)
    for blocks in _batches(state.blocks.items()):
        yield _Blocks([(*block, reason) for block, reason in blocks])
    for operation in state.operations:
        yield _Operation(msgspec.structs.replace(operation, ids=[]))
        for ids in _batches(operation.ids):
            yield _OperationIds(ids)
    for references in _batches(state.references.items()):
        yield _References(references)
    yield _Totals(list(state.totals.items()))
    for withdrawals in _batches(state.withdrawals.items()):
        yield _Withdrawals(withdrawals)
    for holds in _batches(state.holds.items()):
        yield _Holds(holds)


def _account(account: AccountState) -> _Account:
    return _Account(
        account.id,
        account.member,
        account.max_open_orders,
        account.open_orders,
        [(asset, b.available, b.held) for asset, b in account.balances.items()],
        [(instrument, *pair) for instrument, pair in account.limits.items()],
    )


def _order_chunks(state: State) -> Iterator[_Chunk]:
    """The orders, then every table that leads to them.

    ClOrdIDs and their ages come right behind the orders that they stand for: who reads them back
    finds those in the processor's cache, which halves the time that it takes.
    """
    named = _Named(state)
    for rows in _batches(state.orders.values()):
        yield _Orders(True, rows)
        yield from named.up_to(rows[-1].id)
    yield from named.up_to(INT64_MAX)
    for session in state.sessions.values():
        for ids in _batches(session.open):
            yield _Open(session.id, ids)
    for market in state.markets.values():
        yield from _level_chunks(market.id, BUY, market.book.bids)
        yield from _level_chunks(market.id, SELL, market.book.asks)


class _Named:
    """What leads to orders by their ClOrdID, in pieces that follow the orders."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._names = {s.id: _Reader(s.names.items()) for s in state.sessions.values()}
        self._ages = _Reader(map(self._aged, state.name_ages))

    def _aged(self, age: NameAge) -> tuple[tuple[bytes, int], Order]:
        order = self._state.sessions[age.session].names[age.cl_ord_id]
        return (age.cl_ord_id, age.time), order

    def up_to(self, last: int) -> Iterator[_Chunk]:
        """Those that lead to orders of the ids up to `last`, as far as their tables' order allows;
        orders that were rejected, which only a ClOrdID leads to, before it."""
        orders = self._state.orders
        for session, reader in self._names.items():
            for names in _batches(reader.up_to(last)):
                rejected = [order for _, order in names if order.id not in orders]
                if rejected:
                    yield _Orders(False, rejected)
                yield _Names(session, [order.id for _, order in names], _foreign(names))
        for ages in _batches(self._ages.up_to(last)):
            aged = [(name, order) for (name, _), order in ages]
            after = [time - order.created for (_, time), order in ages]
            yield _Ages([order.id for _, order in aged], after, _foreign(aged))


class _Reader(Generic[T]):
    """Pairs of something and its order, read as far as the orders have come."""

    __slots__ = ("_next", "_source")

    def __init__(self, source: Iterable[tuple[T, Order]]) -> None:
        self._source = iter(source)
        self._next = next(self._source, None)

    def up_to(self, last: int) -> Iterator[tuple[T, Order]]:
        """The pairs from here on, up to the first whose order is later than `last`."""
        while self._next is not None and self._next[1].id <= last:
            yield self._next
            self._next = next(self._source, None)


def _foreign(names: Sequence[tuple[bytes, Order]]) -> list[bytes | None]:
    """Each ClOrdID, None where its order has it as its own anyway."""
    return [None if order.cl_ord_id == name else name for name, order in names]


def _level_chunks(market: int, side: int, levels: BookSide) -> Iterator[_Chunk]:
    rows: list[tuple[int, int, list[int]]] = []
    size = 0
    for key, level in levels.levels.items():
        lots = level.lots
        for ids in _batches(level.orders):
            rows.append((key, lots, ids))
            lots = 0
            size += len(ids)
            if size >= CHUNK_ROWS or len(rows) >= CHUNK_ROWS:
                yield _Levels(market, side, rows)
                rows, size = [], 0
    if rows:
        yield _Levels(market, side, rows)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    """`rows` in lists of at most CHUNK_ROWS."""
    source = iter(rows)
    while batch := list(islice(source, CHUNK_ROWS)):
        yield batch


# --- in -------------------------------------------------------------------------------------------


def read_state(chunks: Iterable[bytes]) -> State:
    """Inverse of write_state. Raises SnapshotDamaged if they are not the chunks of a state."""
    loader = _Loader()
    try:
        for chunk in chunks:
            loader.load(chunk)
        return loader.finish()
    except (msgspec.DecodeError, LookupError, ValueError) as error:
        raise SnapshotDamaged(f"the chunks do not make a state: {error!r}") from error


def read_reference_data(chunks: Iterable[bytes]) -> ReferenceData:
    """The names and scales alone, from the first chunks. Raises SnapshotDamaged."""
    refdata = ReferenceData()
    try:
        for payload in chunks:
            chunk = _decode(payload)
            if not isinstance(chunk, _Configuration):
                break
            _configure(refdata, chunk)
    except (msgspec.DecodeError, LookupError, ValueError) as error:
        raise SnapshotDamaged(f"the chunks hold no configuration: {error!r}") from error
    return refdata


def _configure(refdata: ReferenceData, chunk: _Configuration) -> None:
    for command in chunk.commands:
        refdata.apply(command)


class _Loader:
    """Fills a State, chunk by chunk."""

    def __init__(self) -> None:
        self.state = State()
        self.state.accounts.clear()
        self.rejected: dict[int, Order] = {}
        self.levels: dict[tuple[int, int], dict[int, Level]] = {}
        self._by_type: dict[type, Callable[[Any], None]] = {
            _Configuration: lambda c: _configure(self.state.refdata, c),
            _Counters: self._counters,
            _Members: self._members,
            _Sessions: self._sessions,
            _Markets: self._markets,
            _Account: self._account,
            _Orders: self._orders,
            _Names: self._names,
            _Open: self._open,
            _Levels: self._levels,
            _Ages: self._ages,
            _Blocks: self._blocks,
            _Operation: lambda c: self.state.operations.append(c.operation),
            _OperationIds: lambda c: self.state.operations[-1].ids.extend(c.ids),
            _References: lambda c: self.state.references.update(c.rows),
            _Totals: lambda c: self.state.totals.update(c.rows),
            _Withdrawals: lambda c: self.state.withdrawals.update(c.rows),
            _Holds: lambda c: self.state.holds.update(c.rows),
        }

    def load(self, payload: bytes) -> None:
        chunk = _decode(payload)
        self._by_type[type(chunk)](chunk)

    def finish(self) -> State:
        """Make what follows from the rest."""
        for (market, side), levels in self.levels.items():
            book = self.state.markets[market].book
            _fill(book, side, levels)
        switch_rules(self.state)
        return self.state

    def _counters(self, c: _Counters) -> None:
        state = self.state
        state.match, state.expiring, state.day_end = c.match, c.expiring, c.day_end
        state.last_number, state.last_time = c.last_number, c.last_time

    def _members(self, c: _Members) -> None:
        for ident, appl_seq in c.rows:
            member = self.state.members[ident] = MemberState(ident)
            member.appl_seq = appl_seq

    def _sessions(self, c: _Sessions) -> None:
        state = self.state
        for ident, member, comp_id, cap, number, seq in c.rows:
            session = SessionState(ident, state.members[member], comp_id, cap)
            session.last_inbound = (number, seq)
            state.sessions[ident] = session

    def _markets(self, c: _Markets) -> None:
        for ident, last_price, lots, notional, collar in c.rows:
            market = self.state.markets[ident] = Market(self.state.refdata.instruments[ident])
            market.last_price, market.max_order_lots = last_price, lots
            market.max_order_notional, market.collar_bps = notional, collar

    def _account(self, c: _Account) -> None:
        account = self.state.accounts[c.id] = AccountState(c.id, c.member)
        account.max_open_orders, account.open_orders = c.max_open_orders, c.open_orders
        account.balances = {asset: Balance(free, held) for asset, free, held in c.balances}
        account.limits = {instrument: (lots, value) for instrument, lots, value in c.limits}

    def _orders(self, c: _Orders) -> None:
        table = self.state.orders if c.accepted else self.rejected
        table.update([(order.id, order) for order in c.rows])

    def _named(self, ids: list[int]) -> Iterable[Order]:
        found = list(map(self.state.orders.get, ids))
        if None in found:
            rejected = self.rejected
            return [order or rejected[k] for order, k in zip(found, ids, strict=True)]
        return cast("list[Order]", found)

    def _names(self, c: _Names) -> None:
        self.state.sessions[c.session].names.update(
            [
                (order.cl_ord_id if name is None else name, order)
                for name, order in zip(c.names, self._named(c.orders), strict=True)
            ]
        )

    def _open(self, c: _Open) -> None:
        orders = self.state.orders
        table = self.state.sessions[c.session].open
        table.update([(order.id, order) for order in map(orders.__getitem__, c.orders)])

    def _levels(self, c: _Levels) -> None:
        orders = self.state.orders
        levels = self.levels.setdefault((c.market, c.side), {})
        for key, lots, ids in c.rows:
            here = {order.id: order for order in map(orders.__getitem__, ids)}
            level = levels.get(key)
            if level is None:
                levels[key] = Level(lots, here)
            else:
                level.orders.update(here)

    def _ages(self, c: _Ages) -> None:
        self.state.name_ages.extend(
            [
                NameAge(
                    order.created + after if after else order.created,
                    order.session,
                    order.cl_ord_id if name is None else name,
                )
                for order, after, name in zip(self._named(c.orders), c.after, c.names, strict=True)
            ]
        )

    def _blocks(self, c: _Blocks) -> None:
        for scope, target, reason in c.rows:
            self.state.blocks[scope, target] = reason


def _fill(book: Book, side: int, levels: dict[int, Level]) -> None:
    """Put all levels of a side into a book that has none."""
    into = book.side(side)
    into.levels = SortedDict(levels)
    into.best, into.top = into.levels.peekitem(0)
