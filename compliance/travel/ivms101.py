"""IVMS101.2023, the data that providers tell each other of a transfer, as structs, and as JSON.

Names, lengths, codes and constraints (C1 to C12) are those of the interVASP data model standard
IVMS101.2023. It is neutral as to notation: objects are nested here as its entities and components
are, an account number in its Person; other programs put some elsewhere.

Not here: transferPath with its constraint C12, and phonetic names: this venue sends neither.
"""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from compliance.travel.countries import COUNTRIES
from engine.model.identifiers import is_lei

VERSION: Final = "101.2023"
"""PayloadVersionCode."""

MAX_MESSAGE_BYTES: Final = 64 * 1024
"""Largest message that is read, bytes. Own value: ours have some 2,000."""

_LATIN: Final = r"^[ -~]"
"""Texts are printable ASCII, but in local names: the standard's `Latin characters and numbers`."""

Max16 = Annotated[str, Meta(pattern=_LATIN + r"{1,16}\Z")]
Max35 = Annotated[str, Meta(pattern=_LATIN + r"{1,35}\Z")]
Max50 = Annotated[str, Meta(pattern=_LATIN + r"{1,50}\Z")]
Max70 = Annotated[str, Meta(pattern=_LATIN + r"{1,70}\Z")]
Max100 = Annotated[str, Meta(pattern=_LATIN + r"{1,100}\Z")]
Max512 = Annotated[str, Meta(pattern=_LATIN + r"{1,512}\Z")]
Local100 = Annotated[str, Meta(pattern=r"^.{1,100}\Z")]
CountryCode = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
Authority = Annotated[str, Meta(pattern=r"^RA[0-9]{6}\Z")]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]

MAX_EACH: Final = 20
"""Most of what may be there several times. Own value: the standard has none."""


class AddressType(StrEnum):
    """GEOG: where somebody is, of whatever nature."""

    HOME = "HOME"
    BIZZ = "BIZZ"
    GEOG = "GEOG"


class NaturalNameType(StrEnum):
    """The nature of a person's name."""

    ALIAS = "ALIA"
    BIRTH = "BIRT"
    MAIDEN = "MAID"
    LEGAL = "LEGL"
    MISC = "MISC"


class LegalNameType(StrEnum):
    """The nature of a firm's name."""

    LEGAL = "LEGL"
    SHORT = "SHRT"
    TRADING = "TRAD"


class IdentifierType(StrEnum):
    """NationalIdentifierTypeCode."""

    ALIEN = "ARNU"
    PASSPORT = "CCPT"
    REGISTRATION = "RAID"
    DRIVER = "DRLC"
    INVESTOR = "FIIN"
    TAX = "TXID"
    SOCIAL = "SOCS"
    IDENTITY_CARD = "IDCD"
    LEI = "LEIX"
    MISC = "MISC"


OF_FIRMS: Final = frozenset(
    {IdentifierType.REGISTRATION, IdentifierType.MISC, IdentifierType.LEI, IdentifierType.TAX}
)
"""Identifiers that a legal person may have (C7)."""


class _Part(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True,
    rename="camel",
):  # fmt: skip
    """What is not known is left out."""


class Address(_Part, frozen=True, kw_only=True):
    """Adapted by the standard from PostalAddress6 of ISO 20022."""

    address_type: AddressType
    department: Max50 | None = None
    sub_department: Max70 | None = None
    street_name: Max70 | None = None
    building_number: Max16 | None = None
    building_name: Max35 | None = None
    floor: Max70 | None = None
    post_box: Max16 | None = None
    room: Max70 | None = None
    postcode: Max16 | None = None
    town_name: Max35
    town_location_name: Max35 | None = None
    district_name: Max35 | None = None
    country_sub_division: Max35 | None = None
    address_line: Annotated[tuple[Max70, ...], Meta(max_length=7)] = ()
    country: CountryCode


class NationalIdentification(_Part, frozen=True, kw_only=True):
    """country_of_issue: never of a legal person (C9)."""

    national_identifier: Max35
    national_identifier_type: IdentifierType
    country_of_issue: CountryCode | None = None
    registration_authority: Authority | None = None


class NaturalName(_Part, frozen=True, kw_only=True):
    """primary: the family name, or all of a name that cannot be divided."""

    primary_identifier: Max100
    secondary_identifier: Max100 | None = None
    natural_person_name_identifier_type: NaturalNameType


