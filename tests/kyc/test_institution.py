"""What a file of an institution has to be."""

import pytest
from msgspec.structs import replace

from compliance.kyc.institution import (
    MAX_ENTRIES,
    Document,
    Kind,
    Owner,
    Trader,
    names_of,
    problem,
)
from tests.kyc.support import DIRECTOR, FIRM, LEI, NAMES, OWNER, PARENT, TRADER


def people(count, first=16):
    return tuple(f"s-{k:032x}" for k in range(first, first + count))


def owners(*shares):
    return tuple(Owner(*row) for row in zip(people(len(shares)), shares, strict=True))


def documents(*kinds):
    return tuple(Document(kind, f"{k:064x}") for k, kind in enumerate(kinds))


REQUIRED = (Kind.INCORPORATION, Kind.OWNERSHIP, Kind.SIGNATORIES)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"parent": PARENT},
        {"owners": ()},
        {"owners": owners(2_500, 2_500, 2_500, 2_500)},
        {"owners": owners(10_000)},
        {"directors": people(MAX_ENTRIES)},
        {"traders": ()},
        {"documents": documents(*REQUIRED)},
    ],
)
def test_files_that_are_good(changed):
    assert problem(replace(FIRM, **changed)) == ""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"lei": LEI[:-1] + "3"}, "lei: "),
        ({"name": " "}, "name: "),
        ({"name": "x" * 351}, "name: "),
        ({"name": OWNER}, "name: "),
        ({"legal_form": "LTD"}, "legal_form: "),
        ({"country": "gb"}, "country: "),
        ({"parent": "X"}, "parent: "),
        ({"parent": LEI}, "parent: "),
        ({"owners": owners(2_499)}, "owners: 2499 bp"),
        ({"owners": owners(10_001)}, "owners: 10001 bp"),
        ({"owners": owners(5_000, 5_001)}, "owners: 10001 bp in all"),
        ({"owners": (Owner(OWNER, 3_000), Owner(OWNER, 3_000))}, "is there twice"),
        ({"owners": (Owner("Anna Berg", 3_000),)}, "is no person's id"),
        ({"directors": ()}, "directors: "),
        ({"directors": (DIRECTOR, DIRECTOR)}, "directors: "),
        ({"directors": ("p-1",)}, "is no person's id"),
        ({"directors": people(MAX_ENTRIES + 1)}, "at most 200"),
        ({"traders": (Trader(TRADER, "T 7"),)}, "is no short code"),
        ({"traders": (Trader(TRADER, ""),)}, "is no short code"),
        ({"traders": (Trader(TRADER, "A"), Trader(OWNER, "A"))}, "traders: 'A' is there twice"),
        ({"traders": (Trader(TRADER, "A"), Trader(TRADER, "B"))}, "is there twice"),
        ({"documents": documents(*REQUIRED[:2])}, "documents: signatories missing"),
        ({"documents": (Document(Kind.OTHER, "A" * 64),)}, "no SHA-256"),
        ({"documents": documents(*REQUIRED) * 2}, "is there twice"),
        ({"house": ("A", "A")}, "house: 'A' is there twice"),
    ],
)
def test_files_that_are_not(changed, why):
    assert why in problem(replace(FIRM, **changed))


def test_everybody_is_screened_once():
    assert names_of(FIRM) == NAMES
