"""Planted bugs: the tests of this folder find each, or they are blind.

What finds one is a seeded schedule, a test of what can fail, or one of those here; the product
without a bug passes the very same.
"""

import re
from functools import partial

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from custody.chains.simulated import TokenKind
from custody.ledger.transfers import BatchRefused
from custody.policy.policy import Velocity
from custody.reconciling import reconciler
from tests.custody import decision_plants  # noqa: F401 - puts its own beside the others
from tests.custody import test_crashes as crashes
from tests.custody import test_decided_deposits as deciding
from tests.custody import test_decisions as decisions
from tests.custody import test_failures as failures
from tests.custody import test_holds as holds
from tests.custody import test_restocks as up
from tests.custody import test_warm as warm
from tests.custody import test_withdrawals as withdrawals
from tests.custody.plants import PLANTS, planted
from tests.custody.schedule import Holding, Schedule
from tests.custody.world import BAD, ETHER, POLICY, STRANGER, World
from tests.engine.streams import ACME_ACCOUNT, ETH, RANDOM_BALANCES
from tests.reconciling import test_booking as booking
from tests.signing import test_signer as signing
from tests.signing.conftest import Bench

START = RANDOM_BALANCES
SEEDS = 30
"""Runs until a bug counts as not found."""

TURNS = 10

SAMPLE = ("gas_never_booked", "reversal_forgotten", "signer_forgets")
"""In `make test`: each is found at once."""


# --- what no other test of this folder shows ----------------------------------------------------


def coins_that_screening_holds_stay_where_they_are(world):
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    world.chain.pay(BAD, (address, "", 2 * ETHER))
    world.go(3, blocks=5)
    world.go(4, seconds=10)
    world.settle()
    assert world.on_chain(address) == 2 * ETHER, "coins that are held were swept"


class Behind:
    """Faults of a node behind a balancer: events are asked of a machine that is far behind."""

    def __init__(self, node):
        self._node = node

    def before(self, _name, call):
        self._node.lag = 50 if call == "movements" else 0
        return False

    def after(self, _name, _call):
        return False


def what_nodes_have_not_seen_yet_is_waited_for(world):
    world.step()
    well = world.nodes[0]._faults
    for node in world.nodes[:2]:
        node._faults = Behind(node)
    failures.deposit(world)
    world.go(3, blocks=5)
    assert world.deposit_states() == []
    for node in world.nodes[:2]:
        node._faults, node.lag = well, 0
    failures.finalize(world)
    assert world.deposit_states() == ["credited"]


def a_velocity_counts_what_is_on_its_way(world):
    world.step()
    first = world.desk.withdraw("ACME", "ETH", 6 * 10**7, STRANGER, "trader7")
    world.go(4, blocks=0)
    second = world.desk.withdraw("ACME", "ETH", 6 * 10**7, STRANGER, "trader7")
    world.go(4, blocks=0)
    states = (world.withdrawal_state(first), world.withdrawal_state(second))
    assert states == ("sending", "awaiting"), f"they are {states}"


def what_comes_behind_a_refused_payment_goes_on(world):
    failures.test_a_refused_request_has_its_nonce_used_up_and_holds_nobody_else_up(world)
    ident = world.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    failures.finalize(world)
    assert world.withdrawal_state(ident) == "settled"


def a_credit_that_comes_late_is_reversed_when_it_has_come(world):
    world.step()
    world.line.slow = True
    failures.deposit(world)
    world.go(3, blocks=5)
    assert world.deposit_states() == ["cleared"]
    world.chain.reorganize(len(world.chain.blocks) - 11, world.clock.time)
    world.go(3)
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH]
    world.line.arrive()
    world.line.slow = False
    world.go(6)
    assert world.deposit_states() == ["reversed"]
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH]
    world.check()


# --- hunts --------------------------------------------------------------------------------------


def _focused(hunt):
    return isinstance(hunt, partial) and "kinds" in hunt.keywords


class Ground:
    """Worlds, one after the other, in a folder that goes with the test."""

    def __init__(self, folder, template):
        self._folder = folder
        self.template = template
        self._count = 0

    def folder(self):
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        return folder