class LocalNaturalName(_Part, frozen=True, kw_only=True):
    """The same in local characters."""

    primary_identifier: Local100
    secondary_identifier: Local100 | None = None
    name_identifier_type: NaturalNameType


class NaturalNames(_Part, frozen=True, kw_only=True):
    """One of them is the legal one (C6)."""

    name_identifier: Annotated[tuple[NaturalName, ...], Meta(min_length=1, max_length=MAX_EACH)]
    local_name_identifier: Annotated[
        tuple[LocalNaturalName, ...], Meta(max_length=MAX_EACH)
    ] = ()  # fmt: skip


class Birth(_Part, frozen=True, kw_only=True):
    """DateAndPlaceOfBirth."""

    date_of_birth: Day
    place_of_birth: Max70


Addresses = Annotated[tuple[Address, ...], Meta(max_length=MAX_EACH)]


class NaturalPerson(_Part, frozen=True, kw_only=True):
    """A human being."""

    name: NaturalNames
    geographic_address: Addresses = ()
    national_identification: NationalIdentification | None = None
    customer_identification: Max50 | None = None
    date_and_place_of_birth: Birth | None = None
    country_of_residence: CountryCode | None = None


class LegalName(_Part, frozen=True, kw_only=True):
    """A firm's name, and of which nature it is."""

    legal_person_name: Max100
    legal_person_name_identifier_type: LegalNameType


class LocalLegalName(_Part, frozen=True, kw_only=True):
    """The same in local characters."""

    legal_person_name: Local100
    legal_person_name_identifier_type: LegalNameType


class LegalNames(_Part, frozen=True, kw_only=True):
    """One of them is the legal one (C5)."""

    name_identifier: Annotated[tuple[LegalName, ...], Meta(min_length=1, max_length=MAX_EACH)]
    local_name_identifier: Annotated[tuple[LocalLegalName, ...], Meta(max_length=MAX_EACH)] = ()


class LegalPerson(_Part, frozen=True, kw_only=True):
    """A firm."""

    name: LegalNames
    geographic_address: Addresses = ()
    customer_identification: Max50 | None = None
    national_identification: NationalIdentification | None = None
    country_of_registration: CountryCode | None = None


class Person(_Part, frozen=True, kw_only=True):
    """Either a natural or a legal one."""

    natural_person: NaturalPerson | None = None
    legal_person: LegalPerson | None = None
    account_number: Annotated[tuple[Max512, ...], Meta(max_length=MAX_EACH)] = ()


Persons = Annotated[tuple[Person, ...], Meta(min_length=1, max_length=MAX_EACH)]


class Originator(_Part, frozen=True, kw_only=True):
    """Whose coins leave."""

    originator_person: Persons


class Beneficiary(_Part, frozen=True, kw_only=True):
    """Who is to have them."""

    beneficiary_person: Persons


class OriginatingVasp(
    _Part, frozen=True, kw_only=True, rename={"originating_vasp": "originatingVASP"}
):
    """The provider that sends."""

    originating_vasp: Person


class BeneficiaryVasp(
    _Part, frozen=True, kw_only=True, rename={"beneficiary_vasp": "beneficiaryVASP"}
):
    """The provider that receives."""

    beneficiary_vasp: Person


class PayloadMetadata(_Part, frozen=True, kw_only=True):
    """Which version this is."""

    payload_version: Annotated[str, Meta(pattern=r"^101\.2023\Z")]


class Payload(
    _Part, frozen=True, kw_only=True,
    rename={
        "originating_vasp": "originatingVASP", "beneficiary_vasp": "beneficiaryVASP",
        "payload_metadata": "payloadMetadata",
    },
):  # fmt: skip
    """All of a message. beneficiary_vasp: none of a self-hosted address."""

    originator: Originator
    beneficiary: Beneficiary
    originating_vasp: OriginatingVasp
    beneficiary_vasp: BeneficiaryVasp | None = None
    payload_metadata: PayloadMetadata


class PayloadRefused(ValueError):
    """It is no message of IVMS101.2023: the text says which constraint it breaks, and where."""


encode_payload: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(Payload).decode


