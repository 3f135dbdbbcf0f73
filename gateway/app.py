"""The composition root: one process of the venue.

`python -m gateway.app NAME --config FILE --data DIR --port-offset N` is what the supervisor
runs; nobody types it. The core process owns the journal and order entry; every other process
reads the journal. gateway/processes says what each is made of.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import trio

from gateway.children import CORE, HISTORY, MIRROR, run_child
from gateway.processes.bots import run_bots
from gateway.processes.core import run_core
from gateway.processes.drop_copy import run_dropcopy
from gateway.processes.history import run_history
from gateway.processes.market_data import run_marketdata
from gateway.processes.mirror import run_mirror
from gateway.processes.place import Place
from gateway.processes.snapshot import run_snapshot

PROCESSES: Final = {
    CORE: run_core,
    "snapshot": run_snapshot,
    "dropcopy": run_dropcopy,
    "marketdata": run_marketdata,
    HISTORY: run_history,
    MIRROR: run_mirror,
    "bots": run_bots,
}


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

    async def run(stop: trio.Event) -> None:
        place = Place(
            args.name, args.config, args.data, args.port_offset, args.clock_offset, args.mirror
        )
        await PROCESSES[args.name](place, stop)

    return run_child(args.name, run)


if __name__ == "__main__":
    sys.exit(main())
