"""`fixgate receipt`: a receipt of an execution, and its check. Loads nothing that signs before it
is used: the command line loads this for every command."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from engine.model.errors import OperatorError
from gateway.children import COMPLIANCE_PACKAGE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate receipt` takes."""
    parser.add_argument("exec_id", nargs="?", metavar="EXECID", help="ExecID(17) of an execution")
    parser.add_argument("--data", type=Path, help="the venue's data folder")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a new file; else it is printed")
    parser.add_argument(
        "--record",
        action="store_true",
        help="with the whole record, which shows both sides of a trade: for an auditor",
    )
    parser.add_argument("--verify", type=Path, metavar="FILE", help="check a receipt, offline")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="VKEY",
        help="a public key of the log, or a file of them; with --verify",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_receipt(args: argparse.Namespace) -> int:
    """Make or check a receipt. Raises OperatorError, AuditRefused."""
    if bool(args.verify) == bool(args.exec_id) or bool(args.verify) != bool(args.key):
        print("fixgate: give EXECID and --data, or --verify FILE and --key VKEY", file=sys.stderr)
        return 2
    if args.exec_id and args.data is None:
        print("fixgate: give --data, the folder of the venue", file=sys.stderr)
        return 2
    if find_spec(COMPLIANCE_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.audit.receipt_answer import check, make

    return check(args) if args.verify else make(args)
