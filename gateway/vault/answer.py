"""What `fixgate vault` does, once all that opens seals is loaded."""

import argparse
import sys
from pathlib import Path
from typing import Final

import msgspec

from compliance.vault.events import Actor, VaultEvent
from compliance.vault.policy import Purpose, Role
from compliance.vault.retention import Basis, kept_until
from compliance.vault.vault import MAX_VALUE_BYTES, Vault
from engine.model.errors import OperatorError
from engine.secret import SecretBytes
from gateway.custody_commands.common import print_json, print_rows, utc
from gateway.vault.opening import open_vault

COLUMNS: Final = {
    "time": "TIME", "what": "WHAT", "by": "BY", "role": "ROLE", "purpose": "PURPOSE",
    "subject": "SUBJECT", "more": "MORE",
}  # fmt: skip

_OWN_COLUMNS: Final = frozenset({"type", "at", "actor", "subject", "nonce", "sealed"})
"""Of an event; ciphertext is nobody's business, though it is none's loss either."""


def answer(args: argparse.Namespace) -> int:
    """The exit code. Raises FixgateError."""
    vault = open_vault(args.data, args.keys, args.password_file)
    try:
        if args.action == "init":
            vault.found(args.tenant, tuple(args.admins))
            return _said(args, f"a vault of {args.tenant} is there", tenant=args.tenant)
        actor = Actor(args.who, Role(args.role), Purpose(args.purpose))
        return _ACTIONS[args.action](args, vault, actor)
    except OSError as error:
        raise OperatorError(f"{error.filename or args.data}: {error.strerror or error}") from None


def _value(path: Path | None) -> SecretBytes:
    """What was typed or piped in, or is in a file, without the end of its line."""
    if path is None:
        value = SecretBytes(sys.stdin.buffer.read(MAX_VALUE_BYTES + 2))
    else:
        with path.open("rb") as file:
            value = SecretBytes(file.read(MAX_VALUE_BYTES + 2))
    return SecretBytes(value.removesuffix(b"\n"))


# --- actions ------------------------------------------------------------------------------------


def _put(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    value = _value(args.file)
    options = {"schema": args.schema, "indexed": args.index}
    subject = vault.put(actor, args.subject, args.field, value, **options)
    return _said(args, subject, subject=subject)


def _get(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    value = vault.get(actor, args.subject, args.field).decode()
    return _said(args, value, subject=args.subject, field=args.field, value=value)


def _find(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    found = vault.search(actor, args.field, _value(args.file))
    return _said(args, "\n".join(found) or "nobody has it", subjects=list(found))


def _retain(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    basis = Basis(args.basis)
    until = kept_until(basis, args.ended)
    vault.retain(actor, args.subject, basis, until)
    return _said(args, f"kept until {utc(until)[:10]}", subject=args.subject, until=until)


def _erase(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    if args.decide:
        vault.decide_erasure(actor, args.subject)
        return _said(args, f"{args.subject} is erased", subject=args.subject, erased=True)
    vault.propose_erasure(actor, args.subject)
    return _said(args, "a second person has to decide", subject=args.subject, erased=False)


def _tombstones(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    if args.apply is not None:
        vault.bury(actor, args.apply.read_bytes())
    lines = vault.tombstones(actor).decode().splitlines()
    return _said(args, "\n".join(lines), tombstones=lines)


def _grant(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    role = Role(args.granted)
    if args.revoke:
        vault.revoke(actor, args.principal, role)
        state = "revoked"
    elif args.decide:
        vault.decide_grant(actor, args.principal, role)
        state = "granted"
    else:
        vault.propose_grant(actor, args.principal, role)
        state = "proposed"
    told = {"principal": args.principal, "role": args.granted, "state": state}
    return _said(args, f"{args.granted} for {args.principal}: {state}", **told)


def _rotate(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    number = vault.rotate(actor)
    return _said(args, f"all data keys are wrapped by key {number}", key=number)


def _log(args: argparse.Namespace, vault: Vault, actor: Actor) -> int:
    rows = [_row(event) for event in vault.log(actor)]
    rows = [row for row in rows if args.subject in (None, row["subject"])]
    if args.json:
        print_json(rows)
    else:
        print_rows(COLUMNS, rows, "nothing has happened")
    return 0


_ACTIONS: Final = {
    "put": _put, "get": _get, "find": _find, "retain": _retain, "erase": _erase,
    "tombstones": _tombstones, "grant": _grant, "rotate": _rotate, "log": _log,
}  # fmt: skip


def _row(event: VaultEvent) -> dict[str, str]:
    actor = getattr(event, "actor", None)
    more = {
        name: msgspec.to_builtins(getattr(event, name))
        for name in event.__struct_fields__
        if name not in _OWN_COLUMNS
    }
    return {
        "time": utc(event.at),
        "what": str(event.__struct_config__.tag),
        "by": actor.by if actor else "",
        "role": actor.role if actor else "",
        "purpose": actor.purpose if actor else "",
        "subject": getattr(event, "subject", ""),
        "more": " ".join(f"{name}={value}" for name, value in more.items()),
    }


def _said(args: argparse.Namespace, text: str, **told: object) -> int:
    if args.json:
        print_json(told)
    else:
        print(text)
    return 0
