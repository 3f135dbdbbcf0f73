"""`fixgate witness`: cosign a venue's checkpoints, as a member or an auditor. Loads nothing that
signs before it is used: the command line loads this for every command."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from engine.model.errors import OperatorError
from gateway.children import COMPLIANCE_PACKAGE

PORT: Final = 8084


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate witness` takes."""
    parser.add_argument("--key", type=Path, required=True, help="the witness's own keys, private")
    parser.add_argument(
        "--new", metavar="NAME", help="make the keys, of a witness of this name, and end"
    )
    parser.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="VKEY",
        help="a public key of a log that is witnessed, or a file of them",
    )
    parser.add_argument("--state", type=Path, help="folder of what was cosigned last: keep it")
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the start")


def run_witness(args: argparse.Namespace) -> int:
    """Serve until SIGTERM. Raises OperatorError, AuditRefused."""
    if find_spec(COMPLIANCE_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.audit.witness_answer import make_key, serve

    if args.new is not None:
        return make_key(args)
    if not args.log or args.state is None:
        raise OperatorError("give --log, whose checkpoints are cosigned, and --state, a folder")
    return serve(args)
