"""What `fixgate evidence` does, once all that makes it is loaded."""

import argparse
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

import gateway
from compliance.verify.checkpoints import Trust, check_trust
from compliance.verify.evidence_making import Made, Wanted, make_evidence
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.sink import DiskSink
from engine.model.errors import OperatorError
from gateway.audit.key_texts import record_span, verifier_keys
from gateway.progress import Progress

VERIFIERS: Final = Path("compliance", "vkeys")
"""Where the venue writes its log's public keys, below its data folder."""

UNFINISHED: Final = ".unfinished"
"""Ends the name of a file while it is written."""


def make(args: argparse.Namespace) -> int:
    """Make the file, and say what is in it. Raises OperatorError, AuditRefused."""
    for folder in (args.data, *args.export):
        if not folder.is_dir():
            raise OperatorError(f"there is no folder {folder}")
    keys = tuple(verifier_keys(args.key or [str(args.data / VERIFIERS)]))
    check_trust(Trust(keys))
    span = record_span(args.first, args.last)
    wanted = Wanted(args.data, keys, tuple(args.export), gateway.__version__, span)
    progress = Progress()
    try:
        with _new_file(args.out) as file:
            made = make_evidence(wanted, file, progress.tell)
    except OSError as error:
        raise OperatorError(f"cannot make {args.out}: {error}") from error
    finally:
        progress.close()
    if args.json:
        print(json.dumps({"file": str(args.out)} | msgspec.to_builtins(made)))
    else:
        _say(args.out, made)
    return 0


@contextlib.contextmanager
def _new_file(path: Path, disk: Disk = REAL_DISK) -> Iterator[DiskSink]:
    """A file, for its owner alone, that is there once it is whole and on disk. What a run that was
    killed has left, the next one writes over. Raises OperatorError if there is one, OSError."""
    unfinished = path.with_name(path.name + UNFINISHED)
    fd = disk.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    try:
        try:
            disk.lock(fd)
        except BlockingIOError:
            raise OperatorError(f"another run writes {path}: wait for it") from None
        try:
            _refuse_existing(path)
            disk.truncate(fd, 0)
            yield DiskSink(disk, fd)
            disk.sync_data(fd)
            _refuse_existing(path)
            disk.rename(unfinished, path)
        except BaseException:
            disk.unlink(unfinished)
            raise
        disk.sync_folder(path.absolute().parent)
    finally:
        disk.close(fd)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise OperatorError(f"{path} is there already: name a new file")


def _say(out: Path, made: Made) -> None:
    print(f"{out}: {made.size:,} records of {made.origin}, {made.members:,} members, "
          f"{made.bytes:,} bytes")  # fmt: skip
    part = made.last - made.first + 1 < made.size
    if part:
        print(f"records {made.first} to {made.last}; of the others the hashes")
    if made.cosigned >= 0:
        print(f"with what witnesses have cosigned, of {made.cosigned:,} records")
    if made.exports:
        print(f"with {made.exports} exports")
    asked = f" --from {made.first} --to {made.last}" if part else ""
    print(f"verify it: fixgate verify {out} --key VKEYS --checkpoint NEWEST{asked}")