def schedules(ground, kinds=(), kind=Schedule):
    """Seeded runs, of faults of these kinds."""
    for seed in range(SEEDS):
        schedule = kind(seed, ground.folder(), ground.template, kinds)
        try:
            schedule.run(TURNS)
        finally:
            schedule.world.close()


def story(ground, test, policy=POLICY, terms=None, **words):
    """One test in a world of its own. terms: what is other in it, see World."""
    world = World(ground.folder(), ground.template, policy=policy, **terms or {})
    try:
        test(world, **words)
    finally:
        world.close()


def started(ground, test, **words):
    """One test in a world of its own that has taken a step."""

    def begun(world):
        world.step()
        test(world, **words)

    story(ground, begun)


def of_breaks(ground, test, **words):
    """The same, where the reconciler looks at every step."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LOOK_NANOS", "PAUSE_NANOS"):
            patch.setattr(reconciler, name, 0)
        started(ground, test, **words)


def at_the_signer(ground, test, **words):
    """One test of a signer by itself."""
    bench = Bench(ground.folder())
    try:
        test(bench, **words)
    finally:
        bench.log.close()


SLOWLY = replace(
    POLICY,
    rules=(replace(POLICY.rules[0], velocity=Velocity(amount="1", hours=1)), POLICY.rules[1]),
)

ANY = schedules
LIES = partial(schedules, kinds=("lying_node",))
BALANCED = partial(story, test=what_nodes_have_not_seen_yet_is_waited_for)
UNSTEADY = partial(schedules, kinds=("bad_nodes",))
REORGANIZED = partial(schedules, kinds=("reorganize",))
STALLED = partial(schedules, kinds=("stall",))
DEAR = partial(schedules, kinds=("fees",))
SILENT = partial(schedules, kinds=("screening_away",))
CUT_OFF = partial(schedules, kinds=("the_line",))
KILLED = partial(story, test=crashes.told, kill_at=("payment posted", 1))
CHANGED = partial(
    story, test=failures.test_a_refused_request_has_its_nonce_used_up_and_holds_nobody_else_up
)
STUCK = partial(
    story, test=failures.test_a_payment_that_waits_too_long_offers_more_under_the_same_nonce
)
HELD = partial(story, test=coins_that_screening_holds_stay_where_they_are)
SLOW = partial(story, test=a_velocity_counts_what_is_on_its_way, policy=SLOWLY)
BEHIND = partial(story, test=what_comes_behind_a_refused_payment_goes_on)
TIERS = partial(story, test=warm.goes_down, terms={"warm": True, **warm.LIMITS})
PROMISED = partial(story, test=warm.keeps_its_promises, terms={"warm": True})
BALL = partial(story, test=warm.plays_no_ball, terms={"warm": True, **warm.NOTHING_WARM})
UP = partial(story, test=up.comes_up, policy=up.UP, terms=up.STOCKED)
FORGED = partial(story, test=up.changed, terms=up.STOCKED)
STEADY = partial(story, test=up.goes_slowly, policy=up.SLOWLY, terms=up.STOCKED)
STAYS = partial(story, test=up.stays, terms=up.STAYING)
ASKED = partial(story, test=up.is_asked_once, policy=up.NOBODY, terms=up.STOCKED)
FROZEN = partial(schedules, kind=Holding)
UNPOSTED = partial(story, test=holds.test_a_hold_that_custody_has_not_posted_counts)
MEANWHILE = partial(story, test=holds.test_a_hold_that_comes_while_others_are_asked_counts)
REMEMBERED = partial(story, test=holds.test_a_hold_is_known_after_a_restart)
TWO_LIFT = partial(story, test=holds.test_one_who_asks_for_a_lift_lets_nothing_go)
KEPT = partial(story, test=holds.test_a_return_waits_while_the_account_is_frozen)
LATE = partial(story, test=a_credit_that_comes_late_is_reversed_when_it_has_come)

TAKEN_BACK = partial(
    story, test=failures.test_a_reorganization_after_the_credit_is_reversed_and_stops_withdrawals
)
FOREIGN = partial(story, test=failures.test_a_nonce_that_somebody_else_has_used_stops_the_wallet)
LIAR = partial(
    story,
    test=failures.test_a_token_is_judged_by_what_has_moved,
    kind=TokenKind.LIAR,
    states=["mismatched"],
)
SPOKEN = partial(story, test=withdrawals.test_a_word_that_is_not_the_approvers_is_not_taken)

RELEASED = partial(
    story, test=deciding.test_what_is_released_is_credited_once, how=deciding.skimmed_tokens
)
GIVEN_BACK = partial(
    story, test=deciding.test_what_is_returned_arrives_once_and_is_nobodys, how=deciding.held_coins
)
REVERTED = partial(
    story, test=deciding.test_a_return_that_the_chain_reverts_leaves_the_deposit_where_it_was
)
UNFIT = partial(
    story, test=deciding.test_an_intent_that_does_not_fit_its_deposit_any_more_is_not_carried_out
)
ANOTHERS = partial(
    story,
    test=deciding.test_what_cannot_be_asked_for_is_refused_with_its_reason,
    case="another account's",
)
IN_ONE_BLOCK = partial(
    story,
    test=deciding.test_tokens_that_come_in_the_block_that_a_return_leaves_in_are_their_owners,
)
UNAPPROVED = partial(
    story,
    test=deciding.test_a_return_that_the_signer_refuses_leaves_the_deposit_where_it_was,
    how=deciding.held_coins,
)
RETURNED = partial(
    at_the_signer, test=signing.test_a_deposit_goes_back_once_whatever_the_intent_is_called
)
ELSEWHERE = partial(
    at_the_signer,
    test=signing.test_what_is_wrong_with_a_return_is_not_signed_and_leaves_no_trace,
    case="from somewhere else",
)
BOOKED_TWICE = partial(
    of_breaks, test=booking.test_a_process_that_is_killed_books_once, place="break booked", more=0
)
BOOKED = partial(
    of_breaks,
    test=booking.test_what_is_booked_is_the_houses_and_ends,
    amount=-3 * ETHER,
    token="",
    code="ETH",
    sides=(3 * ETHER, 0),
)
BOOKED_UNFIT = partial(of_breaks, test=booking.test_an_amount_that_is_not_the_breaks_is_not_booked)
GIVEN_UP = partial(started, test=decisions.test_what_people_say_decides, case="all who have to")

JUDGED = (
    "is held, and|has .* of .*, not|/chain/|is not called|is reversed|stopped by|still under way"
    "|another past|arrived, not|other sums|pending_(debits|credits)=-"
)
"""What a schedule sees of a bug first depends on its chances: any of this."""

FOUND_BY = {
    ANY: {
        JUDGED: (
            "cursor_first dust_dropped fee_forgotten gas_never_booked holds_lost_at_a_restart"
            " venue_units_on_the_chain"
        ),
        "a signed form that is not on disk": "broadcast_before_kept",
        "is not called": "key_by_block_index key_by_transaction",
        "paid unscreened": "not_screened_on_the_way_out",
        "an amount out of bounds": "rounding_up",
        "log lacks a form": "signer_forgets",
    },
    REORGANIZED: {JUDGED: "credit_before_finality settled_before_final"},
    CUT_OFF: {JUDGED: "credited_when_told held_when_told"},
    DEAR: {JUDGED: "no_receipt_is_a_failure"},
    LIES: {JUDGED: "one_nodes_word"},
    STALLED: {JUDGED: "released_while_in_the_pool"},
    SILENT: {"unscreened|not screened": "silence_is_clear"},
    UNSTEADY: {"told twice": "broadcast_retried"},
    CHANGED: {
        "settled": "approval_of_a_name signer_believes_custody",
        "cancelled": "cancelled_counts_as_paid",
    },
    STUCK: {"still under way": "fee_bump_of_one_field", "0, 1": "second_nonce"},
    FOREIGN: {"'approved'": "alarm_that_stops_nothing"},
    LIAR: {"credited": "event_believed_over_the_balance"},
    SPOKEN: {"DID NOT RAISE": "initiator_approves"},
    KILLED: {"/chain/": "key_of_the_moment"},
    BALANCED: {"credited": "logs_by_range"},
    BEHIND: {"still under way": "nonce_left_open"},
    FROZEN: {"is frozen": "a_nonce_is_a_promise"},
    UNPOSTED: {"settled|sending": "hold_of_an_old_view"},
    MEANWHILE: {"after the hold": "hold_looked_at_once"},
    REMEMBERED: {"settled|sending": "holds_forgotten_at_a_restart"},
    TWO_LIFT: {"settled|sending": "a_lift_by_one"},
    KEPT: {"it was returned": "returned_though_frozen"},
    TAKEN_BACK: {"reversed": "reversal_forgotten"},
    LATE: {"overdraft: ETH/deposits/incoming": "reversed_before_credited"},
    SLOW: {"they are": "velocity_of_what_has_settled"},
    TIERS: {"/chain/|assert": "warm_pays_anybody booked_as_cold"},
    UP: {"still under way": "restock_to_anybody", "UNIQUE": "restock_sent_again"},
    FORGED: {"without its approvals|assert": "restock_unsigned"},
    STEADY: {"awaiting": "restock_counted_twice"},
    STAYS: {"assert": "agreed_coins_go_down"},
    ASKED: {"blocked": "asked_for_ever"},
    PROMISED: {"assert": "promised_coins_go_down"},
    BALL: {"still under way|assert": "fuel_goes_down"},
    HELD: {"were swept": "withheld_coins_swept"},
    RELEASED: {"credited|49500000000": "released_by_its_event"},
    GIVEN_BACK: {
        "DID NOT RAISE": "returned_and_credited",
        "failed": "unused_gas_of_others",
        "suspense": "gas_kept_back_nowhere",
    },
    REVERTED: {"returned": "returned_when_sent returned_where_it_failed"},
    UNFIT: {"done": "released_unfit"},
    ANOTHERS: {"DID NOT RAISE": "released_to_anybody"},
    IN_ONE_BLOCK: {"mismatched": "what_we_sent_forgotten"},
    UNAPPROVED: {"returned": "signer_returns_unapproved"},
    RETURNED: {"Signed": "signer_returns_any_amount"},
    ELSEWHERE: {"Refused": "signer_returns_from_anywhere"},
    BOOKED_TWICE: {"6000000000000000000|2000000000000000000": "break_booked_twice"},
    BOOKED: {"3000000000000000000": "break_on_the_wrong_side"},
    BOOKED_UNFIT: {"done": "break_booked_as_it_was"},
    GIVEN_UP: {"failed|agreed|done": "given_up_for_ever"},
}
"""By what finds bugs, and what is seen then: their names."""

HUNTS = {
    name: (hunt, seen)
    for hunt, found in FOUND_BY.items()
    for seen, names in found.items()
    for name in names.split()
}
"""By the bug's name."""

