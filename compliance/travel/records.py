"""What people know of an address, or of a customer, that a message of the travel rule needs.

Nothing here names a human being: a beneficiary is a firm, and a self-hosted address is the
customer's own. So these records may lie in events that nobody can erase.
"""

import re
from datetime import date
from enum import StrEnum
from typing import Final, Union

from msgspec import Struct

from compliance.travel.countries import COUNTRIES
from compliance.travel.ivms101 import day_named
from engine.model.identifiers import is_lei

MAX_EVIDENCE: Final = 500
"""Characters that say where the proof of an ownership is kept."""

NAME_LENGTH: Final = 100
STREET_LENGTH: Final = 70
TOWN_LENGTH: Final = 35
SHORT_LENGTH: Final = 16
"""Longest texts of IVMS101, characters: names, streets, towns, numbers and postcodes."""

_LATIN: Final = re.compile(r"[ -~]+\Z")


class Method(StrEnum):
    """How somebody was shown to own a self-hosted address. Own words for what EBA/GL/2024/11
    names."""

    SIGNATURE = "signature"
    """A message of ours was signed by the address's key."""
    SMALL_TRANSFER = "small-transfer"
    """An amount that we named came from the address."""
    MEETING = "meeting"
    """They were seen to use it."""
    OTHER = "other"


class Subject(Struct, frozen=True, array_like=True):
    """What a record is about: an address to which an account sends (of: the account), or a
    customer's seat (of: the member; no address). Of one subject one record is in force."""

    of: str
    address: str = ""


class Firm(Struct, frozen=True, array_like=True):
    """A legal person; name: in Latin letters. lei, country: empty if nobody knows."""

    name: str
    lei: str = ""
    country: str = ""


class AtProvider(Struct, frozen=True, array_like=True, tag=1):
    """Another provider keeps the address, for a customer of its own."""

    provider: Firm
    beneficiary: Firm


class SelfHosted(Struct, frozen=True, array_like=True, tag=2):
    """The account's customer holds its keys itself, and has shown so. verified: the day, as
    2026-11-20. evidence: where the proof is kept."""

    method: Method
    verified: str
    evidence: str


class Seat(Struct, frozen=True, array_like=True, tag=3):
    """Where a firm is registered. latin: its legal name in Latin letters, if the name in its file
    has others or is too long."""

    street: str
    building: str
    town: str
    country: str
    postcode: str = ""
    latin: str = ""


Known = Union[AtProvider, SelfHosted, Seat]  # noqa: UP007 - msgspec wants the union as a value


def problem(known: Known, today: date) -> str:
    """What is wrong with a record; empty for nothing."""
    match known:
        case AtProvider(provider, beneficiary):
            if not provider.lei:
                return "the provider's LEI is missing: by a name alone nobody can be sent anything"
            return firm_problem("provider", provider) or firm_problem("beneficiary", beneficiary)
        case SelfHosted(_, verified, evidence):
            day = day_named(verified)
            if day is None or day > today:
                return f"verified: {verified!r} is no day up to today, such as 2026-11-20"
            if not evidence.strip() or len(evidence) > MAX_EVIDENCE:
                return f"evidence: 1 to {MAX_EVIDENCE} characters that say where it is kept"
            return ""
        case Seat():
            return seat_problem(known)


def seat_problem(seat: Seat) -> str:
    """What is wrong with a seat; empty for nothing."""
    return (
        latin_problem("street", seat.street, STREET_LENGTH)
        or latin_problem("building", seat.building, SHORT_LENGTH)
        or latin_problem("town", seat.town, TOWN_LENGTH)
        or country_problem("country", seat.country)
        or (latin_problem("postcode", seat.postcode, SHORT_LENGTH) if seat.postcode else "")
        or (latin_problem("latin name", seat.latin, NAME_LENGTH) if seat.latin else "")
    )


def firm_problem(what: str, firm: Firm) -> str:
    """What is wrong with a firm; empty for nothing."""
    if firm.lei and not is_lei(firm.lei):
        return f"{what}: {firm.lei!r} is no LEI (ISO 17442)"
    wrong = latin_problem(f"{what}: name", firm.name, NAME_LENGTH)
    return wrong or (country_problem(f"{what}: country", firm.country) if firm.country else "")


def latin_problem(what: str, text: str, most: int) -> str:
    """What is wrong with a text that IVMS101 wants in Latin letters; empty for nothing."""
    if len(text) <= most and text.strip() and _LATIN.match(text):
        return ""
    return f"{what}: {text[:most]!r} has to be 1 to {most} Latin letters (ASCII): transliterate it"


def country_problem(what: str, code: str) -> str:
    """What is wrong with a country; empty for nothing."""
    return "" if code in COUNTRIES else f"{what}: {code!r} is none: two capitals (ISO 3166-1)"
