"""Who goes first when many speak at once: those who only trade.

All connections of a process share one event loop. Each that has sent something is heard in the
loop's next turn, and a hundred who send rubbish at once would make that turn as long as a hundred
readings of rubbish. So whoever is new, or gives the session layer work (a gap, a reject, a
TestRequest, garbled bytes), stands in line for a while: of the line, one is heard in each turn,
and what it sends is read in small pieces. Who does not stand in line waits for one such piece at
most, and who stands alone in it waits for nobody.
"""

from typing import Final

import trio

from engine.model.clock import NANOS_PER_SECOND

NEW_NANOS: Final = NANOS_PER_SECOND // 4
"""How long a connection stands in line after its Logon, ns: who comes to do harm begins at once,
and members who begin at full speed are slower by a seventh for so long."""

WORK_NANOS: Final = 5 * NANOS_PER_SECOND
"""How long a connection stands in line after it gave the session layer work, ns."""

PIECE_BYTES: Final = 4 * 1024
"""Largest read of a connection in line, bytes: some 25 orders, 1 to 2 ms."""


class Turns:
    """The line of one process."""

    def __init__(self) -> None:
        self._line = trio.Lock()

    async def next(self) -> None:
        """Wait for a turn of the loop that nobody else in line has."""
        async with self._line:
            pass
