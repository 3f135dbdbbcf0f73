"""`fixgate screen`: a name or an address against the configured sanctions lists. The command line
loads this for every command, so it loads nothing that compares."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from compliance.vault.policy import Role
from engine.model.errors import OperatorError

MATCHER_PACKAGE: Final = "rapidfuzz"
"""What comes with the extra `compliance` alone."""


STANDARD_INPUT: Final = "-"
"""In place of a name, which other processes see in a command, and shells keep."""

ROLES: Final = (Role.ONBOARDING.value, Role.COMPLIANCE.value, Role.MLRO.value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate screen` takes."""
    parser.epilog = "Exit codes: 0 nobody is like it, 10 somebody is, 1 it could not be screened."
    parser.add_argument("--config", type=Path, required=True, help="the venue's YAML file")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument(
        "--name", help="of a person or a firm, in Latin letters; -: a line of standard input"
    )
    asked.add_argument("--wallet", metavar="ADDRESS", help="on whatever chain")
    asked.add_argument("--subject", metavar="ID", help="somebody of the vault; with --data")
    parser.add_argument("--data", type=Path, help="write it down in this venue's data folder")
    parser.add_argument("--as", dest="who", metavar="ID", help="who asks; with --data")
    parser.add_argument("--role", choices=ROLES, help="as what; with --data, but for addresses")
    parser.add_argument("--about", default="asked by hand", help="what it is about; with --data")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_screen(args: argparse.Namespace) -> int:
    """Raises OperatorError, ConfigError."""
    if (args.data is None) != (args.who is None):
        raise OperatorError("--data and --as go together: who asks is written down")
    if args.subject is not None and args.data is None:
        raise OperatorError("--subject goes with --data, in which the vault is")
    if args.wallet is None and (args.data is None) != (args.role is None):
        raise OperatorError("--data and --role go together: the vault asks for the role")
    if args.wallet is None and find_spec(MATCHER_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.screening.answer import answer

    return answer(args)
