"""`fixgate reconcile`: ledger beside engine now, and beside the chain as of custody's last look."""

import argparse

from gateway.custody_commands.place import add_place, need_custody


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate reconcile` takes."""
    add_place(parser)
    parser.add_argument(
        "--every-record",
        action="store_true",
        help="compare after every record from the first one, and check the ledger's chain",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_reconcile(args: argparse.Namespace) -> int:
    """Compare; 1 if anything differs or a break is open. Raises OperatorError, JournalDamaged."""
    need_custody()
    from gateway.custody_commands.reconcile_answer import answer

    return answer(args)
