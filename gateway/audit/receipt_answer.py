"""What `fixgate receipt` does, once all that signs is loaded."""

import argparse
import json
import sys
from typing import Any

from compliance.audit.errors import AuditRefused
from compliance.audit.proofs import MAX_PROOF_BYTES
from compliance.audit.receipts import Receipt, check_receipt, make_receipt, published
from compliance.audit.text import to_base64
from compliance.audit.tile_store import LogFolder
from compliance.audit.tiles import TileReader
from engine.model.errors import OperatorError
from gateway.audit.key_texts import verifier_keys
from gateway.plain import named


def make(args: argparse.Namespace) -> int:
    """Write or print a receipt."""
    folder = LogFolder(args.data / "audit")
    note = folder.checkpoint()
    if note is None:
        raise OperatorError(f"there is no audit log in {args.data}: is `compliance` configured?")
    reader = TileReader(published(note).size, folder.read)
    receipt = make_receipt(reader, note, args.exec_id, whole=args.record)
    if args.out is not None:
        try:
            with args.out.open("xb") as file:
                file.write(receipt)
        except OSError as error:
            raise OperatorError(f"cannot write {args.out}: {error.strerror}") from error
    text = receipt.decode("utf-8")
    if args.json:
        print(json.dumps({"exec_id": args.exec_id, "receipt": text}))
    elif args.out is None:
        sys.stdout.write(text)
    return 0


def check(args: argparse.Namespace) -> int:
    """Check a receipt and say what it shows; exit code 1 if it shows nothing."""
    keys = verifier_keys(args.key)
    try:
        with args.verify.open("rb") as file:
            data = file.read(MAX_PROOF_BYTES + 1)
    except OSError as error:
        raise OperatorError(f"cannot read {args.verify}: {error.strerror}") from error
    try:
        receipt = check_receipt(data, keys)
    except AuditRefused as error:
        if args.json:
            print(json.dumps({"verified": False, "error": str(error)}))
            return 1
        raise
    found = _told(receipt)
    if args.json:
        print(json.dumps(found))
        return 0
    for key, value in found.items():
        print(f"{key:12} {json.dumps(value) if isinstance(value, dict | list) else value}")
    return 0


def _told(receipt: Receipt) -> dict[str, Any]:
    checkpoint, signers = receipt.signed
    found: dict[str, Any] = {
        "verified": True,
        "exec_id": receipt.exec_id,
        "record": receipt.number,
        "leaf": to_base64(receipt.leaf),
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": to_base64(checkpoint.root),
        "signers": [f"{key.name}+{key.key_id.hex()}" for key in signers],
        "signed_at": max(signers.values()) or None,
    }
    if receipt.record is None or receipt.event is None:
        found["shows"] = "that the record with this hash is in the log, not what is in it"
    else:
        found["shows"] = "the record and the event"
        found["time"] = receipt.record.time
        found["event"] = named(receipt.event)
    return found
