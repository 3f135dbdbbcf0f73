"""`fixgate restore`: a data folder from a mirror, for a venue whose own is lost."""

import argparse
import contextlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from engine.core.venue import Venue
from engine.journal.disk import RealDisk
from engine.journal.files import read_mark
from engine.journal.mirror import JournalMirror
from engine.model.clock import NANOS_PER_SECOND
from engine.model.errors import DiskFailed, OperatorError
from engine.replay import ReplayResult, replay_folder
from gateway.mirror.folder import RESTORING_NAME, lock_mirror
from gateway.mirror.indexes import restore_indexes

SKIP: Final = 200_000
"""Numbers skipped in each session by default: more than the whole venue sends in five seconds,
were it all to one session. A mirror that follows is less than two seconds behind with them."""

MAX_SKIP: Final = 100_000_000
"""So that each session can be restored some twenty times before its numbers end."""

SKIP_HELP: Final = (
    f"MsgSeqNums that each session skips, default {SKIP}: more than were used after the mirror "
    "stood still"
)


def run_restore(args: argparse.Namespace) -> int:
    """The command: copies, checks, says what there is. Raises OperatorError, DiskFailed."""
    try:
        result, state_hash, sessions = restore(args.mirror, args.data, args.skip)
    except OSError as error:
        raise DiskFailed(
            f"the restore failed: {error}; remove {args.data} and try again"
        ) from error
    time = datetime.fromtimestamp(result.time // NANOS_PER_SECOND, UTC)
    figures = {
        "records": result.records,
        "last": result.last,
        "time": result.time,
        "state_hash": state_hash,
        "sessions": sessions,
        "skipped": args.skip,
    }
    if args.json:
        print(json.dumps(figures))
        return 0
    print(
        f"{result.records} records restored into {args.data}, the last of {time:%Y-%m-%d %H:%M:%S} "
        f"UTC; state {state_hash}.\n"
        f"Records after number {result.last} are lost, and their numbers will be given out again: "
        "tell the members that ExecIDs above it are void.\n"
        f"{sessions} sessions skip {args.skip} MsgSeqNums. If the mirror had stood still for long "
        "before the venue stopped, restore again with a larger --skip."
    )
    return 0


def restore(mirror: Path, data: Path, skip: int) -> tuple[ReplayResult, str, int]:
    """Make the data folder `data` from `mirror`; what was replayed, its hash, how many sessions.

    Raises OperatorError if it cannot be done or the mirror is damaged, OSError.
    """
    if not 0 <= skip <= MAX_SKIP:
        raise OperatorError(f"--skip is 0 to {MAX_SKIP}")
    lock = lock_mirror(mirror)
    try:
        if read_mark(mirror / "journal") is None:
            raise OperatorError(f"the mirror {mirror} holds no whole record: nothing to restore")
        if data.exists() and (not data.is_dir() or any(data.iterdir())):
            raise OperatorError(f"{data} is not empty: name a new folder for the restored venue")
        return _restore(mirror, data, skip)
    finally:
        os.close(lock)


def _restore(mirror: Path, data: Path, skip: int) -> tuple[ReplayResult, str, int]:
    disk = RealDisk()
    data.mkdir(parents=True, exist_ok=True)
    unfinished = data / RESTORING_NAME
    unfinished.touch()
    disk.sync_folder(data)
    (data / "journal").mkdir()
    with contextlib.closing(JournalMirror(mirror / "journal", data / "journal", disk)) as copy:
        while copy.step():
            pass
        last = copy.mark.number
    venue = Venue()
    result = replay_folder(data / "journal", venue)
    venue.check()
    assert result.last == last
    (data / "sessions").mkdir()
    sessions = restore_indexes(mirror / "sessions", data / "sessions", last, skip)
    disk.sync_folder(data / "sessions")
    disk.sync_folder(data)
    unfinished.unlink()
    disk.sync_folder(data)
    disk.sync_folder(data.absolute().parent)
    return result, venue.state_hash(), sessions
