"""`fixgate decisions`: what people decide on, withdrawals apart, and the word of those who do."""

import argparse
from typing import Any, Final

from gateway.custody_commands.approving import intent_in
from gateway.custody_commands.common import (
    Custody,
    add_action,
    add_actions,
    print_list,
    run_action,
    utc,
)
from gateway.custody_commands.deciding import add_decisions, show_intent
from gateway.custody_commands.words import amount_words

COLUMNS: Final = {
    "id": "ID",
    "state": "STATE",
    "kind": "KIND",
    "account": "ACCOUNT",
    "amount": "AMOUNT",
    "asset": "ASSET",
    "subject": "OF",
    "requested": "REQUESTED",
    "text": "WHY",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate decisions` takes."""
    actions = add_actions(parser)
    listing = add_action(actions, "list", _list, "show intents, the latest first")
    listing.add_argument("--account", default="", help="of one account")
    listing.add_argument("--state", help="those that are so, such as awaiting")
    show = add_action(actions, "show", show_intent, "show an intent, with who has said what of it")
    show.add_argument("id", metavar="ID", help="of the intent, such as C00000001")
    add_decisions(actions)


def run_decisions(args: argparse.Namespace) -> int:
    """Do it. Raises Refused and OperatorError."""
    return run_action(args)


def _list(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    rows = [_row(custody, row) for row in custody.ask("decisions", account=args.account)]
    return print_list(args, COLUMNS, rows, "nothing to decide on")


def _row(custody: Custody, row: dict[str, Any]) -> dict[str, str]:
    """An intent for people; amounts in units of the asset."""
    intent = intent_in(row["intent"], row["id"])
    return {
        "id": row["id"],
        "state": row["state"],
        "kind": row["kind"],
        "account": row["account"],
        "amount": amount_words(intent, custody.assets),
        "asset": row["asset"],
        "subject": row["subject"] or row["destination"],
        "initiator": intent.initiator,
        "requested": utc(int(row["requested"])),
        "changed": utc(int(row["changed"])),
        "text": row["text"],
    }
