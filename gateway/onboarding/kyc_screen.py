"""`fixgate kyc screen`: names that the lists and the firm in force were not asked about."""

import argparse
from collections.abc import Callable
from typing import Final

from compliance.kyc.provider import NotAsked, Provider, basis_of, hits_of
from compliance.kyc.states import SCREENED_IN, Customer
from compliance.screening.matcher import NothingToCompare
from compliance.screening.verdict import Verdict
from compliance.screenings import Screened, ScreeningFile
from compliance.vault.errors import SubjectGone, SubjectUnknown
from compliance.vault.policy import Purpose
from compliance.vault.subject_id import SUBJECT_ID
from engine.model.errors import OperatorError
from gateway.custody_commands.common import print_json, print_rows
from gateway.onboarding.customers import Customers
from gateway.onboarding.providers import provider_in_force
from gateway.screening.evidence import Keeper, open_screenings
from gateway.vault.people import People

UNCLEAR: Final = 10
"""Exit code: somebody is like one on a list, and nobody has said that it is another."""

COLUMNS: Final = {
    "customer": "CUSTOMER", "state": "STATE", "name": "NAME", "hits": "HITS", "clear": "CLEAR",
}  # fmt: skip


class NotScreened(OperatorError):
    """A name that could not be asked about: it is not cleared, and keeps no other from it."""


def screen(args: argparse.Namespace, customers: Customers) -> int:
    """The exit code. Raises OperatorError; what was screened before stays."""
    provider = provider_in_force(args.config, args.data, args.who)
    chosen = list(customers.desk.customers.values())
    if args.customer is not None:
        chosen = [customers.one(args.customer)]
    people = People(args.data, args.config, args.who, args.role, Purpose.SANCTIONS)
    run = Run(args.who, customers, provider, open_screenings(customers.data), people.name)
    chosen = [customer for customer in chosen if customer.state in SCREENED_IN]
    rows, troubles = [], []
    for customer in chosen:
        for name in run.owed(customer):
            try:
                rows.append(run.one(customer, name))
            except NotScreened as error:
                troubles.append(str(error))
    if args.json:
        print_json(rows)
    else:
        print_rows(COLUMNS, [{k: str(v) for k, v in row.items()} for row in rows], "all are")
    if troubles:
        raise OperatorError("\n".join(troubles))
    unclear = any(c.owed(provider.basis, file) for c in chosen for file in (c.file, c.amended))
    return UNCLEAR if unclear else 0


class Run:
    """One asking of all that is owed, by one person. name_of: gives the name of an id, see
    People."""

    def __init__(
        self,
        who: str,
        customers: Customers,
        provider: Provider,
        file: ScreeningFile,
        name_of: Callable[[str], str],
    ) -> None:
        self._who = who
        self._customers = customers
        self._provider = provider
        self._keeper = Keeper(file)
        self._name_of = name_of

    def owed(self, customer: Customer) -> list[str]:
        """Names that were not compared with what is in force."""
        known = customer.screened
        basis = self._provider.basis
        return [n for n in customer.names if n not in known or known[n].basis != basis]

    def one(self, customer: Customer, name: str) -> dict[str, object]:
        """Ask about a name: the answer is written down before it counts, of a person by its id."""
        verdict = self._verdict(customer, name)
        about = f"kyc: customer {customer.id}, {name}"
        now = self._customers.clock.now()
        screened = Screened(now, self._who, about, verdict, name)
        self._keeper.keep(screened)
        basis, hits = basis_of(verdict), hits_of(verdict)
        self._customers.do(
            lambda desk, now: desk.screened(customer.id, name, basis, hits, self._who, now)
        )
        return {
            "customer": customer.id,
            "state": str(customer.state),
            "name": name,
            "hits": len(hits),
            "clear": customer.screened[name].clear,
        }

    def _verdict(self, customer: Customer, name: str) -> Verdict:
        assert customer.file is not None
        firms = {customer.file.name}
        if customer.amended is not None:
            firms.add(customer.amended.name)
        try:
            asked = name if name in firms else self._called(name)
            found = self._provider.result(self._provider.submit(name, asked))
        except (SubjectGone, SubjectUnknown) as error:
            raise NotScreened(
                f"customer {customer.id}: {error}; it is not cleared: hand in a file without it, or"
                " see the customer out"
            ) from None
        except NothingToCompare as error:
            raise NotScreened(
                f"customer {customer.id}, {name}: {error}; transliterate it first, and hand the"
                " file in again: it is not cleared"
            ) from None
        except NotAsked as error:
            raise NotScreened(
                f"customer {customer.id}, {name}: {error}; it is not cleared: screen it later"
            ) from None
        if found is None:
            raise NotScreened(f"customer {customer.id}, {name}: no answer yet: screen it later")
        return found

    def _called(self, person: str) -> str:
        if not SUBJECT_ID.match(person):
            raise SubjectUnknown(f"{person} is from before the vault, which does not know it")
        return self._name_of(person)
