"""What `fixgate decisions`, `addresses` and `policy` share: intents that people decide on."""

import argparse
from typing import Any

import msgspec

from custody.policy.intents import ChangePolicy, Intent
from custody.policy.policy import Policy, digest_of
from engine.model.errors import OperatorError
from gateway.custody_commands.approving import add_key_arguments, decide, intent_in
from gateway.custody_commands.common import (
    Actions,
    Custody,
    add_action,
    fields_text,
    print_cancelled,
    print_json,
    utc,
    visible,
)
from gateway.custody_commands.policy_text import difference
from gateway.custody_commands.words import as_json, words_of


def add_decisions(actions: Actions) -> None:
    """approve, reject and cancel, of an intent by its name."""
    approve = add_action(actions, "approve", _decide, "sign an approval of an intent")
    reject = add_action(actions, "reject", _decide, "sign a rejection of one, which ends it")
    cancel = add_action(actions, "cancel", _cancel, "take an intent back that waits for approvals")
    add_key_arguments(approve, approves=True)
    add_key_arguments(reject, approves=False)
    cancel.add_argument("--as", dest="who", required=True, metavar="NAME", help="who takes it back")
    for parser in (approve, reject, cancel):
        parser.add_argument("id", metavar="ID", help="of the intent, such as C00000001")


def told_policy(told: dict[str, Any]) -> Policy:
    """A policy as custody tells it. Raises OperatorError if it is not what its digest says."""
    try:
        policy = msgspec.convert(told["policy"], Policy)
    except msgspec.ValidationError as error:
        raise OperatorError(f"custody tells no policy: {error}") from None
    if digest_of(policy) != told["digest"]:
        raise OperatorError("custody tells a policy under another one's digest: find out why")
    return policy


def _new_policy(intent: Intent, row: dict[str, Any]) -> Policy | None:
    """The policy that an intent is for, which has to be the one that is signed for."""
    if not isinstance(intent, ChangePolicy):
        return None
    try:
        policy = msgspec.json.decode(row["policy"], type=Policy)
    except msgspec.DecodeError as error:
        raise OperatorError(f"custody shows no policy for {intent.id}: {error}") from None
    if digest_of(policy) != intent.after:
        raise OperatorError(
            f"custody shows another policy than {visible(intent.id)} is for: sign nothing, and find"
            " out why"
        )
    return policy


def _more(custody: Custody, policy: Policy | None) -> str:
    """What an approver has to see beside an intent: how the policy changes."""
    if policy is None:
        return ""
    return "\n" + difference(told_policy(custody.ask("policy")), policy)


def show_intent(args: argparse.Namespace) -> int:
    """Show an intent, with who has said what of it."""
    custody = Custody(args.data)
    row = custody.ask("decision", id=args.id)
    intent = intent_in(row["intent"], args.id)
    policy = _new_policy(intent, row)
    said = [(one["approver"], one["approves"]) for one in row["approvals"]]
    if args.json:
        shown = {name: row[name] for name in ("id", "state", "kind", "text")}
        shown |= {name: utc(int(row[name])) for name in ("noted", "changed")}
        approvals = [{"approver": who, "approves": approves} for who, approves in said]
        plain = None if policy is None else msgspec.to_builtins(policy)
        print_json({**shown, "intent": as_json(intent), "approvals": approvals, "policy": plain})
        return 0
    fields = [("state", row["state"]), ("why", row["text"]), ("noted", utc(int(row["noted"])))]
    fields = [field for field in fields if field[1]] + words_of(intent, custody.assets)
    fields += [("said", f"{who} {'approves' if yes else 'rejects'}") for who, yes in said]
    print(fields_text(fields) + _more(custody, policy))
    return 0


def _decide(args: argparse.Namespace) -> int:
    custody = Custody(args.data)
    row = custody.ask("decision", id=args.id)
    intent = intent_in(row["intent"], args.id)
    more = _more(custody, _new_policy(intent, row))
    return decide(args, custody, "approve_decision", intent, more)


def _cancel(args: argparse.Namespace) -> int:
    Custody(args.data).ask("cancel_decision", id=args.id, who=args.who)
    return print_cancelled(args)
