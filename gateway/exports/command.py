"""`fixgate export`: records for regulators, auditors and members. Loads nothing that makes them
before it is used: the command line loads this for every command."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from engine.model.errors import OperatorError
from gateway.children import COMPLIANCE_PACKAGE

KINDS: Final = ("clock", "controls", "orders", "statement", "trades", "transactions")
FORMATS: Final = ("json", "csv", "parquet", "xml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate export` takes."""
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--data", type=Path, required=True, help="the venue's data folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    parser.add_argument(
        "--from", dest="begin", metavar="T", help="2026-11-29 or 2026-11-29T12:00:00Z; else all"
    )
    parser.add_argument("--to", dest="end", metavar="T", help="the first time after the period")
    parser.add_argument("--format", choices=FORMATS, help="else the kind's first")
    parser.add_argument("--member", metavar="NAME", default="", help="what concerns it alone")
    parser.add_argument("--json", action="store_true", help="print the manifest")


def run_export(args: argparse.Namespace) -> int:
    """Make an export. Raises OperatorError, ExportRefused, AuditRefused."""
    if find_spec(COMPLIANCE_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.exports.answer import make

    return make(args)
