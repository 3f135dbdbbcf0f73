"""What follows from a decision that ends a customer: until when its people are kept.

Regulation (EU) 2024/1624, Article 77(3): five years from the end of the business relationship, or
from the day on which it was refused.
"""

import argparse
from collections.abc import Callable
from datetime import date

from compliance.kyc.leaving import people_left
from compliance.kyc.states import Customer
from compliance.kyc.words import ENDED, Act
from compliance.vault.errors import SubjectGone, VaultRefused
from compliance.vault.policy import Purpose
from compliance.vault.retention import day
from compliance.vault.subject_id import SUBJECT_ID
from engine.model.errors import OperatorError
from gateway.onboarding.customers import Customers
from gateway.vault.people import People


def decided(
    args: argparse.Namespace, customers: Customers, decide: Callable[[], None]
) -> dict[str, str]:
    """Decide, and tell the vault if a customer has ended by it: by person, until which day. The
    vault is opened before, so that where there is none nothing is decided. Raises OperatorError."""
    customer = customers.one(args.customer)
    proposal = customer.proposal
    ends = proposal is not None and proposal.act in (Act.CLOSE, Act.REJECT)
    people = None
    if ends and args.decision == "agree" and _leavers(customers, customer):
        people = People(args.data, args.config, args.who, args.role, Purpose.ONBOARDING)
    decide()
    if people is None or customer.state not in ENDED:
        return {}
    return _told(people, customer, _leavers(customers, customer))


def _leavers(customers: Customers, customer: Customer) -> list[str]:
    """Ids from before the vault are not in it."""
    found = people_left(customers.desk.customers.values(), customer)
    return [person for person in found if SUBJECT_ID.match(person)]


def _told(people: People, customer: Customer, leavers: list[str]) -> dict[str, str]:
    """Those who are erased already are left out."""
    ended = day(customer.since)
    kept: dict[str, str] = {}
    untold: list[str] = []
    why = ""
    for person in leavers:
        try:
            kept[person] = day(people.ended(person, date.fromisoformat(ended)))
        except SubjectGone:
            continue
        except (VaultRefused, OperatorError, OSError) as error:
            untold.append(person)
            why = str(error)
    if untold:
        raise OperatorError(
            f"customer {customer.id} is {customer.state}, but the vault was not told since when"
            f" ({why}): type `fixgate vault retain ID --basis aml --ended {ended}` for each of:"
            f" {', '.join(untold)}"
        )
    return kept
