"""`fixgate alerts`: surveillance once more, over a journal, under these rules or others. The
command line loads this for every command, so it loads nothing of surveillance."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate alerts` takes."""
    parser.add_argument("--data", type=Path, required=True, help="the venue's data folder")
    parser.add_argument("--rules", metavar="FILE", help="YAML; else those of this release")
    parser.add_argument("--links", metavar="FILE", help="YAML: owners, house accounts, makers")
    parser.add_argument(
        "--money-rules",
        metavar="FILE",
        help="YAML: rules of monitoring; else those of this release",
    )
    parser.add_argument("--profiles", metavar="FILE", help="YAML: what members expect to move")
    parser.add_argument("--kind", help="only these, such as spoofing or structuring")
    parser.add_argument("--member", metavar="NAME", help="only those about this member")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run_alerts(args: argparse.Namespace) -> int:
    """Raises OperatorError, JournalDamaged."""
    from gateway.surveillance.alerts_answer import answer

    return answer(args)
