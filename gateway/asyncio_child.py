"""A child of the venue on asyncio: custody, whose library of the chain knows no other loop.

What it is told and what it says is in gateway.children; no process mixes the two loops.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

from engine.model.errors import FixgateError
from gateway.children import EXIT_ORPHANED, SUPERVISOR, explain

Main = Callable[[asyncio.Event], Awaitable[None]]


def run_asyncio_child(name: str, main: Main) -> int:
    """As gateway.children.run_child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = 0
    try:
        code = asyncio.run(_run(name, main))
    except* FixgateError as group:
        code = explain(name, group)
    return code


async def _run(name: str, main: Main) -> int:
    loop = asyncio.get_running_loop()
    stop, gone = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(SUPERVISOR, _hear, gone)
    work = asyncio.ensure_future(main(stop))
    orphaned = asyncio.ensure_future(gone.wait())
    await asyncio.wait((work, orphaned), return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        loop.remove_reader(SUPERVISOR)
        work.cancel()
        await asyncio.wait((work,))
        print(f"{name}: the supervisor is gone, ending", file=sys.stderr)
        return EXIT_ORPHANED
    orphaned.cancel()
    work.result()
    return 0


def _hear(gone: asyncio.Event) -> None:
    if not os.read(SUPERVISOR, 64):
        gone.set()
