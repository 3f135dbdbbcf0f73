"""`fixgate kyc`, as people type it: from an invitation to a customer."""

import pytest
from msgspec.structs import replace

from compliance.kyc_file import KYC_NAME, KycFile
from compliance.screening.verdict import Verdict
from compliance.screenings import SCREENINGS_NAME, ScreeningFile
from compliance.vault.events import SubjectAdded
from gateway.at_the_venue import identity_at
from gateway.cli import main
from gateway.onboarding.customers import Customers
from gateway.onboarding.kyc_screen import NotScreened, Run
from gateway.screening.evidence import open_screenings
from gateway.surveillance.inputs import read_links
from tests.kyc.support import BASIS, LEI, NEWER, PARENT, desk_with
from tests.screening.test_ofac import SDN

OWNER_NAME, CLEAN = "Maria Huber", "Paul Weber"
ANNA = ("--as", "anna", "--role", "onboarding")


def application(lei=LEI, **changed):
    kinds = ("incorporation", "ownership", "signatories")
    return {
        "lei": lei, "name": "Acme Trading Ltd", "legal_form": "H0PO", "country": "GB",
        "people": {"o": {"name": OWNER_NAME}, "d": {"name": CLEAN}},
        "owners": [{"person": "o", "share_bps": 6_000}],
        "directors": ["d"],
        "traders": [{"person": "d", "short_code": "T-7"}],
        "documents": [
            {"kind": kind, "sha256": f"{k:064x}"} for k, kind in enumerate(kinds)
        ],
        **changed,
    }  # fmt: skip


def onboard(kyc, hand_in, number=1, member="ACME", content=None):
    kyc("invite", "--member", member, "--as", "anna")
    people = hand_in(number, content or application())
    kyc("screen", number, *ANNA, configured=True)
    said = ("--as", "anna", "--text", "known for years")
    kyc("assess", number, *said, "--risk", "low", configured=True)
    kyc("propose", number, "approve", *said, "--role", "onboarding")
    other = ("--as", "ben", "--text", "agreed", "--role", "compliance")
    kyc("decide", number, "agree", *other, configured=True)
    assert kyc("activate", number, "--as", "ben", configured=True)["state"] == "active"
    return people


