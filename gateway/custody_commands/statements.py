"""`fixgate statements`: what an account had, what moved, what it has; and what all owe."""

import argparse

from gateway.custody_commands.place import add_place, need_custody


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate statements` takes."""
    add_place(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--account", metavar="NAME", help="the statement of an account")
    what.add_argument("--net", action="store_true", help="net obligations of all from trading")
    parser.add_argument(
        "--from",
        dest="start",
        default="0",
        metavar="CUT",
        help="begin with this record or time (2026-01-05, 2026-01-05T08:00:00Z); 0: the first",
    )
    parser.add_argument("--to", dest="end", metavar="CUT", help="end before this one; else now")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--csv", action="store_true", help="print CSV")


def run_statements(args: argparse.Namespace) -> int:
    """Print what was asked for. Raises OperatorError, LedgerDamaged."""
    need_custody()
    from gateway.custody_commands.statements_answer import answer

    return answer(args)
