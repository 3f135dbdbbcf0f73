"""How a process of the venue talks with its supervisor: three kinds of lines and one pipe.

A child's standard input is a pipe that nobody writes to: its end means that the supervisor is
gone, and the child ends itself. On standard output the child says `ready` once it listens, and
now and then `status {json}`. Everything else is for people and goes to standard error.
"""

import json
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import trio

from engine.model.errors import FixgateError, OperatorError
from gateway.figure import Figure

SUPERVISOR: Final = 0
"""The descriptor of the pipe whose other end is the supervisor's."""

CORE: Final = "core"
"""The process that writes the journal."""

MIRROR: Final = "mirror"
"""The process that keeps a second copy of the journal."""

HISTORY: Final = "history"
"""The process that writes Parquet files; it needs the extra of the same name."""

CUSTODY: Final = "custody"
"""The process that watches the chain and keeps the ledger; it needs the extra of the same name."""

SIGNER: Final = "signer"
"""The process that holds the keys; it needs the same extra."""

COMPLIANCE: Final = "compliance"
"""The process that keeps the audit log; it needs the extra of the same name."""

WEBHOOKS: Final = "webhooks"
"""The process that takes what a provider posts; it needs the same extra."""

CUSTODY_PACKAGE: Final = "web3"
"""What that extra brings, among others."""

COMPLIANCE_PACKAGE: Final = "cryptography"
"""What the process needs of that extra; custody's brings it, too."""

HISTORY_PACKAGE: Final = "pyarrow"
"""What that extra brings."""

EXIT_OPERATOR: Final = 3
"""Exit code of a child that a person has to help: restarting it would only repeat the refusal."""

EXIT_ORPHANED: Final = 4
"""Exit code of a child whose supervisor is gone."""


def announce_ready() -> None:
    """Tell the supervisor that this process listens."""
    _say("ready")


def announce_status(shown: Mapping[str, int | str], metrics: Mapping[str, Figure]) -> None:
    """Tell the supervisor how the process is doing: shown to people, and served as metrics."""
    _say("status " + json.dumps({"shown": dict(shown), "metrics": dict(metrics)}))


def _say(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:  # the supervisor is gone; the watcher ends this process
        pass


async def _end_with_supervisor(scope: trio.CancelScope) -> None:
    """Cancel everything once the supervisor's end of standard input is closed."""
    stream = trio.lowlevel.FdStream(SUPERVISOR)
    while await stream.receive_some(64):
        pass
    scope.cancel()


async def _stop_on_signal(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            stop.set()


async def _run(name: str, main: Callable[[trio.Event], Awaitable[None]]) -> int:
    stop = trio.Event()
    orphaned = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_with_supervisor, nursery.cancel_scope)
        nursery.start_soon(_stop_on_signal, stop)
        await main(stop)
        orphaned = False
        nursery.cancel_scope.cancel()
    if orphaned:
        print(f"{name}: the supervisor is gone, ending", file=sys.stderr)
        return EXIT_ORPHANED
    return 0


def run_child(name: str, main: Callable[[trio.Event], Awaitable[None]]) -> int:
    """Run a child's main until it returns, SIGTERM sets its event, or the supervisor dies.

    Returns the exit code. SIGINT is ignored: a terminal sends it to the whole group, and the
    order of stopping is the supervisor's business.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = 0
    try:
        code = trio.run(_run, name, main)
    except* FixgateError as group:
        code = explain(name, group)
    return code


def explain(name: str, group: BaseExceptionGroup[BaseException]) -> int:
    """Say what went wrong, for the operator; the exit code of a child that ends with it."""
    errors = _leaves(group)
    for error in errors:
        print(f"{name}: {error}", file=sys.stderr)
    return EXIT_OPERATOR if any(isinstance(error, OperatorError) for error in errors) else 1


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
