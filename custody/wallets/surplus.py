"""What a wallet has too much of: whoever takes its key takes what is in it.

Coins that the venue holds for a withdrawal, or that are to go up to the hot wallet, are nobody's
surplus: what would go down would have to be fetched up again, by people.
"""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import Connection

from custody.assets import ChainAsset
from custody.signing.requests import OwnWallets, Way
from custody.wallets.stock import Stock


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


def surpluses(connection: Connection, stock: Stock, tier: Tier) -> list[Surplus]:
    """All that a wallet has too much of; tokens first, for its coins pay for their gas."""
    if not tier.limits.most:
        return []
    spare = max(stock.free(connection, stock.coin, tier.wallet), 0)
    found = []
    for code, most in tier.limits.most.items():
        asset = stock.assets.by_code[code]
        free = stock.free(connection, asset, tier.wallet)
        if asset.units(free) > asset.units_of_minor(most):
            keep = asset.units_of_minor(tier.limits.keep.get(code, 0))
            found.append(Surplus(asset, (asset.units(free) - keep) // asset.units(1), spare))
    return sorted(found, key=lambda surplus: (not surplus.asset.token, surplus.asset.code))
