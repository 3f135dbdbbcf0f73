"""What `fixgate hold` does."""

import argparse
import secrets
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from engine.journal.follow import JournalReader
from engine.model.commands import Origin, SetHold
from engine.model.enums import HOLD_FROZEN, HOLD_NONE, HOLD_RESTRICTED
from engine.model.errors import OperatorError
from engine.model.events import HoldLiftAsked
from engine.model.ids import NOBODY
from engine.model.ingress import Reply
from engine.model.refdata import Account, ReferenceData
from gateway.at_the_venue import journal_of, names_of, venue_of
from gateway.custody_commands.common import print_json, print_rows, utc, visible
from gateway.flow.system_clock import SystemClock, silent
from gateway.ingress.client import IngressClient

LEVELS: Final = {"none": HOLD_NONE, "restricted": HOLD_RESTRICTED, "frozen": HOLD_FROZEN}

COLUMNS: Final = {
    "account": "ACCOUNT", "level": "LEVEL", "since": "SINCE", "by": "BY", "hold": "HOLD",
    "asked": "ASKED", "reason": "REASON",
}  # fmt: skip

REFERENCE_BYTES: Final = 8
"""Random bytes of a reference that nobody has chosen."""

LEVEL_NAMES: Final = {level: name for name, level in LEVELS.items()}
"""What a level is called."""


def answer(args: argparse.Namespace) -> int:
    """The exit code. Raises OperatorError."""
    if args.action == "set":
        return _set(args)
    return _lift(args) if args.action == "lift" else _list(args)


def _set(args: argparse.Namespace) -> int:
    with journal_of(args.data) as reader:
        names = names_of(args.data, reader)
        accounts = _chosen(args, names)
        commands = [_command(args, account, LEVELS[args.level]) for account in accounts]
        return _say(args, tell(args.data, reader, names, commands))


def _lift(args: argparse.Namespace) -> int:
    with journal_of(args.data) as reader:
        venue = venue_of(args.data, reader)
        held = venue.state.holds.items()
        number = next((number for number, hold in held if hold.reference == args.hold), None)
        if number is None:
            raise OperatorError(f"no account is held by {visible(args.hold)}: see `hold list`")
        account = venue.refdata.accounts[number]
        command = _command(args, account, LEVELS[args.to], args.hold)
        return _say(args, tell(args.data, reader, venue.refdata, [command]))


def _list(args: argparse.Namespace) -> int:
    with journal_of(args.data) as reader:
        venue = venue_of(args.data, reader)
        rows = [
            {
                "account": venue.refdata.accounts[number].name,
                "level": LEVEL_NAMES[hold.level],
                "since": utc(reader.read(venue.state.references[hold.reference]).time),
                "by": hold.by,
                "hold": hold.reference,
                "asked": f"{LEVEL_NAMES[hold.asked]} by {hold.asked_by}" if hold.asked_by else "",
                "reason": hold.reason,
            }
            for number, hold in sorted(venue.state.holds.items())
        ]
    if args.json:
        print_json(rows)
    else:
        print_rows(COLUMNS, rows, "no account is held")
    return 0


def _chosen(args: argparse.Namespace, names: ReferenceData) -> list[Account]:
    """The accounts that are meant. Raises OperatorError."""
    accounts = names.accounts.values()
    if args.account is not None:
        found = [account for account in accounts if account.name == args.account]
    else:
        members = {member.id for member in names.members.values() if member.name == args.member}
        found = [account for account in accounts if account.member in members]
    if not found:
        wanted = visible(args.account or args.member)
        raise OperatorError(f"the venue knows no account of that name: {wanted}")
    return found


def _command(args: argparse.Namespace, account: Account, level: int, of: str = "") -> SetHold:
    """One person's word on an account; its reference tells accounts of one command apart."""
    chosen = args.reference or f"hold/{secrets.token_hex(REFERENCE_BYTES)}"
    origin = Origin(NOBODY, 0, SystemClock(silent).now())
    reference = f"{chosen}/{account.id}"
    return SetHold(origin, account.id, level, args.reason, reference, args.who, of)


def tell(
    data: Path, reader: JournalReader, names: ReferenceData, commands: Sequence[SetHold]
) -> list[dict[str, object]]:
    """Say it to core; what came of each. Raises OperatorError if core does not answer."""
    rows = []
    for command, reply in zip(commands, _ask(data, commands), strict=True):
        row: dict[str, object] = {
            "account": names.accounts[command.account].name,
            "level": LEVEL_NAMES[command.level],
            "reference": command.reference,
            "record": reply.record,
            "refused": reply.refusal,
            "waits": False,
        }
        if not reply.refusal:
            events = reader.read(reply.record).events
            row["waits"] = any(isinstance(event, HoldLiftAsked) for event in events)
        rows.append(row)
    return rows


def _say(args: argparse.Namespace, rows: Sequence[dict[str, object]]) -> int:
    """Say what came of each; the exit code."""
    if args.json:
        print_json(rows)
    else:
        for row in rows:
            print(words(row))
    return 1 if any(row["refused"] for row in rows) else 0


def _ask(data: Path, commands: Sequence[SetHold]) -> list[Reply]:
    """What core answers. Raises OperatorError if it does not, with what to do then."""
    try:
        with closing(IngressClient(data)) as client:
            return client.ask(*commands)
    except OSError as error:
        sent = ", ".join(command.reference for command in commands)
        raise OperatorError(
            f"core does not answer ({error}): is the venue running? See `fixgate hold list` whether"
            f" it has taken {sent}; sent again with the same --reference, it is taken once"
        ) from None


def words(row: dict[str, object]) -> str:
    """What came of one command, for people."""
    account, reference = visible(str(row["account"])), row["reference"]
    if row["refused"]:
        return f"{account}: refused: {row['refused']}"
    if row["waits"]:
        return f"{account}: {reference} waits for a second person, record {row['record']}"
    return f"{account} is held to {row['level']} by {reference}, record {row['record']}"
