"""`fixgate policy`: what decides on everything, and how it is changed."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from custody.policy.history import as_told
from custody.policy.policy import Policy, digest_of
from custody.signing.log import SIGNER_LOG, policies_in
from custody.terms import FOLDER
from engine.model.errors import OperatorError
from gateway.config import load_config
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
from gateway.custody_commands.deciding import (
    add_decisions,
    show_intent,
    told_policy,
)
from gateway.custody_commands.policy_text import as_yaml
from gateway.flow.system_clock import SystemClock

COLUMNS: Final = {
    "id": "ID",
    "state": "STATE",
    "requested": "REQUESTED",
    "noted": "NOTED",
    "text": "WHY",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate policy` takes."""
    actions = add_actions(parser)
    show = add_action(
        actions, "show", _show, "print the policy in force, or an intent to change it"
    )
    show.add_argument("id", metavar="ID", nargs="?", help="of the intent, such as C00000001")
    text = "say what is wrong with the policy of a configuration, and which digest it has"
    check = actions.add_parser("check", help=text, description=text)
    check.set_defaults(act=_check)
    check.add_argument("--json", action="store_true", help="print one JSON object")
    propose = add_action(actions, "propose", _propose, "ask for the policy of a configuration")
    propose.add_argument("--as", dest="who", required=True, metavar="NAME", help="who asks")
    for one in (check, propose):
        one.add_argument("--config", type=Path, required=True, help="its part custody.policy")
    add_action(actions, "list", _list, "show intents to change the policy, the latest first")
    add_decisions(actions)


def run_policy(args: argparse.Namespace) -> int:
    """Do it. Raises Refused and OperatorError."""
    return run_action(args)


def _show(args: argparse.Namespace) -> int:
    if args.id is not None:
        return show_intent(args)
    told = _told(args.data)
    if args.json:
        print_json(told)
        return 0
    print(f"# in force: {told['digest']}")
    print(as_yaml(told_policy(told)), end="")
    if pending := told["pending"]:
        print(f"# in force from {utc(int(pending['due']))}: {pending['digest']}")
        print(as_yaml(told_policy(pending)), end="")
    return 0


def _told(data: Path) -> dict[str, Any]:
    """What custody says; where it does not run, the signer's log. Raises OperatorError."""
    try:
        return dict(Custody(data).ask("policy"))
    except OperatorError as error:
        path = data / FOLDER / SIGNER_LOG
        history = policies_in(path) if path.exists() else None
        if history is None:
            raise
        print(f"from {path}: {error}", file=sys.stderr)
    now = SystemClock().now()
    return as_told(history.at(now), history.pending(now))


def _check(args: argparse.Namespace) -> int:
    policy = _configured(args.config)
    changeable = any("change-policy" in rule.kinds for rule in policy.rules)
    if args.json:
        print_json({"ok": True, "digest": digest_of(policy), "changeable": changeable})
        return 0
    print(f"{args.config}: good: {len(policy.rules)} rules, {len(policy.approvers)} approvers")
    print(digest_of(policy))
    for rule in policy.rules:
        if rule.action == "allow" and "change-policy" in rule.kinds:
            print(f"rule {rule.name} lets the policy change without approvals", file=sys.stderr)
    if not changeable:
        print("no rule is of kind change-policy: once in force, it stays", file=sys.stderr)
    return 0


def _configured(path: Path) -> Policy:
    config = load_config(path)
    if config.custody is None:
        raise OperatorError(f"{path} has no part custody")
    return config.custody.policy


def _propose(args: argparse.Namespace) -> int:
    policy = msgspec.to_builtins(_configured(args.config))
    return print_asked(args, Custody(args.data).ask("propose", policy=policy, who=args.who))


def _list(args: argparse.Namespace) -> int:
    rows = [_row(row) for row in Custody(args.data).ask("policies")]
    return print_list(args, COLUMNS, rows, "no intents to change the policy")


def _row(row: dict[str, Any]) -> dict[str, str]:
    return {
        "id": row["id"],
        "state": row["state"],
        "requested": utc(int(row["requested"])),
        "noted": utc(int(row["noted"])),
        "text": row["text"],
    }
