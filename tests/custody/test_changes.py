"""Changes to what is allowed: addresses on the list, and the policy itself."""

import pytest
from msgspec.structs import replace

from custody.changes.store import note
from custody.decisions import store
from custody.decisions.states import DecisionState
from custody.known import DeskRefused
from custody.policy.intents import AllowAddress
from custody.policy.policy import Policy, Quorum, Rule, digest_of
from engine.model.clock import NANOS_PER_SECOND
from engine.model.errors import OperatorError
from tests.custody.people import ALICE, BOB, CAROL
from tests.custody.world import CHAIN, ETHER, POLICY, STRANGER, THEIRS, Killed

COOL_DOWN_S, DELAY_S = 600, 1_200
BOTH = (Quorum(group="treasury", quorum=1), Quorum(group="risk", quorum=1))
FIRST = Policy(
    approvers=POLICY.approvers,
    rules=(
        Rule(name="listed", action="allow", destinations="allowed"),
        Rule(name="listing", action="approve", kinds=("allow-address",), approve=BOTH),
        Rule(
            name="emergency", action="allow", kinds=("forbid-address",), initiators=("watch",)
        ),
        Rule(name="unlisting", action="approve", kinds=("forbid-address",), approve=BOTH[:1]),
        Rule(name="changing", action="approve", kinds=("change-policy",), approve=BOTH),
    ),
    cool_down_s=COOL_DOWN_S,
    delay_s=DELAY_S,
    intent_life_s=3_600,
)  # fmt: skip
OPEN = replace(FIRST, rules=(Rule(name="all", action="allow"), *FIRST.rules[1:]))
"""One under which anything may leave."""


@pytest.fixture
def world(new_world):
    made = new_world(policy=FIRST)
    made.step()
    return made


def state(world, ident):
    return world.desk.decisions.one(ident)[0].state


def intent(world, ident):
    return store.intent_of(world.desk.decisions.one(ident)[0])


def say(world, ident, *people, approves=True):
    for person in people:
        world.desk.decisions.approve(ident, person.says(intent(world, ident), approves=approves))


def wait(world, seconds):
    world.clock.time += seconds * NANOS_PER_SECOND
    world.go(1)


def allowed(world, destination=STRANGER, account="ACME"):
    """An address with its approvals, its cool-down not over."""
    ident = world.desk.changes.allow(account, "ETH", destination, "exchange", "trader7")
    say(world, ident, ALICE, CAROL)
    world.go(1)
    assert state(world, ident) == "noted"
    return ident


def agreed(world, policy):
    """A change of policy with its approvals, its delay not over."""
    ident = world.desk.changes.change(policy, "trader7")
    say(world, ident, ALICE, CAROL)
    world.go(1)
    assert state(world, ident) == "noted"
    return ident


def withdrawn(world, destination=STRANGER, account="ACME"):
    """How a withdrawal ends that only an address on the list gets."""
    ident = world.desk.withdraw(account, "ETH", 10**8, destination, "trader7")
    world.settle()
    return world.withdrawal_state(ident)


# --- addresses --------------------------------------------------------------------------------


def test_an_address_is_paid_once_it_is_approved_and_its_cool_down_over(world):
    assert withdrawn(world) == "blocked"
    ident = world.desk.changes.allow("ACME", "ETH", STRANGER, "exchange", "trader7")
    world.go(1)
    assert state(world, ident) == "awaiting"
    say(world, ident, ALICE)
    world.go(1)
    row, said = world.desk.decisions.one(ident)
    assert (row.text, [a.approver for a in said]) == ("rule listing wants 1 of risk", ["alice"])
    say(world, ident, CAROL)
    world.go(1)
    assert state(world, ident) == "noted"
    assert withdrawn(world) == "blocked"
    wait(world, COOL_DOWN_S)
    assert withdrawn(world) == "settled"
    assert world.on_chain(STRANGER) == ETHER
    assert withdrawn(world, account="BOREAS") == "blocked"
    assert withdrawn(world, destination=THEIRS) == "blocked"
    world.check()


