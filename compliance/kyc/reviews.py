"""When a customer's file is to be looked at again, by its risk."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from compliance.kyc.states import Customer
from compliance.kyc.words import LIVE, Risk
from engine.model.clock import NANOS_PER_DAY

YEAR_NS: Final = 365 * NANOS_PER_DAY
"""A year, ns: of a leap year's days one fewer, so that nothing is due too late."""

REVIEW_YEARS: Final = {Risk.HIGH: 1, Risk.MEDIUM: 2, Risk.LOW: 3}
"""Own values, within what Regulation (EU) 2024/1624, Article 26(2) allows: at most one year for
high risks and five for others."""


class Due(NamedTuple):
    """A customer whose review is due, and since when, ns UTC."""

    customer: int
    due: int


def review_at(customer: Customer) -> int | None:
    """When a customer's file is to be looked at again, ns UTC; None if that is not for now."""
    if customer.state not in LIVE:
        return None
    assert customer.risk is not None
    return customer.reviewed + REVIEW_YEARS[customer.risk] * YEAR_NS


def reviews_due(customers: Iterable[Customer], now: int) -> list[Due]:
    """Whose review is due at `now`, ns UTC, the longest first."""
    dates = ((customer.id, review_at(customer)) for customer in customers)
    found = [Due(number, at) for number, at in dates if at is not None and at <= now]
    return sorted(found, key=lambda row: (row.due, row.customer))
