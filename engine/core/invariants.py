"""Everything that must always hold, checked in full: for tests, replay and the operator."""

from itertools import pairwise
from typing import Final

from engine.core.book import EMPTY
from engine.core.operations import HOLD_CANCEL
from engine.core.orders import Order, hold_of
from engine.core.state import Market, SessionState, State
from engine.model.enums import (
    BUY,
    HOLD_FROZEN,
    HOLD_NONE,
    HOLD_RESTRICTED,
    LIMIT,
    NEW,
    PARTIALLY_FILLED,
    SELL,
)
from engine.model.ids import VENUE_ACCOUNT
from engine.model.money import INT64_MAX

NAMES_AT_A_TIME: Final = 65_536
"""ClOrdIDs that are looked at together, some 10 MiB: a venue remembers millions."""


def check(state: State) -> None:
    """Assert all invariants; raises AssertionError, which is a bug of ours."""
    resting = {}
    for market in state.markets.values():
        resting.update(_check_book(state, market))
    listed: dict[int, Order] = {}
    for session in state.sessions.values():
        assert list(session.open) == sorted(session.open)
        assert all(order.session == session.id for order in session.open.values())
        listed.update(session.open)
    assert listed == resting
    assert {o.id for o in state.orders.values() if o.is_open()} == set(listed)
    _check_money(state, listed)
    _check_names(state)
    _check_holds(state, listed)
    assert len([o for o in state.operations if o.day]) >= state.expiring >= 0


def _check_book(state: State, market: Market) -> dict[int, Order]:
    """A book is sorted, counted, not crossed; returns its orders by id."""
    found: dict[int, Order] = {}
    book = market.book
    assert not book.is_crossed()
    for side in (book.bids, book.asks):
        keys = list(side.levels)
        assert keys == sorted(keys)
        assert side.best == (keys[0] if keys else EMPTY)
        assert not keys or side.top is side.levels[keys[0]]
        for key, level in side.levels.items():
            assert level.orders
            assert level.lots == sum(o.qty - o.cum for o in level.orders.values())
            for order_id, order in level.orders.items():
                assert order_id == order.id
                assert order_id not in found
                found[order_id] = order
                _check_resting(state, market, order)
                assert key == order.price * side.sign
                assert book.side(order.side) is side
    return found


def _check_resting(state: State, market: Market, order: Order) -> None:
    assert order.instrument == market.id
    assert order.ord_type == LIMIT
    assert order.status == (PARTIALLY_FILLED if order.cum else NEW)
    assert 0 <= order.cum < order.qty
    assert state.orders[order.id] is order
    assert order.held == hold_of(order, market.quote_per_tick_lot, market.base_per_lot)
    assert order.expire_at > state.last_time or state.expiring or state.day_end <= state.last_time


def _check_money(state: State, listed: dict[int, Order]) -> None:
    """Holds are those of open orders and withdrawals; nothing is made or lost."""
    held: dict[tuple[int, int], int] = {}
    count: dict[int, int] = {}
    for order in listed.values():
        market = state.markets[order.instrument]
        asset = market.quote if order.side == BUY else market.base
        held[order.account, asset] = held.get((order.account, asset), 0) + order.held
        count[order.account] = count.get(order.account, 0) + 1
    for leaving in state.withdrawals.values():
        place = leaving.account, leaving.asset
        held[place] = held.get(place, 0) + leaving.amount + leaving.fee
    sums = dict.fromkeys(state.totals, 0)
    for account in state.accounts.values():
        assert account.open_orders == count.get(account.id, 0)
        for asset, balance in account.balances.items():
            assert 0 <= balance.available <= INT64_MAX
            assert 0 <= balance.held <= INT64_MAX
            assert balance.held == held.get((account.id, asset), 0)
            sums[asset] += balance.available + balance.held
    assert sums == state.totals
    assert all(total <= INT64_MAX for total in sums.values())
    assert all(b.held == 0 for b in state.accounts[VENUE_ACCOUNT].balances.values())


def _check_holds(state: State, listed: dict[int, Order]) -> None:
    """A frozen account has no open orders, a restricted one none that buys, but for those that an
    operation under way is still to end, which nothing trades with."""
    ending = {o.account for o in state.operations if o.kind == HOLD_CANCEL}
    for account, hold in state.holds.items():
        assert account in state.accounts
        assert account != VENUE_ACCOUNT
        assert HOLD_NONE <= hold.asked < hold.level <= HOLD_FROZEN
        assert hold.reference in state.references
    for order in listed.values():
        known = state.holds.get(order.account)
        if known is not None and order.account not in ending:
            assert known.level == HOLD_RESTRICTED
            assert order.side == SELL


def _check_names(state: State) -> None:
    """Each known order is found by as many ClOrdIDs as it counts, and each ClOrdID has an age."""
    ages = state.name_ages
    parts = 1 + len(ages) // NAMES_AT_A_TIME
    known = total = 0
    for session in state.sessions.values():
        total += len(session.names)
        for part in range(parts):
            known += _check_orders_of(state, session, part, parts)
    assert known == len(state.orders)
    assert total == len(ages)
    assert all(aged.cl_ord_id in state.sessions[aged.session].names for aged in ages)
    for part in range(parts):
        some = [(a.session, a.cl_ord_id) for a in ages if hash(a.cl_ord_id) % parts == part]
        assert len(some) == len(set(some))
    times = (aged.time for aged in ages)
    assert all(before <= after for before, after in pairwise(times))


def _check_orders_of(state: State, session: SessionState, part: int, parts: int) -> int:
    """Of a session's orders whose ids are in one part of so many: how many are accepted ones."""
    names: dict[int, int] = {}
    for order in session.names.values():
        if order.id % parts == part:
            assert order.session == session.id
            names[order.id] = names.get(order.id, 0) + 1
    for order in session.names.values():
        assert order.id % parts != part or order.names == names[order.id]
    return sum(order_id in state.orders for order_id in names)
