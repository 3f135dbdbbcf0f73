"""What a wallet has too much of: whoever takes its key takes what is in it.

Coins that the venue holds for a withdrawal are nobody's surplus: what would go down from the hot
wallet would have to be fetched up to it again, by people.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, func, select

from custody.assets import ChainAsset, ChainAssets
from custody.chain_books import ChainBooks
from custody.chains.node import NATIVE
from custody.ledger import chart
from custody.outgoing.states import UNDER_WAY
from custody.signing.requests import OwnWallets, Way
from custody.store.custody_schema import outgoing, withdrawals
from custody.withdrawals.states import WithdrawalState as W

PROMISED: Final = tuple(map(str, (W.HELD, W.AWAITING, W.APPROVED, W.SENDING, W.REVERTED)))
"""States of withdrawals that the hot wallet has still to pay, or may have to."""


class Limits(Struct, frozen=True):
    """Of a wallet, by asset in minor units: over `most` it gives all over `keep` away."""

    most: Mapping[str, int]
    keep: Mapping[str, int]


class Tier(Struct, frozen=True):
    """A wallet that gives away what it has too much of. wallet, target: addresses."""

    way: Way
    wallet: str
    target: str
    limits: Limits

    @property
    def is_warm(self) -> bool:
        """Whether it is the warm wallet that gives."""
        return self.way == "warm-cold"


def tiers_of(wallets: OwnWallets, hot: Limits, warm: Limits) -> list[Tier]:
    """Who gives to whom: the hot wallet to the warm one, or to the cold one where there is none."""
    if not wallets.warm:
        return [Tier("hot-cold", wallets.hot, wallets.cold, hot)]
    return [
        Tier("hot-warm", wallets.hot, wallets.warm, hot),
        Tier("warm-cold", wallets.warm, wallets.cold, warm),
    ]


class Surplus(Struct, frozen=True):
    """What can go. amount: atomic units, gas for it not counted. spare: wei that the wallet has for
    gas besides what is promised; of the chain's own coin that is the amount and what is kept."""

    asset: ChainAsset
    amount: int
    spare: int

    def after_gas(self, cost: int) -> int:
        """What can go once its own gas is paid for: atomic units; not above 0 if nothing can. cost:
        wei, at most."""
        if self.asset.token:
            return self.amount if self.spare >= cost else 0
        return min(self.amount, self.spare - cost)


def surpluses(
    connection: Connection, books: ChainBooks, assets: ChainAssets, tier: Tier
) -> list[Surplus]:
    """All that a wallet has too much of; tokens first, for its coins pay for their gas."""
    if not tier.limits.most:
        return []
    coin = assets.by_token[NATIVE]
    free_coins = _free(connection, books, coin, tier) - coin.units(_gas(connection, tier.wallet))
    found = []
    for code, most in tier.limits.most.items():
        asset = assets.by_code[code]
        free = _free(connection, books, asset, tier) if asset.token else free_coins
        if free > asset.units_of_minor(most):
            over = free - asset.units_of_minor(tier.limits.keep.get(code, 0))
            spare = max(free_coins, 0) // coin.units(1)
            found.append(Surplus(asset, over // asset.units(1), spare))
    return sorted(found, key=lambda surplus: (not surplus.asset.token, surplus.asset.code))


def _free(connection: Connection, books: ChainBooks, asset: ChainAsset, tier: Tier) -> int:
    """Units of the ledger in a wallet that nobody waits for."""
    there = books.balance(chart.chain(asset.code, tier.wallet))
    return there if tier.is_warm else there - asset.units_of_minor(_promised(connection, asset))


def _promised(connection: Connection, asset: ChainAsset) -> int:
    """Minor units that withdrawals wait for."""
    query = select(func.sum(withdrawals.c.amount)).where(
        withdrawals.c.asset == asset.code, withdrawals.c.state.in_(PROMISED)
    )
    return int(connection.execute(query).scalar() or 0)


def _gas(connection: Connection, wallet: str) -> int:
    """Wei that transactions under way may still cost a wallet."""
    query = select(outgoing.c.gas, outgoing.c.most).where(
        outgoing.c.wallet == wallet, outgoing.c.state.in_([str(state) for state in UNDER_WAY])
    )
    return sum(row.gas * int(row.most) for row in connection.execute(query))
