"""`fixgate vault`: personal data, and who reads it. The command line loads this for every command,
so it loads nothing that opens a file or a seal.

A value is read from a file or from standard input, never from the command line: other processes
see that, and shells keep it.
"""

import argparse
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from compliance.vault.policy import Purpose, Role
from compliance.vault.retention import Basis
from engine.model.errors import OperatorError
from gateway.children import COMPLIANCE_PACKAGE

_ROLES: Final = [role.value for role in Role]

Add = Callable[[str, str], argparse.ArgumentParser]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate vault` takes."""
    parser.epilog = "Each action has --help, and --json for programs."
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def plain(name: str, text: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=text)
        made.set_defaults(action=name)
        made.add_argument("--data", type=Path, required=True, help="the venue's data folder")
        made.add_argument("--keys", type=Path, required=True, help="key file, on another disk")
        made.add_argument("--password-file", type=Path, required=True, help="opens the key file")
        made.add_argument("--json", action="store_true", help="print JSON")
        return made

    def add(name: str, text: str) -> argparse.ArgumentParser:
        made = plain(name, text)
        made.add_argument("--as", dest="who", required=True, metavar="ID", help="who asks")
        made.add_argument("--role", required=True, choices=_ROLES, help="as what")
        purposes = [purpose.value for purpose in Purpose]
        made.add_argument("--purpose", required=True, choices=purposes, help="what for")
        return made

    init = plain("init", "make a vault, and its keys")
    init.add_argument("--tenant", required=True, metavar="NAME", help="whose it is")
    init.add_argument("--admins", required=True, nargs=2, metavar="ID", help="who give access")
    _add_values(add)
    _add_erasure(add)
    grant = add("grant", "propose that somebody is to have a role; a second admin decides")
    grant.add_argument("principal", metavar="ID")
    grant.add_argument("granted", metavar="ROLE", choices=_ROLES)
    second = grant.add_mutually_exclusive_group()
    second.add_argument("--decide", action="store_true", help="agree with the proposal")
    second.add_argument("--revoke", action="store_true", help="take the role away, at once")
    add("rotate", "wrap all data keys by a new key; or go on with that, if it was cut")
    log = add("log", "show what has happened; that it was read, too, is written down")
    log.add_argument("--subject", metavar="SUBJECT", help="of this one alone")


def _add_values(add: Add) -> None:
    put = add("put", "keep a value, read from standard input")
    put.add_argument("subject", nargs="?", default="", metavar="SUBJECT", help="else a new one")
    put.add_argument("--schema", type=int, default=1, metavar="N", help="version of the field")
    put.add_argument("--index", action="store_true", help="let it be found by `find`")
    get = add("get", "print a value, once it is written down that it is read")
    get.add_argument("subject", metavar="SUBJECT")
    find = add("find", "name the subjects with a value, read from standard input")
    for made in (put, get, find):
        made.add_argument("--field", required=True, metavar="NAME")
    for made in (put, find):
        made.add_argument("--file", type=Path, help="read the value from here instead")


def _add_erasure(add: Add) -> None:
    retain = add("retain", "say when a relationship ended, for the years that a law adds to it")
    retain.add_argument("subject", metavar="SUBJECT")
    retain.add_argument("--basis", required=True, choices=[basis.value for basis in Basis])
    retain.add_argument("--ended", required=True, type=_day, metavar="YYYY-MM-DD")
    erase = add("erase", "propose that a subject is erased; a second person decides, for good")
    erase.add_argument("subject", metavar="SUBJECT")
    erase.add_argument("--decide", action="store_true", help="destroy the key")
    stones = add("tombstones", "list who was erased, to be kept apart from copies of the vault")
    stones.add_argument("--apply", type=Path, metavar="FILE", help="erase again whom it names")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a day is YYYY-MM-DD") from None


def run_vault(args: argparse.Namespace) -> int:
    """Raises FixgateError."""
    if find_spec(COMPLIANCE_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.vault.answer import answer

    return answer(args)
