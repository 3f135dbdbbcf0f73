"""`fixgate rotate-key`: new keys for the audit log, and what others check before they take them.
Loads nothing that signs before it is used: the command line loads this for every command."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from engine.model.errors import OperatorError
from gateway.children import COMPLIANCE_PACKAGE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate rotate-key` takes."""
    parser.add_argument("--data", type=Path, help="the venue's data folder; the venue has stopped")
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="the log's keys; else DATA/compliance/log.key"
    )
    parser.add_argument(
        "--check",
        type=Path,
        metavar="STATEMENT",
        help="instead: check what the venue says of new keys, and print the keys to believe now",
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="VKEY",
        help="a public key of the log that you have, or a file of them; with --check",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_rotate(args: argparse.Namespace) -> int:
    """Replace the keys, or check that they were. Raises OperatorError, AuditRefused."""
    if bool(args.check) == bool(args.data) or bool(args.check) != bool(args.key):
        print("fixgate: give --data, or --check STATEMENT and --key VKEY", file=sys.stderr)
        return 2
    if find_spec(COMPLIANCE_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.audit.rotate_answer import check, rotate

    return check(args) if args.check else rotate(args)
