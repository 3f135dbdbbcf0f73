"""The demo's chain: a node of its own where anvil is installed, else a chain in custody's process.

It makes blocks while something is on its way to be final, and rests otherwise.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, Protocol

from custody.chains.node import Node

FINALITY: Final = 8
"""Blocks behind a block that is final, of both chains."""

HOT_WEI: Final = 1_000 * 10**18
TANK_WEI: Final = 10 * 10**18
"""What the venue's wallets have at first, wei."""


class DemoChain(Protocol):
    """A chain that does as it is told."""

    name: str
    """For people."""

    nodes: Sequence[Node]
    """Who tells of it."""

    async def begin(self, funds: Mapping[str, int]) -> None:
        """Go on from where it was; a new one begins with wei by address, in a final block."""
        ...

    async def pay(self, target: str, amount: int) -> bytes:
        """Somebody outside pays wei; the transaction's hash."""
        ...

    async def waiting(self) -> bool:
        """Whether a transaction waits for a block."""
        ...

    async def mine(self) -> None:
        """One block."""
        ...

    async def close(self) -> None:
        """Let go of what it is made of."""
        ...


async def keep_mining(chain: DemoChain, pause: timedelta) -> None:
    """Blocks for ever, with a pause between two, while any are needed. A start makes final what was
    left open."""
    left = FINALITY + 1
    while True:
        if await chain.waiting():
            left = FINALITY + 1
        if left:
            await chain.mine()
            left -= 1
        await asyncio.sleep(pause.total_seconds())
