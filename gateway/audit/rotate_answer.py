"""What `fixgate rotate-key` does, once all that signs is loaded."""

import argparse
import json
import os
from contextlib import closing
from pathlib import Path
from typing import Final

from compliance.audit.key_file import read_keys
from compliance.audit.notes import MAX_NOTE_BYTES
from compliance.audit.receipts import published
from compliance.audit.rotation import (
    carry_out,
    keys_after,
    last_signed,
    open_rotation,
    plan_rotation,
)
from compliance.audit.tile_store import TileStore
from engine.journal.disk import REAL_DISK
from engine.model.errors import OperatorError
from gateway.audit.key_texts import verifier_keys
from gateway.small_file import read_small

KEY_FILE: Final = Path("compliance", "log.key")
STATEMENTS: Final = Path("compliance", "rotations")
"""Below the data folder."""


def rotate(args: argparse.Namespace) -> int:
    """Replace the log's keys while nobody signs. Raises OperatorError, AuditRefused."""
    log = args.data / "audit"
    if not log.is_dir():
        raise OperatorError(f"there is no audit log in {args.data}: nothing was signed yet")
    key_file = args.key_file or args.data / KEY_FILE
    try:
        with closing(TileStore(log)) as store:  # its lock: nobody signs meanwhile
            note = store.checkpoint()
            if note is None:
                raise OperatorError(f"nothing is signed in {log} yet: remove {key_file} instead")
            keys = read_keys(key_file, published(note).origin)
            last = last_signed(store, keys)
            plan = plan_rotation(keys, last, os.urandom)
            statement = args.data / STATEMENTS / f"{last}.note"
            carry_out(plan, key_file, statement, REAL_DISK)
    except OSError as error:
        raise OperatorError(f"the keys were not replaced, or not to the end: {error}") from error
    lines = [key.line for key in (*plan.rotation.old, *plan.rotation.new)]
    told = {"last": last, "statement": str(statement), "vkeys": lines}
    if args.json:
        print(json.dumps(told))
        return 0
    print(f"the old keys sign no checkpoint of more than {last:,} records, and are destroyed in")
    print(f"{key_file}; the new ones are in force from the next start on")
    print(f"hand {statement} to members and witnesses: fixgate rotate-key --check")
    print("\n".join(lines))
    return 0


def check(args: argparse.Namespace) -> int:
    """Whether the old keys say that the new ones follow. Raises OperatorError, AuditRefused."""
    known = verifier_keys(args.key)
    rotation = open_rotation(read_small(args.check, MAX_NOTE_BYTES), known)
    lines = [key.line for key in keys_after(known, rotation)]
    print(json.dumps({"vkeys": lines}) if args.json else "\n".join(lines))
    return 0
