"""`fixgate addresses`: where coins are sent to, and where an account may send its own."""

import argparse
from typing import Any, Final

from custody.policy.intents import AllowAddress
from custody.policy.policy import Policy
from engine.model.clock import NANOS_PER_SECOND
from gateway.custody_commands.approving import intent_in
from gateway.custody_commands.common import (
    Custody,
    add_action,
    add_actions,
    print_asked,
    print_json,
    print_list,
    run_action,
    utc,
)
from gateway.custody_commands.deciding import add_decisions, show_intent, told_policy

COLUMNS: Final = {
    "address": "ADDRESS",
    "account": "ACCOUNT",
    "asset": "ASSET",
    "number": "NUMBER",
    "time": "SINCE",
}


LIST_COLUMNS: Final = {
    "id": "ID",
    "state": "STATE",
    "kind": "KIND",
    "account": "ACCOUNT",
    "asset": "ASSET",
    "destination": "ADDRESS",
    "label": "LABEL",
    "usable": "USABLE FROM",
    "text": "WHY",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate addresses` takes."""
    actions = add_actions(parser)
    new = add_action(actions, "new", _new, "where an account has an asset sent to; always the same")
    new.add_argument("--account", required=True)
    new.add_argument("--asset", required=True, help="such as ETH")
    listing = add_action(actions, "list", _list, "show deposit addresses, the latest first")
    listing.add_argument("--account", default="", help="of one account")
    text = "addresses to withdraw to instead, allowed and forbidden"
    listing.add_argument("--allowed", action="store_true", help=text)
    listing.add_argument("--state", help="with --allowed: intents that are so, such as awaiting")
    allow = add_action(
        actions, "allow", _allow, "ask for an address to be put on an account's list"
    )
    forbid = add_action(actions, "forbid", _forbid, "ask for one to be taken off it, at once")
    for one in (allow, forbid):
        one.add_argument("--account", required=True, help="whose list it is")
        one.add_argument("--asset", required=True, help="such as ETH")
        one.add_argument("--to", required=True, metavar="ADDRESS", help="0x and 40 hex digits")
        one.add_argument("--as", dest="who", required=True, metavar="NAME", help="who asks")
    allow.add_argument("--label", default="", help="whose it is, in words")
    show = add_action(actions, "show", show_intent, "show an intent, with who has said what of it")
    show.add_argument("id", metavar="ID", help="of the intent, such as C00000001")
    add_decisions(actions)


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
    if args.allowed:
        return _list_allowed(args, custody)
    args.state = None
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


def _list_allowed(args: argparse.Namespace, custody: Custody) -> int:
    policy = told_policy(custody.ask("policy"))
    rows = [_listed(row, policy) for row in custody.ask("listing", account=args.account)]
    return print_list(args, LIST_COLUMNS, rows, "no addresses to withdraw to")


def _listed(row: dict[str, Any], policy: Policy) -> dict[str, str]:
    """An intent about an address; usable: from when on, if it is on the list."""
    intent = intent_in(row["intent"], row["id"])
    on_the_list = isinstance(intent, AllowAddress) and row["state"] == "noted"
    over = int(row["noted"]) + policy.cool_down_s * NANOS_PER_SECOND
    return {
        "id": row["id"],
        "state": row["state"],
        "kind": row["kind"],
        "account": row["account"],
        "asset": row["asset"],
        "destination": row["destination"],
        "label": intent.label if isinstance(intent, AllowAddress) else "",
        "initiator": intent.initiator,
        "requested": utc(int(row["requested"])),
        "usable": utc(over) if on_the_list else "",
        "text": row["text"],
    }


def _allow(args: argparse.Namespace) -> int:
    made = Custody(args.data).ask(
        "allow", account=args.account, asset=args.asset, destination=args.to, label=args.label,
        who=args.who,
    )  # fmt: skip
    return print_asked(args, made)


def _forbid(args: argparse.Namespace) -> int:
    made = Custody(args.data).ask(
        "forbid", account=args.account, asset=args.asset, destination=args.to, who=args.who
    )
    return print_asked(args, made)
