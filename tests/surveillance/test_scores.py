"""Precision and recall of every alert on labelled attacks and look-alikes.

A few of each kind in every run; fifty of most in `make proof`; sixty that nobody looked at while
the rules were calibrated in `make soak`. docs/surveillance.md has the whole tables, by
tests.surveillance.table.
"""

import sys

import pytest

from tests.surveillance.attacks import KINDS
from tests.surveillance.scoring import CALIBRATED, HELD_OUT, LOOKALIKES, score_family, table
from tests.surveillance.table import main

FEW = 2
MANY = {"pump_and_dump": 20}
"""In the proofs fifty, but for the longest of all."""
ALL = 60
"""As many as the published tables have."""
ENOUGH = 0.9


def test_every_alert_has_attacks_and_lookalikes():
    assert set(LOOKALIKES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_of_each(kind):
    scores = score_family(kind, CALIBRATED + 1, FEW)
    print(table(scores))
    assert scores[kind].found >= FEW - 1
    assert scores[kind].false <= 1


def test_the_table_says_what_was_found_and_what_was_wrong(monkeypatch, capsys):
    command = ["table", "--first", "0", "--count", "2", "spoofing", "pinging"]
    monkeypatch.setattr(sys, "argv", command)
    main()
    printed = capsys.readouterr().out
    assert "| spoofing | 2 | 2 | 1.00 | 2 | 0 | 1.00 |" in printed
    assert "| pinging | 2 |" in printed


def look(kind, first, count):
    """Play them all, and want enough."""
    scores = score_family(kind, first, count)
    print(table(scores))
    score = scores[kind]
    assert score.attacks == score.lookalikes == count
    assert score.recall >= ENOUGH, score.missed
    assert score.precision >= ENOUGH, score.wrong


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_precision_and_recall(kind):
    look(kind, CALIBRATED, MANY.get(kind, 50))


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_precision_and_recall_where_nobody_looked(kind):
    look(kind, HELD_OUT, ALL)