def test_custody_and_signer_count_a_cool_down_alike_to_the_nanosecond(world):
    ident = allowed(world)
    row, _ = world.desk.decisions.one(ident)
    assert row.noted == world.signer._rulebook.noted(ident).time
    assert row.noted > row.requested
    place = ("ACME", "ETH", STRANGER)
    over = row.noted + COOL_DOWN_S * NANOS_PER_SECOND
    book = world.signer._rulebook
    assert [book.allows(*place, at) for at in (over - 1, over)] == [False, True]
    world.clock.time = over - 1
    assert withdrawn_at_once(world) == "blocked"
    world.clock.time = over
    assert withdrawn_at_once(world) != "blocked"


def withdrawn_at_once(world):
    """What is decided on a withdrawal while the clock stands still."""
    ident = world.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    for _ in range(8):
        world.step()
    return world.withdrawal_state(ident)


def test_a_forbidden_address_is_off_the_list_at_once_and_may_come_back(world):
    first = allowed(world)
    wait(world, COOL_DOWN_S)
    assert withdrawn(world) == "settled"
    forbidding = world.desk.changes.forbid("ACME", "ETH", STRANGER, "watch")
    world.step()
    assert (state(world, forbidding), state(world, first)) == ("noted", "forbidden")
    assert withdrawn(world) == "blocked"
    wait(world, COOL_DOWN_S)
    again = allowed(world)
    assert withdrawn(world) == "blocked"
    wait(world, COOL_DOWN_S)
    assert withdrawn(world) == "settled"
    assert state(world, again) == "noted"


def test_while_the_signer_is_away_a_forbidden_address_is_off_the_list_all_the_same(world):
    allowed(world)
    wait(world, COOL_DOWN_S)
    world.signing.away = True
    ident = world.desk.changes.forbid("ACME", "ETH", STRANGER, "watch")
    world.go(2)
    assert state(world, ident) == "agreed"
    assert withdrawn(world) == "blocked"
    with pytest.raises(DeskRefused, match="being forbidden"):
        world.desk.changes.allow("ACME", "ETH", STRANGER, "again", "trader7")
    world.signing.away = False
    wait(world, 11)
    assert state(world, ident) == "noted"


def test_a_withdrawal_under_way_to_an_address_that_is_forbidden_is_not_signed(world):
    allowed(world)
    wait(world, COOL_DOWN_S)
    world.signing.away = True
    ident = world.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    world.go(6)
    assert world.withdrawal_state(ident) == "sending"  # planned, with a nonce
    world.desk.changes.forbid("ACME", "ETH", STRANGER, "watch")
    world.step()
    world.signing.away = False
    wait(world, 11)
    world.settle()
    assert world.withdrawal_state(ident) == "cancelled"
    assert world.on_chain(STRANGER) == 0
    world.check()


def test_what_is_allowed_behind_a_forbidding_that_waits_for_the_signer_goes_with_it(world):
    world.signing.away = True
    waiting = world.desk.changes.allow("ACME", "ETH", STRANGER, "exchange", "trader7")
    say(world, waiting, ALICE, CAROL)
    world.go(1)
    assert state(world, waiting) == "agreed"
    world.desk.changes.forbid("ACME", "ETH", STRANGER, "watch")
    world.go(1)
    world.signing.away = False
    wait(world, 11)
    assert state(world, waiting) == "forbidden"
    wait(world, COOL_DOWN_S)
    assert withdrawn(world) == "blocked"


def test_an_address_that_only_the_signer_had_yet_is_forbidden_with_the_rest(world):
    """The signer wrote it down, its answer was lost, and then the address was forbidden."""
    world.signing.deaf = True
    lost = world.desk.changes.allow("ACME", "ETH", STRANGER, "exchange", "trader7")
    say(world, lost, ALICE, CAROL)
    world.go(1)
    assert world.signer._rulebook.noted(lost) is not None
    world.desk.changes.forbid("ACME", "ETH", STRANGER, "watch")
    world.signing.deaf = False
    wait(world, 11)
    assert state(world, lost) == "forbidden"
    assert not any(f"{lost} is noted" in line for line in world.logged)
    wait(world, COOL_DOWN_S)
    assert withdrawn(world) == "blocked"


