"""The composition root: one process of the venue.

`python -m gateway.app NAME --config FILE --data DIR --port-offset N` is what the supervisor
runs; nobody types it. The core process owns the journal and order entry; every other process
reads the journal. gateway/processes says what each is made of.
"""

import argparse
import resource
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from custody.signing.seal import seal_process
from gateway.asyncio_child import run_asyncio_child
from gateway.children import COMPLIANCE, CORE, CUSTODY, HISTORY, MIRROR, SIGNER, WEBHOOKS, run_child
from gateway.plain_child import run_plain_child
from gateway.processes.place import Place

PROCESSES: Final = {
    CORE: "core:run_core",
    "snapshot": "snapshot:run_snapshot",
    "dropcopy": "drop_copy:run_dropcopy",
    "marketdata": "market_data:run_marketdata",
    HISTORY: "history:run_history",
    MIRROR: "mirror:run_mirror",
    SIGNER: "signer:run_signer",
    CUSTODY: "custody:run_custody",
    COMPLIANCE: "compliance:run_compliance",
    WEBHOOKS: "webhooks:run_webhooks",
    "bots": "bots:run_bots",
}
"""By name, the module of gateway.processes and what it runs there: a process that imported what the
others are made of would take half as long again to start."""

SEALED: Final = frozenset({SIGNER, CUSTODY, COMPLIANCE, WEBHOOKS})
"""Processes that have keys, or lines to nodes and databases: nobody looks into their memory."""

RUNNERS: Final[dict[str, Callable[[str, Any], int]]] = {
    SIGNER: run_plain_child,
    CUSTODY: run_asyncio_child,
}
"""What runs a process that is not on trio, and says what its function is given to stop by."""


def process_of(name: str) -> Callable[..., Any]:
    """What the process `name` runs, given its place, until it is to stop."""
    module, _, function = PROCESSES[name].partition(":")
    run: Callable[..., Any] = getattr(import_module(f"gateway.processes.{module}"), function)
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
    if args.name in SEALED:
        seal_process()
    else:  # the configuration, which all of them read, may have passwords in it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    process = process_of(args.name)

    def run(stop: object) -> Any:  # noqa: ANN401 - nothing, or what is awaited
        place = Place(
            args.name, args.config, args.data, args.port_offset, args.clock_offset, args.mirror
        )
        return process(place, stop)

    return RUNNERS.get(args.name, run_child)(args.name, run)


if __name__ == "__main__":
    sys.exit(main())
