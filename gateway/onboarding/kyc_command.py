"""`fixgate kyc`: who becomes a customer, and stays one. The command line loads this for every
command, so it loads nothing of the customers."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from compliance.vault.policy import Purpose
from engine.model.errors import OperatorError
from gateway.custody_commands.common import Actions, add_actions
from gateway.screening.command import MATCHER_PACKAGE

ROLES: Final = ("onboarding", "compliance", "mlro")
RISKS: Final = ("low", "medium", "high")
ACTS: Final = ("approve", "reject", "release", "risk", "amend", "review", "close")
MOVES: Final = ("restricted", "suspended", "frozen", "offboarding")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate kyc` takes."""
    actions = add_actions(parser)
    _add_files(actions)
    _add_decisions(actions)
    listing = _add(actions, "list", "show customers")
    listing.add_argument("--state", help="only those that are so: invited, submitted, ...")
    show = _add(actions, "show", "show one: its file, its names, what has happened", "customer")
    show.add_argument("--names", action="store_true", help="people by name, too, out of the vault")
    show.add_argument("--config", type=Path, help="names the vault; with --names, as all below")
    show.add_argument("--as", dest="who", metavar="ID", help="who reads")
    show.add_argument("--role", choices=ROLES, help="in which role")
    show.add_argument("--purpose", choices=[purpose.value for purpose in Purpose], help="what for")
    _add(actions, "review-due", "show those whose file is to be looked at again")
    _add(actions, "apply", "hold accounts to what their customers' states say", "as")
    links = _add(actions, "links", "write who is one owner with whom, for surveillance")
    links.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")


def _add(actions: Actions, name: str, text: str, *takes: str) -> argparse.ArgumentParser:
    """One action, and what of the common it takes."""
    made = actions.add_parser(name, help=text, description=text)
    made.set_defaults(action=name.replace("-", "_"), config=None)
    made.add_argument("--data", type=Path, required=True, help="the venue's data folder")
    made.add_argument("--json", action="store_true", help="print JSON")
    if "customer" in takes:
        made.add_argument("customer", type=int, metavar="CUSTOMER", help="its number")
    if "as" in takes:
        made.add_argument("--as", dest="who", required=True, metavar="ID", help="who does it")
    if "role" in takes:
        made.add_argument("--role", required=True, choices=ROLES, help="in which role")
    if "text" in takes:
        made.add_argument("--text", required=True, help="why")
    if "config" in takes:
        made.add_argument("--config", type=Path, required=True, help="names lists and vault")
    return made


def _add_files(actions: Actions) -> None:
    """What an institution tells, and what lists say of it."""
    invite = _add(actions, "invite", "let an institution apply", "as")
    invite.add_argument("--member", required=True, metavar="NAME", help="of the venue, it will be")
    submit = _add(actions, "submit", "hand in its file", "customer", "as", "role", "config")
    submit.add_argument("file", type=Path, metavar="FILE", help="YAML")
    screen = _add(
        actions,
        "screen",
        "ask lists and provider about every name",
        "as",
        "role",
        "config",
    )
    screen.add_argument("customer", type=int, nargs="?", metavar="CUSTOMER", help="else all")
    questions = _add(actions, "questions", "show what a provider was asked, and what it said")
    questions.add_argument("--waiting", action="store_true", help="those that wait for somebody")


def _add_decisions(actions: Actions) -> None:
    """What people decide."""
    said = ("customer", "as", "text")
    judge = _add(actions, "judge", "say whether a name is one that it is like", *said, "role")
    judge.add_argument("name", metavar="NAME", help="the firm's, or a person's id")
    which = judge.add_mutually_exclusive_group(required=True)
    which.add_argument("--same", action="store_true")
    which.add_argument("--other", action="store_true")
    assess = _add(actions, "assess", "say how high the risk is", *said, "config")
    assess.add_argument("--risk", required=True, choices=RISKS)
    propose = _add(actions, "propose", "say what should be done; another decides", *said, "role")
    propose.add_argument("act", choices=ACTS)
    propose.add_argument("--risk", choices=RISKS, help="the new one; with `risk`")
    decide = _add(actions, "decide", "decide on another's proposal", *said, "role", "config")
    decide.add_argument("decision", choices=("agree", "refuse"))
    _add(actions, "activate", "begin with what was approved", "customer", "as", "config")
    move = _add(actions, "move", "hold it to less than now, or see it out", *said)
    move.add_argument("--to", required=True, choices=MOVES)


def run_kyc(args: argparse.Namespace) -> int:
    """Raises OperatorError, ConfigError."""
    if args.config is not None and find_spec(MATCHER_PACKAGE) is None:
        raise OperatorError("this needs the extra `compliance`: pip install 'fixgate[compliance]'")
    from gateway.onboarding.kyc_answer import answer

    return answer(args)
