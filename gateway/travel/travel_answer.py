"""What `fixgate travel` does, once all that it needs is loaded."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from compliance.event_file import EventsBusy
from compliance.travel.desk import TravelDesk, TravelRefused
from compliance.travel.events import Composed, Proposed
from compliance.travel.records import AtProvider, Firm, Known, Method, Seat, SelfHosted, Subject
from custody.chains.calldata import AddressMalformed, parse_address
from engine.model.errors import OperatorError
from gateway.at_the_venue import identity_at, names_at
from gateway.custody_commands.common import fields_text, print_json, print_rows, utc, visible
from gateway.flow.system_clock import SystemClock, silent
from gateway.travel.books import open_travel
from gateway.turns import by_turns

COLUMNS: Final = {
    "number": "NUMBER", "state": "STATE", "of": "OF", "address": "ADDRESS", "kind": "KIND",
    "who": "WHO", "by": "BY", "agreed": "AGREED BY",
}  # fmt: skip

KINDS: Final = {AtProvider: "provider", SelfHosted: "self-hosted", Seat: "seat"}


class Venue:
    """The records of a data folder. Raises OperatorError if there is no venue."""

    def __init__(self, data: Path) -> None:
        self.file = open_travel(data, identity_at(data))
        self.desk = TravelDesk(self.file)
        self._now = SystemClock(silent).now

    def do(self, act: Callable[[TravelDesk, int], object]) -> None:
        """Decide at this time; once more if somebody else is writing."""
        by_turns(lambda: act(self.desk, self._now()), EventsBusy, self.desk.look)


def answer(args: argparse.Namespace) -> int:
    """One action; the exit code. Raises OperatorError."""
    try:
        return ACTIONS[args.action](args)
    except (TravelRefused, AddressMalformed) as error:
        raise OperatorError(str(error)) from None
    except OSError as error:
        raise OperatorError(f"{error.filename or args.data}: {error.strerror or error}") from None


# --- records ----------------------------------------------------------------------------------


def _know(args: argparse.Namespace) -> int:
    _account(args)
    return _propose(args, _subject(args), _known(args))


def _known(args: argparse.Namespace) -> Known:
    """What was typed of an address: one of the two, and all of it."""
    theirs = (args.vasp_name, args.lei, args.beneficiary_legal_name)
    own = (args.self_hosted, args.verified, args.evidence)
    if all(theirs) and not any(own):
        provider = Firm(args.vasp_name, args.lei, args.vasp_country)
        firm = Firm(args.beneficiary_legal_name, args.beneficiary_lei, args.beneficiary_country)
        return AtProvider(provider, firm)
    if all(own) and not any((*theirs, args.beneficiary_lei, args.beneficiary_country)):
        return SelfHosted(Method(args.self_hosted), args.verified, args.evidence)
    raise OperatorError(
        "give --vasp-name, --lei and --beneficiary-legal-name of an address that another provider"
        " keeps, or --self-hosted, --verified and --evidence of the customer's own"
    )


def _customer(args: argparse.Namespace) -> int:
    members = [member.name for member in names_at(args.data).members.values()]
    if args.member not in members:
        raise OperatorError(f"{visible(args.member)} is no member: {', '.join(members[:20])} are")
    seat = Seat(args.street, args.building, args.town, args.country, args.postcode, args.latin_name)
    return _propose(args, Subject(args.member), seat)


def _propose(args: argparse.Namespace, subject: Subject, known: Known) -> int:
    venue = Venue(args.data)
    venue.do(lambda desk, now: desk.propose(subject, known, args.who, now))
    number, _ = venue.desk.proposals[subject]
    if args.json:
        print_json({"number": number})
    else:
        print(f"proposal {number} waits for somebody else: fixgate travel agree {number}")
    return 0


def _agree(args: argparse.Namespace) -> int:
    venue = Venue(args.data)
    venue.do(lambda desk, now: desk.agree(args.number, args.who, now))
    return _said(args, f"{args.number} is in force", number=args.number)


def _revoke(args: argparse.Namespace) -> int:
    subject = _subject(args)
    Venue(args.data).do(lambda desk, now: desk.revoke(subject, args.text, args.who, now))
    return _said(args, f"{subject.address} is not known any more", address=subject.address)


def _said(args: argparse.Namespace, text: str, **told: object) -> int:
    if args.json:
        print_json(told)
    else:
        print(text)
    return 0


def _subject(args: argparse.Namespace) -> Subject:
    return Subject(args.account, parse_address(args.address))


def _account(args: argparse.Namespace) -> None:
    accounts = [account.name for account in names_at(args.data).accounts.values()]
    if args.account not in accounts:
        raise OperatorError(
            f"{visible(args.account)} is no account: {', '.join(accounts[:20])} are"
        )


# --- shown ------------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> int:
    rows = _rows(Venue(args.data).desk)
    if args.json:
        print_json(rows)
    else:
        shown = [{key: str(row[key]) for key in COLUMNS} for row in rows]
        print_rows(COLUMNS, shown, "nothing is known, and nothing proposed")
    return 0


def _rows(desk: TravelDesk) -> list[dict[str, Any]]:
    rows = [
        _row("in force", record.number, record.proposal, record.agreed.by)
        for record in desk.records.values()
    ]
    rows += [_row("proposed", number, event, "") for number, event in desk.proposals.values()]
    return sorted(rows, key=lambda row: row["number"])


def _row(state: str, number: int, event: Proposed, agreed: str) -> dict[str, Any]:
    known = event.known
    return {
        "number": number, "state": state, "of": event.subject.of, "address": event.subject.address,
        "kind": KINDS[type(known)], "who": _who(known), "by": event.by, "agreed": agreed,
        "proposed": utc(event.at), "known": _fields(known),
    }  # fmt: skip


def _who(known: Known) -> str:
    """What is known, in a line."""
    if isinstance(known, AtProvider):
        provider, firm = known.provider, known.beneficiary
        return f"{firm.name}, at {provider.name} ({provider.lei})"
    if isinstance(known, SelfHosted):
        return f"the customer itself: {known.method}, {known.verified}"
    return ", ".join((known.street, known.building, known.town, known.country))


def _show(args: argparse.Namespace) -> int:
    subject = _subject(args)
    rows = [
        row
        for row in _rows(Venue(args.data).desk)
        if (row["of"], row["address"]) == (subject.of, subject.address)
    ]
    if args.json:
        print_json(rows)
        return 0
    if not rows:
        print(f"nobody has said who is behind {subject.address} for {visible(subject.of)}")
    for row in rows:
        known = row.pop("known")
        fields = [(key, str(value)) for key, value in row.items() if key != "who" and value != ""]
        fields += [(key, _words(value)) for key, value in known.items() if value]
        print(fields_text(fields))
    return 0


def _fields(known: Known) -> dict[str, Any]:
    """What is known, by name."""
    fields = msgspec.structs.asdict(known)
    return {
        name: msgspec.structs.asdict(value) if isinstance(value, Firm) else value
        for name, value in fields.items()
    }


def _words(value: str | dict[str, str]) -> str:
    """A text, or a firm's name, LEI and country."""
    return value if isinstance(value, str) else ", ".join(filter(None, value.values()))


