"""IVMS101.2023: its constraints, by our reader and by the JSON Schema that comes with it."""

import datetime
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import compliance.travel
from compliance.travel import ivms101
from compliance.travel.countries import COUNTRIES
from compliance.travel.ivms101 import PayloadRefused, encode_payload, problem, read_payload
from tests.kyc.support import LEI, PARENT

SCHEMA = Path(compliance.travel.__file__).parent / "schemas" / "ivms101-2023.json"
VALIDATOR = Draft202012Validator(
    json.loads(SCHEMA.read_text()), format_checker=Draft202012Validator.FORMAT_CHECKER
)
TODAY = datetime.date(2026, 11, 29)
ADDRESS = {"addressType": "GEOG", "streetName": "Potential Street", "buildingNumber": "24",
           "buildingName": "Weathering Views", "postcode": "91765", "townName": "Walnut",
           "countrySubDivision": "California", "country": "US"}  # fmt: skip
ALICE = {
    "name": {
        "nameIdentifier": [{"primaryIdentifier": "Smith", "secondaryIdentifier": "Dr Alice",
                            "naturalPersonNameIdentifierType": "LEGL"}],
        "localNameIdentifier": [{"primaryIdentifier": "Смит", "nameIdentifierType": "LEGL"}],
    },
    "geographicAddress": [ADDRESS],
    "nationalIdentification": {"nationalIdentifier": "446005", "nationalIdentifierType": "RAID",
                               "registrationAuthority": "RA000553"},
    "customerIdentification": "1002390",
    "dateAndPlaceOfBirth": {"dateOfBirth": "1990-02-25", "placeOfBirth": "Walnut"},
    "countryOfResidence": "US",
}  # fmt: skip
FIRM = {
    "name": {
        "nameIdentifier": [
            {"legalPersonName": "ABC Limited", "legalPersonNameIdentifierType": "LEGL"},
            {"legalPersonName": "CBA Trading", "legalPersonNameIdentifierType": "TRAD"},
        ]
    },
    "geographicAddress": [ADDRESS],
    "customerIdentification": "7",
    "nationalIdentification": {"nationalIdentifier": LEI, "nationalIdentifierType": "LEIX"},
    "countryOfRegistration": "GB",
}
MESSAGE = {
    "originator": {"originatorPerson": [
        {"legalPerson": FIRM, "accountNumber": ["ACME", "0x00"]},
        {"naturalPerson": ALICE, "accountNumber": ["10023909"]},
    ]},
    "beneficiary": {"beneficiaryPerson": [
        {"legalPerson": {"name": FIRM["name"]}, "accountNumber": ["00010190CBATRAD"]},
        {"naturalPerson": {"name": ALICE["name"]}},
    ]},
    "originatingVASP": {"originatingVASP": {"legalPerson": FIRM}},
    "beneficiaryVASP": {"beneficiaryVASP": {"legalPerson": FIRM}},
    "payloadMetadata": {"payloadVersion": "101.2023"},
}  # fmt: skip
GONE = object()
LEGAL = ("originator", "originatorPerson", 0, "legalPerson")
NATURAL = ("originator", "originatorPerson", 1, "naturalPerson")
PLACE = (*LEGAL, "geographicAddress", 0)
IDENT = (*LEGAL, "nationalIdentification")
BIRTH = (*NATURAL, "dateAndPlaceOfBirth")
NAMES = (*LEGAL, "name", "nameIdentifier")


def changed(*changes):
    """The message with things put in other places, or taken out."""
    tree = json.loads(json.dumps(MESSAGE))
    for path, value in changes:
        at = tree
        for step in path[:-1]:
            at = at[step]
        if value is GONE:
            del at[path[-1]]
        else:
            at[path[-1]] = value
    return tree


def read(tree):
    return read_payload(json.dumps(tree).encode(), TODAY)


def test_a_message_of_firms_and_people_is_read_as_it_was_written():
    found = read(MESSAGE)
    assert json.loads(encode_payload(found)) == MESSAGE
    VALIDATOR.validate(MESSAGE)


