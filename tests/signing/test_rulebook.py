"""What lasts at the signer: addresses on the list, and the policy in force."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from custody.policy.intents import AllowAddress, ChangePolicy, ForbidAddress
from custody.policy.policy import Policy, Quorum, Rule, digest_of
from custody.signing.log import Entry
from custody.signing.requests import Note, Noted, Pay, Refused, Sign, Signed
from engine.model.errors import OperatorError
from tests.custody.people import ALICE, BOB, CAROL, MALLORY
from tests.custody.world import CHAIN, COLD, POLICY, STRANGER
from tests.engine.streams import START
from tests.signing.conftest import mangled
from tests.signing.test_signer import GAS, HOUR, SMALL

COOL_DOWN = HOUR
DELAY = 2 * HOUR
BOTH = (Quorum(group="treasury", quorum=1), Quorum(group="risk", quorum=1))
FIRST = Policy(
    approvers=POLICY.approvers,
    rules=(
        Rule(name="listed", action="allow", destinations="allowed"),
        Rule(name="listing", action="approve", kinds=("allow-address",), approve=BOTH[1:]),
        Rule(name="unlisting", action="approve", kinds=("forbid-address",), approve=BOTH[:1]),
        Rule(name="changing", action="approve", kinds=("change-policy",), approve=BOTH),
    ),
    cool_down_s=COOL_DOWN // 10**9,
    delay_s=DELAY // 10**9,
)
OPEN = replace(FIRST, rules=(Rule(name="all", action="allow"), *FIRST.rules[1:]))
"""One under which anything may leave."""
SHUT = replace(FIRST, rules=FIRST.rules[3:])

ALLOW = AllowAddress(
    "C1", "ACME", "trader7", CHAIN, "ETH", STRANGER, "exchange", START, START + 9 * HOUR
)
FORBID = ForbidAddress("C2", "ACME", "trader7", CHAIN, "ETH", STRANGER, START, START + HOUR)


def change(ident, before, after, requested=START, initiator="trader7"):
    return ChangePolicy(
        ident, initiator, digest_of(before), digest_of(after), requested, requested + HOUR
    )


def note(intent, *people, policy=None):
    return Note(intent, tuple(person.says(intent) for person in people), policy)


@pytest.fixture
def signer(bench):
    """Its policy is FIRST."""
    bench.policy = FIRST
    bench.start()
    return bench


def done(bench, asked):
    reply = bench.signer.handle(asked)
    assert isinstance(reply, Noted), reply
    return reply.time


def refusal(bench, asked):
    before = list(bench.log.entries)
    reply = bench.signer.handle(asked)
    assert isinstance(reply, Refused), reply
    assert bench.log.entries == before
    return reply.reason


def pays(bench, nonce=0, **changed):
    """Whether a withdrawal that needs the list, or nothing, is signed."""
    now = bench.clock.time
    intent = replace(SMALL, id=f"W{nonce}", requested=now, expires=now + HOUR, **changed)
    reply = bench.signer.handle(Sign(Pay(intent), nonce, GAS))
    assert isinstance(reply, Signed) or reply.reason == "policy", reply
    return isinstance(reply, Signed)


# --- addresses --------------------------------------------------------------------------------


def test_an_address_counts_once_its_cool_down_is_over_and_for_its_account_alone(signer):
    assert done(signer, note(ALLOW, CAROL)) == START
    signer.clock.time += COOL_DOWN - 1
    assert not pays(signer)
    signer.clock.time += 1
    for changed in ({"account": "BOREAS"}, {"destination": COLD}):
        assert not pays(signer, **changed)
    signer.start()  # it forgets nothing
    assert pays(signer)


def test_a_cool_down_counts_from_the_signers_own_time_whatever_the_intent_says(signer):
    signer.clock.time += 5 * HOUR
    done(signer, note(ALLOW, CAROL))  # asked for five hours ago
    assert not pays(signer)
    signer.clock.time += COOL_DOWN
    assert pays(signer)


OTHER = replace(ALLOW, destination=COLD)
WRONG = {
    "nobody's word": (note(ALLOW), "approvals"),
    "another group's": (note(ALLOW, ALICE), "approvals"),
    "a stranger's": (note(ALLOW, MALLORY), "approvals"),
    "a stranger's under a name of ours": (
        Note(ALLOW, (replace(MALLORY.says(ALLOW), approver="carol"),)),
        "approvals",
    ),
    "the initiator's own": (note(replace(ALLOW, initiator="carol"), CAROL), "approvals"),
    "a rejection": (Note(ALLOW, (CAROL.says(ALLOW, approves=False),)), "approvals"),
    "a rejection that says that it approves": (
        Note(ALLOW, (replace(CAROL.says(ALLOW, approves=False), approves=True),)),
        "approvals",
    ),
    "approvals of another address": (Note(OTHER, (CAROL.says(ALLOW),)), "approvals"),
    "approvals of another account": (
        Note(replace(ALLOW, account="BOREAS"), (CAROL.says(ALLOW),)),
        "approvals",
    ),
    "approvals of a withdrawal": (Note(ALLOW, (CAROL.says(SMALL),)), "approvals"),
    "another chain": (note(replace(ALLOW, chain=1), CAROL), "chain"),
    "no asset": (note(replace(ALLOW, asset="DOGE"), CAROL), "asset"),
    "no address": (note(replace(ALLOW, destination="0xAB"), CAROL), "destination"),
    "too late": (note(replace(ALLOW, expires=START), CAROL), "expired"),
    "not yet": (note(replace(ALLOW, requested=START + 1), CAROL), "expired"),
    "a policy with it": (note(ALLOW, CAROL, policy=OPEN), "content"),
    "what forbids, by nobody": (note(FORBID), "approvals"),
    "a change without its policy": (note(change("C3", FIRST, OPEN), ALICE, CAROL), "policy"),
    "a change with another policy": (
        note(change("C3", FIRST, SHUT), ALICE, CAROL, policy=OPEN),
        "policy",
    ),
    "a change of another policy": (
        note(change("C3", SHUT, OPEN), ALICE, CAROL, policy=OPEN),
        "policy",
    ),
    "a change with half of its quorum": (
        note(change("C3", FIRST, OPEN), ALICE, BOB, policy=OPEN),
        "approvals",
    ),
    "a change by its initiator": (
        note(change("C3", FIRST, OPEN, initiator="carol"), ALICE, CAROL, policy=OPEN),
        "approvals",
    ),
    "a change approved for another policy": (
        Note(
            change("C3", FIRST, OPEN),
            tuple(person.says(change("C3", FIRST, SHUT)) for person in (ALICE, CAROL)),
            OPEN,
        ),
        "approvals",
    ),
    "a change too late": (
        note(replace(change("C3", FIRST, OPEN), expires=START), ALICE, CAROL, policy=OPEN),
        "expired",
    ),
    "a policy that contradicts itself": (
        note(
            change("C3", FIRST, Policy(rules=(Rule(name="x", action="approve"),))),
            ALICE, CAROL, policy=Policy(rules=(Rule(name="x", action="approve"),)),
        ),
        "policy",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_not_written_down(signer, case):
    asked, reason = WRONG[case]
    assert refusal(signer, asked) == reason
    signer.clock.time += 9 * HOUR
    assert not pays(signer)
    assert not pays(signer, destination=COLD)


def test_what_no_rule_allows_is_blocked(bench):
    """POLICY has rules for withdrawals alone."""
    assert refusal(bench, note(ALLOW, CAROL, ALICE)) == "policy"


def test_a_forbidden_address_is_paid_no_more_whatever_is_shown(signer):
    kept_back = replace(ALLOW, id="C9", label="approved, and never shown before")
    done(signer, note(ALLOW, CAROL))
    signer.clock.time += COOL_DOWN
    assert pays(signer, 0)
    forbidden = done(signer, note(FORBID, ALICE))
    assert not pays(signer, 1)
    assert refusal(signer, note(kept_back, CAROL)) == "forbidden"
    assert done(signer, note(ALLOW, CAROL)) == START  # as it was answered before, and no more
    signer.start()
    signer.clock.time += 5 * COOL_DOWN
    assert not pays(signer, 1)
    assert refusal(signer, note(replace(kept_back, requested=forbidden), CAROL)) == "forbidden"


def test_a_forbidden_address_may_be_allowed_again_and_an_old_word_does_not_forbid_it(signer):
    done(signer, note(ALLOW, CAROL))
    done(signer, note(FORBID, ALICE))
    signer.clock.time += HOUR
    again = replace(ALLOW, id="C3", requested=signer.clock.time)
    done(signer, note(again, CAROL))
    assert done(signer, note(FORBID, ALICE)) == START
    signer.clock.time += COOL_DOWN - 1
    assert not pays(signer)
    signer.clock.time += 1
    signer.start()
    assert pays(signer)


def test_forbidding_is_never_too_late(signer):
    done(signer, note(ALLOW, CAROL))
    signer.clock.time += 30 * HOUR
    done(signer, note(FORBID, ALICE))
    assert not pays(signer)


def test_a_second_word_for_an_address_does_not_begin_its_cool_down_again(signer):
    done(signer, note(ALLOW, CAROL))
    signer.clock.time += COOL_DOWN
    done(signer, note(replace(ALLOW, id="C2"), CAROL))
    assert pays(signer)


def test_a_name_says_the_same_for_ever(signer):
    done(signer, note(ALLOW, CAROL))
    assert refusal(signer, note(OTHER, CAROL)) == "content"


def test_changes_have_a_limit(signer, monkeypatch):
    monkeypatch.setattr("custody.signing.rulebook.MAX_NOTES", 1)
    done(signer, note(ALLOW, CAROL))
    assert refusal(signer, note(replace(ALLOW, id="C2"), CAROL)) == "full"
    assert done(signer, note(ALLOW, CAROL)) == START


# --- the policy -------------------------------------------------------------------------------


def test_a_policy_is_in_force_once_its_delay_is_over_and_not_before(signer):
    assert not pays(signer)
    done(signer, note(change("C1", FIRST, OPEN), ALICE, CAROL, policy=OPEN))
    signer.clock.time += DELAY - 1
    assert not pays(signer)
    signer.start()
    assert not pays(signer)
    signer.clock.time += 1
    assert pays(signer, 0)
    signer.start()
    assert pays(signer, 1)


def test_a_policy_that_was_changed_away_does_not_come_back_by_its_old_intent(signer):
    to_open = note(change("C1", FIRST, OPEN), ALICE, CAROL, policy=OPEN)
    done(signer, to_open)
    signer.clock.time += DELAY
    now = signer.clock.time
    stale = note(change("C8", FIRST, OPEN, now), ALICE, CAROL, policy=OPEN)
    assert refusal(signer, stale) == "policy"  # FIRST is not in force any more
    done(signer, note(change("C2", OPEN, FIRST, now), ALICE, CAROL, policy=FIRST))
    signer.clock.time += DELAY
    assert not pays(signer)
    assert done(signer, to_open) == START  # as it was answered before
    signer.clock.time += DELAY
    assert not pays(signer)


def test_only_who_approves_under_the_policy_in_force_approves_the_next(signer):
    """Bob alone decides on changes under the second policy; under the first he does not."""
    bobs = Policy(
        approvers=(replace(POLICY.approvers[1], groups=("bobs",)),),
        rules=(
            Rule(
                name="bob", action="approve", kinds=("change-policy",), initiators=("trader7",),
                approve=(Quorum(group="bobs", quorum=1),),
            ),
        ),
        delay_s=60,
    )  # fmt: skip
    by_bob = note(change("C1", FIRST, bobs), BOB, policy=bobs)
    assert refusal(signer, by_bob) == "approvals"
    done(signer, note(change("C1", FIRST, bobs), ALICE, CAROL, policy=bobs))
    signer.clock.time += DELAY
    now = signer.clock.time
    back = change("C2", bobs, FIRST, now)
    assert refusal(signer, note(back, ALICE, CAROL, policy=FIRST)) == "approvals"
    done(signer, note(back, BOB, policy=FIRST))
    signer.clock.time += 60 * 10**9
    signer.start()
    assert signer.signer._rulebook.policy(signer.clock.time) == FIRST


def test_a_change_can_be_stopped_within_its_delay(signer):
    done(signer, note(change("C1", FIRST, OPEN), ALICE, CAROL, policy=OPEN))
    signer.clock.time += DELAY - 1
    back = change("C2", FIRST, FIRST, signer.clock.time)
    done(signer, note(back, ALICE, CAROL, policy=FIRST))
    signer.clock.time += 9 * DELAY
    assert not pays(signer)
    signer.start()
    assert not pays(signer)


def test_the_settings_do_not_change_a_policy(signer):
    done(signer, note(ALLOW, CAROL))  # from now on the log has FIRST
    signer.policy = OPEN
    with pytest.raises(OperatorError, match="fixgate policy propose"):
        signer.start()
    signer.policy = FIRST
    signer.start()
    done(signer, note(change("C3", FIRST, OPEN), ALICE, CAROL, policy=OPEN))
    for agreed in (FIRST, OPEN):  # the file may say what is in force, or what is to be
        signer.policy = agreed
        signer.start()
    signer.clock.time += DELAY
    signer.start()
    assert pays(signer)


def test_a_line_that_somebody_added_proves_nothing_without_signatures(signer):
    """The chain of digests has no key: who can write the file can go on with it."""
    done(signer, note(ALLOW, CAROL))
    forged = {
        "an address": note(replace(OTHER, id="C7"), MALLORY),
        "a policy": note(change("C7", FIRST, OPEN), CAROL, policy=OPEN),
    }
    whole = signer.path.read_bytes()
    for what, asked in forged.items():
        signer.log.append(
            lambda seq, before, asked=asked: Entry(
                seq, START, "forged", "C7", "00", "", -1, "ACME", "ETH", 0, 0, "", before, asked
            )
        )
        with pytest.raises(OperatorError, match="line 2 of the signer's log is none that it wrote"):
            signer.start()
        signer.path.write_bytes(whole)
        signer.start()
        assert not pays(signer, destination=COLD), what


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_note_with_any_byte_changed_lists_nothing_else(signer, data):
    request = mangled(data, note(ALLOW, CAROL))
    if request is not None:
        signer.signer.handle(request)
    assert set(signer.signer._rulebook._listed) <= {("ACME", "ETH", STRANGER)}


def test_lines_of_signatures_are_what_they_were(signer):
    """What lasts added fields: a line without them is written and read as before."""
    done(signer, note(ALLOW, CAROL))
    signer.clock.time += COOL_DOWN
    pays(signer)
    line = msgspec.json.decode(signer.path.read_bytes().splitlines()[-1])
    assert "note" not in line
    assert "policy" not in line