FOUND = (AssertionError, BatchRefused, IntegrityError, pytest.fail.Exception)
"""What tests see, and what the ledger and the database do not let happen."""


@pytest.fixture
def ground(tmp_path, template):
    return Ground(tmp_path, template)


def test_there_are_thirty_and_each_is_hunted():
    assert len(PLANTS) >= 30
    assert HUNTS.keys() == PLANTS.keys()
    for put in PLANTS.values():
        assert put.__doc__.endswith("."), put


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in SAMPLE else pytest.mark.proof) for n in sorted(HUNTS)]
)
def test_a_planted_bug_is_found(name, ground):
    hunt, seen = HUNTS[name]
    with pytest.raises(FOUND) as caught, planted(name):
        hunt(ground)
    assert re.search(seen, str(caught.value)), caught.value


@pytest.mark.proof
@pytest.mark.parametrize(
    "kinds", sorted({hunt.keywords["kinds"] for hunt, _ in HUNTS.values() if _focused(hunt)})
)
def test_without_a_bug_the_same_schedules_find_nothing(kinds, ground):
    schedules(ground, kinds)


@pytest.mark.parametrize(
    "hunt",
    [HELD, BALANCED, SLOW, BEHIND, LATE, TIERS, PROMISED, BALL, UP, FORGED, STEADY, STAYS, ASKED],
)
def test_without_a_bug_it_is_so(hunt, ground):
    hunt(ground)
