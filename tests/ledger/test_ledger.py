"""The ledger: what is posted moves, what is pending waits, and nothing is ever made or lost."""

import pytest
from hypothesis import settings

from custody.ledger.accounts import Guard, Kind
from custody.ledger.ledger import Ledger, check_chain
from custody.ledger.transfers import (
    MAX_AMOUNT,
    MAX_KEY,
    Batch,
    BatchRefused,
    Phase,
    Posted,
    Refusal,
    Transfer,
)
from tests.ledger.any_batches import (
    ALICE,
    BOB,
    DOLLARS,
    FEES,
    HOT,
    AnyBatches,
    moved,
    new_ledger,
)


@pytest.fixture
def ledger():
    return new_ledger()


def batch(key, *transfers, time=1):
    return Batch(key, time, transfers)


def refused(ledger, wanted):
    """Posting it is refused with that reason, and changes nothing."""

    def check(*args, **words):
        before = (
            repr(ledger.accounts),
            ledger.digest,
            repr(ledger.history.pendings),
            len(ledger.history.posted),
        )
        with pytest.raises(BatchRefused) as caught:
            ledger.post(batch(*args, **words))
        assert caught.value.refusal == wanted
        after = (
            repr(ledger.accounts),
            ledger.digest,
            repr(ledger.history.pendings),
            len(ledger.history.posted),
        )
        assert before == after

    return check


def balances(ledger):
    return {name: account.balance for name, account in ledger.accounts.items() if account.balance}


# --- posting ------------------------------------------------------------------------------------


def test_a_deposit_is_owed_to_the_client_and_is_at_the_address(ledger):
    ledger.post(batch("deposit/1", moved(HOT, ALICE, 10**18)))
    assert balances(ledger) == {HOT: 10**18, ALICE: 10**18}
    ledger.check()


def test_nobody_spends_what_he_has_not(ledger):
    ledger.post(batch("deposit/1", moved(HOT, ALICE, 5)))
    refused(ledger, Refusal.OVERDRAFT)("pay/1", moved(ALICE, BOB, 6))
    ledger.post(batch("pay/2", moved(ALICE, BOB, 5)))
    assert balances(ledger) == {HOT: 5, BOB: 5}


def test_nothing_leaves_an_address_that_was_not_there(ledger):
    ledger.post(batch("deposit/1", moved(HOT, ALICE, 5)))
    ledger.post(batch("loan", moved(FEES, ALICE, 5)))
    refused(ledger, Refusal.OVERDRAFT)("out", moved(ALICE, HOT, 6))


def test_a_batch_is_one_moment_in_which_only_its_end_counts(ledger):
    ledger.post(batch("deposit/1", moved(HOT, ALICE, 5)))
    ledger.post(batch("trade", moved(BOB, FEES, 1), moved(ALICE, BOB, 5)))
    assert balances(ledger) == {HOT: 5, BOB: 4, FEES: 1}


def test_all_of_a_batch_happens_or_nothing(ledger):
    ledger.post(batch("deposit/1", moved(HOT, ALICE, 5)))
    refused(ledger, Refusal.OVERDRAFT)("trade", moved(ALICE, BOB, 5), moved(ALICE, FEES, 1))
    refused(ledger, Refusal.UNKNOWN_ACCOUNT)("x", moved(ALICE, BOB, 5), moved(ALICE, "ETH/x", 1))


def test_the_same_batch_is_posted_once(ledger):
    first = ledger.post(batch("deposit/1", moved(HOT, ALICE, 5)))
    ledger.post(batch("deposit/2", moved(HOT, ALICE, 5), time=9))
    assert ledger.post(batch("deposit/1", moved(HOT, ALICE, 5))) == first
    assert balances(ledger)[ALICE] == 10


@pytest.mark.parametrize(
    "other",
    [
        batch("deposit/1", moved(HOT, ALICE, 6)),
        batch("deposit/1", moved(HOT, BOB, 5)),
        batch("deposit/1", moved(HOT, ALICE, 5), time=2),
        batch("deposit/1", moved(HOT, ALICE, 5), moved(HOT, ALICE, 5)),
    ],
)
def test_a_key_is_not_reused_for_anything_else(ledger, other):
    ledger.post(batch("deposit/1", moved(HOT, ALICE, 5)))
    refused(ledger, Refusal.KEY_REUSED)(other.key, *other.transfers, time=other.time)


