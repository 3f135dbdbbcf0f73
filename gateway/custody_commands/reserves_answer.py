"""The answers of `fixgate reserves`."""

import argparse
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from custody.reconciling.reconciler import last_look
from custody.reserves import verify
from custody.reserves.documents import make_secret, public_document, read_secret, write_secret
from custody.reserves.liabilities import read_liabilities
from custody.reserves.tree import CHANCE_BYTES
from engine.model.errors import OperatorError
from gateway.custody_commands.books import opened_books
from gateway.custody_commands.place import tell


def _tree(args: argparse.Namespace) -> int:
    with opened_books(args) as books:
        liabilities = read_liabilities(books.database, books.decimals, args.at)
        look = last_look(books.database)
    secret = make_secret(liabilities, secrets.token_bytes(CHANCE_BYTES))
    public = public_document(secret, look)
    write_secret(args.out, secret)
    tell(f"{args.out} can make every member's proof: keep it, and show it to nobody")
    if args.json:
        print(json.dumps(public))
        return 0
    for head in public["heads"]:
        total = verify.in_units(int(head["total"]), head["decimals"])
        print(f"{head['asset']}: {total} owed, {head['size']} leaves, root {head['root']}")
        print(f"  commitment {head['commitment']}")
    moment = liabilities.moment
    print(f"at record {moment.record}, batch {moment.seq} of the ledger, digest {moment.digest}")
    if look is None:
        print("the chain's side: custody has not looked at its addresses yet")
    else:
        print(f"the chain's side: block {look.block} {look.hash}, the ledger's batch {look.seq}")
        for there in look.holdings:
            print(f"  {there.asset} {there.address} {there.amount} atomic units")
    return 0


def _prove(args: argparse.Namespace) -> int:
    print(json.dumps(read_secret(args.tree).tree(args.asset).proof(args.account)))
    return 0


def _verify(args: argparse.Namespace) -> int:
    proof = _read(args.proof)
    published = None if args.head is None else _read(args.head)
    try:
        balance = verify.verify(proof, published)
    except verify.Refused as error:
        if args.json:
            print(json.dumps({"holds": False, "why": str(error)}))
        else:
            print(f"REFUSED: {error}")
        return 1
    assert isinstance(proof, dict)
    if args.json:
        head = proof["head"]
        shown = {"holds": True, "account": proof["account"], "balance": str(balance)}
        print(json.dumps({**shown, "asset": head["asset"], "commitment": head["commitment"]}))
    else:
        print(verify.told(proof["account"], proof["head"], balance))
    if published is None:
        tell("compare the head's commitment with what was published: --head FILE does it")
    return 0


def _read(path: Path) -> object:
    try:
        found: object = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise OperatorError(f"cannot read {path}: {error}") from None
    return found


PARTS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "tree": _tree,
    "prove": _prove,
    "verify": _verify,
}
"""What `fixgate reserves` does, by the word that asks for it."""
