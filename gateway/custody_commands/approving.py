"""Approvals at the command line: the intent is shown, a person agrees, a key signs it here.

The key never leaves this process; custody gets a signature over the very text that was shown.
"""

import argparse
import sys
from base64 import b64encode
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from custody.assets import ChainAsset
from custody.policy.intents import Intent, IntentMalformed, read_intent, signed_text
from engine.model.errors import FixgateError, OperatorError
from gateway.custody_commands.common import Custody, fields_text, print_json, visible
from gateway.custody_commands.words import words_of


class NotSigned(FixgateError):
    """The person did not agree: nothing was signed."""


def add_key_arguments(parser: argparse.ArgumentParser, *, approves: bool) -> None:
    """Who signs for or against, and with what."""
    parser.set_defaults(approves=approves)
    parser.add_argument("--as", dest="who", required=True, metavar="NAME", help="the approver")
    parser.add_argument(
        "--key", type=Path, required=True, help="private key, made by `approver new`"
    )
    parser.add_argument("--passphrase-file", type=Path, help="of the key, if it has one")
    parser.add_argument("--yes", action="store_true", help="do not ask: it was read elsewhere")


def intent_in(text: str, ident: str) -> Intent:
    """The intent that custody showed. Raises OperatorError if it is not the one asked for."""
    try:
        intent = read_intent(text.encode())
    except IntentMalformed as error:
        raise OperatorError(f"custody shows no intent for {visible(ident)}: {error}") from None
    if intent.id != ident:
        raise OperatorError(
            f"custody shows intent {visible(intent.id)} for {visible(ident)}: sign nothing, and"
            " find out why"
        )
    return intent


def decide(
    args: argparse.Namespace,
    custody: Custody,
    op: str,
    intent: Intent,
    more: str = "",
) -> int:
    """Sign for or against an intent, and tell custody by its operation `op`; the exit code. more:
    what else has to be seen. Raises Refused, OperatorError and NotSigned."""
    custody.ask(op, id=intent.id, **_signed(args, intent, custody.assets, more))
    if args.json:
        print_json({"id": intent.id, "approver": args.who, "approves": args.approves})
    else:
        print(f"{visible(args.who)} {'approves' if args.approves else 'rejects'} {intent.id}")
    return 0


def _signed(
    args: argparse.Namespace, intent: Intent, assets: Mapping[str, ChainAsset], more: str
) -> dict[str, object]:
    """Show an intent, ask, sign: the words of custody's operation."""
    approves: bool = args.approves
    print(fields_text(words_of(intent, assets)), file=sys.stderr)
    if more:
        print(more, file=sys.stderr)
    if not args.yes:
        verb = "approve" if approves else "reject"
        print(
            f"{verb} this as {visible(args.who)}? Type yes: ", end="", file=sys.stderr, flush=True
        )
        if sys.stdin.readline().strip() != "yes":
            raise NotSigned("nothing was signed")
    signature = _signature(args.key, args.passphrase_file, signed_text(intent, approves=approves))
    return {
        "approver": args.who,
        "approves": approves,
        "signature": b64encode(signature).decode(),
    }


def need_cryptography() -> None:
    """Raises OperatorError where the extra is not installed."""
    if find_spec("cryptography") is None:
        raise OperatorError("keys need cryptography: pip install 'fixgate[custody]'")


def _signature(key: Path, passphrase: Path | None, text: bytes) -> bytes:
    need_cryptography()
    from gateway.custody_commands.key_files import sign_with

    return sign_with(key, passphrase, text)
