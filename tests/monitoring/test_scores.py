"""Precision and recall of every alert on labelled schemes and honest customers.

A few of each kind in every run; thirty of those that nobody looked at while the rules were
calibrated in `make proof`, all sixty of them and the sixty that they were calibrated on in `make
soak`. docs/monitoring.md has the tables, by tests.monitoring.table.
"""

import sys

import pytest

from tests.monitoring.honest import HONEST
from tests.monitoring.scoring import HELD_OUT, KINDS, MONEY
from tests.monitoring.table import main
from tests.surveillance.scoring import CALIBRATED, merge, score_family, table

FEW = 3
SOME = 30
ALL = 60
ENOUGH = 0.9


def test_every_alert_has_schemes_and_honest_customers():
    assert set(HONEST) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_of_each(kind):
    scores = score_family(kind, CALIBRATED + 1, FEW, MONEY)
    print(table(scores))
    assert scores[kind].found >= FEW - 1
    assert scores[kind].false <= 1


def test_the_table_says_what_was_found(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["table", "--count", "1", "velocity"])
    main(MONEY)
    assert "| velocity | 1 | 1 | 1.00 | 1 | 0 | 1.00 |" in capsys.readouterr().out


def look(first, count):
    """Play them all, and want enough."""
    scores = merge(score_family(kind, first, count, MONEY) for kind in KINDS)
    print(table(scores))
    for kind, score in scores.items():
        assert score.attacks == score.lookalikes == count
        assert score.recall >= ENOUGH, (kind, score.missed)
        assert score.precision >= ENOUGH, (kind, score.wrong)


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_precision_and_recall_where_nobody_looked():
    look(HELD_OUT, SOME)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", [CALIBRATED, HELD_OUT])
def test_precision_and_recall(first):
    look(first, ALL)