def test_time_does_not_go_back(ledger):
    ledger.post(batch("a", moved(HOT, ALICE, 5), time=7))
    refused(ledger, Refusal.TIME_GOES_BACK)("b", moved(HOT, ALICE, 5), time=6)
    ledger.post(batch("c", moved(HOT, ALICE, 5), time=7))


def test_amounts_are_as_large_as_a_chain_can_make_them(ledger):
    ledger.post(batch("a", moved(HOT, ALICE, MAX_AMOUNT)))
    assert balances(ledger) == {HOT: MAX_AMOUNT, ALICE: MAX_AMOUNT}


MALFORMED = {
    "nothing": batch("k"),
    "no key": batch("", moved(HOT, ALICE, 1)),
    "a key with a tab": batch("a\tb", moved(HOT, ALICE, 1)),
    "a key with an end of line": batch("a\n", moved(HOT, ALICE, 1)),
    "a key of 101 characters": batch("k" * (MAX_KEY + 1), moved(HOT, ALICE, 1)),
    "no amount": batch("k", moved(HOT, ALICE, 0)),
    "less than nothing": batch("k", moved(HOT, ALICE, -1)),
    "too much": batch("k", moved(HOT, ALICE, MAX_AMOUNT + 1)),
    "to itself": batch("k", moved(ALICE, ALICE, 1)),
    "no code": batch("k", Transfer(HOT, ALICE, 1, "")),
    "post of nothing": batch("k", moved(HOT, ALICE, 1, phase=Phase.POST)),
    "void of nothing": batch("k", moved(HOT, ALICE, 0, phase=Phase.VOID)),
    "void with an amount": batch("k", moved(HOT, ALICE, 1, phase=Phase.VOID, pending="a#0")),
    "posted that ends another": batch("k", moved(HOT, ALICE, 1, pending="a#0")),
    "posted that expires": batch("k", moved(HOT, ALICE, 1, expires=5)),
}


@pytest.mark.parametrize("wrong", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_has_no_meaning_is_refused(ledger, wrong):
    refused(ledger, Refusal.MALFORMED)(wrong.key, *wrong.transfers)


def test_assets_do_not_turn_into_each_other(ledger):
    refused(ledger, Refusal.ASSETS_DIFFER)("k", moved(HOT, DOLLARS, 1))


@pytest.mark.parametrize("name", ["", "ETH", "/x", "ETH/", "ETH/a b", "ETH/é", "ETH/" + "x" * 120])
def test_an_account_has_an_asset_and_a_plain_name(name):
    with pytest.raises(BatchRefused):
        Ledger().open(name, Kind.ASSET)


def test_an_account_is_opened_once_and_stays_what_it_is(ledger):
    ledger.post(batch("deposit/1", moved(HOT, ALICE, 5)))
    assert ledger.open(ALICE, Kind.LIABILITY, Guard.DEBITS).balance == 5
    with pytest.raises(BatchRefused):
        ledger.open(ALICE, Kind.LIABILITY)


# --- two phases ---------------------------------------------------------------------------------


@pytest.fixture
def reserved(ledger):
    """Alice has 10, and 7 of them are on their way out until 100 ns."""
    ledger.post(batch("deposit/1", moved(HOT, ALICE, 10)))
    ledger.post(batch("out/1", moved(ALICE, HOT, 7, phase=Phase.PENDING, expires=100)))
    return ledger


def end(phase, amount=0, pending="out/1#0", debit=ALICE, credit=HOT):
    return moved(debit, credit, amount, phase=phase, pending=pending)


def test_what_is_reserved_is_there_and_cannot_be_spent(reserved):
    alice = reserved.accounts[ALICE]
    assert (alice.balance, alice.available) == (10, 3)
    refused(reserved, Refusal.OVERDRAFT)("pay/1", moved(ALICE, BOB, 4))
    reserved.post(batch("pay/2", moved(ALICE, BOB, 3)))


def test_what_is_reserved_leaves_when_it_is_posted(reserved):
    reserved.post(batch("out/1/final", end(Phase.POST, 7)))
    assert balances(reserved) == {ALICE: 3, HOT: 3}
    assert reserved.accounts[ALICE].available == 3


def test_a_part_may_leave_and_the_rest_comes_back(reserved):
    reserved.post(batch("out/1/final", end(Phase.POST, 5)))
    assert reserved.accounts[ALICE].available == 5


def test_a_void_gives_all_back(reserved):
    reserved.post(batch("out/1/no", end(Phase.VOID)))
    assert reserved.accounts[ALICE].available == 10


@pytest.mark.parametrize("first", [end(Phase.POST, 7), end(Phase.POST, 1), end(Phase.VOID)])
@pytest.mark.parametrize("second", [end(Phase.POST, 7), end(Phase.VOID)])
def test_what_is_pending_ends_once(reserved, first, second):
    refused(reserved, Refusal.ENDED)("both", first, second)
    reserved.post(batch("first", first))
    refused(reserved, Refusal.ENDED)("second", second)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (end(Phase.POST, 8), Refusal.EXCEEDS_PENDING),
        (end(Phase.POST, 7, pending="out/1#1"), Refusal.UNKNOWN_PENDING),
        (end(Phase.VOID, pending="deposit/1#0"), Refusal.UNKNOWN_PENDING),
        (end(Phase.POST, 7, debit=BOB), Refusal.MALFORMED),
        (end(Phase.POST, 7, debit=HOT, credit=ALICE), Refusal.MALFORMED),
    ],
)
def test_only_what_is_pending_can_be_ended_and_only_as_it_is(reserved, wrong, why):
    refused(reserved, why)("wrong", wrong)


