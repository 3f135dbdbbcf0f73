"""`fixgate addresses`: where coins are sent to."""

import argparse
from typing import Final

from gateway.custody_commands.common import (
    Custody,
    add_action,
    print_json,
    print_list,
    run_action,
    utc,
)

COLUMNS: Final = {
    "address": "ADDRESS",
    "account": "ACCOUNT",
    "asset": "ASSET",
    "number": "NUMBER",
    "time": "SINCE",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate addresses` takes."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    new = add_action(actions, "new", _new, "where an account has an asset sent to; always the same")
    new.add_argument("--account", required=True)
    new.add_argument("--asset", required=True, help="such as ETH")
    listing = add_action(actions, "list", _list, "show deposit addresses, the latest first")
    listing.add_argument("--account", default="", help="of one account")


def run_addresses(args: argparse.Namespace) -> int:
    """Do it. Raises Refused and OperatorError."""
    return run_action(args)


def _new(args: argparse.Namespace) -> int:
    made = Custody(args.data).ask("address", account=args.account, asset=args.asset)
    if args.json:
        print_json(made)
    else:
        print(made["address"])
    return 0


def _list(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    rows = [
        {
            "address": row["address"],
            "account": custody.accounts.get(row["account"], ""),
            "asset": row["asset"],
            "number": row["number"],
            "time": utc(int(row["time"])),
        }
        for row in custody.ask("addresses", account=args.account)
    ]
    return print_list(args, COLUMNS, rows, "no deposit addresses")
