"""`fixgate reserves`: a tree of what all are owed, a member's proof, and its check."""

import argparse
from pathlib import Path

from gateway.custody_commands.common import JSON_TOO
from gateway.custody_commands.place import add_place, need_custody


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate reserves` takes."""
    parser.epilog = JSON_TOO
    parts = parser.add_subparsers(required=True, metavar="WHAT")

    tree = parts.add_parser("tree", help="make the trees of all assets, print what is published")
    tree.set_defaults(part="tree")
    add_place(tree)
    tree.add_argument("--at", type=int, metavar="SEQ", help="a batch of the ledger; else its last")
    tree.add_argument(
        "--out", type=Path, required=True, help="a new file for what proofs are made of: secret"
    )
    tree.add_argument("--json", action="store_true", help="print one JSON object")

    prove = parts.add_parser("prove", help="print a member's proof, as one JSON object")
    prove.set_defaults(part="prove")
    prove.add_argument("--tree", type=Path, required=True, help="the file that `tree` has written")
    prove.add_argument("--account", required=True, metavar="NAME")
    prove.add_argument("--asset", required=True, metavar="CODE")
    prove.add_argument("--json", action="store_true", help="it is JSON in any case")

    check = parts.add_parser("verify", help="check a proof, as a member does with verify.py alone")
    check.set_defaults(part="verify")
    check.add_argument("proof", type=Path, metavar="PROOF", help="what `prove` has printed")
    check.add_argument("--head", type=Path, help="what was published for all")
    check.add_argument("--json", action="store_true", help="print one JSON object")


def run_reserves(args: argparse.Namespace) -> int:
    """Do what was asked for. Raises OperatorError, ReservesRefused, LedgerDamaged."""
    need_custody()
    from gateway.custody_commands.reserves_answer import PARTS

    return PARTS[args.part](args)