def test_what_was_asked_for_after_the_signer_forbade_is_not_forbidden(world):
    """Custody learns late when the signer did: it ends what the signer takes no more, only that."""
    allowed(world)
    world.signing.deaf = True
    ident = world.desk.changes.forbid("ACME", "ETH", STRANGER, "watch")
    world.go(1)
    noted = world.signer._rulebook.noted(ident).time
    wait(world, 1)
    now = world.clock.time
    expires = now + 3_600 * NANOS_PER_SECOND
    later = AllowAddress("C9", "ACME", "x", CHAIN, "ETH", STRANGER, "", now, expires)
    assert later.requested > noted
    with world.database.begin() as connection:
        store.keep(connection, later)
    world.signing.deaf = False
    wait(world, 11)
    assert (state(world, ident), state(world, "C9")) == ("noted", "awaiting")
    say(world, "C9", ALICE, CAROL)
    world.go(1)
    assert state(world, "C9") == "noted"


def test_forbidding_needs_what_the_policy_says(world):
    allowed(world)
    wait(world, COOL_DOWN_S)
    ident = world.desk.changes.forbid("ACME", "ETH", STRANGER, "trader7")
    world.go(1)
    assert state(world, ident) == "awaiting"
    assert withdrawn(world) == "settled"
    say(world, ident, BOB)
    world.go(1)
    assert withdrawn(world) == "blocked"


def test_what_forbids_and_is_refused_by_the_signer_is_a_persons_business(world):
    """As if somebody had changed custody's policy: custody says yes, the signer does not."""
    allowed(world)
    wait(world, COOL_DOWN_S)
    ident = world.desk.changes.forbid("ACME", "ETH", STRANGER, "trader7")
    world.go(1)
    with world.database.begin() as connection:
        store.move(connection, ident, [DecisionState.AWAITING], DecisionState.AGREED, 0)
    world.go(1)
    assert world.alarms() == [f"change/{ident}"]
    assert state(world, ident) == "agreed"
    assert withdrawn(world) == "blocked"


def test_an_address_that_only_custodys_database_allows_is_not_paid(world):
    """As if somebody had changed the database: the signer has it on no list."""
    ident = world.desk.changes.allow("ACME", "ETH", STRANGER, "exchange", "trader7")
    with world.database.begin() as connection:
        agreed_, now = DecisionState.AGREED, world.clock.time
        store.move(connection, ident, [DecisionState.PROPOSED], agreed_, now)
        note(connection, ident, now - COOL_DOWN_S * NANOS_PER_SECOND, now)
    paid = world.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    world.settle()
    assert world.withdrawal_state(paid) == "cancelled"
    assert world.on_chain(STRANGER) == 0


def test_one_rejection_ends_it_and_what_nobody_decides_on_expires(world):
    one, other, third = (
        world.desk.changes.allow("ACME", "ETH", target, "exchange", "trader7")
        for target in (STRANGER, THEIRS, THEIRS)
    )
    world.go(1)
    say(world, one, CAROL, approves=False)
    world.desk.decisions.cancel(third, "trader7")
    world.go(1)
    wait(world, 3_600)
    assert [state(world, i) for i in (one, other, third)] == ["rejected", "expired", "cancelled"]
    with pytest.raises(DeskRefused, match="waits for no approval"):
        say(world, other, ALICE)
    with pytest.raises(DeskRefused, match="cannot be taken back"):
        world.desk.decisions.cancel(one, "trader7")


