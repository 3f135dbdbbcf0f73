"""What a firm was asked and has said: which question counts, and which hits."""

import pytest

from compliance.kyc import questions as module
from compliance.kyc.events import Hit
from compliance.kyc.questions import (
    Answered,
    Asked,
    NoSuchQuestion,
    Questions,
    Taken,
    TooManyAnswers,
)
from compliance.kyc.webhooks import Outcome, Posted
from compliance.screening.verdict import EQUAL

CLEAR, HIT, FAILED = Outcome
FIRM, ABOUT = "vet", "s-" + "a" * 32


def asked(*steps):
    """Questions after steps: ("q1", "v1") asks about one name, ("q1", HIT) is an answer."""
    made = Questions()
    for k, (reference, what) in enumerate(steps):
        if isinstance(what, Outcome):
            event = made.answer(FIRM, Posted(f"m{k}", reference, what), k)
        else:
            event = Asked(k, "anna", reference, ABOUT, FIRM, what)
        made.take(event)
    return made


V1, V2, LATER = ("q1", "v1"), ("q2", "v2"), ("q2", "v1")


@pytest.mark.parametrize(
    ("steps", "says", "hits"),
    [
        ([V1], None, []),
        ([V1, ("q1", CLEAR)], "q1", []),
        ([V1, ("q1", FAILED)], None, []),
        ([V1, ("q1", FAILED), ("q1", CLEAR)], "q1", []),
        ([V1, ("q1", CLEAR), ("q1", FAILED)], None, []),
        ([V1, ("q1", HIT)], "q1", [1]),
        ([V1, ("q1", HIT), ("q1", CLEAR)], "q1", [1]),
        ([V1, ("q1", HIT), ("q1", FAILED)], "q1", [1]),
        ([V1, ("q1", CLEAR), ("q1", HIT), ("q1", HIT)], "q1", [2, 3]),
        ([V1, ("q1", HIT), V2], "q1", [1]),
        ([V1, ("q1", HIT), V2, ("q2", FAILED)], "q1", [1]),
        ([V1, ("q1", HIT), V2, ("q2", CLEAR)], "q2", []),
        ([V1, V2, ("q2", CLEAR), ("q1", HIT)], "q2", []),
        ([V1, V2, ("q1", HIT)], "q1", [1]),
        ([V1, ("q1", HIT), V2, ("q2", HIT)], "q2", [2]),
        ([V1, ("q1", FAILED), LATER, ("q2", CLEAR)], "q2", []),
    ],
)  # fmt: skip
def test_the_newest_question_that_says_something_counts_and_a_hit_is_not_taken_back(
    steps, says, hits
):
    found = asked(*steps).says(FIRM, ABOUT)
    assert (found and found.asked.reference) == says
    numbers = [hit.number for hit in found.hits] if found else []
    assert numbers == hits
    on_lists = [q.asked.reference for q in asked(*steps).hits()]
    assert on_lists == ([says] if hits else [])


def test_a_hit_names_the_answer():
    (found,) = asked(V1, ("q1", HIT)).hits()
    assert found.hits == (Hit(FIRM, 1, EQUAL),)


def test_the_newest_under_a_version_is_asked_again():
    made = asked(V1, V2, ("q3", "v1"))
    found = [made.newest(FIRM, ABOUT, v) for v in ("v1", "v2", "v3")]
    assert [q and q.asked.reference for q in found] == ["q3", "q2", None]
    assert made.newest("another", ABOUT, "v1") is None
    assert made.newest(FIRM, "another", "v1") is None


def test_what_was_not_asked_has_no_answer():
    made = asked(V1)
    for source, reference in ((FIRM, "q2"), ("another", "q1")):
        with pytest.raises(NoSuchQuestion):
            made.answer(source, Posted("m", reference, HIT), 9)


def test_a_question_has_so_many_answers(monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWERS", 3)
    made = asked(V1, *[("q1", CLEAR)] * 3)
    assert made.known == {"m1", "m2", "m3"}
    with pytest.raises(TooManyAnswers):
        made.answer(FIRM, Posted("m4", "q1", HIT), 9)


def test_what_was_taken_on_is_known():
    made = asked(V1)
    made.take(Taken(1, "q1"))
    assert made.by_reference["q1"].taken
    assert isinstance(made.answer(FIRM, Posted("m", "q1", HIT), 9), Answered)
