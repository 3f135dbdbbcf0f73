"""The venue as other providers know it, by its configuration."""

from msgspec import Struct

from compliance.settings import TravelRuleSettings
from compliance.travel.records import Firm, Seat, firm_problem, seat_problem


class Provider(Struct, frozen=True):
    """This venue as others know it."""

    firm: Firm
    seat: Seat


def provider_of(settings: TravelRuleSettings) -> Provider:
    """The venue that a configuration speaks of, well formed or not: see provider_problem."""
    at = settings.address
    seat = Seat(at.street, at.building, at.town, at.country, at.postcode)
    return Provider(Firm(settings.name, settings.lei, settings.country), seat)


def provider_problem(provider: Provider) -> str:
    """What is wrong with it; empty for nothing."""
    wrong = seat_problem(provider.seat)
    if wrong:
        return f"address.{wrong}"
    firm = provider.firm
    if not firm.lei or not firm.country:
        return "name, lei and country are what others know the venue by: give all three"
    return firm_problem("the venue", firm)
