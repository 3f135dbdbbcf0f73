"""The composition root: one process of the venue.

`python -m gateway.app NAME --config FILE --data DIR --port-offset N` is what the supervisor
runs; nobody types it. The core process owns the journal and order entry; every other process
reads the journal. gateway/processes says what each is made of.
"""

import argparse
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Final

import trio

from gateway.children import CORE, HISTORY, MIRROR, run_child
from gateway.processes.place import Place

PROCESSES: Final = {
    CORE: "core:run_core",
    "snapshot": "snapshot:run_snapshot",
    "dropcopy": "drop_copy:run_dropcopy",
    "marketdata": "market_data:run_marketdata",
    HISTORY: "history:run_history",
    MIRROR: "mirror:run_mirror",
    "bots": "bots:run_bots",
}
"""By name, the module of gateway.processes and what it runs there: a process that imported what the
others are made of would take half as long again to start."""

Process = Callable[[Place, trio.Event], Awaitable[None]]


def process_of(name: str) -> Process:
    """What the process `name` runs until its event is set."""
    module, _, function = PROCESSES[name].partition(":")
    run: Process = getattr(import_module(f"gateway.processes.{module}"), function)
    return run


def main(argv: list[str] | None = None) -> int:
    """Run one process of the venue; returns its exit code."""
    parser = argparse.ArgumentParser(prog="gateway.app", description="one process of a venue")
    parser.add_argument("name", choices=sorted(PROCESSES))
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port-offset", type=int, default=0)
    parser.add_argument("--clock-offset", type=int)
    parser.add_argument("--mirror", type=Path)
    args = parser.parse_args(argv)
    process = process_of(args.name)

    async def run(stop: trio.Event) -> None:
        place = Place(
            args.name, args.config, args.data, args.port_offset, args.clock_offset, args.mirror
        )
        await process(place, stop)

    return run_child(args.name, run)


if __name__ == "__main__":
    sys.exit(main())