def test_what_is_not_posted_in_time_comes_back(reserved):
    assert reserved.expire(99) == []
    refused(reserved, Refusal.EXPIRED)("late", end(Phase.POST, 7), time=100)
    (expired,) = reserved.expire(100)
    assert expired.batch.key == "out/1#0/expired"
    assert reserved.accounts[ALICE].available == 10
    assert reserved.expire(10**9) == []


def test_the_oldest_expires_first_and_what_has_ended_does_not(reserved):
    for key, expires in (("out/2", 90), ("out/3", 0), ("out/4", 80)):
        transfer = moved(ALICE, HOT, 1, phase=Phase.PENDING, expires=expires)
        reserved.post(batch(key, transfer))
    reserved.post(batch("out/4/final", end(Phase.POST, 1, pending="out/4#0")))
    assert reserved.expired(1_000) == ["out/2#0", "out/1#0"]


# --- the chain ----------------------------------------------------------------------------------


def test_whoever_has_the_batches_can_check_them(reserved):
    assert check_chain(reserved.history.posted) == reserved.digest
    middle = reserved.history.posted[0]
    assert check_chain(reserved.history.posted[1:], middle.digest, middle.seq) == reserved.digest


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize(
    "changed",
    [
        lambda b: Batch(b.key + "x", b.time, b.transfers),
        lambda b: Batch(b.key, b.time + 1, b.transfers),
        lambda b: Batch(b.key, b.time, b.transfers * 2),
        lambda b: Batch(b.key, b.time, (moved(HOT, BOB, 10),)),
    ],
)
def test_a_batch_that_was_changed_is_found(reserved, at, changed):
    posted = list(reserved.history.posted)
    posted[at] = Posted(posted[at].seq, changed(posted[at].batch), posted[at].digest)
    with pytest.raises(AssertionError, match=f"number {at + 1} is not what was posted"):
        check_chain(posted)


def test_a_batch_that_is_missing_is_found(reserved):
    with pytest.raises(AssertionError, match="number 1 is missing"):
        check_chain(reserved.history.posted[1:])


# --- everything at once -------------------------------------------------------------------------

AnyBatches.TestCase.settings = settings(max_examples=60, stateful_step_count=25, derandomize=True)
TestAnyBatches = AnyBatches.TestCase
