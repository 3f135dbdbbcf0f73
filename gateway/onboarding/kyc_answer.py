"""What `fixgate kyc` does, once all that it needs is loaded."""

import argparse
from collections.abc import Callable, Mapping
from typing import Final

from compliance.kyc.desk import KycDesk, KycRefused
from compliance.kyc.events import Basis
from compliance.kyc.institution import problem
from compliance.kyc.words import Act, Risk, Role, State
from compliance.vault.policy import Purpose
from engine.model.errors import FixgateError, OperatorError
from gateway.custody_commands.common import print_json
from gateway.onboarding import kyc_show, kyc_venue
from gateway.onboarding.application import (
    Application,
    draft_ids,
    institution_of,
    read_application,
)
from gateway.onboarding.customers import Customers

Deed = Callable[[KycDesk, int], object]


def answer(args: argparse.Namespace) -> int:
    """One action; the exit code. Raises OperatorError."""
    try:
        customers = Customers(args.data)
        if args.action in WHOLE:
            return WHOLE[args.action](args, customers)
        customers.one(args.customer)
        customers.do(ACTS[args.action](args))
        return _told(args, customers, args.customer)
    except KycRefused as error:
        raise OperatorError(str(error)) from None
    except OSError as error:
        raise OperatorError(f"{error.filename or args.data}: {error.strerror}") from None


def _invite(args: argparse.Namespace, customers: Customers) -> int:
    customers.do(lambda desk, now: desk.invite(args.member, args.who, now))
    return _told(args, customers, max(customers.desk.customers))


def _submit(args: argparse.Namespace, customers: Customers) -> int:
    """The names, and the file behind them; both are looked at before, so that nothing is kept of a
    file that is refused."""
    customers.one(args.customer)
    application = read_application(args.file)
    draft = institution_of(application, draft_ids(application.people))
    if wrong := problem(draft):
        raise OperatorError(f"{args.file}: {wrong}")
    customers.desk.submission(args.customer, draft, args.who, customers.clock.now())
    ids = _kept(args, customers, application)
    if args.json:
        state = str(customers.one(args.customer).state)
        print_json({"customer": args.customer, "state": state, "people": ids})
        return 0
    for key, person in ids.items():
        print(f"{key} is {person}")
    return _told(args, customers, args.customer)


def _kept(
    args: argparse.Namespace, customers: Customers, application: Application
) -> Mapping[str, str]:
    """The id of each person, by its key, once the vault has the new ones and a customer the file.
    Raises OperatorError, VaultRefused."""
    from compliance.vault.errors import SubjectUnknown
    from gateway.vault.people import People

    people = People(args.data, args.config, args.who, args.role, Purpose.ONBOARDING)
    ids = {key: p.id for key, p in application.people.items() if p.id is not None}
    for key, person in ids.items():
        try:
            people.name(person)
        except SubjectUnknown:
            raise OperatorError(f"people.{key}: nobody is known as {person!r}") from None
    new: list[str] = []
    try:
        for key, p in application.people.items():
            if p.name is not None:
                ids[key] = people.keep(p.name)
                new.append(f"{key} is {ids[key]}")
        firm = institution_of(application, ids)
        customers.do(lambda desk, now: desk.submit(args.customer, firm, args.who, now))
    except (FixgateError, KycRefused, OSError) as error:
        if not new:
            raise
        raise OperatorError(
            f"{error}; hand the file in again with these ids in place of their names, which the"
            f" vault has: {', '.join(new)}"
        ) from None
    return ids


def _screen(args: argparse.Namespace, customers: Customers) -> int:
    from gateway.onboarding.kyc_screen import screen

    return screen(args, customers)


def _questions(args: argparse.Namespace, customers: Customers) -> int:
    from gateway.onboarding.kyc_questions import show_questions

    return show_questions(args, customers)


def _decide(args: argparse.Namespace, customers: Customers) -> int:
    from gateway.onboarding.kyc_ended import decided

    customers.one(args.customer)
    deed = _decision(args)
    kept = decided(args, customers, lambda: customers.do(deed))
    return _told(args, customers, args.customer, kept)


WHOLE: Final[dict[str, Callable[[argparse.Namespace, Customers], int]]] = {
    "invite": _invite,
    "submit": _submit,
    "screen": _screen,
    "questions": _questions,
    "decide": _decide,
    "list": kyc_show.list_all,
    "show": kyc_show.show,
    "review_due": kyc_show.review_due,
    "apply": kyc_venue.apply,
    "links": kyc_venue.links,
}
"""Actions that are more than one decision, or none."""


def _basis(args: argparse.Namespace) -> Basis:
    """What is in force, which a decision names."""
    from gateway.onboarding.providers import basis_in_force

    return basis_in_force(args.config)


def _judge(a: argparse.Namespace) -> Deed:
    return lambda d, now: d.judge(a.customer, a.name, Role(a.role), a.same, a.text, a.who, now)


def _assess(a: argparse.Namespace) -> Deed:
    basis = _basis(a)
    return lambda d, now: d.assess(a.customer, Risk(a.risk), a.text, basis, a.who, now)


def _propose(a: argparse.Namespace) -> Deed:
    risk = None if a.risk is None else Risk(a.risk)
    return lambda d, now: d.propose(a.customer, Act(a.act), Role(a.role), a.text, a.who, now, risk)


def _decision(a: argparse.Namespace) -> Deed:
    basis, agreed = _basis(a), a.decision == "agree"
    return lambda d, now: d.decide(a.customer, agreed, Role(a.role), a.text, basis, a.who, now)


def _activate(a: argparse.Namespace) -> Deed:
    basis = _basis(a)
    return lambda d, now: d.activate(a.customer, basis, a.who, now)


def _move(a: argparse.Namespace) -> Deed:
    return lambda d, now: d.move(a.customer, State(a.to), a.text, a.who, now)


ACTS: Final[dict[str, Callable[[argparse.Namespace], Deed]]] = {
    "judge": _judge,
    "assess": _assess,
    "propose": _propose,
    "activate": _activate,
    "move": _move,
}
"""Actions that are one decision about one customer."""


def _told(
    args: argparse.Namespace,
    customers: Customers,
    number: int,
    kept: Mapping[str, str] | None = None,
) -> int:
    """kept: by person, until which day the vault keeps who has left by this."""
    state = customers.one(number).state
    if args.json:
        more = {"kept_until": kept} if kept else {}
        print_json({"customer": number, "state": str(state), **more})
        return 0
    print(f"customer {number} is {state}")
    for person, day in (kept or {}).items():
        print(f"{person} is kept until {day}")
    return 0
