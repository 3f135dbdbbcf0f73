"""`fixgate evidence`: one file with all that an auditor needs offline. Loads nothing that makes it
before it is used: the command line loads this for every command."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from engine.model.errors import OperatorError
from gateway.children import COMPLIANCE_PACKAGE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate evidence` takes."""
    parser.add_argument("--data", type=Path, required=True, help="the venue's data folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    parser.add_argument(
        "--export",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="what `fixgate export` has made; may be given several times",
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="VKEY",
        help="a public key of the log, or a file of them; else DATA/compliance/vkeys",
    )
    parser.add_argument(
        "--from",
        dest="first",
        type=int,
        metavar="N",
        help="the first record that goes in, with those of its bundle; of others go hashes alone",
    )
    parser.add_argument("--to", dest="last", type=int, metavar="N", help="the last one")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_evidence(args: argparse.Namespace) -> int:
    """Make an evidence file. Raises OperatorError, AuditRefused."""
    if find_spec(COMPLIANCE_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.audit.evidence_answer import make

    return make(args)
