"""The process of the venue that runs on asyncio, because web3 does: see gateway.children."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

from engine.model.errors import FixgateError, OperatorError
from gateway.children import EXIT_OPERATOR, EXIT_ORPHANED, explain


async def _run(name: str, main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    orphaned = asyncio.Event()

    def supervisor_speaks() -> None:
        if not os.read(0, 64):
            loop.remove_reader(0)
            orphaned.set()

    loop.add_reader(0, supervisor_speaks)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    work = asyncio.ensure_future(main(stop))
    alone = asyncio.ensure_future(orphaned.wait())
    await asyncio.wait({work, alone}, return_when=asyncio.FIRST_COMPLETED)
    alone.cancel()
    if not work.done():
        work.cancel()
        print(f"{name}: the supervisor is gone, ending", file=sys.stderr)
        return EXIT_ORPHANED
    work.result()
    return 0


def run_asyncio_child(name: str, main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run a child's main until it returns, SIGTERM sets its event, or the supervisor dies; the exit
    code. See gateway.children.run_child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = 0
    try:
        code = asyncio.run(_run(name, main))
    except* OperatorError as group:
        code = explain(name, group, EXIT_OPERATOR)
    except* FixgateError as group:
        code = explain(name, group, 1)
    return code
