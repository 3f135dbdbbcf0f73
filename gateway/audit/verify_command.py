"""`fixgate verify`: what an auditor checks, offline. Loads nothing that checks before it is used:
the command line loads this for every command."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from engine.model.errors import OperatorError
from gateway.children import COMPLIANCE_PACKAGE

EXIT_CODES: Final = """\
exit codes:
  0   all that was checked is well; what was not checked is said
  10  tampered with: something is not what was signed, or breaks the venue's rules
  11  incomplete: something that was signed is not there, or is an older copy
  12  unknown key, or fewer witnesses than --quorum
  13  a file is not readable as what it should be
  1, 2  nothing was checked: a file or a key was no good, or the command was misused
If several checks fail, the first one's code counts: the others rest on it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate verify` takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXIT_CODES
    parser.add_argument(
        "evidence", nargs="?", type=Path, metavar="FILE", help="what `fixgate evidence` has made"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="instead of FILE: the venue's data folder, or a copy of its journal and audit",
    )
    parser.add_argument(
        "--key",
        action="append",
        required=True,
        metavar="VKEY",
        help="a public key of the log, or a file of them; not out of what is checked",
    )
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="VKEY",
        help="a public key of a witness, or a file of them",
    )
    parser.add_argument(
        "--quorum", type=int, default=0, metavar="N", help="how many witnesses must have signed"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="the newest checkpoint, from outside: without it nobody notices an older state",
    )
    parser.add_argument(
        "--since",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an older checkpoint that you hold; may be given several times",
    )
    parser.add_argument(
        "--export",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="what `fixgate export` has made, to be made again; may be given several times",
    )
    parser.add_argument(
        "--from", dest="first", type=int, metavar="N", help="the first record that you ask for"
    )
    parser.add_argument(
        "--to", dest="last", type=int, metavar="N", help="the last record that you ask for"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_verify(args: argparse.Namespace) -> int:
    """Check a data folder or an evidence file. Raises OperatorError, AuditRefused."""
    if (args.evidence is None) == (args.data is None):
        print("fixgate: give FILE, or --data and a folder", file=sys.stderr)
        return 2
    if find_spec(COMPLIANCE_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.audit.verify_answer import verify

    return verify(args)
