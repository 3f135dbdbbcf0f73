"""`fixgate warm`: the wallet between hot and cold, and the coins that go up from it."""

import argparse
from typing import Any, Final

from gateway.custody_commands.approving import intent_in
from gateway.custody_commands.common import (
    Custody,
    add_action,
    add_actions,
    amount,
    minor_units,
    print_asked,
    print_list,
    run_action,
    utc,
)
from gateway.custody_commands.deciding import add_decisions, show_intent
from gateway.custody_commands.words import amount_words

COLUMNS: Final = {
    "id": "ID",
    "state": "STATE",
    "amount": "AMOUNT",
    "asset": "ASSET",
    "initiator": "ASKED BY",
    "requested": "REQUESTED",
    "text": "WHY",
}

BALANCES: Final = {"wallet": "WALLET", "address": "ADDRESS", "amount": "AMOUNT", "asset": "ASSET"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate warm` takes."""
    actions = add_actions(parser)
    listing = add_action(actions, "list", _list, "show restocks of the hot wallet, latest first")
    listing.add_argument("--state", help="those that are so, such as awaiting")
    add_action(actions, "balances", _balances, "show what the books have in each wallet")
    show = add_action(actions, "show", show_intent, "show one, with who has said what of it")
    show.add_argument("id", metavar="ID", help="of the intent, such as C00000001")
    request = add_action(
        actions, "request", _request, "ask for coins of the warm wallet to go to the hot one"
    )
    request.add_argument("--asset", required=True, help="such as ETH")
    request.add_argument("--amount", required=True, help="in units of the asset, such as 12.5")
    request.add_argument("--as", dest="who", required=True, metavar="NAME", help="who asks")
    add_decisions(actions)


def run_warm(args: argparse.Namespace) -> int:
    """Do it. Raises Refused and OperatorError."""
    return run_action(args)


def _list(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    rows = [_row(custody, row) for row in custody.ask("restocks")]
    return print_list(args, COLUMNS, rows, "no restocks")


def _row(custody: Custody, row: dict[str, Any]) -> dict[str, str]:
    """A restock for people; its amount in units of the asset."""
    intent = intent_in(row["intent"], row["id"])
    return {
        "id": row["id"],
        "state": row["state"],
        "amount": amount_words(intent, custody.assets),
        "asset": row["asset"],
        "initiator": intent.initiator,
        "requested": utc(int(row["requested"])),
        "changed": utc(int(row["changed"])),
        "text": row["text"],
    }


def _request(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    asset = custody.asset(args.asset)
    minor = minor_units(args.amount, asset)
    return print_asked(args, custody.ask("restock", asset=asset.code, amount=minor, who=args.who))


def _balances(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    rows = [
        {**row, "amount": amount(int(row["amount"]), custody.assets[row["asset"]].scale)}
        for row in custody.ask("balances")
    ]
    return print_list(args, BALANCES, rows, "no wallets")
