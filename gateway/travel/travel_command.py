"""`fixgate travel`: who is behind an address, and what the other provider is told. The command line
loads this for every command, so it loads nothing of the records."""

import argparse
from pathlib import Path
from typing import Final

from gateway.custody_commands.common import Actions, add_actions
from gateway.custody_commands.place import need_custody

METHODS: Final = ("signature", "small-transfer", "meeting", "other")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate travel` takes."""
    actions = add_actions(parser)
    know = _add(actions, "know", "say who is behind an address; another agrees", who=True)
    _add_address(know)
    know.add_argument("--vasp-name", metavar="NAME", help="of the provider that keeps it")
    know.add_argument("--lei", help="of that provider")
    know.add_argument("--vasp-country", metavar="CC", default="", help="of that provider")
    know.add_argument(
        "--beneficiary-legal-name", metavar="NAME",
        help="of the firm that has the address there; human beings are not supported",
    )  # fmt: skip
    know.add_argument("--beneficiary-lei", metavar="LEI", default="", help="if it has one")
    know.add_argument("--beneficiary-country", metavar="CC", default="", help="of registration")
    know.add_argument(
        "--self-hosted", choices=METHODS, help="the customer's own; how that was shown"
    )
    know.add_argument("--verified", metavar="DAY", help="when, such as 2026-11-20")
    know.add_argument("--evidence", metavar="TEXT", help="where the proof is kept")
    _add_seat(_add(actions, "customer", "say where a customer is registered", who=True))
    agree = _add(actions, "agree", "agree on another's proposal: it is in force", who=True)
    agree.add_argument("number", type=int, metavar="NUMBER", help="of the proposal")
    revoke = _add(actions, "revoke", "say that an address is not known any more", who=True)
    _add_address(revoke)
    revoke.add_argument("--text", required=True, help="why")
    _add(actions, "list", "show what is in force, and what waits for a second person")
    show = _add(actions, "show", "show what is known of an address")
    _add_address(show)
    message = _add(actions, "message", "show the message of a withdrawal, IVMS101.2023")
    message.add_argument("--out", type=Path, metavar="FILE", help="write it to a new file")
    sent = _add(actions, "sent", "say that the message of a withdrawal was sent", who=True)
    sent.add_argument("--sha256", required=True, metavar="HEX", help="of what was sent")
    for one in (message, sent):
        one.add_argument("id", metavar="ID", help="of the withdrawal, such as W00000001")


def _add(actions: Actions, name: str, text: str, *, who: bool = False) -> argparse.ArgumentParser:
    """One action, and what of the common it takes."""
    made = actions.add_parser(name, help=text, description=text)
    made.set_defaults(action=name)
    made.add_argument("--data", type=Path, required=True, help="the venue's data folder")
    made.add_argument("--json", action="store_true", help="print JSON")
    if who:
        made.add_argument("--as", dest="who", required=True, metavar="ID", help="who does it")
    return made


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="0x and 40 hex digits")
    parser.add_argument("--account", required=True, help="that sends to it")


def _add_seat(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("member", metavar="MEMBER", help="of the venue")
    parser.add_argument("--street", required=True)
    parser.add_argument("--building", required=True, help="its number, or its name")
    parser.add_argument("--postcode", default="")
    parser.add_argument("--town", required=True)
    parser.add_argument("--country", required=True, metavar="CC", help="ISO 3166-1")
    parser.add_argument(
        "--latin-name", default="", metavar="NAME", help="if its legal name has other letters"
    )


def run_travel(args: argparse.Namespace) -> int:
    """Raises OperatorError."""
    need_custody()
    from gateway.travel.travel_answer import answer

    return answer(args)
