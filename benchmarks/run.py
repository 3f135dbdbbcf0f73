"""`make bench`: the whole venue under load over TCP, one JSON line a case on stdout.

    python -m benchmarks.run [--quick] [--cases plain-1,mix-8]
                             [--processes core,core+dropcopy,all] [--no-peer] [--json-only]

Exit status 1 if any case failed; its line then has "error" in place of figures.
"""

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from benchmarks.answers import LoadFailed
from benchmarks.cases import FULL, PEER_CASES, QUICK, VENUE_CASES, Bench, Line
from benchmarks.children import ChildFailed
from benchmarks.machine import machine_facts
from benchmarks.peer import PeerMissing, quickfix_peer

CASES: Final = (*PEER_CASES, *VENUE_CASES)
PROCESSES: Final = ("core", "core+dropcopy", "all")
PEER_THREADS: Final = ("single", "threaded")


def _names(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return chosen

    return parse


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line; exits with a usage message where it is wrong."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter loads")
    parser.add_argument(
        "--cases", type=_names(CASES), default=list(CASES), help=f"of {','.join(CASES)}"
    )
    parser.add_argument(
        "--processes",
        type=_names(PROCESSES),
        default=["core+dropcopy", "all"],
        help="core: the venue with --only core; core+dropcopy: the drop copy too, with somebody"
        " who listens; all: every process",
    )
    parser.add_argument("--no-peer", action="store_true", help="without the QuickFIX acceptor")
    parser.add_argument("--json-only", action="store_true", help="no progress on the terminal")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def _peers(wanted: bool) -> Iterator[tuple[dict[str, int], str]]:
    """Yield (port by threading, why there is none)."""
    with contextlib.ExitStack() as stack:
        if not wanted:
            yield {}, "--no-peer"
            return
        try:
            ports = {name: stack.enter_context(quickfix_peer(name)) for name in PEER_THREADS}
        except (PeerMissing, ChildFailed) as error:
            ports, why = {}, str(error)
        else:
            why = ""
        yield ports, why


class Printer:
    """JSON lines to stdout as they come, progress to stderr where that is a terminal."""

    def __init__(self, progress: bool) -> None:
        self._progress = progress
        self.failed = False

    def announce(self, text: str) -> None:
        """Say what runs now."""
        if self._progress:
            sys.stderr.write(f"{text} ...\n")

    def line(self, line: Line) -> None:
        """Print one result."""
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def case(self, head: Line, measure: Callable[[], Line]) -> None:
        """Run a case and print its line, or what made it fail."""
        self.announce(" ".join(str(value) for value in head.values()))
        start = time.monotonic()
        try:
            figures = measure()
        except (LoadFailed, ChildFailed, OSError) as error:
            self.failed = True
            figures = {"error": f"{type(error).__name__}: {error}"}
        self.line(head | figures | {"took_s": round(time.monotonic() - start, 1)})


def _run(chosen: argparse.Namespace, printer: Printer) -> None:
    printer.line(machine_facts())
    # Only these cases compare; others must not share the machine with an idle peer for nothing.
    comparing = any(name == "quickfix" or name.startswith("plain") for name in chosen.cases)
    with _peers(comparing and not chosen.no_peer) as (ports, why):
        if comparing and why:
            printer.line({"case": "quickfix", "skipped": why})
        bench = Bench(QUICK if chosen.quick else FULL, ports)
        for name in chosen.cases:
            if name in PEER_CASES:
                if name != "quickfix" or ports:
                    printer.case({"case": name}, partial(PEER_CASES[name], bench))
                continue
            for processes in chosen.processes:
                printer.case(
                    {"case": name, "processes": processes},
                    partial(VENUE_CASES[name], bench, processes),
                )


def _end(*_: object) -> None:
    # An exception, so that every `finally` on the way stops what it started.
    raise SystemExit(128 + signal.SIGTERM)


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; return the exit status."""
    chosen = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _end)
    printer = Printer(progress=not chosen.json_only and sys.stderr.isatty())
    _run(chosen, printer)
    return 1 if printer.failed else 0


if __name__ == "__main__":
    sys.exit(main())