def leaves(*keys):
    return [(key, GONE) for key in keys]


WHO = ("geographicAddress", "customerIdentification", "nationalIdentification")
BROKEN = [
    # (what is said, changes, whether the schema can say it too)
    ("C1", leaves(*[(*NATURAL, k) for k in (*WHO, "dateAndPlaceOfBirth")]), True),
    ("C2", [((*BIRTH, "dateOfBirth"), "2026-11-29")], False),
    ("C2", [((*BIRTH, "dateOfBirth"), "1990-02-30")], True),
    ("C3", [((*PLACE, "country"), "ZZ")], False),
    ("C3", [((*NATURAL, "countryOfResidence"), "UK")], False),
    ("C3", [(("originatingVASP", "originatingVASP", "legalPerson", "countryOfRegistration"),
             "QQ")], False),
    ("C4", leaves(*[(*LEGAL, k) for k in WHO]), True),
    ("C4", [*leaves((*LEGAL, WHO[1]), IDENT), ((*PLACE, "addressType"), "BIZZ")], True),
    ("C5", [((*NAMES, 0, "legalPersonNameIdentifierType"), "SHRT")], True),
    ("C6", [((*NATURAL, "name", "nameIdentifier", 0, "naturalPersonNameIdentifierType"),
             "MAID")], True),
    ("C7", [((*IDENT, "nationalIdentifierType"), "CCPT"),
            ((*IDENT, "registrationAuthority"), "RA000553")], True),
    ("C8", leaves((*PLACE, "streetName")), True),
    ("C8", leaves((*PLACE, "buildingNumber"), (*PLACE, "buildingName")), True),
    ("C9", [((*IDENT, "countryOfIssue"), "GB")], True),
    ("C9", [((*IDENT, "registrationAuthority"), "RA000553")], True),
    ("C9", [((*IDENT, "nationalIdentifierType"), "RAID")], True),
    ("C11", [((*IDENT, "nationalIdentifier"), LEI[:-1] + "3")], False),
    ("C11", [((*IDENT, "nationalIdentifier"), "549300")], True),
    ("either a natural or a legal", [((*LEGAL[:-1], "naturalPerson"), ALICE)], True),
    ("either a natural or a legal", leaves(LEGAL), True),
    ("beneficiaryVASP: C5", [(("beneficiaryVASP", "beneficiaryVASP", "legalPerson", "name",
                               "nameIdentifier"), FIRM["name"]["nameIdentifier"][1:])], True),
    ("beneficiary[1]: C6", [(("beneficiary", "beneficiaryPerson", 1, "naturalPerson", "name",
      "nameIdentifier", 0, "naturalPersonNameIdentifierType"), "BIRT")], True),
    ("matching regex", [((*NAMES, 0, "legalPersonName"), "x" * 101)], True),
    ("matching regex", [((*NAMES, 0, "legalPersonName"), "Müller AG")], True),
    ("matching regex", [((*NAMES, 0, "legalPersonName"), "")], True),
    ("matching regex", [((*PLACE, "postcode"), "1" * 17)], True),
    ("matching regex", [((*PLACE, "townName"), "t" * 36)], True),
    ("matching regex", [((*LEGAL, "customerIdentification"), "7" * 51)], True),
    ("matching regex", [((*LEGAL[:-1], "accountNumber", 0), "a" * 513)], True),
    ("matching regex", [(("payloadMetadata", "payloadVersion"), "101")], True),
    ("length <= 7", [((*PLACE, "addressLine"), ["line"] * 8)], True),
    ("length >= 1", [(("originator", "originatorPerson"), [])], True),
    ("unknown field", [(("transferPath",), {"transferPath": []})], True),
    ("missing required", leaves(("payloadMetadata",)), True),
    ("missing required", leaves((*PLACE, "townName")), True),
]  # fmt: skip


