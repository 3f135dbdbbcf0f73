"""`fixgate approver`: a key for somebody who approves."""

import argparse
import sys
from pathlib import Path

from engine.model.errors import OperatorError
from gateway.custody_commands.approving import need_cryptography
from gateway.custody_commands.common import add_actions, print_json, run_action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate approver` takes."""
    actions = add_actions(parser)
    text = "make a private key, and print its line for the policy"
    new = actions.add_parser("new", help=text, description=text)
    new.set_defaults(act=_new)
    new.add_argument("--key", type=Path, required=True, help="the file to make, mode 0600")
    new.add_argument("--passphrase-file", type=Path, help="seals the key; mode 0600, first line")
    new.add_argument("--name", default="NAME", help="of the approver")
    new.add_argument("--groups", default="GROUP", help="with commas, such as treasury,risk")
    new.add_argument("--json", action="store_true", help="print one JSON object")


def run_approver(args: argparse.Namespace) -> int:
    """Do it. Raises OperatorError."""
    return run_action(args)


def _new(args: argparse.Namespace) -> int:
    need_cryptography()
    from gateway.custody_commands.key_files import create_key

    groups = [group.strip() for group in args.groups.split(",")]
    if not all(groups):
        raise OperatorError("--groups: names with commas between them, such as treasury,risk")
    public = create_key(args.key, args.passphrase_file)
    if args.json:
        print_json({"name": args.name, "key": public, "groups": groups})
        return 0
    print(f"- {{name: {args.name}, key: {public}, groups: [{', '.join(groups)}]}}")
    print(
        f"{args.key} stays with its owner alone; the line is for custody.policy.approvers",
        file=sys.stderr,
    )
    return 0
