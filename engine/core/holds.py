"""Holds on accounts: what an account may not do while compliance holds it.

FROZEN: nothing of it moves. New orders and replaces are refused, open orders cancelled, no
withdrawal is set aside; the member's own cancels work.

RESTRICTED: it may only close. A position at a spot venue is a coin that somebody has, and closing
it is selling it for money. Money is what no instrument trades, as USD is where BTC-USD and
ETH-USD are traded; a coin that no instrument trades for money is sold for what there is, because
else nobody could get out of it. So where ETH-USD is traded, ETH-BTC is closed to the account on
both sides: either way it would end with more of a coin than before. Withdrawals go on.

What members read tells that an account is held, and not why: who is suspected, or found on a
list, must not learn that from an order's Text(58) (no tipping off: 31 USC 5318(g)(2), MAR Article
16). The reason in the journal is for the venue's people.
"""

from typing import Final

from engine.core import reports
from engine.core.orders import Order
from engine.core.state import Market, State
from engine.model.enums import (
    CANCELED,
    HOLD_FROZEN,
    RESTATEMENT_MARKET_OPTION,
    SELL,
)
from engine.model.events import Event

FROZEN_TEXT: Final = "the account is held by the venue"
"""What members read of a frozen account, in every place."""

RESTRICTED_TEXT: Final = "the account may only sell what it has for money"
"""And of a restricted one."""


def closes(state: State, market: Market, side: int) -> bool:
    """Whether an order sells a coin for money, or for what there is: see above."""
    if side != SELL:
        return False
    markets = state.markets.values()
    coins = {m.base for m in markets}
    if market.quote not in coins:
        return True
    return all(m.quote in coins for m in markets if m.base == market.base)


def is_frozen(state: State, account: int) -> bool:
    """Whether nothing of an account moves."""
    hold = state.holds.get(account)
    return hold is not None and hold.level == HOLD_FROZEN


def held_back(state: State, account: int, market: Market, side: int) -> str:
    """Why an account's order may not be in the book, in the words for its member; empty if it
    may."""
    hold = state.holds.get(account)
    if hold is None:
        return ""
    if hold.level == HOLD_FROZEN:
        return FROZEN_TEXT
    return "" if closes(state, market, side) else RESTRICTED_TEXT


def is_held_back(state: State, order: Order) -> bool:
    """Whether an open order may not trade any more."""
    return order.account in state.holds and bool(
        held_back(state, order.account, state.markets[order.instrument], order.side)
    )


def cancel_held(state: State, order: Order, events: list[Event]) -> None:
    """End an open order that is held back."""
    text = held_back(state, order.account, state.markets[order.instrument], order.side)
    assert text
    state.take_out(order, CANCELED)
    member = state.members[order.member]
    text = f"cancelled by the venue: {text}"
    events.append(reports.canceled(member, order, restatement=RESTATEMENT_MARKET_OPTION, text=text))
