"""The venue's own wallets: what is at deposit addresses is swept to the hot one, and what a wallet
has too much of goes down to the next one; what the hot one lacks is asked for.
"""

from typing import Final

from custody.wallets.moves import Moves
from custody.wallets.refills import Refills
from custody.wallets.restocks import Shortage
from custody.wallets.sweeps import Sweeps
from engine.model.clock import NANOS_PER_SECOND, Clock

LOOK_NANOS: Final = 5 * NANOS_PER_SECOND
"""Between two looks at what could be moved: nobody waits for it."""


class Treasury:
    """Books what became of moves between our own wallets, and has new ones planned."""

    def __init__(
        self, moves: Moves, shortage: Shortage, sweeps: Sweeps, refills: Refills, clock: Clock
    ) -> None:
        self._moves = moves
        self._shortage = shortage
        self._sweeps = sweeps
        self._refills = refills
        self._clock = clock
        self._look_at = 0

    async def step(self) -> None:
        """Book what has ended; and now and then plan what can be moved."""
        self._moves.book()
        now = self._clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_NANOS
        self._shortage.look()
        await self._sweeps.plan()
        await self._refills.plan()
