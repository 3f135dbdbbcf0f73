"""`fixgate hold`: what the venue holds accounts to. The command line loads this for every command,
so it loads nothing that reads the journal."""

import argparse
from pathlib import Path

LEVELS = ("restricted", "frozen")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate hold` takes."""
    parser.epilog = "Each action has --help, and --json for programs."
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=text)
        made.set_defaults(action=name)
        made.add_argument("--data", type=Path, required=True, help="the venue's data folder")
        made.add_argument("--json", action="store_true", help="print JSON")
        return made

    def say(made: argparse.ArgumentParser) -> None:
        made.add_argument("--reason", required=True, help="for the venue; no member sees it")
        made.add_argument("--as", dest="who", required=True, metavar="ID", help="who says so")
        made.add_argument(
            "--reference",
            metavar="NAME",
            help="of this command, which is taken once; the account's number is put behind it",
        )

    setting = add("set", "hold an account, or all that a member has, from now on")
    whose = setting.add_mutually_exclusive_group(required=True)
    whose.add_argument("--account", metavar="NAME")
    whose.add_argument("--member", metavar="NAME", help="all accounts that it has now")
    setting.add_argument("--level", required=True, choices=LEVELS)
    say(setting)
    lifting = add("lift", "hold an account to less; it is done when a second person says so, too")
    lifting.add_argument("hold", metavar="HOLD", help="its reference, as `list` shows it")
    lifting.add_argument("--to", default="none", choices=("none", LEVELS[0]))
    say(lifting)
    add("list", "show the accounts that are held, and what has been asked for")


def run_hold(args: argparse.Namespace) -> int:
    """Raises OperatorError."""
    from gateway.holds.hold_answer import answer

    return answer(args)