def test_what_no_rule_speaks_of_is_blocked(new_world):
    world = new_world()  # its policy has rules for withdrawals alone
    world.step()
    ident = world.desk.changes.allow("ACME", "ETH", STRANGER, "exchange", "trader7")
    change = world.desk.changes.change(OPEN, "trader7")
    world.go(1)
    assert [state(world, i) for i in (ident, change)] == ["blocked", "blocked"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("NOBODY", "ETH", STRANGER, "x", "t"), "no account NOBODY"),
        (("ACME", "BTC", STRANGER, "x", "t"), "BTC is not on the chain"),
        (("ACME", "ETH", "0xAB", "x", "t"), "destination"),
        (("ACME", "ETH", STRANGER, "x" * 121, "t"), "label"),
        (("ACME", "ETH", STRANGER, "x", ""), "initiator"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_its_reason(world, asked, words):
    with pytest.raises(DeskRefused, match=words):
        world.desk.changes.allow(*asked)


def test_what_is_there_already_or_is_not_is_refused(world):
    with pytest.raises(DeskRefused, match="not on the list"):
        world.desk.changes.forbid("ACME", "ETH", STRANGER, "watch")
    allowed(world)
    with pytest.raises(DeskRefused, match="on the list of ACME for ETH already"):
        world.desk.changes.allow("ACME", "ETH", STRANGER, "exchange", "trader7")
    own = world.desk.deposit_address("BOREAS", "ETH")
    with pytest.raises(DeskRefused, match="deposit address of this venue"):
        world.desk.changes.allow("ACME", "ETH", own, "own", "trader7")


def test_intents_that_wait_have_a_limit_and_what_forbids_has_its_own(world, monkeypatch):
    monkeypatch.setattr(store, "MAX_UNDER_WAY", 2)
    for target in (STRANGER, THEIRS):
        world.desk.changes.allow("ACME", "ETH", target, "exchange", "trader7")
    with pytest.raises(DeskRefused, match="2 intents wait already"):
        world.desk.changes.allow("ACME", "ETH", STRANGER, "exchange", "trader7")
    world.desk.changes.forbid("ACME", "ETH", STRANGER, "watch")


# --- the policy -------------------------------------------------------------------------------


def test_a_policy_is_in_force_once_it_is_approved_and_its_delay_over(world):
    ident = agreed(world, OPEN)
    row, _ = world.desk.decisions.one(ident)
    policy, pending = world.desk.changes.policy()
    assert (policy, pending.policy) == (FIRST, OPEN)
    assert pending.due == row.noted + DELAY_S * NANOS_PER_SECOND
    assert withdrawn(world) == "blocked"
    wait(world, DELAY_S)
    assert world.desk.changes.policy() == (OPEN, None)
    assert withdrawn(world) == "settled"


def test_a_restart_has_the_policy_in_force_and_the_one_to_come(world):
    agreed(world, OPEN)
    for _ in range(2):
        world.start_signer()
        world.start()
        world.step()
        assert world.desk.changes.policy()[1].policy == OPEN
    wait(world, DELAY_S)
    world.start_signer()
    world.start()
    world.step()
    assert world.desk.changes.policy() == (OPEN, None)
    assert withdrawn(world) == "settled"


def test_the_configuration_does_not_change_a_policy(world):
    world.terms = replace(world.terms, policy=OPEN)
    with pytest.raises(OperatorError) as caught:
        world.start()
    for words in (digest_of(OPEN)[:16], digest_of(FIRST)[:16], "fixgate policy propose"):
        assert words in str(caught.value)
    world.custody = None
    world.terms = replace(world.terms, policy=FIRST)
    world.start()
    world.step()
    agreed(world, OPEN)
    wait(world, DELAY_S)
    world.terms = replace(world.terms, policy=OPEN)  # the file says what is in force
    world.start_signer()
    world.start()
    world.step()
    assert withdrawn(world) == "settled"


def test_a_withdrawal_under_way_is_judged_by_the_policy_of_that_time(world):
    stricter = replace(FIRST, rules=FIRST.rules[1:])
    asks = replace(
        FIRST, rules=(Rule(name="asked", action="approve", approve=BOTH), *FIRST.rules[1:])
    )
    agreed(world, asks)
    wait(world, DELAY_S)
    ident = world.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    world.settle()
    assert world.withdrawal_state(ident) == "awaiting"
    agreed(world, stricter)
    wait(world, DELAY_S)
    world.settle()
    assert world.withdrawal_state(ident) == "blocked"


def test_of_two_changes_of_one_policy_the_second_is_out_of_date(world):
    other = replace(OPEN, cool_down_s=1)
    agreed(world, OPEN)
    late = world.desk.changes.change(other, "trader7")
    wait(world, DELAY_S)
    assert (state(world, late), world.desk.changes.policy()[0]) == ("refused", OPEN)


def test_a_change_can_be_stopped_within_its_delay(world):
    agreed(world, OPEN)
    agreed(world, FIRST)
    assert world.desk.changes.policy() == (FIRST, None)
    wait(world, 2 * DELAY_S)
    assert withdrawn(world) == "blocked"
    with pytest.raises(DeskRefused, match="in force already"):
        world.desk.changes.change(FIRST, "trader7")


def test_two_changes_of_which_the_signers_first_answer_was_lost_keep_its_order(world):
    """Custody hears of the first one last; the second one took its place all the same."""
    second = replace(OPEN, cool_down_s=1)
    idents = [world.desk.changes.change(policy, "trader7") for policy in (OPEN, second)]
    world.signing.deaf = True
    say(world, idents[0], ALICE, CAROL)
    world.go(1)
    world.signing.deaf = False
    say(world, idents[1], ALICE, CAROL)
    world.go(1)
    assert [state(world, ident) for ident in idents] == ["agreed", "noted"]
    wait(world, 11)
    assert [state(world, ident) for ident in idents] == ["noted", "noted"]
    for _ in range(2):
        pending = world.desk.changes.policy()[1]
        assert pending == world.signer._rulebook.history.pending(world.clock.time)
        assert pending.policy == second
        world.start()


def test_what_contradicts_itself_is_refused_by_path(world):
    with pytest.raises(DeskRefused, match=r"policy: rules\[0\]\.approve"):
        world.desk.changes.change(Policy(rules=(Rule(name="x", action="approve"),)), "trader7")


def test_an_old_change_put_back_into_the_database_changes_nothing(world):
    """Its approvals are good, it has not expired, and the policy it is to change is in force again;
    but the signer has written it down once, and answers as it did then."""
    ident = agreed(world, OPEN)
    wait(world, DELAY_S)
    agreed(world, FIRST)
    wait(world, DELAY_S)
    assert world.clock.time < intent(world, ident).expires
    with world.database.begin() as connection:
        store.move(connection, ident, [DecisionState.NOTED], DecisionState.AWAITING, 0)
    world.go(2)
    assert state(world, ident) == "noted"
    for _ in range(2):
        assert world.desk.changes.policy() == (FIRST, None)
        wait(world, DELAY_S)
        assert withdrawn(world) == "blocked"
        world.start_signer()
        world.start()


# --- deaths -----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["allow", "forbid", "change"])
@pytest.mark.parametrize("where", ["decision judged", "change noted by the signer", "change noted"])
def test_a_process_that_is_killed_goes_on_as_if_it_had_not_been(world, what, where):
    known = allowed(world)
    asked = {
        "allow": lambda: world.desk.changes.allow("ACME", "ETH", THEIRS, "x", "trader7"),
        "forbid": lambda: world.desk.changes.forbid("ACME", "ETH", STRANGER, "trader7"),
        "change": lambda: world.desk.changes.change(OPEN, "trader7"),
    }[what]
    ident = asked()
    say(world, ident, ALICE, *([] if what == "forbid" else [CAROL]))
    world.kill_at = (where, world.reached.count(where) + 1)
    with pytest.raises(Killed):
        world.go(2)
    world.kill_at = None
    world.start_signer()
    world.start()
    noted = world.signer._rulebook.noted(ident)
    wait(world, 5)
    row, _ = world.desk.decisions.one(ident)
    assert row.state == "noted"
    assert row.noted == (noted or world.signer._rulebook.noted(ident)).time
    assert (state(world, known) == "forbidden") == (what == "forbid")
    policy, pending = world.desk.changes.policy()
    assert policy == FIRST
    assert (pending is not None) == (what == "change")
    assert world.signer._rulebook.policy(world.clock.time) == FIRST


def test_an_answer_of_the_signer_that_is_lost_is_asked_for_again(world):
    world.signing.deaf = True
    ident = world.desk.changes.allow("ACME", "ETH", STRANGER, "exchange", "trader7")
    say(world, ident, ALICE, CAROL)
    world.go(1)
    first = world.signer._rulebook.noted(ident).time
    assert state(world, ident) == "agreed"
    world.signing.deaf = False
    wait(world, 11)
    row, _ = world.desk.decisions.one(ident)
    assert (row.state, row.noted) == ("noted", first)
    assert len(world.signing.notes) == 2
