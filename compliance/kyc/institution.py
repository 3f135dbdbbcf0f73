"""The file of an institution: what it has told, with people as opaque ids.

A person's name is nowhere in it: the vault has it (compliance.vault), and its id of that person is
the id here. The firm's own name is public.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from compliance.vault.subject_id import SUBJECT_ID
from engine.model.identifiers import is_lei

WHOLE_BPS: Final = 10_000
"""All of a firm, basis points."""

OWNER_BPS: Final = 2_500
"""From which share on somebody is a beneficial owner, basis points: 25% (Regulation (EU)
2024/1624, Article 52). A firm may have none of that kind: then its directors stand in for them."""

MAX_ENTRIES: Final = 200
"""Directors, traders, documents or accounts of one firm. Own value: it bounds an event."""

MAX_NAME: Final = 350
"""Longest name, characters: as long as screening compares."""

_LEGAL_FORM: Final = re.compile(r"[0-9A-Z]{4}\Z")
_COUNTRY: Final = re.compile(r"[A-Z]{2}\Z")
_SHORT_CODE: Final = re.compile(r"[!-~]{1,64}\Z")
_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")


class Kind(StrEnum):
    """What a document shows."""

    INCORPORATION = "incorporation"
    OWNERSHIP = "ownership"
    SIGNATORIES = "signatories"
    IDENTITY = "identity"
    LICENCE = "licence"
    SOURCE_OF_FUNDS = "source_of_funds"
    OTHER = "other"


REQUIRED: Final = (Kind.INCORPORATION, Kind.OWNERSHIP, Kind.SIGNATORIES)
"""Kinds that every file has. Own choice."""

REQUIRED_OF_HIGH_RISK: Final = Kind.SOURCE_OF_FUNDS
"""What a firm of high risk has besides before it is approved (Regulation (EU)
2024/1624, Article 34(4))."""


class Owner(Struct, frozen=True, array_like=True):
    """A beneficial owner, and its share in basis points."""

    person: str
    share_bps: int


class Trader(Struct, frozen=True, array_like=True):
    """Somebody who trades for the firm, and its short code in PartyID(448), role 12."""

    person: str
    short_code: str


class Document(Struct, frozen=True, array_like=True):
    """A document, by SHA-256 in hexadecimal: where it is kept is not our business."""

    kind: Kind
    sha256: str


class Institution(Struct, frozen=True, array_like=True):
    """A firm. legal_form: ISO 20275. country: ISO 3166-1, two letters. parent: the LEI of the firm
    that consolidates it, empty for none. house: those accounts at the venue that trade for its own
    book. market_maker: it has an agreement with the venue."""

    lei: str
    name: str
    legal_form: str
    country: str
    parent: str
    owners: tuple[Owner, ...]
    directors: tuple[str, ...]
    traders: tuple[Trader, ...]
    documents: tuple[Document, ...]
    house: tuple[str, ...] = ()
    market_maker: bool = False


def names_of(firm: Institution) -> tuple[str, ...]:
    """All whose names are screened: the firm's own name, and ids of people, each once."""
    return (firm.name, *people_of(firm))


def people_of(firm: Institution) -> tuple[str, ...]:
    """Ids of people, each once."""
    people = [owner.person for owner in firm.owners]
    people += [*firm.directors, *(trader.person for trader in firm.traders)]
    return tuple(dict.fromkeys(people))


def problem(firm: Institution) -> str:
    """What is wrong with a file; empty for nothing."""
    return _firm_problem(firm) or _people_problem(firm) or _document_problem(firm.documents)


def _firm_problem(firm: Institution) -> str:
    if not is_lei(firm.lei):
        return f"lei: {firm.lei!r} is none (ISO 17442)"
    if not firm.name.strip() or len(firm.name) > MAX_NAME or SUBJECT_ID.match(firm.name):
        return f"name: a firm's name has 1 to {MAX_NAME} characters"
    if _LEGAL_FORM.match(firm.legal_form) is None:
        return f"legal_form: {firm.legal_form!r} is none: four characters (ISO 20275)"
    if _COUNTRY.match(firm.country) is None:
        return f"country: {firm.country!r} is none: two capitals (ISO 3166-1)"
    if firm.parent and (firm.parent == firm.lei or not is_lei(firm.parent)):
        return f"parent: {firm.parent!r} is no other firm's LEI"
    return _listed_problem("house", firm.house)


def _people_problem(firm: Institution) -> str:
    for person in people_of(firm):
        if SUBJECT_ID.match(person) is None:
            return f"{person!r} is no person's id: s- and 32 hexadecimal digits"
    for owner in firm.owners:
        if not OWNER_BPS <= owner.share_bps <= WHOLE_BPS:
            return f"owners: {owner.share_bps} bp: one has {OWNER_BPS} to {WHOLE_BPS}"
    total = sum(owner.share_bps for owner in firm.owners)
    if total > WHOLE_BPS:
        return f"owners: {total} bp in all, more than {WHOLE_BPS}"
    if not firm.directors:
        return "directors: a firm has one at least"
    for trader in firm.traders:
        if _SHORT_CODE.match(trader.short_code) is None:
            return f"traders: {trader.short_code!r} is no short code: 1 to 64 visible characters"
    return (
        _listed_problem("owners", [owner.person for owner in firm.owners])
        or _listed_problem("directors", firm.directors)
        or _listed_problem("traders", [trader.person for trader in firm.traders])
        or _listed_problem("traders", [trader.short_code for trader in firm.traders])
    )


def _document_problem(documents: Sequence[Document]) -> str:
    for document in documents:
        if _SHA256.match(document.sha256) is None:
            return f"documents: {document.sha256!r} is no SHA-256 in small hexadecimal digits"
    there = {document.kind for document in documents}
    missing = [kind for kind in REQUIRED if kind not in there]
    if missing:
        return f"documents: {', '.join(missing)} missing"
    return _listed_problem("documents", [document.sha256 for document in documents])


def _listed_problem(what: str, entries: Sequence[str]) -> str:
    if len(entries) > MAX_ENTRIES:
        return f"{what}: {len(entries)}; at most {MAX_ENTRIES}"
    twice = next((one for k, one in enumerate(entries) if one in entries[:k]), None)
    return "" if twice is None else f"{what}: {twice!r} is there twice"
