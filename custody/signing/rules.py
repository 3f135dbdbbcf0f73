"""From the configuration to the signer's own rules."""

from typing import Final

from msgspec import Struct

from custody.policy.policy import Policy
from custody.settings import CustodySettings
from custody.terms import Terms

FUEL_GAS: Final = 90_000
"""Gas that one move of a token may be given coins for, units: see custody.wallets.stock."""


class SignerRules(Struct, frozen=True):
    """tokens: by asset, the contract's address, empty for the chain's own coin. decimals: by asset,
    on the chain. policy: the first one; those that follow are in the log. cold: an address; empty:
    there is none. max_fee: wei a unit. max_fuel: wei for one move of a token. warm: whether there
    is a warm wallet."""

    chain: int
    tokens: dict[str, str]
    decimals: dict[str, int]
    policy: Policy
    cold: str
    max_fee: int
    max_fuel: int
    warm: bool = False


def rules_of(settings: CustodySettings, terms: Terms) -> SignerRules:
    """What the signer checks each request by."""
    return SignerRules(
        chain=terms.chain,
        tokens={asset.code: asset.token for asset in terms.assets},
        decimals={asset.code: asset.decimals for asset in terms.assets},
        policy=terms.policy,
        warm=settings.warm,
        cold=settings.cold,
        max_fee=terms.max_fee,
        max_fuel=FUEL_GAS * terms.max_fee,
    )
