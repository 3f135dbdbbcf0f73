"""Who goes first when many speak at once: those who only trade.

All connections of a process share one event loop. Each that has sent something is heard in the
loop's next turn, and a hundred who send rubbish at once would make that turn as long as a hundred
readings of rubbish. So whoever is new, or gives the session layer work (a gap, a reject, a
TestRequest, garbled bytes), stands in line for a while: of the line, one is heard in each turn,
and what it sends is read in small pieces. Who does not stand in line waits for one such piece at
most, and who stands alone in it waits for nobody. Replays stand in the same line, slice by slice.

While others trade, the line rests REST_SHARE times as long as it worked. So however many come, and
whatever they say, they get a fifth of the loop's time together, and the rest is there for those who
trade. Where nobody trades, nobody rests.
"""

from typing import Final

import trio

from engine.model.clock import NANOS_PER_SECOND, Clock

NEW_NANOS: Final = NANOS_PER_SECOND // 4
"""How long a connection stands in line after its Logon, ns: who comes to do harm begins at once,
and members who begin at full speed are slower by a seventh for so long."""

WORK_NANOS: Final = 5 * NANOS_PER_SECOND
"""How long a connection stands in line after it gave the session layer work, ns."""

PIECE_BYTES: Final = 4 * 1024
"""Largest read of a connection in line, bytes: some 25 orders, 1 to 2 ms."""


REST_SHARE: Final = 4
"""How many times as long as they worked they rest, where others trade."""

SHORTEST_REST_NANOS: Final = NANOS_PER_SECOND // 1_000
"""The event loop has no shorter sleep, ns; less is kept in mind."""

LONGEST_REST_NANOS: Final = NANOS_PER_SECOND // 20
"""Under any load they go on after so long, ns."""

TRADING_NANOS: Final = NANOS_PER_SECOND // 100
"""Others count as trading for so long after their last message, ns: a member who sends ten a second
slows a replay down by a tenth of the whole."""


class Trading:
    """Whether somebody trades who does not stand in line, by `clock`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._until = clock.monotonic()

    def seen(self) -> None:
        """Somebody who does not stand in line is being served."""
        self._until = self.clock.monotonic() + TRADING_NANOS

    @property
    def now(self) -> bool:
        """Whether somebody was served just now."""
        return self.clock.monotonic() < self._until


class Share:
    """Rest that is owed to those who trade."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._owed = 0

    def took(self, nanos: int) -> None:
        """Something was done that took so long."""
        self._owed = min(self._owed + REST_SHARE * nanos, LONGEST_REST_NANOS)

    async def rest(self) -> None:
        """Rest for what has been done, if others trade; then it is paid."""
        if not self._trading.now:
            self._owed = 0
        if self._owed < SHORTEST_REST_NANOS:
            return
        clock = self._trading.clock
        began = clock.monotonic()
        await trio.sleep(self._owed / NANOS_PER_SECOND)
        self._owed -= min(self._owed, clock.monotonic() - began)


class Turns:
    """The line of one process."""

    def __init__(self, trading: Trading) -> None:
        self._line = trio.Lock()
        self._share = Share(trading)

    async def next(self) -> None:
        """Wait for a turn of the loop that nobody else in line has."""
        async with self._line:
            await self._share.rest()

    def took(self, nanos: int) -> None:
        """Who had a turn used so much of it, ns."""
        self._share.took(nanos)
