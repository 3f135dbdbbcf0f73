"""The steps of `fixgate cold`, each checked from the beginning: a file proves nothing."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from custody.chains.calldata import parse_address
from custody.settings import CustodySettings
from custody.wallets.proposal import Known, add_signature, call_of, digest_of, write_proposal
from custody.wallets.proposal import propose as new_proposal
from custody.wallets.safe import signature_of
from engine.model.errors import OperatorError
from gateway.custody_commands import cold_parts as parts


def owner(args: argparse.Namespace, settings: CustodySettings) -> int:
    """An owner's pair in the HSM, made if it is not there."""
    folder = args.config.absolute().parent
    made = parts.make_pair(settings, folder, args.hsm)
    address = parts.shown(parts.owner_key(settings, folder, None, args.hsm).address())
    text = f"{address} is {'new' if made else 'there'}, {args.hsm} in the HSM"
    _say(args, text, {"address": address, "made": made})
    return 0


def propose(args: argparse.Namespace, settings: CustodySettings) -> int:
    """Write a new file."""
    known = parts.known_of(settings, args.hot, args.warm)
    if args.rpc:
        state = parts.ask(settings, args.rpc, lambda node: node.state())
        _warn(parts.warnings(state, known))
        nonce, owners, threshold = state.nonce, state.owners, state.threshold
    elif args.nonce is None or not args.owner:
        raise OperatorError("without --rpc: --nonce, --threshold and an --owner for each of them")
    else:
        nonce, threshold = args.nonce, args.threshold
        owners = tuple(parse_address(owner) for owner in args.owner)
    made = new_proposal(known, args.asset, args.amount, nonce, owners, threshold)
    parts.write_new(args.out, write_proposal(made))
    _say(args, parts.words(made), parts.plain(made))
    return 0


def sign(args: argparse.Namespace, settings: CustodySettings) -> int:
    """Show all of a file, and add a signature to it."""
    proposal, _ = parts.checked(args.file, _known(args, settings))
    key = parts.owner_key(settings, args.config.absolute().parent, args.key, args.hsm)
    print(parts.words(proposal), file=sys.stderr)
    print(f"  you are    {parts.shown(key.address())}", file=sys.stderr)
    if not args.yes and not parts.agreed("Sign this? Type yes: "):
        raise OperatorError("nothing was signed")
    signed = add_signature(proposal, signature_of(*key.sign(digest_of(proposal))))
    parts.write_over(args.file, write_proposal(signed))
    _say(args, f"signed: {len(signed.signatures)} of {signed.threshold}", parts.plain(signed))
    return 0


def show(args: argparse.Namespace, settings: CustodySettings) -> int:
    """Say how far it is; 1 if a transaction did not do it."""
    known = _known(args, settings)
    if args.tx:
        known = replace(known, nonce=None)  # it has gone on
    proposal, _ = parts.checked(args.file, known)
    text, shown = parts.words(proposal), parts.plain(proposal)
    doubt = ""
    if args.tx:
        if not args.rpc:
            raise OperatorError("--tx needs --rpc: a node that has the transaction")
        doubt = parts.doubt_of(settings, args.rpc, proposal, args.tx)
        text += f"\n  moved      {doubt or 'yes: the Safe says so, and so do both balances'}"
        shown["doubt"] = doubt
    _say(args, text, shown)
    return 1 if doubt else 0


def execute(args: argparse.Namespace, settings: CustodySettings) -> int:
    """Print the call, or send it."""
    proposal, tx = parts.checked(args.file, _known(args, settings))
    data = call_of(proposal, tx)
    if args.gas_key is None:
        call = {"to": proposal.safe, "value": "0", "data": "0x" + data.hex()}
        print(json.dumps(call))
        return 0
    if not args.rpc:
        raise OperatorError("--gas-key needs --rpc: a node that takes the transaction")
    sent = parts.send(settings, args.rpc, proposal, data, args.gas_key)
    follow = f"fixgate cold show {args.file} --tx 0x{sent.hex()} --rpc ... says when it has moved"
    _say(args, f"sent 0x{sent.hex()}\n{follow}", {"tx": "0x" + sent.hex()})
    return 0


def _known(args: argparse.Namespace, settings: CustodySettings) -> Known:
    """What is known without the file; with a node, also what the Safe says of itself."""
    known = parts.known_of(settings, args.hot, args.warm)
    if not args.rpc:
        return known
    state = parts.ask(settings, args.rpc, lambda node: node.state())
    _warn(parts.warnings(state, known))
    return replace(known, nonce=state.nonce, owners=state.owners, threshold=state.threshold)


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        print(f"fixgate: CAREFUL: {warning}", file=sys.stderr)


def _say(args: argparse.Namespace, text: str, shown: dict[str, object]) -> None:
    print(json.dumps(shown) if args.json else text)


STEPS: Final[dict[str, Callable[[argparse.Namespace, CustodySettings], int]]] = {
    "owner": owner,
    "propose": propose,
    "sign": sign,
    "show": show,
    "execute": execute,
}
"""By the word that is typed."""
