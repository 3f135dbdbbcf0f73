"""`fixgate deposits`: what has come, and where it is."""

import argparse
from typing import Any, Final

from gateway.custody_commands.common import (
    Custody,
    add_action,
    add_actions,
    amount,
    fields_text,
    print_asked,
    print_json,
    print_list,
    run_action,
    utc,
)

COLUMNS: Final = {
    "state": "STATE",
    "account": "ACCOUNT",
    "amount": "AMOUNT",
    "asset": "ASSET",
    "credit": "CREDITED",
    "time": "TIME",
    "reference": "REFERENCE",
    "text": "WHY",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate deposits` takes."""
    actions = add_actions(parser)
    listing = add_action(actions, "list", _list, "show deposits, the latest first")
    listing.add_argument("--account", default="", help="of one account")
    listing.add_argument("--state", help="those that are so, such as held")
    show = add_action(actions, "show", _show, "show everything that is known of one")
    release = add_action(actions, "release", _release, "ask for one that waits to be credited")
    release.add_argument("--account", default="", help="whose it is to be, if it is nobody's")
    back = add_action(actions, "return", _return, "ask for one that waits to be sent away again")
    back.add_argument("--to", required=True, metavar="ADDRESS", help="0x and 40 hex digits")
    for one in (release, back):
        one.add_argument("--as", dest="who", required=True, metavar="NAME", help="who asks")
    for one in (show, release, back):
        one.add_argument("reference", metavar="REFERENCE", help="of it, as `list` shows it")


def run_deposits(args: argparse.Namespace) -> int:
    """Do it. Raises Refused and OperatorError."""
    return run_action(args)


def _list(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    rows = [_row(custody, row) for row in custody.ask("deposits", account=args.account)]
    return print_list(args, COLUMNS, rows, "no deposits")


def _row(custody: Custody, row: dict[str, Any]) -> dict[str, str]:
    """A deposit for people; amounts in units of the asset, of unknown tokens in atomic ones."""
    asset = custody.assets.get(row["asset"])
    return {
        "reference": row["reference"],
        "state": row["state"],
        "account": custody.accounts.get(row["account"], ""),
        "asset": row["asset"],
        "token": row["token"],
        "amount": amount(int(row["amount"]), asset.decimals if asset else 0),
        "credit": amount(int(row["credit"]), asset.scale if asset else 0),
        "source": row["source"],
        "address": row["address"],
        "block": row["block"],
        "block_hash": row["block_hash"],
        "tx": row["tx"],
        "position": row["position"],
        "time": utc(int(row["time"])),
        "text": row["text"],
    }


def _show(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    row = _row(custody, custody.ask("deposit", id=args.reference))
    if args.json:
        print_json(row)
    else:
        print(fields_text(row.items()))
    return 0


def _release(args: argparse.Namespace) -> int:
    made = Custody(args.data).ask("release", id=args.reference, account=args.account, who=args.who)
    return print_asked(args, made)


def _return(args: argparse.Namespace) -> int:
    made = Custody(args.data).ask("send_back", id=args.reference, destination=args.to, who=args.who)
    return print_asked(args, made)
