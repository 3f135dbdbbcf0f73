"""What people decide on: asked for by one, approved by others, carried out once."""

import pytest
from msgspec.structs import replace

from custody.chains.simulated import TokenKind
from custody.known import DeskRefused
from custody.policy.policy import Rule, Velocity
from engine.model.clock import NANOS_PER_SECOND
from tests.custody.people import ALICE, BOB, CAROL, MALLORY
from tests.custody.world import POLICY, STRANGER, THEIRS, USDC, Killed
from tests.engine.streams import ACME_ACCOUNT, RANDOM_BALANCES, USD

START = RANDOM_BALANCES


def reverted(world, destination=THEIRS):
    """A withdrawal that its token refused between the trial and the block."""
    world.chain.tokens[USDC] = TokenKind.BLACKLIST
    ident = world.desk.withdraw("ACME", "USD", 70 * 10**8, destination, "trader7")
    world.go(4)
    for person in (ALICE, CAROL):
        world.desk.approve(ident, person.says(world.intent(ident)))
    for _ in range(8):
        world.clock.time += NANOS_PER_SECOND
        world.step()
    world.chain.blacklist.add(destination)
    world.go(3, blocks=5)
    world.settle()
    assert world.withdrawal_state(ident) == "reverted"
    return ident


@pytest.fixture
def started(world):
    world.step()
    return world


# --- the decision -----------------------------------------------------------------------------

ENDS = {
    "nobody says anything": ([], "awaiting", "rule decided wants 1 of treasury, 1 of risk"),
    "one group of two": ([(ALICE, True)], "awaiting", "rule decided wants 1 of risk"),
    "two of one group": ([(ALICE, True), (BOB, True)], "awaiting", "rule decided wants 1 of risk"),
    "all who have to": ([(ALICE, True), (CAROL, True)], "done", "by rule decided"),
    "one rejects": ([(ALICE, True), (CAROL, False)], "rejected", "rejected by carol"),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_people_say_decides(started, case):
    words, state, text = ENDS[case]
    lost = reverted(started)
    ident = started.desk.asking.give_up(lost, "trader7")
    for person, approves in words:
        started.say(ident, person, approves=approves)
    started.settle()
    row, _ = started.desk.decisions.one(ident)
    assert (row.state, row.text) == (state, text)
    assert started.withdrawal_state(lost) == ("failed" if state == "done" else "reverted")
    back = START[USD] - (0 if state == "done" else 71 * 10**8)
    assert started.available(ACME_ACCOUNT, USD) == back
    assert (f"withdrawal/{lost}" in started.alarms()) == (state != "done")
    started.check()


def test_what_no_rule_speaks_of_is_blocked(new_world):
    world = new_world(policy=replace(POLICY, rules=POLICY.rules[:2]))
    world.step()
    ident = world.desk.asking.give_up(reverted(world), "trader7")
    world.settle()
    assert world.decision_state(ident) == "blocked"


def test_what_nobody_decides_on_expires_and_may_be_asked_for_again(started):
    lost = reverted(started)
    first = started.desk.asking.give_up(lost, "trader7")
    started.go(1, seconds=3_600)
    assert started.decision_state(first) == "expired"
    second = started.desk.asking.give_up(lost, "trader7")
    started.desk.decisions.cancel(second, "trader7")
    assert started.decision_state(second) == "cancelled"
    with pytest.raises(DeskRefused, match="cannot be taken back"):
        started.desk.decisions.cancel(second, "trader7")
    with pytest.raises(DeskRefused, match="waits for no approval"):
        started.say(second, ALICE)


@pytest.mark.parametrize(
    ("person", "initiator", "words"),
    [
        (MALLORY, "trader7", "mallory approves nothing here"),
        (ALICE, "alice", "alice asked for it"),
    ],
)
def test_a_word_that_does_not_count_is_refused(started, person, initiator, words):
    ident = started.desk.asking.give_up(reverted(started), initiator)
    with pytest.raises(DeskRefused, match=words):
        started.say(ident, person)


def test_a_velocity_of_decisions_counts_decisions_of_the_kind(new_world):
    slow = Rule(
        name="few", action="allow", kinds=("give-up",), assets=("USD",),
        velocity=Velocity(amount="100", hours=1),
    )  # fmt: skip
    world = new_world(policy=replace(POLICY, rules=(*POLICY.rules[:2], slow)))
    world.step()
    first, second = reverted(world), reverted(world, STRANGER)
    done, too_much = (world.desk.asking.give_up(lost, "trader7") for lost in (first, second))
    world.settle()
    assert [world.decision_state(each) for each in (done, too_much)] == ["done", "blocked"]


# --- giving up --------------------------------------------------------------------------------


def test_only_what_was_reverted_is_given_up(started):
    ident = started.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    started.go(3, blocks=5)
    started.settle()
    with pytest.raises(DeskRefused, match=f"{ident} is settled"):
        started.desk.asking.give_up(ident, "trader7")
    with pytest.raises(DeskRefused, match="no withdrawal W9"):
        started.desk.asking.give_up("W9", "trader7")


@pytest.mark.parametrize("place", ["decision judged", "withdrawal given up"])
def test_a_process_that_is_killed_gives_up_once(started, place):
    lost = reverted(started)
    ident = started.desk.asking.give_up(lost, "trader7")
    started.say(ident, ALICE, CAROL)
    started.kill_at = (place, started.reached.count(place) + 1)
    with pytest.raises(Killed):
        started.settle()
    started.kill_at = None
    started.start()
    started.settle()
    assert (started.decision_state(ident), started.withdrawal_state(lost)) == ("done", "failed")
    assert started.available(ACME_ACCOUNT, USD) == START[USD]
    started.check()
