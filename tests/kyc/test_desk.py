"""Customers: who may do what, when; nobody trades unscreened; nobody decides alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from compliance.kyc.desk import PROPOSAL_NS, KycDesk, KycRefused
from compliance.kyc.events import Decided, Proposed
from compliance.kyc.institution import Kind, names_of
from compliance.kyc.words import Act, Risk, State
from compliance.screening.verdict import MAX_MATCHES
from tests.kyc.support import (
    ANNA,
    BASIS,
    BEN,
    COMPLIANCE,
    CORA,
    DIRECTOR,
    FIRM,
    HIT,
    HOUR,
    LEI,
    MLRO,
    NAMES,
    NEWER,
    ONBOARDING,
    OWNER,
    PARENT,
    START,
    agree,
    desk_with,
    screen_all,
)

LATER = START + 9 * HOUR
RENAMED = replace(FIRM, name="Acme Markets Ltd")

ACTS = {
    "submit": lambda d: d.submit(1, FIRM, ANNA, LATER),
    "screen": lambda d: d.screened(1, OWNER, BASIS, (), ANNA, LATER),
    "hit": lambda d: d.screened(1, OWNER, BASIS, (HIT,), ANNA, LATER),
    "assess low": lambda d: d.assess(1, Risk.LOW, "x", BASIS, BEN, LATER),
    "assess high": lambda d: d.assess(1, Risk.HIGH, "x", BASIS, BEN, LATER),
    "activate": lambda d: d.activate(1, BASIS, BEN, LATER),
    "restrict": lambda d: d.move(1, State.RESTRICTED, "x", BEN, LATER),
    "suspend": lambda d: d.move(1, State.SUSPENDED, "x", BEN, LATER),
    "freeze": lambda d: d.move(1, State.FROZEN, "x", BEN, LATER),
    "see out": lambda d: d.move(1, State.OFFBOARDING, "x", BEN, LATER),
    "approve": lambda d: agree(d, Act.APPROVE, LATER),
    "reject": lambda d: agree(d, Act.REJECT, LATER),
    "release": lambda d: agree(d, Act.RELEASE, LATER),
    "to low": lambda d: agree(d, Act.RISK, LATER, Risk.LOW),
    "to high": lambda d: agree(d, Act.RISK, LATER, Risk.HIGH),
    "review": lambda d: agree(d, Act.REVIEW, LATER),
    "close": lambda d: agree(d, Act.CLOSE, LATER),
}

TABLE = """
            submit    screen    hit       assess low assess high activate restrict   suspend   freeze see out     approve  reject   release to low   to high    review     close
