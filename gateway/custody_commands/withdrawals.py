"""`fixgate withdrawals`: what leaves, and the word of those who decide on it."""

import argparse
from typing import Any, Final

from custody.policy.intents import Withdrawal
from engine.model.errors import OperatorError
from gateway.custody_commands.approving import add_key_arguments, decide, intent_in
from gateway.custody_commands.common import (
    Custody,
    add_action,
    add_actions,
    amount,
    fields_text,
    minor_units,
    print_asked,
    print_cancelled,
    print_json,
    print_list,
    run_action,
    utc,
    visible,
)
from gateway.custody_commands.words import as_json, words_of

COLUMNS: Final = {
    "id": "ID",
    "state": "STATE",
    "account": "ACCOUNT",
    "amount": "AMOUNT",
    "asset": "ASSET",
    "destination": "TO",
    "requested": "REQUESTED",
    "text": "WHY",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate withdrawals` takes."""
    actions = add_actions(parser)
    listing = add_action(actions, "list", _list, "show withdrawals, the latest first")
    listing.add_argument("--account", default="", help="of one account")
    listing.add_argument("--state", help="those that are so, such as awaiting")
    show = add_action(actions, "show", _show, "show one, with who has said what of it")
    request = add_action(actions, "request", _request, "ask for coins to leave")
    request.add_argument("--account", required=True, help="that pays")
    request.add_argument("--asset", required=True, help="such as ETH")
    request.add_argument("--amount", required=True, help="in units of the asset, such as 0.5")
    request.add_argument("--to", required=True, metavar="ADDRESS", help="0x and 40 hex digits")
    request.add_argument("--as", dest="who", required=True, metavar="NAME", help="who asks")
    approve = add_action(actions, "approve", _decide, "sign an approval of one")
    reject = add_action(actions, "reject", _decide, "sign a rejection of one, which ends it")
    add_key_arguments(approve, approves=True)
    add_key_arguments(reject, approves=False)
    cancel = add_action(actions, "cancel", _cancel, "take one back that is not on its way yet")
    cancel.add_argument("--as", dest="who", required=True, metavar="NAME", help="who takes it back")
    give_up = add_action(
        actions, "give-up", _give_up, "ask for one that the chain reverted to be given up"
    )
    give_up.add_argument("--as", dest="who", required=True, metavar="NAME", help="who asks")
    for parser_ in (show, approve, reject, cancel, give_up):
        parser_.add_argument("id", metavar="ID", help="of the withdrawal, such as W00000001")


def run_withdrawals(args: argparse.Namespace) -> int:
    """Do it. Raises Refused and OperatorError."""
    return run_action(args)


def _list(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    rows = [_row(custody, row) for row in custody.ask("withdrawals", account=args.account)]
    return print_list(args, COLUMNS, rows, "no withdrawals")


def _row(custody: Custody, row: dict[str, Any]) -> dict[str, str]:
    """A withdrawal for people; amounts in units of the asset."""
    intent = _intent(row)
    scale = custody.asset(row["asset"]).scale
    return {
        "id": row["id"],
        "state": row["state"],
        "account": intent.account,
        "asset": row["asset"],
        "amount": amount(int(row["amount"]), scale),
        "fee": amount(int(row["fee"]), scale),
        "destination": intent.destination,
        "initiator": intent.initiator,
        "requested": utc(int(row["requested"])),
        "changed": utc(int(row["changed"])),
        "text": row["text"],
    }


def _intent(row: dict[str, Any]) -> Withdrawal:
    intent = intent_in(row["intent"], row["id"])
    if not isinstance(intent, Withdrawal):
        raise OperatorError(f"custody shows something else for withdrawal {visible(row['id'])}")
    return intent


def _show(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    row = custody.ask("withdrawal", id=args.id)
    intent = _intent(row)
    approvals = [(said["approver"], said["approves"]) for said in row["approvals"]]
    if args.json:
        said = [{"approver": who, "approves": approves} for who, approves in approvals]
        print_json({**_row(custody, row), "intent": as_json(intent), "approvals": said})
        return 0
    fields = [("state", row["state"]), ("changed", utc(int(row["changed"])))]
    fields += [("why", row["text"])] if row["text"] else []
    fields += words_of(intent, custody.assets)
    fields += [("said", f"{who} {'approves' if yes else 'rejects'}") for who, yes in approvals]
    print(fields_text(fields))
    return 0


def _request(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    asset = custody.asset(args.asset)
    made = custody.ask(
        "withdraw", account=args.account, asset=args.asset, amount=minor_units(args.amount, asset),
        destination=args.to, who=args.who,
    )  # fmt: skip
    return print_asked(args, made)


def _decide(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    intent = _intent(custody.ask("withdrawal", id=args.id))
    if intent.id != args.id:
        raise OperatorError(f"custody shows another withdrawal than {visible(args.id)}")
    return decide(args, custody, "approve", intent)


def _cancel(args: argparse.Namespace) -> int:
    Custody(args.data).ask("cancel", id=args.id, who=args.who)
    return print_cancelled(args)


def _give_up(args: argparse.Namespace) -> int:
    return print_asked(args, Custody(args.data).ask("give_up", id=args.id, who=args.who))
