"""From the configuration to the signer's own rules."""

from typing import Final

from custody.settings import CustodySettings
from custody.signing.signer import SignerRules
from custody.terms import Terms

FUEL_GAS: Final = 90_000
"""Gas that one token's sweep may be given coins for, units: see custody.wallets.treasury."""


def rules_of(settings: CustodySettings, terms: Terms) -> SignerRules:
    """What the signer checks each request by."""
    return SignerRules(
        chain=terms.chain,
        tokens={asset.code: asset.token for asset in terms.assets},
        decimals={asset.code: asset.decimals for asset in terms.assets},
        policy=terms.policy,
        cold=settings.cold,
        max_fee=terms.max_fee,
        max_fuel=FUEL_GAS * terms.max_fee,
    )
