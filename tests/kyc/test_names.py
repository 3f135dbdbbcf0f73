"""Names of people are the vault's: who reads one, what for, and until when it is kept."""

from datetime import date

import yaml
from msgspec.structs import replace

from compliance.kyc.desk import KycDesk, KycRefused
from compliance.kyc.events import Submitted
from compliance.kyc_file import KYC_NAME, KycFile
from compliance.vault.events import AccessRefused, ReadAllowed, Retained, SubjectAdded
from compliance.vault.retention import Basis, day, kept_until
from gateway.at_the_venue import identity_at
from tests.kyc.support import FIRM, OWNER, PARENT
from tests.kyc.test_commands import ANNA, CLEAN, OWNER_NAME, application, onboard

DORA = ("--as", "dora", "--role", "compliance")


def leave(kyc, number, who="ben", code=0):
    """See a customer out: Anna proposes, and somebody of compliance decides."""
    kyc("move", number, "--to", "offboarding", "--as", "anna", "--text", "they leave")
    kyc("propose", number, "close", *ANNA, "--text", "they have left")
    said = ("--as", who, "--role", "compliance", "--text", "agreed")
    return kyc("decide", number, "agree", *said, configured=True, code=code)


def test_every_reading_names_a_person_a_role_and_a_purpose(kyc, hand_in, vault):
    people = onboard(kyc, hand_in)
    kyc("show", 1)
    who = ("--as", "ben", "--role", "compliance", "--purpose", "aml-investigation")
    kyc("show", 1, "--names", *who, configured=True)
    reads = vault.happened(ReadAllowed)
    by_anna, by_ben = ("anna", "onboarding", "sanctions"), ("ben", "compliance", who[-1])
    assert [(r.subject, (r.actor.by, r.actor.role, r.actor.purpose)) for r in reads] == [
        (people["o"], by_anna), (people["d"], by_anna),
        (people["o"], by_ben), (people["d"], by_ben),
    ]  # fmt: skip
    assert "--names goes with --config, --as, --role and --purpose" in kyc(
        "show", 1, "--names", *DORA, configured=True, code=1
    )


def test_who_has_no_right_keeps_and_reads_nothing_and_is_told_who_gives_it(
    kyc, hand_in, vault, tmp_path
):
    kyc("invite", "--member", "ACME", "--as", "anna")
    (tmp_path / "acme.yaml").write_text(yaml.safe_dump(application()))
    why = kyc("submit", 1, tmp_path / "acme.yaml", *DORA, configured=True, code=1)
    assert why == (
        "fixgate: dora may not write as compliance for onboarding: compliance may, which somebody"
        " of ada, alf proposes by `fixgate vault grant dora compliance`, and another of them"
        " decides by the same with --decide\n"
    )
    assert vault.happened(SubjectAdded) == []
    assert kyc("show", 1)["state"] == "invited"
    people = hand_in(1, application())
    assert "dora may not read" in kyc("screen", *DORA, configured=True, code=1)
    standing = {row["name"]: row["standing"] for row in kyc("show", 1)["names"]}
    assert standing[people["o"]] == standing[people["d"]] == "not screened"
    purpose = ("--purpose", "periodic-review")
    assert "dora may not read" in kyc(
        "show", 1, "--names", *DORA, *purpose, configured=True, code=1
    )
    assert [event.actor.by for event in vault.happened(AccessRefused)] == ["dora"] * 3
    assert vault.happened(ReadAllowed) == []


def test_without_a_vault_nothing_is_handed_in_and_nobody_leaves(kyc, hand_in, config):
    onboard(kyc, hand_in)
    tree = yaml.safe_load(config.read_text())
    del tree["compliance"]["vault"]
    config.write_text(yaml.safe_dump(tree))
    kyc("invite", "--member", "BOREAS", "--as", "anna")
    assert "names no vault" in hand_in(2, application(PARENT), code=1)
    assert "names no vault" in leave(kyc, 1, code=1)
    assert [row["state"] for row in kyc("list")] == ["invited", "offboarding"]


def test_names_from_before_the_vault_are_not_passed_over(kyc, data):
    kyc("invite", "--member", "ACME", "--as", "anna")
    old = data / "compliance" / "names.json"
    old.write_text('{"p-0123456789abcdef":"Maria Huber"}')
    for action, *words in (["list"], ["show", 1], ["invite", "--member", "B", "--as", "anna"]):
        why = kyc(action, *words, code=1)
        assert f"{old} is read no more: the vault keeps names. Move it out" in why
    old.unlink()
    assert len(kyc("list")) == 1


