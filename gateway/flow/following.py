"""How a process goes along with the journal: woken by core, or by a short timer without it."""

from collections.abc import Callable
from typing import Final

import trio

from engine.journal.wake import WakeClient

POLL_RECORDS: Final = 500
"""Records handled in one turn: a few milliseconds, so that connections are served between."""

POLL_SECONDS: Final = 0.05
"""Longest wait between looks at the mark, seconds: covers a wake-up lost with a dying core."""


async def follow(wake: WakeClient, step: Callable[[], bool]) -> None:
    """Call `step` for ever: at once while it says that there was something, else when woken."""
    while True:
        while step():
            await trio.lowlevel.checkpoint()
        with trio.move_on_after(POLL_SECONDS):
            if wake.connected or wake.connect():
                await trio.lowlevel.wait_readable(wake.fileno())
                wake.drain()
            else:
                await trio.sleep_forever()
