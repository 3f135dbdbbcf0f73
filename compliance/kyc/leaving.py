"""Whose time with the venue has ended, when a customer's has."""

from collections.abc import Iterable

from compliance.kyc.events import Submitted
from compliance.kyc.institution import people_of
from compliance.kyc.states import Customer
from compliance.kyc.words import ENDED


def people_left(customers: Iterable[Customer], leaver: Customer) -> list[str]:
    """People of all files that a customer has handed in, the refused and the replaced ones too,
    without those of customers who are still there."""
    still = {
        person
        for other in customers
        if other is not leaver and other.state not in ENDED
        for person in _people(other)
    }
    return [person for person in _people(leaver) if person not in still]


def _people(customer: Customer) -> dict[str, None]:
    files = (e.institution for e in customer.history if isinstance(e, Submitted))
    return dict.fromkeys(person for file in files for person in people_of(file))
