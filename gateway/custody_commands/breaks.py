"""`fixgate breaks`: what chain and books differ by and nobody knows why, and having it booked."""

import argparse
from typing import Any, Final

from gateway.custody_commands.common import (
    Custody,
    add_action,
    add_actions,
    amount,
    print_asked,
    print_list,
    run_action,
    utc,
)

COLUMNS: Final = {
    "asset": "ASSET",
    "amount": "ON CHAIN BEYOND THE BOOKS",
    "address": "ADDRESS",
    "since": "SINCE",
    "block": "BLOCK",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate breaks` takes."""
    actions = add_actions(parser)
    add_action(actions, "list", _list, "show breaks that are open, the oldest first")
    book = add_action(actions, "book", _book, "ask for one to be the house's, which ends it")
    book.add_argument("--asset", required=True, help="such as ETH")
    book.add_argument("--address", required=True, help="as `list` shows it")
    book.add_argument("--why", required=True, help="for those who decide, and for the record")
    book.add_argument("--as", dest="who", required=True, metavar="NAME", help="who asks")


def run_breaks(args: argparse.Namespace) -> int:
    """Do it. Raises Refused and OperatorError."""
    return run_action(args)


def _list(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    rows = [_row(custody, row) for row in custody.ask("breaks")]
    return print_list(args, COLUMNS, rows, "no breaks are open")


def _row(custody: Custody, row: dict[str, Any]) -> dict[str, str]:
    """A break for people; the amount in units of the asset."""
    asset = custody.asset(row["asset"])
    return {
        "asset": row["asset"],
        "amount": amount(int(row["amount"]), max(asset.decimals, asset.scale)),
        "address": row["address"],
        "since": utc(int(row["since"])),
        "block": str(row["block"]),
    }


def _book(args: argparse.Namespace) -> int:
    made = Custody(args.data).ask(
        "book", asset=args.asset, destination=args.address, label=args.why, who=args.who
    )
    return print_asked(args, made)
