"""What `fixgate export` does, once all that makes exports is loaded."""

import argparse
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import gateway
from compliance.audit.receipts import published
from compliance.audit.tile_store import LogFolder
from compliance.exports.exporting import Asked, export
from compliance.exports.kinds import KINDS
from compliance.exports.manifest import Manifest, encode_manifest
from compliance.exports.times import Period, parse_time
from engine.model.errors import OperatorError
from engine.model.money import INT64_MAX
from engine.model.record import Record
from gateway.children import HISTORY_PACKAGE

PROGRESS_RECORDS: Final = 4_096
"""Records between two movements of the bar."""


def make(args: argparse.Namespace) -> int:
    """Make the folder, and say what is in it."""
    kind = KINDS[args.kind]
    fmt = args.format or kind.formats[0]
    if fmt == "parquet" and find_spec(HISTORY_PACKAGE) is None:
        raise OperatorError("Parquet needs the extra `history`: pip install 'fixgate[history]'")
    begin = parse_time(args.begin) if args.begin else 0
    end = parse_time(args.end) if args.end else INT64_MAX
    if begin >= end:
        raise OperatorError("nothing is between --from and --to: --to is the first time after it")
    log = LogFolder(args.data / "audit")
    note = log.checkpoint()
    if note is None:
        raise OperatorError(f"there is no audit log in {args.data}: is `compliance` configured?")
    bar = _Bar(published(note).size)
    asked = Asked(kind, fmt, Period(begin, end, args.member), gateway.__version__)
    try:
        manifest = export(log, note, asked, args.out, bar.passing)
    except OSError as error:
        raise OperatorError(f"cannot write {args.out}: {error.strerror}") from error
    if args.json:
        sys.stdout.write(encode_manifest(manifest).decode())
    else:
        _say(args, manifest)
    return 0


class _Bar:
    """How far a run is, on a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._console = Console(stderr=True)

    def passing(self, records: Iterator[Record]) -> Iterator[Record]:
        """The same records, while the bar moves."""
        if not self._console.is_terminal:
            yield from records
            return
        columns = (TextColumn("records"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("records", total=self._total)
            for record in records:
                if record.number % PROGRESS_RECORDS == 0:
                    progress.update(task, completed=record.number)
                yield record


def _say(args: argparse.Namespace, manifest: Manifest) -> None:
    file = manifest.files[0]
    print(f"{args.out / file.name}: {manifest.rows:,} rows, {file.bytes:,} bytes")
    if manifest.rows:
        print(f"records {manifest.first_record} to {manifest.last_record}", end=" ")
    print(f"under {manifest.origin}, {manifest.size} records")
    why = "comments say what" if manifest.format == "xml" else "the venue was not told"
    for name, count in manifest.missing.items():
        print(f"{count:,} rows lack {name}: {why}")
