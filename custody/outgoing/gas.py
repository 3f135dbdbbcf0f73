"""How much gas a payment takes, before it is sent."""

from typing import Final, Protocol

from custody.chains.calldata import transfer
from custody.chains.node import Call

GAS_MARGIN: Final = 5
"""A payment is given one fifth more gas than nodes say it takes: a token may need a bit more by the
time that it is in a block."""

PLAIN_GAS: Final = 21_000
"""A transfer to an address without code takes exactly this (Ethereum Yellow Paper, appendix G)."""


class Tries(Protocol):
    """Nodes that try a call: custody.chains.quorum.Witnesses."""

    async def gas(self, call: Call) -> int | None:
        """What it takes, None if no node says. Raises CallFails."""
        ...


async def gas_of(nodes: Tries, source: str, token: str, target: str, amount: int) -> int | None:
    """How much gas a payment takes, units; None if no node says. Raises CallFails."""
    if token:
        gas = await nodes.gas(Call(source, token, 0, transfer(target, amount)))
    else:
        gas = await nodes.gas(Call(source, target, amount))
    if gas is None or (not token and gas <= PLAIN_GAS):
        return gas
    return gas + gas // GAS_MARGIN
