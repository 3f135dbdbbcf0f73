"""What `fixgate kyc` shows: lists, and one customer."""

import argparse
from typing import Final

import msgspec

from compliance.kyc.events import KycEvent
from compliance.kyc.reviews import review_at, reviews_due
from compliance.kyc.states import Customer, Standing
from compliance.vault.subject_id import SUBJECT_ID
from engine.model.errors import OperatorError
from gateway.custody_commands.common import fields_text, print_json, print_list, utc, visible
from gateway.onboarding.customers import Customers

COLUMNS: Final = {
    "customer": "CUSTOMER", "state": "STATE", "member": "MEMBER", "firm": "FIRM", "risk": "RISK",
    "review": "REVIEW", "proposal": "PROPOSAL",
}  # fmt: skip

DUE_COLUMNS: Final = {"customer": "CUSTOMER", "member": "MEMBER", "risk": "RISK", "due": "DUE"}


def list_all(args: argparse.Namespace, customers: Customers) -> int:
    """The newest first."""
    rows = [_row(customer) for customer in reversed(customers.desk.customers.values())]
    return print_list(args, COLUMNS, rows, "no customers")


def review_due(args: argparse.Namespace, customers: Customers) -> int:
    """The longest due first."""
    known = customers.desk.customers
    rows = [
        {
            "customer": str(number),
            "member": known[number].member,
            "risk": str(known[number].risk),
            "due": utc(due),
        }
        for number, due in reviews_due(known.values(), customers.clock.now())
    ]
    return print_list(args, DUE_COLUMNS, rows, "nobody is due")


def show(args: argparse.Namespace, customers: Customers) -> int:
    """One customer; with --names people by name, too."""
    customer = customers.one(args.customer)
    row = _row(customer)
    called = _called(args, customer) if args.names else {}
    names = [
        {
            "name": name,
            "called": called.get(name, ""),
            "standing": _standing(customer.screened.get(name)),
        }
        for name in customer.names
    ]
    history = [_happened(event) for event in customer.history]
    if args.json:
        files = {"file": customer.file, "amended": customer.amended}
        print_json({**row, **msgspec.to_builtins(files), "names": names, "history": history})
        return 0
    fields = list(row.items())
    fields += [(n["name"], f"{n['called']} {n['standing']}".strip()) for n in names]
    fields += [(utc(int(h["at"])), f"{h['what']} by {h['by']} {h['text']}") for h in history]
    print(fields_text(fields))
    return 0


def _row(customer: Customer) -> dict[str, str]:
    proposal, due = customer.proposal, review_at(customer)
    return {
        "customer": str(customer.id),
        "state": str(customer.state),
        "member": customer.member,
        "firm": "" if customer.file is None else customer.file.name,
        "risk": "" if customer.risk is None else str(customer.risk),
        "review": "" if due is None else utc(due),
        "proposal": ""
        if proposal is None
        else f"{proposal.act} by {proposal.by} until {utc(proposal.expires)}",
    }


def _called(args: argparse.Namespace, customer: Customer) -> dict[str, str]:
    """Names of a customer's people, by their ids, as far as they are there: each reading is written
    down."""
    if None in (args.who, args.role, args.purpose, args.config):
        raise OperatorError(
            "--names goes with --config, --as, --role and --purpose: who reads names, and what for,"
            " is written down"
        )
    from compliance.vault.errors import SubjectGone, SubjectUnknown
    from gateway.vault.people import People

    people = People(args.data, args.config, args.who, args.role, args.purpose)
    found = {}
    for person in filter(SUBJECT_ID.match, customer.names):
        try:
            found[person] = people.name(person)
        except SubjectGone:
            found[person] = "(erased)"
        except SubjectUnknown:
            found[person] = "(not in the vault)"
    return found


def _standing(standing: Standing | None) -> str:
    if standing is None:
        return "not screened"
    hits = ", ".join(f"{hit.source} {hit.number}" for hit in standing.hits)
    if not hits:
        return "clear"
    return f"like others: {hits}" if standing.clear else f"like: {hits}"


def _happened(event: KycEvent) -> dict[str, str]:
    """An event in words: what happened, by whom, and what goes with it."""
    fields = ("member", "name", "act", "risk", "agreed", "same", "to", "role", "text")
    said = [(name, getattr(event, name, None)) for name in fields]
    words = [f"{name}: {value}" for name, value in said if value is not None]
    return {
        "at": str(event.at),
        "what": type(event).__name__,
        "by": event.by,
        "text": visible("; ".join(words)),
    }
