"""`fixgate alerts` and `fixgate cases`, as people type them."""

import json

import pytest

from compliance.cases.stor import read_stor
from gateway.cli import main
from tests.surveillance.support import journal_of
from tests.surveillance.test_following import KIND, House, encoded
from tests.surveillance.typed import typed_about

REPORTER = "".join(
    f"{name}: {value}\n"
    for name, value in {
        "name": "Anna Berg", "position": "head of surveillance", "entity": "Fixgate Venue",
        "lei": "5493001KJTIIGC8Y1R12", "address": "1 Exchange Square", "capacity": "venue",
        "activity": "operates a trading platform", "contact": "stor@venue.example",
    }.items()
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with one attack in its journal, and the alerts that are in it."""
    rows, alerts = journal_of(KIND, 1)
    house = House(tmp_path_factory.mktemp("data"), (encoded(rows), alerts))
    house.grow()
    house.run()
    yield house
    house.writer.close()


@pytest.fixture
def say(data, capsys):
    return typed_about(data.folder, capsys)


def test_alerts_are_found_again_from_the_journal_alone(data, say):
    code, out, _ = say("alerts", "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["kind"] for row in found] == [alert.kind for alert in data.alerts]
    assert [tuple(row["records"]) for row in found] == [alert.records for alert in data.alerts]
    code, out, _ = say("alerts", "--kind", KIND)
    heading, *rows = out.splitlines()
    assert heading.split("\t") == ["TIME", "ALERT", "INSTRUMENT", "MEMBERS", "RECORDS", "WHY"]
    assert [row.split("\t")[1] for row in rows] == [KIND]
    assert say("alerts", "--member", "NOBODY") == (0, heading + "\n", "")


def test_other_rules_find_something_else(data, say, tmp_path):
    rules = tmp_path / "deaf.yaml"
    rules.write_text(
        "version: 1\nname: deaf\nlayering: {size_bps: 100000000}\nspoofing: {size_bps: 100000000}\n"
    )
    assert say("alerts", "--json", "--rules", rules) == (0, "", "")
    rules.write_text("version: 1\nname: deaf\nlayering: {size: 1}\n")
    code, _, err = say("alerts", "--rules", rules)
    assert code == 1
    assert "unknown field `size`" in err


def test_from_an_alert_to_a_report_by_two_people(data, say, tmp_path):
    number = next(k for k, alert in enumerate(data.alerts, 1) if alert.kind == KIND)
    code, out, _ = say("cases", "list", "--json", "--state", "new")
    row = next(row for row in json.loads(out) if row["case"] == str(number))
    assert (code, row["kind"], row["owner"]) == (0, KIND, "")
    case = ("--as", "anna", number)
    assert say("cases", "assign", *case, "--to", "anna")[:2] == (0, f"case {number} is working\n")
    assert (
        say("cases", "note", *case, "--text", "three levels, gone at once", "--record", 372)[0] == 0
    )
    proposal = ("--disposition", "true_positive", "--reason", "manipulation", "--text", "clear")
    assert say("cases", "propose", *case, *proposal)[:2] == (0, f"case {number} is proposed\n")
    code, _, err = say("cases", "close", *case)
    assert (code, "another one has to check it" in err) == (1, True)
    assert say("cases", "close", "--as", "ben", number, "--json")[1] == (
        f'{{"case": {number}, "state": "closed"}}\n'
    )
    (tmp_path / "why.txt").write_text("The member layered the offer and bought.")
    (tmp_path / "who.yaml").write_text(REPORTER)
    report = (
        "cases", "report", *case, "--narrative", tmp_path / "why.txt", "--reporter",
        tmp_path / "who.yaml", "--venue", "XFXG",
    )  # fmt: skip
    code, out, _ = say(*report)
    assert code == 0
    document = read_stor(out.encode())
    assert document.suspicion.kinds == (KIND,)
    assert document.behaviour[0].records == data.alerts[number - 1].records
    assert say(*report, "--out", tmp_path / "stor.json")[0] == 0
    assert (tmp_path / "stor.json").read_bytes() == out.encode().rstrip(b"\n")
    code, _, err = say("cases", "approve-report", *case)
    assert (code, "does not approve it" in err) == (1, True)
    assert say("cases", "approve-report", "--as", "ben", number)[0] == 0
    assert say("cases", "submit-report", *case, "--reference", "NCA-2026-17")[0] == 0
    code, out, _ = say("cases", "show", number, "--json")
    told = json.loads(out)
    assert [event["what"] for event in told["history"]] == [
        "CaseOpened", "CaseAssigned", "NoteAdded", "DispositionProposed", "CaseClosed",
        "StorDrafted", "StorDrafted", "StorApproved", "StorSubmitted",
    ]  # fmt: skip
    assert 372 in told["evidence"]
    assert "CaseClosed by ben" in say("cases", "show", number)[1]
    assert say("cases", "list", "--late", "--json")[0] == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("show", 99), "there is no case 99: see `fixgate cases list`"),
        (("assign", 99, "--as", "anna", "--to", "ben"), "there is no case 99"),
        (("return", 1, "--as", "anna", "--text", "more"), "not now"),
        (("reopen", 1, "--as", "anna", "--text", " "), "a text has 1 to"),
        (("propose", 1, "--as", "anna", "--disposition", "guilty", "--reason", "x", "--text", "y"),
         "a disposition is one of true_positive, false_positive, unclear"),
        (("report", 1, "--as", "a", "--narrative", "/none", "--reporter", "/none", "--venue", "X"),
         "cannot read /none: No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_the_reason(say, words, why):
    code, out, err = say("cases", *words)
    assert (code, out) == (1, "")
    assert why in err


def test_a_narrative_that_is_no_text_is_refused(say, tmp_path):
    (tmp_path / "who.yaml").write_text(REPORTER)
    (tmp_path / "why.txt").write_bytes(b"\xff\xfe")
    files = ("--narrative", tmp_path / "why.txt", "--reporter", tmp_path / "who.yaml")
    code, _, err = say("cases", "report", 1, "--as", "a", *files, "--venue", "X")
    assert (code, "is no text: save it as UTF-8" in err) == (1, True)


def test_a_folder_without_a_journal_is_named(tmp_path, capsys):
    for command in (["alerts"], ["cases", "list"]):
        assert main([*command, "--data", str(tmp_path)]) == 1
        assert f"there is no journal in {tmp_path}" in capsys.readouterr().err