# --- messages ---------------------------------------------------------------------------------


def _message(args: argparse.Namespace) -> int:
    venue = Venue(args.data)
    events = open_travel(args.data, identity_at(args.data)).read(0)
    found = [e for e in events if isinstance(e, Composed) and e.withdrawal == args.id]
    if not found:
        raise OperatorError(
            f"no message of {visible(args.id)} is composed: `fixgate withdrawals show` says whether"
            " it waits for one, and what is missing"
        )
    last = found[-1]
    if args.out is not None:
        with args.out.open("xb") as file:
            file.write(last.message)
    sent = venue.desk.told[args.id].sent
    if args.json:
        message = msgspec.json.decode(last.message)
        print_json({**_facts(last), "sends": last.sends, "sent": sent, "ivms101": message})
        return 0
    state = "for no other provider: kept" if not last.sends else "sent" if sent else "to be sent"
    print(fields_text([*_facts(last).items(), ("state", state)]))
    print(visible(last.message.decode()))
    return 0


def _facts(event: Composed) -> dict[str, str]:
    names = ("withdrawal", "account", "asset", "amount", "destination", "sha256")
    return {"composed": utc(event.at)} | {name: getattr(event, name) for name in names}


def _sent(args: argparse.Namespace) -> int:
    Venue(args.data).do(lambda desk, now: desk.sent(args.id, args.sha256, args.who, now))
    return _said(args, f"the message of {args.id} is sent", withdrawal=args.id)


ACTIONS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "know": _know,
    "customer": _customer,
    "agree": _agree,
    "revoke": _revoke,
    "list": _list,
    "show": _show,
    "message": _message,
    "sent": _sent,
}
