"""`fixgate cold`: coins out of the cold wallet, a Safe, to the hot one or the warm one. People
sign; nothing else.

    owner        a key pair for an owner, in an HSM
    propose ──▶ a file ──▶ sign, by each owner, where their key is ──▶ execute ──▶ show --tx

The address of the wallet that is paid is never taken from the file: whoever runs a command says it,
from a source of their own.
"""

import argparse
from pathlib import Path
from typing import Final

from engine.model.errors import OperatorError
from gateway.config import load_config
from gateway.custody_commands.common import JSON_TOO

HOT_HELP: Final = "pay the hot wallet: its address, from a source of your own; see `fixgate keys`"
WARM_HELP: Final = "pay the warm wallet instead: its address, from a source of your own"
RPC_HELP: Final = "a node: the name of one in the configuration, or a URL"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate cold` takes."""
    parser.epilog = JSON_TOO
    commands = parser.add_subparsers(dest="what", required=True, metavar="WHAT")

    def bare(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--config", type=Path, required=True, help="the venue's YAML file")
        command.add_argument("--json", action="store_true", help="print one JSON object")
        return command

    def add(name: str, text: str, *, file: bool = True) -> argparse.ArgumentParser:
        command = bare(name, text)
        if file:
            command.add_argument("file", type=Path, metavar="FILE", help="the proposal")
        paid = command.add_mutually_exclusive_group(required=True)
        paid.add_argument("--hot", metavar="ADDRESS", help=HOT_HELP)
        paid.add_argument("--warm", metavar="ADDRESS", help=WARM_HELP)
        command.add_argument("--rpc", metavar="NODE", help=RPC_HELP)
        return command

    owner = bare("owner", "make an owner's key pair in the configuration's HSM, or show it")
    owner.add_argument("--hsm", metavar="LABEL", required=True, help="its name there")

    new = add("propose", "write a file with all that owners have to see", file=False)
    new.add_argument("--asset", required=True, metavar="CODE")
    new.add_argument("--amount", required=True, help="in the asset's units, such as 12.5")
    new.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    new.add_argument("--nonce", type=int, help="the Safe's next, where no node is asked")
    new.add_argument("--owner", action="append", default=[], help="each of them, without a node")
    new.add_argument("--threshold", type=int, default=0, help="without a node")
    sign = add("sign", "check a proposal, and add an owner's signature")
    key = sign.add_mutually_exclusive_group(required=True)
    key.add_argument("--key", type=Path, help="file of its owner's alone: 64 hex digits")
    key.add_argument("--hsm", metavar="LABEL", help="a key pair in the configuration's HSM")
    sign.add_argument("--yes", action="store_true", help="do not ask")
    show = add("show", "check a proposal, and say how far it is")
    show.add_argument("--tx", metavar="HASH", help="the transaction that executed it: did it?")
    do = add("execute", "print the call for the Safe, or send it")
    do.add_argument("--gas-key", type=Path, metavar="FILE", help="sends it, and pays gas alone")


def run_cold(args: argparse.Namespace) -> int:
    """Take one of the steps. Raises FixgateError with what is wrong."""
    # What it is made of is the extra `custody`, which not every venue has.
    from gateway.custody_commands.cold_steps import STEPS

    settings = load_config(args.config).custody
    if settings is None or not (settings.cold or args.what == "owner"):
        raise OperatorError(f"{args.config} names no cold wallet: custody.cold is its address")
    return STEPS[args.what](args, settings)