def test_from_an_invitation_to_a_customer_that_is_found_on_a_list(
    kyc, hand_in, trading, tmp_path, capsys
):
    people = onboard(kyc, hand_in)
    (row,) = kyc("list", "--state", "active")
    assert (row["member"], row["firm"], row["risk"]) == ("ACME", "Acme Trading Ltd", "low")
    assert kyc("list", "--state", "closed") == []
    assert kyc("review-due") == []
    assert kyc("screen", *ANNA, configured=True) == []  # all was asked before

    grown = SDN.replace("DOE, John", "HUBER, Maria")
    (tmp_path / "sdn" / "sdn.csv").write_text(grown)
    rows = kyc("screen", *ANNA, configured=True, code=10)
    assert [(row["name"], row["clear"]) for row in rows] == [
        ("Acme Trading Ltd", True), (people["o"], False), (people["d"], True),
    ]  # fmt: skip
    names = ("--names", *ANNA, "--purpose", "onboarding")
    shown = kyc("show", 1, *names, configured=True)
    assert shown["state"] == "suspended"
    assert shown["names"][1] == {
        "name": people["o"], "called": OWNER_NAME, "standing": "like: OFAC SDN 25308",
    }  # fmt: skip

    said = ("--as", "ben", "--role", "mlro", "--text", "born in another year")
    assert kyc("judge", 1, people["o"], "--other", *said)["state"] == "suspended"
    assert kyc("screen", *ANNA, configured=True) == []
    kyc("propose", 1, "release", "--as", "anna", "--role", "onboarding", "--text", "see there")
    assert kyc("decide", 1, "agree", *said, configured=True)["state"] == "active"
    kyc("move", 1, "--to", "frozen", "--as", "anna", "--text", "a court's order")
    assert main(["kyc", "list", "--data", str(trading.folder)]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("1\tfrozen\tACME\tAcme Trading Ltd")


def test_whose_review_is_due_is_shown(kyc, trading):
    identity = identity_at(trading.folder)
    file = KycFile(trading.folder / "compliance" / KYC_NAME, identity)
    for k, event in enumerate(desk_with("active").customers[1].history):
        file.append(k, replace(event, at=1 + k))  # in 1970
    (row,) = kyc("review-due")
    assert (row["customer"], row["member"], row["risk"]) == ("1", "ACME", "medium")
    assert row["due"].startswith("1972-01-01")


def test_every_answer_of_a_list_is_written_down(kyc, hand_in, trading):
    people = onboard(kyc, hand_in)
    path = trading.folder / "compliance" / SCREENINGS_NAME
    found = ScreeningFile(path, identity_at(trading.folder)).read(0)
    assert [(row.by, row.about, row.asked) for row in found] == [
        ("anna", "kyc: customer 1, Acme Trading Ltd", "Acme Trading Ltd"),
        ("anna", f"kyc: customer 1, {people['o']}", people["o"]),
        ("anna", f"kyc: customer 1, {people['d']}", people["d"]),
    ]


def test_a_hit_keeps_an_applicant_from_being_approved(kyc, hand_in):
    kyc("invite", "--member", "ACME", "--as", "anna")
    people = hand_in(1, application(people={"o": {"name": OWNER_NAME}, "d": {"name": "Jon Doe"}}))
    kyc("screen", 1, *ANNA, configured=True, code=10)
    said = ("--as", "anna", "--text", "x", "--risk", "low")
    why = kyc("assess", 1, *said, configured=True, code=1)
    assert f"not clear under the lists in force: {people['d']}" in why


def test_a_name_that_cannot_be_compared_is_not_cleared_and_holds_up_nobody(kyc, hand_in):
    for number, name, lei in ((1, "Иванов", LEI), (2, "Jon Doe", PARENT)):
        kyc("invite", "--member", name, "--as", "anna")
        hand_in(number, application(lei, people={"o": {"name": OWNER_NAME}, "d": {"name": name}}))
    rows = kyc("screen", *ANNA, configured=True, code=1)
    assert [row["customer"] for row in rows] == [1, 1, 2, 2, 2]
    assert [row["hits"] for row in rows] == [0, 0, 0, 0, 1]
    shown = kyc("show", 1)
    assert [row["standing"] for row in shown["names"]] == ["clear", "clear", "not screened"]


class Slow:
    """A provider that answers when it is asked a second time, if it does."""

    basis = BASIS

    def __init__(self, answers_by):
        self.asked = []
        self.answers_by = answers_by

    def submit(self, about, name):
        self.asked.append(about)
        return about

    def result(self, reference):
        if self.asked.count(reference) == 1:
            return None
        by = self.answers_by
        return Verdict(by.algorithm, by.cut_off, by.versions, ())


@pytest.mark.parametrize("basis", [BASIS, NEWER])
def test_what_a_provider_has_not_answered_is_not_cleared_nor_what_it_says_by_other_lists(
    kyc, hand_in, trading, basis
):
    kyc("invite", "--member", "ACME", "--as", "anna")
    hand_in(1, application())
    customers = Customers(trading.folder)
    file = open_screenings(trading.folder)
    run, customer = Run("anna", customers, Slow(basis), file, str.upper), customers.one(1)
    for name in customer.names:
        with pytest.raises(NotScreened, match="no answer yet"):
            run.one(customer, name)
        assert customer.screened.get(name) is None
        run.one(customer, name)
    clear = basis == BASIS
    assert customer.owed(BASIS) == ([] if clear else list(customer.names))
    assert run.owed(customer) == customer.owed(BASIS)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"lei": "X"}, "lei: 'X' is none"),
        ({"directors": ["x"]}, "'x' is nobody under `people`"),
        ({"traders": [], "directors": ["o"]}, "people.d: has no part in this firm"),
        (
            {"people": {"o": {"id": "s-" + "0" * 31 + "1"}, "d": {"name": "X"}}},
            "nobody is known as",
        ),
        ({"people": {"o": {}, "d": {"name": "X"}}}, "a person has a name, or the id"),
        ({"share": 1}, "unknown field `share`"),
        ({"documents": [{"kind": "selfie", "sha256": "0" * 64}]}, "Invalid enum value 'selfie'"),
    ],
)
def test_files_that_are_refused_leave_no_name(kyc, hand_in, vault, changed, why):
    kyc("invite", "--member", "ACME", "--as", "anna")
    assert why in hand_in(1, application(**changed), code=1)
    assert vault.happened(SubjectAdded) == []


def test_members_that_share_an_owner_are_one_for_surveillance(kyc, hand_in, trading, tmp_path):
    people = onboard(kyc, hand_in, content=application(house=["ACME"], market_maker=True))
    known = {"o": {"id": people["o"]}, "d": {"name": CLEAN}}
    onboard(kyc, hand_in, 2, "BOREAS", application(PARENT, people=known))
    out = tmp_path / "links.yaml"
    assert kyc("links", "--out", out)["owners"] == 2
    found = read_links(tmp_path, "links.yaml")
    refdata = trading.sequencer.venue.state.refdata
    ids = {member.name: member.id for member in refdata.members.values()}
    assert found.owners == {ids["ACME"]: 1, ids["BOREAS"]: 1}
    assert found.makers == (ids["ACME"],)
    (house,) = found.house
    assert refdata.accounts[house].name == "ACME"
    assert "is there already" in kyc("links", "--out", out, code=1)


def test_what_there_is_not_is_said(kyc, tmp_path):
    assert "there is no customer 7: see" in kyc("show", 7, code=1)
    kyc("invite", "--member", "ACME", "--as", "anna")
    assert "cannot read" in kyc("submit", 1, tmp_path / "none", *ANNA, configured=True, code=1)
    assert main(["kyc", "list", "--data", str(tmp_path)]) == 1
