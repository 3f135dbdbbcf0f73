"""Somebody of a customer's is erased: the name is nowhere, and all that is proved without it is."""

import pytest

from compliance.kyc_file import KYC_NAME
from compliance.vault.errors import SubjectGone
from compliance.vault.events import Actor
from compliance.vault.policy import Purpose, Role
from tests.kyc.test_commands import ANNA, CLEAN, OWNER_NAME, onboard
from tests.screening.test_ofac import SDN
from tests.vault.support import refused
from tests.verify.support import Traded, proved

READS = ("--names", "--as", "ben", "--role", "compliance", "--purpose", "periodic-review")


@pytest.fixture
def traded(tmp_path):
    made = Traded(tmp_path / "data").trade(60).publish()
    made.close()
    return made


@pytest.fixture
def data(traded):
    return traded.data


def raw(data):
    """All bytes of all files."""
    return b"\0".join(path.read_bytes() for path in data.rglob("*") if path.is_file())


def wrapped_keys(data):
    """Of each subject, its data key as it is on disk, of both copies."""
    copies = [(data / "compliance/vault" / f"data_keys.{copy}").read_bytes() for copy in "ab"]
    return [[copy[at + 16 : at + 64] for copy in copies] for at in range(0, len(copies[0]), 64)]


def erase(vault, subject):
    """By two people, as they type it."""
    vault.type(
        "retain", subject, "--basis", "none", "--ended", "2026-11-29", who="ben", role="compliance"
    )
    vault.type("erase", subject, who="ben", role="compliance")
    vault.type("erase", subject, "--decide", who="cora", role="mlro")


def test_the_name_is_nowhere_and_all_that_was_proved_is(kyc, hand_in, vault, traded, tmp_path):
    data = traded.data
    people = onboard(kyc, hand_in)
    for part in (OWNER_NAME, *OWNER_NAME.split(), CLEAN):
        assert part.encode() not in raw(data), "in clear"
    (of_owner, of_other), before = wrapped_keys(data), proved(traded)
    chain = (data / "compliance" / KYC_NAME).read_bytes()
    shown = kyc("show", 1)
    named = kyc("show", 1, *READS, configured=True)["names"]
    assert [row["called"] for row in named] == ["", OWNER_NAME, CLEAN]
    assert all(key in raw(data) for key in of_owner + of_other)

    erase(vault, people["o"])
    assert not any(key in raw(data) for key in of_owner)
    assert all(key in raw(data) for key in of_other)
    with refused("is erased: the key is destroyed", SubjectGone):
        vault.open().get(Actor("ben", Role.MLRO, Purpose.AML), people["o"], "name")

    assert proved(traded) == before
    assert (data / "compliance" / KYC_NAME).read_bytes() == chain
    assert kyc("show", 1) == shown
    assert [row["state"] for row in kyc("list")] == ["active"]
    named = kyc("show", 1, *READS, configured=True)["names"]
    assert [row["called"] for row in named] == ["", "(erased)", CLEAN]

    (tmp_path / "sdn" / "sdn.csv").write_text(SDN.replace("DOE, John", "DOE, Jane"))
    rows = kyc("screen", *ANNA, configured=True, code=1)
    assert [row["name"] for row in rows] == ["Acme Trading Ltd", people["d"]]
    assert kyc.said == (
        f"fixgate: customer 1: {people['o']} is erased: the key is destroyed; it is not cleared:"
        " hand in a file without it, or see the customer out\n"
    )