@pytest.mark.parametrize(("said", "changes", "by_schema"), BROKEN)
def test_what_breaks_a_constraint_is_refused_by_its_number(said, changes, by_schema):
    tree = changed(*changes)
    with pytest.raises(PayloadRefused) as refused:
        read(tree)
    assert said in str(refused.value)
    assert VALIDATOR.is_valid(tree) is not by_schema


@pytest.mark.parametrize(
    "changes",
    [
        [((*PLACE, "country"), "XX")],
        [*leaves((*PLACE, "streetName")), ((*PLACE, "addressLine"), ["24 Potential Street"])],
        [((*BIRTH, "dateOfBirth"), "2026-11-28")],
        [*leaves(*[(*LEGAL, k) for k in WHO[:2]])],
        [((*IDENT, "nationalIdentifierType"), "TXID"), ((*IDENT, "nationalIdentifier"), "T 1"),
         ((*IDENT, "registrationAuthority"), "RA000553")],
        leaves(("beneficiaryVASP",)),
    ],
)  # fmt: skip
def test_what_only_comes_near_a_constraint_is_taken(changes):
    tree = changed(*changes)
    read(tree)
    VALIDATOR.validate(tree)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b'{"a":' * 5_000, b" " * 70_000])
def test_what_is_no_message_is_refused(data):
    with pytest.raises(PayloadRefused):
        read_payload(data, TODAY)


# --- any message ------------------------------------------------------------------------------


def latin(most):
    return st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=most)


countries = st.sampled_from(sorted(COUNTRIES))
addresses = st.builds(
    ivms101.Address,
    address_type=st.sampled_from(ivms101.AddressType),
    street_name=latin(70),
    building_number=latin(16),
    postcode=st.none() | latin(16),
    town_name=latin(35),
    address_line=st.lists(latin(70), max_size=7).map(tuple),
    country=countries,
)
firms = st.builds(
    ivms101.LegalPerson,
    name=st.builds(
        ivms101.LegalNames,
        name_identifier=st.builds(
            lambda name: (ivms101.LegalName(
                legal_person_name=name,
                legal_person_name_identifier_type=ivms101.LegalNameType.LEGAL,
            ),),
            latin(100),
        ),
        local_name_identifier=st.just(()) | st.builds(
            lambda name: (ivms101.LocalLegalName(
                legal_person_name=name,
                legal_person_name_identifier_type=ivms101.LegalNameType.TRADING,
            ),),
            st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100),
        ),
    ),
    geographic_address=st.lists(addresses, max_size=2).map(tuple),
    customer_identification=latin(50),
    national_identification=st.none() | st.builds(
        ivms101.NationalIdentification,
        national_identifier=st.sampled_from([LEI, PARENT]),
        national_identifier_type=st.just(ivms101.IdentifierType.LEI),
    ),
    country_of_registration=st.none() | countries,
)  # fmt: skip
persons = st.builds(
    ivms101.Person,
    legal_person=firms,
    account_number=st.lists(latin(512), max_size=2).map(tuple),
)
payloads = st.builds(
    ivms101.Payload,
    originator=st.builds(
        ivms101.Originator, originator_person=st.lists(persons, min_size=1, max_size=2).map(tuple)
    ),
    beneficiary=st.builds(
        ivms101.Beneficiary, beneficiary_person=persons.map(lambda person: (person,))
    ),
    originating_vasp=st.builds(ivms101.OriginatingVasp, originating_vasp=persons),
    beneficiary_vasp=st.none() | st.builds(ivms101.BeneficiaryVasp, beneficiary_vasp=persons),
    payload_metadata=st.just(ivms101.PayloadMetadata(payload_version=ivms101.VERSION)),
)


@settings(max_examples=20, deadline=None)
@given(payloads)
def test_any_message_that_holds_to_the_constraints_is_read_as_it_was(payload):
    assert problem(payload, TODAY) == ""
    data = encode_payload(payload)
    assert read_payload(data, TODAY) == payload
    VALIDATOR.validate(json.loads(data))
