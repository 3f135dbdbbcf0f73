"""A digest of all state that matters to what the venue does next."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, islice
from operator import itemgetter

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from engine.core.book import BookSide
from engine.core.operations import MassOperation
from engine.core.orders import Order
from engine.core.state import SessionState, State

_ORDER_FIELDS = Order.__struct_fields__.index("trader")
_OPERATION_FIELDS = MassOperation.__struct_fields__.index("trader")
"""Fields that go into every row. Traders came later and have rows of their own, where there are
any, so that a journal of before still gives the hash that it gave."""

_CHUNK = 10_000
"""Rows that are encoded at a time: a venue with millions of orders is not copied as a whole."""


def state_hash(state: State) -> str:
    """Hex SHA-256 over a canonical MessagePack encoding.

    Nothing in it depends on the order of a set or on the hash seed: tables are sorted by id, and
    those whose order matters (books, ClOrdIDs, pending operations) are in that order.
    """
    digest = hashlib.sha256()
    encode = msgspec.msgpack.Encoder().encode

    def add(name: str, rows: Collection[object]) -> None:
        add_each(name, len(rows), iter(rows))

    def add_each(name: str, count: int, rows: Iterator[object]) -> None:
        digest.update(encode([name, count]))
        while batch := list(islice(rows, _CHUNK)):
            digest.update(encode(batch))

    refdata = state.refdata
    add("assets", _sorted(refdata.assets))
    add("instruments", _sorted(refdata.instruments))
    add("members", _sorted(refdata.members))
    add("accounts", _sorted(refdata.accounts))
    add("sessions", _sorted(refdata.sessions))
    add("default accounts", sorted(refdata.default_account.items()))
    known = _known_orders(state)
    orders = map(known.__getitem__, sorted(known))
    add_each("orders", len(known), _cut(orders, _ORDER_FIELDS))
    for session_id in sorted(state.sessions):
        session = state.sessions[session_id]
        add_each("names", len(session.names), _names(session))
        add("open", session.open)
    for market_id in sorted(state.markets):
        m = state.markets[market_id]
        limits = (m.last_price, m.max_order_lots, m.max_order_notional, m.collar_bps)
        add("market", [market_id, limits])
        add("bids", _levels(m.book.bids))
        add("asks", _levels(m.book.asks))
    for account_id in sorted(state.accounts):
        a = state.accounts[account_id]
        balances = [(asset, a.balances[asset]) for asset in sorted(a.balances)]
        limits_of = sorted((i, *pair) for i, pair in a.limits.items())
        add("account", [account_id, balances, limits_of, a.max_open_orders, a.open_orders])
    add("appl_seq", [(m, state.members[m].appl_seq) for m in sorted(state.members)])
    add("name ages", state.name_ages)
    add("blocks", sorted(state.blocks.items()))
    operations = state.operations
    add_each("operations", len(operations), _cut(operations, _OPERATION_FIELDS))
    if traders := _traders(known, operations):
        add("traders", traders)
    add("references", sorted(state.references.items()))
    for table, rows in (("withdrawals", state.withdrawals), ("holds", state.holds)):
        if rows:  # came later: a journal of before still gives the hash that it gave
            add(table, sorted((key, *astuple(row)) for key, row in rows.items()))
    add("totals", sorted(state.totals.items()))
    add("last_inbound", sorted((s.id, *s.last_inbound) for s in state.sessions.values()))
    counters = (state.match, state.expiring, state.day_end, state.last_number, state.last_time)
    add("counters", list(counters))
    return digest.hexdigest()


def _cut(rows: Iterable[Struct], fields: int) -> Iterator[tuple[object, ...]]:
    """The first fields of each row: what the struct itself would be encoded as."""
    return map(itemgetter(slice(fields)), map(astuple, rows))


def _traders(
    known: Mapping[int, Order], operations: Iterable[MassOperation]
) -> list[tuple[int, bytes]]:
    """(record, trader) of every order and operation that has one."""
    rows = [(order.id, order.trader) for order in known.values() if order.trader]
    rows += [(operation.number, operation.trader) for operation in operations if operation.trader]
    return sorted(rows)


def _known_orders(state: State) -> dict[int, Order]:
    """Accepted orders and rejected ones, by id."""
    known = state.orders
    names = chain.from_iterable(session.names.values() for session in state.sessions.values())
    rejected = {order.id: order for order in names if order.id not in known}
    return {**known, **rejected} if rejected else known


def _names(session: SessionState) -> Iterator[tuple[bytes, int]]:
    return ((name, order.id) for name, order in session.names.items())


def _sorted(table: Mapping[int, object]) -> list[object]:
    return [table[key] for key in sorted(table)]


def _levels(side: BookSide) -> list[object]:
    return [(key, level.lots, list(level.orders)) for key, level in side.levels.items()]