invited     submitted .         .         .          .           .        .          .         .      .           .        rejected .       .        .          .          .
submitted   submitted screening screening .          .           .        .          .         .      .           .        rejected .       .        .          .          .
screening   submitted screening screening review     edd         .        .          .         .      .           .        rejected .       .        .          .          .
review      submitted review    review    .          .           .        .          .         .      .           approved rejected .       review   edd        .          .
edd         submitted edd       edd       .          .           .        .          .         .      .           approved rejected .       review   .          .          .
approved    submitted approved  approved  .          .           active   .          .         .      .           .        rejected .       approved edd        .          .
active      active    active    suspended .          .           .        restricted suspended frozen offboarding .        .        .       active   active     active     .
restricted  restricted restricted suspended .        .           .        .          suspended frozen offboarding .        .        active  restricted restricted restricted .
suspended   suspended suspended suspended .          .           .        .          .         frozen offboarding .        .        active  suspended suspended suspended  .
frozen      frozen    frozen    frozen    .          .           .        .          .         .      offboarding .        .        active  frozen   frozen     frozen     .
offboarding .         .         .         .          .           .        .          .         .      .           .        .        .       .        .          .          closed
closed      .         .         .         .          .           .        .          .         .      .           .        .        .       .        .          .          .
rejected    .         .         .         .          .           .        .          .         .      .           .        .        .       .        .          .          .
"""  # noqa: E501 - a table
ROWS = {row.split()[0]: row.split()[1:] for row in TABLE.strip().splitlines()[1:]}
CELLS = [
    (state, act, cell)
    for state, cells in ROWS.items()
    for act, cell in zip(ACTS, cells, strict=True)
]


def test_the_table_has_every_state():
    assert list(ROWS) == [*list(State)[:10], "offboarding", "closed", "rejected"]


@pytest.mark.parametrize(("state", "act", "cell"), CELLS)
def test_every_act_in_every_state(state, act, cell):
    desk = desk_with(state)
    before = list(desk.customers[1].history)
    if cell == ".":
        with pytest.raises(KycRefused):
            ACTS[act](desk)
        assert desk.customers[1].history == before
    else:
        ACTS[act](desk)
        assert desk.customers[1].state == cell
        assert desk.customers[1].history[: len(before)] == before


# --- four eyes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proposer", "decider", "why"),
    [
        ((ANNA, ONBOARDING), (ANNA, COMPLIANCE), "another one has to decide"),
        ((ANNA, COMPLIANCE), (BEN, COMPLIANCE), "another role has to decide"),
        ((ANNA, COMPLIANCE), (BEN, ONBOARDING), "onboarding does not decide"),
        ((ANNA, ONBOARDING), (BEN, COMPLIANCE), ""),
        ((ANNA, COMPLIANCE), (BEN, MLRO), ""),
        ((ANNA, MLRO), (BEN, COMPLIANCE), ""),
    ],
)
@pytest.mark.parametrize("agreed", [True, False])
def test_two_people_in_two_roles_decide(proposer, decider, why, agreed):
    desk = desk_with("review")
    (by, role), (other, their_role) = proposer, decider
    desk.propose(1, Act.APPROVE, role, "fine", by, LATER)
    if why:
        with pytest.raises(KycRefused, match=why):
            desk.decide(1, agreed, their_role, "x", BASIS, other, LATER)
        return
    desk.decide(1, agreed, their_role, "x", BASIS, other, LATER)
    assert desk.customers[1].state is (State.APPROVED if agreed else State.REVIEW)
    assert desk.customers[1].proposal is None


@pytest.mark.parametrize(
    ("state", "act", "risk"),
    [
        ("edd", Act.APPROVE, None),
        ("edd", Act.RISK, Risk.LOW),
        ("active", Act.RISK, Risk.HIGH),
        ("frozen", Act.RELEASE, None),
    ],
)
def test_what_is_of_high_risk_or_was_frozen_takes_the_mlro(state, act, risk):
    desk = desk_with(state)
    with pytest.raises(KycRefused, match="somebody else proposes"):
        desk.propose(1, act, MLRO, "x", ANNA, LATER, risk)
    desk.propose(1, act, ONBOARDING, "x", ANNA, LATER, risk)
    with pytest.raises(KycRefused, match="the MLRO decides"):
        desk.decide(1, True, COMPLIANCE, "x", BASIS, BEN, LATER)
    desk.decide(1, True, MLRO, "x", BASIS, BEN, LATER)


def test_a_proposal_lapses_and_may_be_made_again():
    desk = desk_with("review")
    desk.propose(1, Act.APPROVE, ONBOARDING, "x", ANNA, LATER)
    with pytest.raises(KycRefused, match="decide on that first"):
        desk.propose(1, Act.REJECT, ONBOARDING, "x", BEN, LATER + PROPOSAL_NS - 1)
    with pytest.raises(KycRefused, match="has lapsed"):
        desk.decide(1, True, COMPLIANCE, "x", BASIS, BEN, LATER + PROPOSAL_NS)
    desk.propose(1, Act.REJECT, ONBOARDING, "x", ANNA, LATER + PROPOSAL_NS)
    desk.decide(1, True, COMPLIANCE, "x", BASIS, BEN, LATER + 2 * PROPOSAL_NS - 1)
    assert desk.customers[1].state is State.REJECTED


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda d: d.submit(1, FIRM, ANNA, LATER),
        lambda d: d.move(1, State.FROZEN, "a court's order", CORA, LATER),
        lambda d: d.screened(1, OWNER, NEWER, (HIT,), ANNA, LATER),
    ],
)
def test_what_happens_meanwhile_voids_a_proposal(meanwhile):
    desk = desk_with("restricted")
    desk.propose(1, Act.RELEASE, ONBOARDING, "x", ANNA, LATER)
    meanwhile(desk)
    with pytest.raises(KycRefused, match="nothing is proposed"):
        desk.decide(1, True, MLRO, "x", BASIS, BEN, LATER)


@pytest.mark.parametrize(
    ("act", "risk"), [(Act.RISK, None), (Act.RISK, Risk.MEDIUM), (Act.REVIEW, Risk.LOW)]
)
def test_a_risk_goes_with_what_changes_it(act, risk):
    with pytest.raises(KycRefused, match="another risk goes with"):
        desk_with("active").propose(1, act, ONBOARDING, "x", ANNA, LATER, risk)


# --- screening --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "act"),
    [
        ("screening", lambda d, basis: d.assess(1, Risk.LOW, "x", basis, BEN, LATER)),
        ("review", lambda d, basis: d.decide(1, True, MLRO, "x", basis, CORA, LATER)),
        ("approved", lambda d, basis: d.activate(1, basis, BEN, LATER)),
        ("frozen", lambda d, basis: d.decide(1, True, MLRO, "x", basis, CORA, LATER)),
    ],
)
def test_a_step_wants_every_name_clear_under_the_lists_in_force(state, act):
    for case in ("other lists", "a hit", "clear"):
        desk = desk_with(state)
        if case == "a hit":
            desk.screened(1, DIRECTOR, BASIS, (HIT,), ANNA, LATER)
        if state in ("review", "frozen"):
            step = Act.APPROVE if state == "review" else Act.RELEASE
            desk.propose(1, step, ONBOARDING, "x", ANNA, LATER)
        if case == "clear":
            act(desk, BASIS)
            continue
        told = ", ".join(NAMES) if case == "other lists" else DIRECTOR
        with pytest.raises(KycRefused, match=f"not clear under the lists in force: {told}$"):
            act(desk, NEWER if case == "other lists" else BASIS)


def test_not_one_name_is_forgotten():
    for name in NAMES:
        desk = desk_with("submitted")
        for other in NAMES:
            if other != name:
                desk.screened(1, other, BASIS, (), ANNA, LATER)
        with pytest.raises(KycRefused, match=f"in force: {name}$"):
            desk.assess(1, Risk.LOW, "x", BASIS, BEN, LATER)


def test_a_hit_suspends_until_a_person_says_it_is_another_and_two_release():
    desk = desk_with("active")
    desk.screened(1, OWNER, NEWER, (HIT,), "compliance", LATER)
    assert desk.customers[1].state is State.SUSPENDED
    for name in NAMES:
        if name != OWNER:
            desk.screened(1, name, NEWER, (), "compliance", LATER)
    with pytest.raises(KycRefused, match="onboarding does not decide"):
        desk.judge(1, OWNER, ONBOARDING, False, "born in another year", BEN, LATER)
    desk.propose(1, Act.RELEASE, ONBOARDING, "x", ANNA, LATER)
    with pytest.raises(KycRefused, match=f"in force: {OWNER}"):
        desk.decide(1, True, COMPLIANCE, "x", NEWER, BEN, LATER)
    desk.judge(1, OWNER, COMPLIANCE, False, "born in another year", BEN, LATER)
    desk.decide(1, True, COMPLIANCE, "x", NEWER, BEN, LATER)
    assert desk.customers[1].state is State.ACTIVE


def test_a_new_list_asks_again_about_what_is_new_alone():
    desk = desk_with("submitted")
    screen_all(desk, LATER)
    desk.screened(1, OWNER, BASIS, (HIT,), ANNA, LATER)
    desk.judge(1, OWNER, COMPLIANCE, False, "another", BEN, LATER)
    owed = desk.customers[1].owed
    assert owed(BASIS) == []
    assert owed(NEWER) == list(NAMES)
    desk.screened(1, OWNER, NEWER, (HIT,), ANNA, LATER)
    assert OWNER not in owed(NEWER)
    for other in (replace(HIT, score=9_100), replace(HIT, number=1), replace(HIT, source="UN")):
        desk.screened(1, OWNER, NEWER, (HIT, other), ANNA, LATER)
        assert OWNER in owed(NEWER)


def test_who_is_the_one_on_the_list_is_frozen():
    for state in ("active", "restricted", "suspended"):
        desk = desk_with(state)
        desk.screened(1, OWNER, BASIS, (HIT,), ANNA, LATER)
        desk.judge(1, OWNER, COMPLIANCE, False, "another", BEN, LATER)
        desk.judge(1, OWNER, MLRO, True, "the same after all", CORA, LATER)
        assert desk.customers[1].state is State.FROZEN
        desk.propose(1, Act.RELEASE, ONBOARDING, "x", ANNA, LATER)
        with pytest.raises(KycRefused, match="not clear"):
            desk.decide(1, True, MLRO, "x", BASIS, CORA, LATER)


def test_what_nobody_asked_is_not_judged():
    desk = desk_with("screening")
    with pytest.raises(KycRefused, match="nothing to judge"):
        desk.judge(1, OWNER, COMPLIANCE, False, "x", BEN, LATER)
    with pytest.raises(KycRefused, match="nobody of that name"):
        desk.screened(1, "p-0000000000000009", BASIS, (), BEN, LATER)


def test_who_is_like_more_than_a_verdict_tells_is_not_judged():
    desk = desk_with("screening")
    hits = tuple(replace(HIT, number=k) for k in range(MAX_MATCHES))
    desk.screened(1, OWNER, BASIS, hits, ANNA, LATER)
    with pytest.raises(KycRefused, match="and maybe more"):
        desk.judge(1, OWNER, COMPLIANCE, False, "x", BEN, LATER)
    desk.screened(1, OWNER, BASIS, hits[1:], ANNA, LATER)
    desk.judge(1, OWNER, COMPLIANCE, False, "x", BEN, LATER)


# --- files ------------------------------------------------------------------------------------


def test_an_applicants_new_file_is_screened_and_assessed_anew():
    desk = desk_with("approved")
    desk.submit(1, FIRM, ANNA, LATER)
    customer = desk.customers[1]
    assert (customer.state, customer.risk) == (State.SUBMITTED, None)
    assert customer.owed(BASIS) == list(NAMES)


def test_a_customers_new_file_waits_until_its_names_are_clear_and_two_agree():
    desk = desk_with("active")
    desk.submit(1, RENAMED, ANNA, LATER)
    customer = desk.customers[1]
    assert (customer.file, customer.state) == (FIRM, State.ACTIVE)
    desk.propose(1, Act.AMEND, ONBOARDING, "x", ANNA, LATER)
    with pytest.raises(KycRefused, match=f"in force: {RENAMED.name}$"):
        desk.decide(1, True, COMPLIANCE, "x", BASIS, BEN, LATER)
    desk.screened(1, RENAMED.name, BASIS, (HIT,), ANNA, LATER)
    assert customer.state is State.ACTIVE  # it is not they who trade
    desk.judge(1, RENAMED.name, COMPLIANCE, False, "another firm", BEN, LATER)
    agree(desk, Act.AMEND, LATER)
    assert (customer.file, customer.amended) == (RENAMED, None)
    assert set(customer.screened) == set(names_of(RENAMED))
    with pytest.raises(KycRefused, match="no other file"):
        desk.propose(1, Act.AMEND, ONBOARDING, "x", ANNA, LATER)


def test_who_is_on_a_list_may_leave_a_firm_and_then_it_goes_on():
    desk = desk_with("active")
    desk.screened(1, DIRECTOR, BASIS, (HIT,), ANNA, LATER)
    desk.judge(1, DIRECTOR, COMPLIANCE, True, "it is him", BEN, LATER)
    desk.submit(1, replace(FIRM, directors=(OWNER,)), ANNA, LATER)
    agree(desk, Act.AMEND, LATER)
    assert desk.customers[1].state is State.FROZEN
    agree(desk, Act.RELEASE, LATER)
    assert desk.customers[1].state is State.ACTIVE


def test_a_customer_stays_the_same_firm():
    with pytest.raises(KycRefused, match="another is another one"):
        desk_with("active").submit(1, replace(FIRM, lei=PARENT), ANNA, LATER)


def test_a_member_and_a_firm_are_one_customers_until_that_has_ended():
    desk = desk_with("active")
    with pytest.raises(KycRefused, match="ACME is customer 1, which is active"):
        desk.invite("ACME", BEN, LATER)
    assert desk.invite("OTHER", BEN, LATER).id == 2
    with pytest.raises(KycRefused, match=f"{LEI} is customer 1"):
        desk.submit(2, FIRM, BEN, LATER)
    desk = desk_with("closed")
    desk.invite("ACME", BEN, LATER)
    desk.submit(2, FIRM, BEN, LATER)


def test_a_high_risk_is_not_approved_without_what_it_has_its_money_from():
    documents = tuple(d for d in FIRM.documents if d.kind is not Kind.SOURCE_OF_FUNDS)
    desk = desk_with("edd", firm=replace(FIRM, documents=documents))
    with pytest.raises(KycRefused, match="source_of_funds"):
        desk.propose(1, Act.APPROVE, ONBOARDING, "x", ANNA, LATER)


@pytest.mark.parametrize(
    "act",
    [
        lambda d: d.invite(" ", ANNA, LATER),
        lambda d: d.submit(2, FIRM, ANNA, LATER),
        lambda d: d.submit(1, replace(FIRM, lei="X"), ANNA, LATER),
        lambda d: d.screened(1, OWNER, BASIS, (), "", LATER),
        lambda d: d.screened(1, OWNER, BASIS, (), "x" * 61, LATER),
        lambda d: d.screened(1, OWNER, BASIS, (), ANNA, START),
        lambda d: d.assess(1, Risk.LOW, "x" * 2_001, BASIS, ANNA, LATER),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(act):
    desk = desk_with("screening")
    before = list(desk.customers[1].history)
    with pytest.raises(KycRefused):
        act(desk)
    assert desk.customers[1].history == before
    assert len(desk.customers) == 1


# --- whatever people do -----------------------------------------------------------------------

PEOPLE = ((ANNA, ONBOARDING), (ANNA, COMPLIANCE), (BEN, COMPLIANCE), (CORA, MLRO))
HITS = ((), (HIT,), (replace(HIT, number=1),))


def do(desk, which, who, k, basis, now):
    """One of the things that people, or lists, do."""
    by, role = who
    name = (*NAMES, RENAMED.name)[k % 5]
    acts = (
        lambda: desk.submit(1, (FIRM, RENAMED)[k % 2], by, now),
        lambda: [desk.screened(1, n, basis, (), by, now) for n in desk.customers[1].names],
        lambda: desk.screened(1, name, basis, HITS[k % 3], by, now),
        lambda: desk.judge(1, name, role, k % 3 == 0, "x", by, now),
        lambda: desk.assess(1, list(Risk)[k % 3], "x", basis, by, now),
        lambda: desk.propose(1, list(Act)[k % 7], role, "x", by, now),
        lambda: desk.propose(1, Act.RISK, role, "x", by, now, list(Risk)[k % 3]),
        lambda: desk.decide(1, k % 4 > 0, role, "x", basis, by, now),
        lambda: desk.decide(1, True, MLRO, "x", basis, CORA, now),
        lambda: desk.activate(1, basis, by, now),
        lambda: desk.move(1, list(State)[7 + k % 4], "x", by, now),
    )
    acts[which]()


def plain(desk):
    return {
        number: (c.state, c.file, c.amended, c.screened, c.risk, c.proposal, c.reviewed)
        for number, c in desk.customers.items()
    }


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(("invited", "screening", "review", "approved", "active", "suspended")),
    st.lists(
        st.tuples(
            st.integers(0, 10), st.sampled_from(PEOPLE), st.integers(0, 83),
            st.sampled_from((BASIS, BASIS, NEWER)),
        ),
        max_size=25,
    ),
)  # fmt: skip
def test_whatever_people_do_nobody_decides_alone_and_nobody_trades_unscreened(state, acts):
    desk = desk_with(state)
    customer = desk.customers[1]
    for k, (which, who, number, basis) in enumerate(acts):
        known, before = len(customer.history), customer.state
        try:
            do(desk, which, who, number, basis, LATER + k)
        except KycRefused:
            assert which == 1 or len(customer.history) == known
        names = names_of(customer.file) if customer.file else ()
        if customer.state is State.ACTIVE:
            assert all(customer.screened[name].clear for name in names)
            if before is not State.ACTIVE:
                assert customer.owed(basis) == []
    proposal = None
    for event in customer.history:
        if isinstance(event, Proposed):
            proposal = event
        if isinstance(event, Decided):
            assert event.by != proposal.by
            assert event.role is not proposal.role
            assert event.at < proposal.expires
    assert plain(KycDesk(desk._store)) == plain(desk)


def test_a_desk_that_was_overtaken_is_refused():
    desk = desk_with("screening")
    other = KycDesk(desk._store)
    other.invite("OTHER", BEN, LATER)
    with pytest.raises(KycRefused, match="faster"):
        desk.invite("THIRD", ANNA, LATER)
