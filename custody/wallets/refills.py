"""What a wallet has too much of goes down: from the hot one to the warm one, from there to the cold
one. One at a time for each wallet; one that does not go through waits for a person.
"""

from collections.abc import Iterable
from typing import Final

from custody.alarms import stopped, stopping_asset
from custody.chains.node import CallFails
from custody.outgoing import store
from custody.outgoing.gas import Tries, gas_of
from custody.outgoing.states import Purpose
from custody.signing.requests import Refill
from custody.wallets.moves import REFILLS, WARM_REFILLS, Moves
from custody.wallets.surplus import Surplus, Tier, surpluses

LEAVING: Final = (Purpose.REFILL, Purpose.RETURN)
"""What a wallet sends that the next refill waits for, until the ledger has it."""


class Refills:
    """tiers: who gives to whom; one without a target gives nothing."""

    def __init__(self, moves: Moves, nodes: Tries, tiers: Iterable[Tier]) -> None:
        self._moves = moves
        self._nodes = nodes
        self._tiers = [tier for tier in tiers if tier.target]

    async def plan(self) -> None:
        """The next one of each wallet, if it has too much of anything."""
        for tier in self._tiers:
            await self._plan(tier)

    async def _plan(self, tier: Tier) -> None:
        moves = self._moves
        with moves.reading.begin() as connection:
            if stopped(connection, _alarm(tier)):
                return
            if any(store.is_unbooked(connection, what, tier.wallet) for what in LEAVING):
                return
            found = [
                surplus
                for surplus in surpluses(connection, moves.stock, tier)
                if not stopped(connection, stopping_asset(surplus.asset.code))
            ]
        for surplus in found:
            if await self._give(tier, surplus):
                return

    async def _give(self, tier: Tier, found: Surplus) -> bool:
        """Plan what brings a surplus on its way; False if nothing could be done for it."""
        moves, token = self._moves, found.asset.token
        try:
            gas = await gas_of(self._nodes, tier.wallet, token, tier.target, found.amount)
        except CallFails as error:
            name = tier.way.partition("-")[2]
            text = f"the {name} wallet would not take {found.asset.code}: {error}"
            moves.tell_a_person(_alarm(tier), text)
            return True
        if gas is None:
            return False
        cost = gas * moves.max_fee
        amount = found.after_gas(cost)
        if amount > 0:
            return await moves.plan(
                tier.wallet, Purpose.REFILL,
                lambda nonce: Refill(str(nonce), token, amount, tier.way), gas, moves.max_fee,
            )  # fmt: skip
        return bool(token) and tier.is_warm and await moves.fuel_warm(cost - found.spare)


def _alarm(tier: Tier) -> str:
    return WARM_REFILLS if tier.is_warm else REFILLS
