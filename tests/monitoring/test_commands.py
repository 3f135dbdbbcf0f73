"""Alerts about money beside those about the market: as cases, and as people ask for them."""

import json

import pytest

from compliance.cases.stor import STR_FORMAT, read_stor
from compliance.monitoring.profiles import Profiles
from compliance.watches import Inputs, Watches
from tests.monitoring.support import journal_of
from tests.monitoring.till import MONEY_RULES, SUSPECT
from tests.surveillance.floor import RULES
from tests.surveillance.scoring import links_of
from tests.surveillance.test_commands import REPORTER
from tests.surveillance.test_following import KIND, House, encoded
from tests.surveillance.typed import typed_about

NAME = f"M{SUSPECT}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder with one scheme in its journal, and the alerts that are in it."""
    rows = journal_of("pass_through", 1)
    watches, alerts = Watches(Inputs(RULES, links_of(KIND), MONEY_RULES, Profiles())), []
    for number, time, command, events in rows:
        alerts += watches.take(number, number, time, command, events)
    house = House(tmp_path_factory.mktemp("data"), (encoded(rows), alerts))
    house.grow()
    house.run()
    yield house
    house.writer.close()


@pytest.fixture
def say(data, capsys):
    return typed_about(data.folder, capsys)


def test_every_alert_is_in_a_case_once(data):
    assert "pass_through" in {alert.kind for alert in data.alerts}
    assert data.filed() == data.alerts
    data.run()
    assert data.filed() == data.alerts


def test_they_are_found_again_from_the_journal_alone(say):
    code, out, _ = say("alerts", "--kind", "pass_through", "--member", NAME)
    row = out.splitlines()[1].split("\t")
    assert (code, row[1:4]) == (0, ["pass_through", "-", NAME])
    assert row[5].endswith("traded in between")


def test_other_rules_and_profiles_find_something_else(say, tmp_path):
    rules = tmp_path / "deaf.yaml"
    rules.write_text("version: 1\nname: deaf\npass_through: {min_value_units: 1000000000}\n")
    assert len(say("alerts", "--kind", "pass_through", "--money-rules", rules)[1].splitlines()) == 1
    said = tmp_path / "profiles.yaml"
    said.write_text(f"monthly: {{{SUSPECT}: 1}}\n")
    assert say("alerts", "--kind", "profile_mismatch", "--json")[1] == ""
    found = say("alerts", "--kind", "profile_mismatch", "--json", "--profiles", said)[1]
    assert {tuple(json.loads(line)["names"]) for line in found.splitlines()} == {(NAME,)}


@pytest.mark.parametrize("option", ["--money-rules", "--profiles"])
def test_a_file_that_is_wrong_is_named_with_the_place(say, tmp_path, option):
    file = tmp_path / "wrong.yaml"
    file.write_text("version: 1\nname: a\nmonthly: {1: many}\npass_through: {window_s: 0}\n")
    code, out, err = say("alerts", option, file)
    assert (code, out) == (1, "")
    assert str(file) in err
    assert say("alerts", option, tmp_path / "none.yaml")[0] == 1


def test_a_case_goes_to_a_report_for_the_financial_intelligence_unit(say, tmp_path):
    listed = json.loads(say("cases", "list", "--json")[1])
    number = next(row["case"] for row in listed if row["kind"] == "pass_through")
    case = ("--as", "anna", number)
    assert say("cases", "assign", *case, "--to", "anna")[0] == 0
    proposal = ("--disposition", "true_positive", "--reason", "money_laundering", "--text", "clear")
    assert say("cases", "propose", *case, *proposal)[0] == 0
    assert say("cases", "close", "--as", "ben", number)[0] == 0
    (tmp_path / "why.txt").write_text("In and out again, to somebody else.")
    (tmp_path / "who.yaml").write_text(REPORTER)
    code, out, _ = say(
        "cases", "report", *case, "--narrative", tmp_path / "why.txt",
        "--reporter", tmp_path / "who.yaml", "--venue", "XFXG",
    )  # fmt: skip
    document = read_stor(out.encode())
    assert (code, document.format) == (0, STR_FORMAT)
    assert document.suspects[0].firm == NAME
    assert "no instrument" in document.behaviour[0].instrument.reason
    assert "by their references" in document.behaviour[0].ledger.reason
    assert "\t-\t" in say("cases", "list")[1]