def test_who_is_not_in_the_vault_is_not_cleared_and_holds_up_nobody(kyc, data):
    """An id from before the vault, and one of a vault that is not this one."""
    kyc("invite", "--member", "ACME", "--as", "anna")
    old = replace(FIRM, directors=("p-0123456789abcdef",), traders=())
    file = KycFile(data / "compliance" / KYC_NAME, identity_at(data))
    invited = file.read(0)[0]
    file.append(1, Submitted(1, invited.at, "anna", old))
    rows = kyc("screen", *ANNA, configured=True, code=1)
    assert [row["name"] for row in rows] == [FIRM.name]
    assert kyc.said.splitlines() == [
        f"fixgate: customer 1: there is no {OWNER}; it is not cleared: hand in a file without it,"
        " or see the customer out",
        "customer 1: p-0123456789abcdef is from before the vault, which does not know it; it is not"
        " cleared: hand in a file without it, or see the customer out",
    ]
    names = ("--names", *ANNA, "--purpose", "onboarding")
    shown = kyc("show", 1, *names, configured=True)["names"]
    assert [row["called"] for row in shown] == ["", "(not in the vault)", ""]


def test_names_that_are_kept_of_a_file_that_is_not_are_told(kyc, hand_in, vault, monkeypatch):
    kyc("invite", "--member", "ACME", "--as", "anna")

    def beaten(*_):
        raise KycRefused("another file was handed in")

    with monkeypatch.context() as patch:
        patch.setattr(KycDesk, "submit", beaten)
        why = hand_in(1, application(), code=1)
    ids = [event.subject for event in vault.happened(SubjectAdded)]
    assert why == (
        "fixgate: another file was handed in; hand the file in again with these ids in place of"
        f" their names, which the vault has: o is {ids[0]}, d is {ids[1]}\n"
    )
    known = {"o": {"id": ids[0]}, "d": {"id": ids[1]}}
    assert hand_in(1, application(people=known)) == {"o": ids[0], "d": ids[1]}
    assert len(vault.happened(SubjectAdded)) == 2


def test_who_leaves_is_kept_for_five_years_and_whoever_is_still_there_without_end(
    kyc, hand_in, vault
):
    people = onboard(kyc, hand_in)
    amended = application(people={"o": {"id": people["o"]}, "d": {"name": "Eva Roth"}})
    waits = hand_in(1, amended)  # another file that nobody has agreed to
    known = {"o": {"id": people["o"]}, "d": {"name": CLEAN}}
    others = onboard(kyc, hand_in, 2, "BOREAS", application(PARENT, people=known))

    told = leave(kyc, 1)
    assert told["state"] == "closed"
    assert set(told["kept_until"]) == {people["d"], waits["d"]}
    told = leave(kyc, 2)
    assert set(told["kept_until"]) == {people["o"], others["d"]}
    for event in vault.happened(Retained):
        assert event.actor.by == "ben"
        assert event.until == kept_until(Basis.AML, date.fromisoformat(day(event.at)))
        assert told["kept_until"].get(event.subject) in (None, day(event.until))


def test_a_leaving_that_the_vault_is_not_told_of_says_what_to_type(kyc, hand_in, vault):
    people = onboard(kyc, hand_in)
    why = leave(kyc, 1, who="dora", code=1)
    assert "customer 1 is closed, but the vault was not told since when (dora may not retain" in why
    assert "`fixgate vault retain ID --basis aml --ended 20" in why
    assert why.endswith(f": {people['o']}, {people['d']}\n")
    assert vault.happened(Retained) == []


def test_who_is_refused_is_kept_as_long_and_whoever_is_erased_is_not_asked_about(
    kyc, hand_in, vault
):
    kyc("invite", "--member", "ACME", "--as", "anna")
    people = hand_in(1, application())
    again = hand_in(1, application(people={"o": {"name": OWNER_NAME}, "d": {"id": people["d"]}}))
    ended = ("--basis", "none", "--ended", "2026-11-29")
    vault.type("retain", people["o"], *ended, who="ben", role="compliance")
    vault.type("erase", people["o"], who="ben", role="compliance")
    vault.type("erase", people["o"], "--decide", who="cora", role="mlro")
    known = {key: {"id": person} for key, person in people.items()}
    assert f"{people['o']} is erased" in hand_in(1, application(people=known), code=1)
    kyc("propose", 1, "reject", *ANNA, "--text", "no papers")
    said = ("--as", "ben", "--role", "compliance", "--text", "agreed")
    told = kyc("decide", 1, "agree", *said, configured=True)
    assert told["state"] == "rejected"
    assert set(told["kept_until"]) == {people["d"], again["o"]}
