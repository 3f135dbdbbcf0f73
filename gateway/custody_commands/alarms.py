"""`fixgate alarms`: what waits for a person, and saying that one has dealt with it."""

import argparse
from typing import Final

from gateway.custody_commands.common import (
    Custody,
    add_action,
    add_actions,
    print_json,
    print_list,
    run_action,
    utc,
)

COLUMNS: Final = {"name": "NAME", "since": "SINCE", "stops": "STOPS", "text": "WHAT"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate alarms` takes."""
    actions = add_actions(parser)
    add_action(actions, "list", _list, "show what waits for a person, the oldest first")
    clear = add_action(actions, "clear", _clear, "say that it is dealt with: what it stops goes on")
    clear.add_argument("name", metavar="NAME", help="of the alarm, as `list` shows it")
    clear.add_argument("--as", dest="who", required=True, metavar="NAME", help="who has dealt")


def run_alarms(args: argparse.Namespace) -> int:
    """Do it. Raises Refused and OperatorError."""
    return run_action(args)


def _list(args: argparse.Namespace) -> int:
    rows = [
        {
            "name": row["name"],
            "since": utc(int(row["since"])),
            "stops": row["stops"],
            "text": row["text"],
        }
        for row in Custody(args.data).ask("alarms")
    ]
    return print_list(args, COLUMNS, rows, "nothing waits for a person")


def _clear(args: argparse.Namespace) -> int:
    Custody(args.data).ask("clear", id=args.name, who=args.who)
    if args.json:
        print_json({"name": args.name})
    else:
        print(f"{args.name} is cleared")
    return 0
