"""Precision and recall of every alert on labelled attacks and look-alikes.

A few of each kind in every run; sixty of each, and sixty that nobody looked at while the rules were
calibrated, in `make proof`. docs/surveillance.md has the whole table, by tests.surveillance.table.
"""

import pytest

from tests.surveillance.attacks import KINDS
from tests.surveillance.scoring import CALIBRATED, HELD_OUT, LOOKALIKES, score_family, table

FEW = 6
LONG = {"pump_and_dump": 2, "marking_close": 2, "ramping": 3}
"""Their scenarios go over hours: fewer in every run."""
MANY = 60
ENOUGH = 0.9


def test_every_alert_has_attacks_and_lookalikes():
    assert set(LOOKALIKES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_of_each(kind):
    count = LONG.get(kind, FEW)
    scores = score_family(kind, CALIBRATED + 1, count)
    print(table(scores))
    assert scores[kind].found >= count - 1
    assert scores[kind].false <= 1


@pytest.mark.proof
@pytest.mark.parametrize("first", [CALIBRATED, HELD_OUT])
@pytest.mark.parametrize("kind", KINDS)
def test_precision_and_recall(kind, first):
    scores = score_family(kind, first, MANY)
    print(table(scores))
    score = scores[kind]
    assert score.attacks == score.lookalikes == MANY
    assert score.recall >= ENOUGH, score.missed
    assert score.precision >= ENOUGH, score.wrong