def read_payload(data: bytes, today: date) -> Payload:
    """A message of somebody's, checked. Raises PayloadRefused."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise PayloadRefused(f"a message has at most {MAX_MESSAGE_BYTES:,} bytes")
    try:
        found = _DECODE(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadRefused(str(error)) from None
    if wrong := problem(found, today):
        raise PayloadRefused(wrong)
    return found


# --- constraints ------------------------------------------------------------------------------


def problem(payload: Payload, today: date) -> str:
    """Which constraint between its fields a message breaks, and where; empty for none. Lengths and
    codes of single texts are checked as it is read. C10: that a registration authority is on
    GLEIF's list is not looked up, its form alone is."""
    for k, person in enumerate(payload.originator.originator_person):
        if wrong := _person(person, today) or _originator(person):
            return f"originator[{k}]: {wrong}"
    for k, person in enumerate(payload.beneficiary.beneficiary_person):
        if wrong := _person(person, today):
            return f"beneficiary[{k}]: {wrong}"
    if wrong := _person(payload.originating_vasp.originating_vasp, today):
        return f"originatingVASP: {wrong}"
    other = payload.beneficiary_vasp
    wrong = "" if other is None else _person(other.beneficiary_vasp, today)
    return f"beneficiaryVASP: {wrong}" if wrong else ""


def _person(person: Person, today: date) -> str:
    natural, legal = person.natural_person, person.legal_person
    if natural is not None and legal is None:
        return _natural(natural, today)
    if legal is not None and natural is None:
        return _legal(legal)
    return "a person is either a natural or a legal one"


def _natural(person: NaturalPerson, today: date) -> str:
    names = person.name.name_identifier
    if all(n.natural_person_name_identifier_type != NaturalNameType.LEGAL for n in names):
        return "C6: none of the names is the legal one"
    birth = person.date_and_place_of_birth
    if birth is not None:
        day = day_named(birth.date_of_birth)
        if day is None or day >= today:
            return f"C2: {birth.date_of_birth} is no day in the past"
    national = person.national_identification
    issuer = None if national is None else national.country_of_issue
    return _countries(person.country_of_residence, issuer) or _addresses(person.geographic_address)


def _legal(person: LegalPerson) -> str:
    names = person.name.name_identifier
    if all(n.legal_person_name_identifier_type != LegalNameType.LEGAL for n in names):
        return "C5: none of the names is the legal one"
    national = person.national_identification
    wrong = "" if national is None else _identifier_of_firm(national)
    wrong = wrong or _countries(person.country_of_registration)
    return wrong or _addresses(person.geographic_address)


def _identifier_of_firm(national: NationalIdentification) -> str:
    kind = national.national_identifier_type
    if kind not in OF_FIRMS:
        return f"C7: a legal person has no {kind}"
    if national.country_of_issue is not None:
        return "C9: a legal person's identifier has no country of issue"
    if (national.registration_authority is None) != (kind is IdentifierType.LEI):
        return "C9: an LEI has no registration authority, any other identifier has one"
    if kind is IdentifierType.LEI and not is_lei(national.national_identifier):
        return f"C11: {national.national_identifier} is no LEI (ISO 17442)"
    return ""


def _originator(person: Person) -> str:
    """C1 and C4: more of the originator than a name."""
    natural, legal = person.natural_person, person.legal_person
    if natural is not None:
        more = (
            natural.geographic_address,
            natural.customer_identification,
            natural.national_identification,
            natural.date_and_place_of_birth,
        )
        return "" if any(more) else "C1: a name alone does not say who it is"
    assert legal is not None
    placed = any(a.address_type is AddressType.GEOG for a in legal.geographic_address)
    if placed or legal.customer_identification or legal.national_identification:
        return ""
    return "C4: a name alone does not say which firm it is"


def _addresses(addresses: tuple[Address, ...]) -> str:
    for address in addresses:
        building = address.building_number or address.building_name
        if not address.address_line and not (address.street_name and building):
            return "C8: an address has lines, or a street with a building"
        if wrong := _countries(address.country):
            return wrong
    return ""


def _countries(*codes: str | None) -> str:
    unknown = [code for code in codes if code is not None and code not in COUNTRIES]
    return f"C3: {unknown[0]} is no country (ISO 3166-1)" if unknown else ""


_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z", re.ASCII)


def day_named(text: str) -> date | None:
    """A day as IVMS101 writes it; None if there is none of that name."""
    found = _DAY.match(text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
