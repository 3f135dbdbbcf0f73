"""What a message says, and what is said to be missing before there is one."""

import json

import pytest
from msgspec.structs import replace

from compliance.kyc.words import State
from compliance.travel.ivms101 import read_payload
from compliance.travel.provider import provider_problem
from compliance.travel.rule import Incomplete, customer_of, message_of
from tests.kyc.support import FIRM, LEI, PARENT, desk_with
from tests.travel.support import (
    ANNA,
    HOT,
    NOW,
    OTHER,
    OWN,
    SEAT,
    THEIRS,
    TO,
    TODAY,
    TRANSFER,
    US,
    agreed,
    customer,
    desk_knowing,
)

KNOW = f"`fixgate travel know {THEIRS} --account ACME ...`"
CUSTOMER = "`fixgate travel customer ACME ...`"
KYC = "ACME is no customer with an approved file: `fixgate kyc list`"
WHERE = f"where ACME is registered is not known: {CUSTOMER}"
WHO = f"who is behind {THEIRS} is not known: {KNOW}"


def message(known=OTHER, seat=SEAT, who=None):
    data, sends = message_of(US, who or customer(), desk_knowing(known, seat), TRANSFER, NOW)
    read_payload(data, TODAY)
    return json.loads(data), sends


def names(person):
    return [n["legalPersonName"] for n in person["legalPerson"]["name"]["nameIdentifier"]]


def lei(person):
    return person["legalPerson"]["nationalIdentification"]["nationalIdentifier"]


def test_a_message_to_another_provider_says_who_sends_what_to_whom():
    """What TFR, Article 14(1) and (2), names is there."""
    told, sends = message()
    assert sends
    (sender,) = told["originator"]["originatorPerson"]
    assert names(sender) == ["Acme Trading Ltd"]
    assert sender["accountNumber"] == ["ACME", HOT]
    assert lei(sender) == LEI
    assert sender["legalPerson"]["customerIdentification"] == "1"
    assert sender["legalPerson"]["geographicAddress"] == [{
        "addressType": "GEOG", "streetName": "Bishopsgate", "buildingNumber": "22",
        "postcode": "EC2N 4BQ", "townName": "London", "country": "GB",
    }]  # fmt: skip
    (receiver,) = told["beneficiary"]["beneficiaryPerson"]
    assert (names(receiver), receiver["accountNumber"]) == (["Boreas Fund LP"], [THEIRS])
    assert (lei(receiver), receiver["legalPerson"]["countryOfRegistration"]) == (LEI, "KY")
    assert names(told["originatingVASP"]["originatingVASP"]) == ["Fixgate Venue SA"]
    other = told["beneficiaryVASP"]["beneficiaryVASP"]
    assert (names(other), lei(other)) == (["Other Provider Ltd"], PARENT)
    assert told["payloadMetadata"] == {"payloadVersion": "101.2023"}


def test_to_an_address_of_its_own_the_customer_is_the_beneficiary_and_nobody_is_sent_anything():
    told, sends = message(OWN)
    assert not sends
    (receiver,) = told["beneficiary"]["beneficiaryPerson"]
    assert (names(receiver), receiver["accountNumber"]) == (["Acme Trading Ltd"], [THEIRS])
    assert "beneficiaryVASP" not in told


def test_a_name_in_other_letters_is_told_beside_the_one_that_people_have_written():
    told, _ = message(seat=replace(SEAT, latin="Mueller Bank AG"),
                      who=customer(name="Müller Bank AG"))  # fmt: skip
    person = told["originator"]["originatorPerson"][0]
    assert names(person) == ["Mueller Bank AG"]
    assert person["legalPerson"]["name"]["localNameIdentifier"] == [
        {"legalPersonName": "Müller Bank AG", "legalPersonNameIdentifierType": "LEGL"}
    ]


@pytest.mark.parametrize(
    ("known", "seat", "who", "missing"),
    [
        (None, None, None, f"{KYC}; {WHERE}; {WHO}"),
        (OTHER, None, None, f"{KYC}; {WHERE}"),
        (None, SEAT, "file", WHO),
        (OWN, None, "file", WHERE),
        (OTHER, SEAT, None, KYC),
        (OTHER, SEAT, "Müller", "the name of ACME is not in Latin letters: `fixgate travel"
                                " customer ACME --latin-name ...`"),
        (OTHER, SEAT, "x" * 101, "the name of ACME is not in Latin letters: `fixgate travel"
                                 " customer ACME --latin-name ...`"),
        (OTHER, SEAT, "country", "its message would be refused: originator[0]: C3: ZZ is no"
                                 " country (ISO 3166-1)"),
    ],
)  # fmt: skip
def test_all_that_is_missing_is_said_with_what_to_type(known, seat, who, missing):
    changed = {} if who in (None, "file") else {"name": who}
    if who == "country":
        changed = {"country": "ZZ"}
    found = None if who is None else customer(**changed)
    with pytest.raises(Incomplete) as incomplete:
        message_of(US, found, desk_knowing(known, seat), TRANSFER, NOW)
    assert str(incomplete.value) == missing
    assert len(missing) < 450


def test_what_one_has_proposed_is_said_to_wait_for_another():
    desk = desk_knowing(None)
    number = desk.propose(TO, OTHER, ANNA, NOW)
    with pytest.raises(Incomplete) as incomplete:
        message_of(US, customer(), desk, TRANSFER, NOW)
    assert str(incomplete.value) == (
        f"who is behind {THEIRS} is not known: p-anna has proposed it, another types `fixgate"
        f" travel agree {number}`"
    )


def test_what_another_account_knows_is_nothing_that_this_one_knows():
    desk = desk_knowing(None)
    agreed(desk, replace(TO, of="BOREAS"), OTHER)
    with pytest.raises(Incomplete, match="who is behind"):
        message_of(US, customer(), desk, TRANSFER, NOW)


@pytest.mark.parametrize("state", State)
def test_a_file_counts_once_it_was_approved_and_as_long_as_its_firm_is_a_customer(state):
    found = customer_of(desk_with(state).customers.values(), "ACME")
    known = state in ("active", "restricted", "suspended", "frozen", "offboarding")
    assert (found is not None) is known


def test_a_member_that_became_a_customer_again_is_the_last_one():
    """As long as it applies again, the file of before does not count."""
    desk = desk_with("closed")
    desk.invite("ACME", ANNA, NOW * 2)
    assert customer_of(desk.customers.values(), "ACME") is None
    assert customer_of(desk.customers.values(), "BOREAS") is None
    assert FIRM.lei == LEI


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"firm": replace(US.firm, lei="")}, "give all three"),
        ({"firm": replace(US.firm, country="")}, "give all three"),
        ({"firm": replace(US.firm, lei=LEI[:-1] + "3")}, "is no LEI"),
        ({"firm": replace(US.firm, name="Größe")}, "transliterate"),
        ({"seat": replace(US.seat, country="UK")}, "address.country: 'UK'"),
        ({"seat": replace(US.seat, town="")}, "address.town"),
    ],
)
def test_a_venue_that_others_could_not_be_told_of_is_refused(changed, said):
    wrong = provider_problem(replace(US, **changed))
    assert (said in wrong) if said else wrong == ""
