"""Cases: who may do what, when; nothing is forgotten; a start knows what was known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.cases.deadlines import Deadlines, due, late
from compliance.cases.desk import MAX_ALERTS, CaseDesk, CaseRefused
from compliance.cases.events import REASONS, CaseClosed, Disposition, DispositionProposed
from compliance.cases.states import State
from tests.cases.support import ANNA, BEN, CORA, HOUR, START, ListStore, alert, desk_with

LATER = START + 9 * HOUR
TRUE, FALSE = Disposition.TRUE_POSITIVE, Disposition.FALSE_POSITIVE

ACTS = {
    "assign": lambda d: d.assign(1, CORA, BEN, LATER),
    "note": lambda d: d.note(1, "looked at it", CORA, LATER, (5, 4, 5)),
    "propose": lambda d: d.propose(1, FALSE, "market_making", "quotes both sides", ANNA, LATER),
    "send back": lambda d: d.send_back(1, "and the other member?", BEN, LATER),
    "close": lambda d: d.close(1, BEN, LATER),
    "reopen": lambda d: d.reopen(1, "a complaint", CORA, LATER),
    "draft": lambda d: d.draft_stor(1, b"{}", ANNA, LATER),
    "alert": lambda d: d.alert(alert(last=200), LATER),
}

TABLE = {
    ("new", "assign"): State.WORKING,
    ("new", "note"): State.NEW,
    ("new", "alert"): State.NEW,
    ("working", "assign"): State.WORKING,
    ("working", "note"): State.WORKING,
    ("working", "propose"): State.PROPOSED,
    ("working", "alert"): State.WORKING,
    ("proposed", "note"): State.PROPOSED,
    ("proposed", "send back"): State.WORKING,
    ("proposed", "close"): State.CLOSED,
    ("proposed", "alert"): State.WORKING,
    ("closed", "note"): State.CLOSED,
    ("closed", "reopen"): State.WORKING,
    ("closed", "draft"): State.CLOSED,
    ("closed", "alert"): State.CLOSED,
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", list(State))
def test_every_act_in_every_state(state, act):
    desk = desk_with(state)
    before = list(desk.cases[1].history)
    expected = TABLE.get((state, act))
    if expected is None:
        with pytest.raises(CaseRefused):
            ACTS[act](desk)
        assert desk.cases[1].history == before
    else:
        ACTS[act](desk)
        assert desk.cases[1].state == expected


def test_alerts_about_one_subject_are_one_case_and_others_are_not():
    desk = CaseDesk(ListStore())
    first = desk.alert(alert(last=100), START)
    assert desk.alert(alert(last=100), START + 1) is first
    assert desk.alert(alert(last=150), START + 2) is first
    assert len(first.alerts) == 2
    assert len(first.history) == 2
    for other in (alert("layering"), alert(members=(7, 8)), alert(instrument=2)):
        assert desk.alert(other, START + 3) is not first
    assert first.evidence == (90, 95, 100, 140, 145, 150)


def test_a_closed_case_stays_closed_and_the_next_alert_opens_one_that_names_it():
    desk = desk_with("closed")
    assert desk.alert(alert(), LATER).id == 1  # surveillance was run again
    case = desk.alert(alert(last=300), LATER)
    assert (case.id, case.before, case.state) == (2, 1, State.NEW)
    assert desk.cases[1].state is State.CLOSED


def test_a_case_holds_so_many_alerts_and_no_more():
    desk = CaseDesk(ListStore())
    for k in range(MAX_ALERTS + 1):
        desk.alert(alert(last=100 + k), START + k)
    assert [len(case.alerts) for case in desk.cases.values()] == [MAX_ALERTS, 1]
    assert desk.cases[2].before == 1


@pytest.mark.parametrize("act", ["close", "send_back"])
def test_nobody_checks_what_is_its_own(act):
    desk = desk_with("proposed")
    arguments = (1, ANNA, LATER) if act == "close" else (1, "more", ANNA, LATER)
    with pytest.raises(CaseRefused, match="another one"):
        getattr(desk, act)(*arguments)


def test_only_the_owner_proposes_and_with_a_reason_that_fits():
    desk = desk_with("working")
    with pytest.raises(CaseRefused, match="is not p-ben's"):
        desk.propose(1, FALSE, "accident", "x", BEN, LATER)
    for disposition in Disposition:
        for reason in set().union(*REASONS.values()) - REASONS[disposition]:
            with pytest.raises(CaseRefused, match="no reason"):
                desk.propose(1, disposition, reason, "x", ANNA, LATER)


@pytest.mark.parametrize(
    "act",
    [
        lambda d: d.note(1, " ", ANNA, LATER),
        lambda d: d.note(1, "x" * 20_001, ANNA, LATER),
        lambda d: d.note(1, "x", ANNA, LATER, (-1,)),
        lambda d: d.note(1, "x", "", LATER),
        lambda d: d.note(2, "x", ANNA, LATER),
        lambda d: d.note(1, "x", ANNA, START),
        lambda d: d.assign(1, "", ANNA, LATER),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(act):
    desk = desk_with("working")
    with pytest.raises(CaseRefused):
        act(desk)
    assert len(desk.cases[1].history) == 2


def test_reopened_it_is_its_owners_and_wants_a_proposal_and_a_check_anew():
    desk = desk_with("closed")
    desk.reopen(1, "a complaint", CORA, LATER)
    case = desk.cases[1]
    assert (case.owner, case.disposition, case.checker) == (ANNA, None, "")
    desk.propose(1, TRUE, "attempt", "after all", ANNA, LATER)
    with pytest.raises(CaseRefused):
        desk.close(1, ANNA, LATER)
    desk.close(1, CORA, LATER)
    assert case.reason == "attempt"


def test_a_report_is_drafted_by_one_approved_by_another_and_submitted_once():
    desk = desk_with("closed")
    desk.draft_stor(1, b"first", ANNA, LATER)
    desk.draft_stor(1, b"second", CORA, LATER)
    for version, by in ((1, BEN), (3, BEN), (2, CORA)):
        with pytest.raises(CaseRefused):
            desk.approve_stor(1, version, by, LATER)
    with pytest.raises(CaseRefused, match="not approved"):
        desk.submit_stor(1, 2, "NCA-1", CORA, LATER)
    desk.approve_stor(1, 2, ANNA, LATER)
    with pytest.raises(CaseRefused, match="is approved"):
        desk.approve_stor(1, 2, BEN, LATER)
    desk.submit_stor(1, 2, "NCA-1", CORA, LATER)
    with pytest.raises(CaseRefused, match="was submitted"):
        desk.submit_stor(1, 2, "NCA-2", CORA, LATER)
    assert [stor.reference for stor in desk.cases[1].stors] == ["", "NCA-1"]


def test_there_is_no_report_of_what_is_no_true_positive():
    desk = desk_with("working")
    desk.propose(1, FALSE, "accident", "x", ANNA, LATER)
    desk.close(1, BEN, LATER)
    with pytest.raises(CaseRefused, match="nothing to report"):
        desk.draft_stor(1, b"{}", ANNA, LATER)


@pytest.mark.parametrize(
    ("state", "since_h", "allowed_s"),
    [("new", 0, 10), ("working", 1, 20), ("proposed", 2, 30), ("closed", 3, 40)],
)
def test_what_waits_too_long_is_late(state, since_h, allowed_s):
    desk = desk_with(state)
    desk.note(1, "a note does not stop the clock", CORA, START + 4 * HOUR)
    deadlines = Deadlines(10, 20, 30, 40)
    at = START + since_h * HOUR + allowed_s * 1_000_000_000
    assert due(desk.cases[1], deadlines) == at
    assert late(desk.cases.values(), deadlines, at) == []
    assert [row.case for row in late(desk.cases.values(), deadlines, at + 1)] == [1]


def test_who_has_reported_and_who_need_not_is_never_late():
    desk = desk_with("closed")
    desk.draft_stor(1, b"{}", ANNA, LATER)
    desk.approve_stor(1, 1, BEN, LATER)
    assert due(desk.cases[1], Deadlines()) is not None
    desk.submit_stor(1, 1, "NCA-1", ANNA, LATER)
    assert due(desk.cases[1], Deadlines()) is None


def test_a_handover_gives_nobody_more_time():
    desk = desk_with("working")
    before = due(desk.cases[1], Deadlines())
    desk.assign(1, CORA, ANNA, LATER)
    assert due(desk.cases[1], Deadlines()) == before


def test_a_false_positive_waits_for_nothing():
    desk = desk_with("working")
    desk.propose(1, FALSE, "accident", "x", ANNA, LATER)
    desk.close(1, BEN, LATER)
    assert due(desk.cases[1], Deadlines()) is None


def test_a_desk_that_was_overtaken_is_refused():
    desk = desk_with("working")
    other = CaseDesk(desk._store)
    other.note(1, "faster", BEN, LATER)
    with pytest.raises(CaseRefused, match="faster"):
        desk.note(1, "slower", ANNA, LATER)
    assert len(desk.cases[1].notes) == 0


def plain(desk):
    return {number: (case.state, case.history) for number, case in desk.cases.items()}


def do(desk, act, case, by, now):
    """One of ten things that people, or surveillance, do."""
    last = len(desk.cases[case].stors)
    for k, (method, *arguments) in enumerate(
        (
            (desk.alert, alert(last=100 + now - START), now),
            (desk.assign, case, by, by, now),
            (desk.propose, case, TRUE, "attempt", "x", by, now),
            (desk.propose, case, FALSE, "accident", "x", by, now),
            (desk.close, case, by, now),
            (desk.send_back, case, "x", by, now),
            (desk.reopen, case, "x", by, now),
            (desk.note, case, "x", by, now),
            (desk.draft_stor, case, b"{}", by, now),
            (desk.approve_stor, case, last, by, now),
        )
    ):
        if k == act:
            method(*arguments)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(range(10)), st.sampled_from((ANNA, BEN, CORA)))))
def test_whatever_people_do_nobody_checks_himself_and_a_start_knows_it_all(acts):
    desk = CaseDesk(ListStore())
    desk.alert(alert(), START)
    for k, (act, by) in enumerate(acts):
        now, case = START + k, 1 + k % max(1, len(desk.cases))
        known = [len(c.history) for c in desk.cases.values()]
        try:
            do(desk, act, case, by, now)
        except CaseRefused:
            assert [len(c.history) for c in desk.cases.values()] == known
    for case in desk.cases.values():
        maker = None
        for event in case.history:
            if isinstance(event, DispositionProposed):
                maker = event.by
            assert not isinstance(event, CaseClosed) or event.by != maker
        assert (case.state is State.CLOSED) <= (case.disposition is not None)
        assert all(s.approved_by != s.drafted_by for s in case.stors)
    assert plain(CaseDesk(desk._store)) == plain(desk)
