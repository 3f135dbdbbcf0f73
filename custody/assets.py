"""Assets that are on the chain: what of the chain's units, the ledger's and the venue's is equal.

The chain counts atomic units of the asset's decimals, the venue minor units of its scale, and the
ledger the smaller of the two, so that it is exact whatever happens on either side.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from engine.model.refdata import ReferenceData

MAX_DECIMALS: Final = 18
"""Most decimals of an asset on its chain."""


class ChainAsset(Struct, frozen=True):
    """code: the venue's. token: the contract's address, empty for the chain's own coin. decimals:
    on the chain; scale: at the venue. The rest in minor units of the venue: the least deposit
    that is credited, the least withdrawal, and what one costs."""

    code: str
    token: str
    decimals: int
    scale: int
    min_deposit: int = 1
    min_withdrawal: int = 1
    withdrawal_fee: int = 0

    def minor(self, atomic: int) -> int:
        """Whole minor units in an amount of the chain's; what is left over is dust."""
        if self.decimals <= self.scale:
            return atomic * int(10 ** (self.scale - self.decimals))
        return atomic // int(10 ** (self.decimals - self.scale))

    def atomic(self, minor: int) -> int | None:
        """An amount of the venue's on the chain; None if the chain is too coarse for it."""
        if self.decimals >= self.scale:
            return minor * int(10 ** (self.decimals - self.scale))
        whole, rest = divmod(minor, int(10 ** (self.scale - self.decimals)))
        return None if rest else whole

    def units(self, atomic: int) -> int:
        """An amount of the chain's in the ledger."""
        return atomic * int(10 ** (max(self.decimals, self.scale) - self.decimals))

    def units_of_minor(self, minor: int) -> int:
        """An amount of the venue's in the ledger."""
        return minor * int(10 ** (max(self.decimals, self.scale) - self.scale))


class ChainAssets:
    """Those that the venue takes, by code and by token. coin: the chain's own, which pays gas."""

    def __init__(self, assets: Iterable[ChainAsset]) -> None:
        self.by_code = {asset.code: asset for asset in assets}
        self.by_token = {asset.token: asset for asset in self.by_code.values()}
        assert len(self.by_code) == len(self.by_token)
        for asset in self.by_code.values():
            assert 0 <= asset.decimals <= MAX_DECIMALS

    def decimals(self) -> dict[str, int]:
        """By code, decimals of the ledger's units."""
        return {asset.code: max(asset.decimals, asset.scale) for asset in self.by_code.values()}


def asset_numbers(refdata: ReferenceData) -> dict[str, int]:
    """By code, an asset's id in the journal."""
    return {asset.code: asset.id for asset in refdata.assets.values()}
