"""Surveillance beside a journal: every alert is in one case, whatever stops it, and once."""

import shutil
from random import Random

import pytest

from compliance.case_file import CASES_NAME, CaseFile
from compliance.cases.desk import CaseDesk
from compliance.monitoring.profiles import Profiles
from compliance.surveillance.rules import RULES_VERSION, Rules
from compliance.watches import Inputs
from engine.model.errors import OperatorError
from engine.model.record import Record, encode_record
from gateway.surveillance import following
from gateway.surveillance.following import STATE_NAME, Surveillance
from tests.journal.support import open_writer
from tests.monitoring.till import MONEY_RULES
from tests.support.house import HandClock
from tests.surveillance.floor import RULES
from tests.surveillance.scoring import links_of
from tests.surveillance.support import journal_of

KIND = "layering"
SALT = b"s" * 16


def encoded(rows, salt=SALT):
    return [
        encode_record(Record(number, time, salt, command, tuple(events)))
        for number, time, command, events in rows
    ]


@pytest.fixture(scope="module")
def attack():
    rows, alerts = journal_of(KIND, 1)
    assert len(alerts) >= 1
    return encoded(rows), alerts


class House:
    """A journal that grows, and surveillance of it."""

    def __init__(self, folder, attack):
        self.folder = folder
        self.payloads, self.alerts = attack
        self.writer = open_writer(folder / "journal")
        self.count = 0
        self.said = []

    def grow(self, to=None):
        more = self.payloads[self.count : to]
        self.writer.append(more)
        self.writer.sync()
        self.count += len(more)

    def start(self, rules=RULES):
        return Surveillance(
            self.folder / "journal", self.folder / "compliance",
            Inputs(rules, links_of(KIND), MONEY_RULES, Profiles()), HandClock(), self.said.append,
        )  # fmt: skip

    def run(self, rules=RULES, *, saved=True):
        run = self.start(rules)
        while run.turn():
            pass
        if saved:
            run.save()
        run.close()

    def filed(self):
        """The alerts of all cases, in order."""
        found = []
        for case in CaseDesk(
            CaseFile(self.folder / "compliance" / CASES_NAME, SALT)
        ).cases.values():
            found += case.alerts
        return sorted(found, key=lambda alert: alert.last_record)


@pytest.fixture
def house(tmp_path, attack):
    made = House(tmp_path, attack)
    yield made
    made.writer.close()


def test_every_alert_is_in_a_case_and_is_said(house):
    house.grow()
    house.run()
    assert house.filed() == house.alerts
    assert [line.split()[0] for line in house.said] == [alert.kind for alert in house.alerts]
    house.run()
    assert house.filed() == house.alerts
    assert len(house.said) == len(house.alerts)


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_same_in_pieces_whether_they_were_saved_or_not(house, seed, monkeypatch):
    rnd = Random(seed)
    monkeypatch.setattr(following, "TURN_RECORDS", rnd.choice((1, 7, 500)))
    monkeypatch.setattr(following, "SAVE_RECORDS", rnd.choice((1, 50, 50_000)))
    for cut in sorted(rnd.sample(range(1, len(house.payloads)), 5)):
        house.grow(cut)
        house.run(saved=rnd.random() < 0.5)
    house.grow()
    house.run()
    assert house.filed() == house.alerts


def test_a_kill_between_an_alert_and_what_it_remembers_files_it_once(house):
    house.grow(10)
    house.run()
    house.grow()
    house.run(saved=False)
    assert house.filed() == house.alerts
    house.run()
    assert house.filed() == house.alerts
    assert len(house.said) == len(house.alerts)


def test_a_state_that_is_damaged_or_gone_costs_time_alone(house):
    house.grow()
    house.run()
    path = house.folder / "compliance" / STATE_NAME
    path.write_bytes(path.read_bytes()[:100])
    house.run()
    assert "is damaged, reading from record 0" in house.said[-1]
    path.unlink()
    house.run()
    assert house.filed() == house.alerts


def test_under_other_rules_nothing_is_filed_a_second_time(house):
    house.grow()
    house.run()
    house.run(Rules(RULES_VERSION, "others", quiet_s=1))
    assert "other rules" in house.said[-1]
    assert house.filed() == house.alerts


def test_what_comes_under_other_rules_is_filed_under_these(house):
    first = house.alerts[0].last_record
    house.grow(first)
    house.run()
    assert house.filed() == []
    others = Rules(RULES_VERSION, "others", quiet_s=1)
    house.grow()
    house.run(others)
    assert house.filed()
    assert {alert.rules for alert in house.filed()} != {alert.rules for alert in house.alerts}


def test_people_who_write_in_between_are_no_trouble(house):
    house.grow(house.alerts[0].last_record)
    run = house.start()
    while run.turn():
        pass
    other = CaseDesk(CaseFile(house.folder / "compliance" / CASES_NAME, SALT))
    other.alert(house.alerts[0], HandClock().now())
    house.grow()
    while run.turn():
        pass
    run.close()
    assert house.filed() == house.alerts


@pytest.mark.parametrize("name", [CASES_NAME, STATE_NAME])
def test_what_belongs_to_another_journal_is_refused(house, tmp_path, attack, name):
    house.grow()
    house.run()
    rows, _ = journal_of(KIND, 1)
    other = House(tmp_path / "other", (encoded(rows, b"t" * 16), []))
    other.grow()
    (other.folder / "compliance").mkdir()
    shutil.copy(house.folder / "compliance" / name, other.folder / "compliance" / name)
    with pytest.raises(OperatorError, match="another journal"):
        other.start()
    other.writer.close()
