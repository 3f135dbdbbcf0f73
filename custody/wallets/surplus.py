"""What the hot wallet has too much of: whoever takes its key takes what is in it.

Coins that the venue holds for a withdrawal are nobody's surplus: what would go to the cold wallet
would have to be fetched from there again, by people.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, func, select

from custody.assets import ChainAsset, ChainAssets
from custody.chain_books import ChainBooks
from custody.chains.node import NATIVE
from custody.ledger import chart
from custody.outgoing.states import UNDER_WAY, Purpose
from custody.outgoing.store import is_unbooked
from custody.store.custody_schema import outgoing, withdrawals
from custody.withdrawals.states import WithdrawalState as W

PROMISED: Final = tuple(map(str, (W.HELD, W.AWAITING, W.APPROVED, W.SENDING, W.REVERTED)))
"""States of withdrawals that the hot wallet has still to pay, or may have to."""

_LEAVING: Final = (Purpose.REFILL, Purpose.RETURN)


class Limits(Struct, frozen=True):
    """Of the hot wallet, by asset in minor units: over `most` it gives all over `keep` away."""

    most: Mapping[str, int]
    keep: Mapping[str, int]


class Surplus(Struct, frozen=True):
    """What can go. amount: atomic units, gas for it not counted. spare: wei that the wallet has for
    gas besides what is promised; of the chain's own coin that is the amount and what is kept."""

    asset: ChainAsset
    amount: int
    spare: int


def surplus_of(
    connection: Connection, books: ChainBooks, assets: ChainAssets, limits: Limits, hot: str
) -> Surplus | None:
    """The first asset of which there is too much; None while a refill of before, or a return, has
    no entry yet."""
    if not limits.most or any(is_unbooked(connection, what) for what in _LEAVING):
        return None
    coin = assets.by_token[NATIVE]
    free_coins = _free(connection, books, coin, hot) - coin.units(_gas(connection, hot))
    for code, most in sorted(limits.most.items()):
        asset = assets.by_code[code]
        free = _free(connection, books, asset, hot) if asset.token else free_coins
        if free > asset.units_of_minor(most):
            over = free - asset.units_of_minor(limits.keep.get(code, 0))
            spare = max(free_coins, 0) // coin.units(1)
            return Surplus(asset, over // asset.units(1), spare)
    return None


def _free(connection: Connection, books: ChainBooks, asset: ChainAsset, hot: str) -> int:
    """Units of the ledger in the hot wallet that no withdrawal waits for."""
    query = select(func.sum(withdrawals.c.amount)).where(
        withdrawals.c.asset == asset.code, withdrawals.c.state.in_(PROMISED)
    )
    promised = int(connection.execute(query).scalar() or 0)
    return books.balance(chart.chain(asset.code, hot)) - asset.units_of_minor(promised)


def _gas(connection: Connection, hot: str) -> int:
    """Wei that transactions under way may still cost the wallet."""
    query = select(outgoing.c.gas, outgoing.c.most).where(
        outgoing.c.wallet == hot, outgoing.c.state.in_([str(state) for state in UNDER_WAY])
    )
    return sum(row.gas * int(row.most) for row in connection.execute(query))
