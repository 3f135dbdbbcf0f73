"""Holds on accounts: what is refused, what is cancelled, what goes on, and who may lift them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import mass
from engine.model.commands import (
    CancelOrder,
    ContinueMass,
    DefineAsset,
    DefineInstrument,
    Deposit,
    HoldWithdrawal,
    NewOrder,
    Origin,
    ReleaseWithdrawal,
    ReplaceOrder,
    ReverseDeposit,
    SetHold,
    SettleWithdrawal,
)
from engine.model.enums import (
    BUY,
    CXL_REJ_OTHER,
    HOLD_FROZEN,
    HOLD_NONE,
    HOLD_RESTRICTED,
    ORD_REJ_OTHER,
    RESTATEMENT_MARKET_OPTION,
    SELL,
)
from engine.model.events import (
    CommandRefused,
    Deposited,
    DepositReversed,
    HoldLiftAsked,
    HoldSet,
    OrderFilled,
    WithdrawalReleased,
    WithdrawalSettled,
)
from tests.engine.desk import Desk
from tests.engine.streams import (
    ACME_ACCOUNT,
    ACME_OE1,
    ACME_OE2,
    BOREAS_OE1,
    BTC_USD,
    ETH,
    ETH_BTC,
    ETH_USD,
    RANDOM_BALANCES,
    USD,
    bootstrap,
    random_commands,
)

SYSTEM = Origin(0, 0, 0)
REASON = "case 2026-117: on the sanctions list"
PRICE = 6_000_000


def hold(desk, level, *, account=ACME_ACCOUNT, by="ann", of="", name=""):
    """Somebody's word on an account; the lines of what it caused."""
    name = name or f"hold/{desk.number}"
    return desk.send(SetHold(SYSTEM, account, level, REASON, name, by, of))


def freeze(desk, **words):
    return hold(desk, HOLD_FROZEN, **words)


def restrict(desk, **words):
    return hold(desk, HOLD_RESTRICTED, **words)


def lift(desk, *, of, to=HOLD_NONE, account=ACME_ACCOUNT):
    """Two people's words."""
    assert hold(desk, to, account=account, by="ann", of=of) == ["HoldLiftAsked"]
    assert hold(desk, to, account=account, by="ben", of=of)[0] == "HoldSet"


def money(desk, command):
    """The one event of a command about money."""
    desk.send(command)
    (event,) = desk.events
    return event


# --- frozen -----------------------------------------------------------------------------------


def test_a_frozen_account_sends_no_orders_and_no_replaces_and_may_cancel():
    desk = Desk()
    desk.send(SetHold(SYSTEM, ACME_ACCOUNT, HOLD_FROZEN, REASON, "h1", "ann"))
    (event,) = desk.events
    assert event == HoldSet(ACME_ACCOUNT, HOLD_FROZEN, REASON, "h1", "ann")
    for side in (BUY, SELL):
        for instrument in (BTC_USD, ETH_USD, ETH_BTC):
            name = f"n{side}{instrument}"
            assert desk.order(ACME_OE1, name, side, 5, 5_000, instrument=instrument) == [
                f"{name} rejected {ORD_REJ_OTHER}"
            ]
    assert desk.market_buy(ACME_OE2, "m1", 5) == [f"m1 rejected {ORD_REJ_OTHER}"]
    assert desk.events[0].text == (
        "the account is held by the venue; cancels still work, ask the venue"
    )
    assert desk.buy(BOREAS_OE1, "b1", 5, PRICE) == ["b1 accepted"], "nobody else is held"


def test_an_order_that_waits_for_its_cancel_cannot_be_replaced_and_can_be_cancelled(monkeypatch):
    monkeypatch.setattr(mass, "MASS_SLICE", 1)
    desk = Desk()
    for name in ("b1", "b2", "b3"):
        desk.buy(ACME_OE1, name, 5, PRICE)
    operation = desk.number
    assert freeze(desk) == ["HoldSet", "b1 canceled"]
    assert desk.replace(ACME_OE1, "r2", "b2", 4, PRICE) == [f"r2 cancel rejected {CXL_REJ_OTHER}"]
    assert "the account is held by the venue" in desk.events[0].text
    assert desk.cancel(ACME_OE1, "c3", "b3") == ["c3 canceled b3"]
    assert desk.send(ContinueMass(operation)) == ["b2 canceled"]
    assert desk.venue.mass_pending == -1
    assert desk.balance(ACME_ACCOUNT, USD)[1] == 0


def test_open_orders_are_cancelled_unasked_with_378_and_a_text():
    desk = Desk()
    desk.buy(ACME_OE1, "b1", 5, PRICE - 9)
    desk.sell(ACME_OE2, "s1", 5, PRICE + 9)
    desk.buy(BOREAS_OE1, "b1", 5, PRICE - 9)
    assert freeze(desk) == ["HoldSet", "b1 canceled", "s1 canceled"]
    for event in desk.events[1:]:
        assert event.restatement == RESTATEMENT_MARKET_OPTION
        assert event.text == "cancelled by the venue: the account is held by the venue"
    assert desk.venue.open_orders() == 1


def test_what_is_still_to_be_cancelled_trades_with_nobody(monkeypatch):
    monkeypatch.setattr(mass, "MASS_SLICE", 1)
    desk = Desk()
    for name, price in (("s0", PRICE + 5), ("s1", PRICE), ("s2", PRICE + 1)):
        desk.sell(ACME_OE1, name, 5, price)
    desk.sell(BOREAS_OE1, "other", 5, PRICE + 1)
    operation = desk.number
    freeze(desk)
    assert desk.market_buy(4, "m1", 8) == [
        "s1 canceled",
        "s2 canceled",
        "m1 accepted",
        f"other filled 5@{PRICE + 1} left 0",
        f"m1 filled 5@{PRICE + 1} left 3",
        "m1 canceled",
    ]
    assert desk.send(ContinueMass(operation)) == []


@pytest.mark.parametrize("level", [HOLD_RESTRICTED, HOLD_FROZEN])
def test_what_members_read_tells_no_reason(level):
    """No tipping off: neither whom nor what the hold is about."""
    desk = Desk()
    desk.buy(ACME_OE1, "b1", 5, PRICE)
    hold(desk, level)
    told = [event.text for event in desk.events[1:]]
    desk.buy(ACME_OE1, "b2", 5, PRICE)
    told += [event.text for event in desk.events]
    told.append(money(desk, HoldWithdrawal(ACME_ACCOUNT, USD, 2**60, 0, "w1")).text)
    assert len(told) == 3
    for word in ("sanction", "list", "case", "suspic", "complian", "frozen", "ann"):
        assert not [text for text in told if word in text.lower()]


def test_deposits_are_credited_and_stay_and_no_withdrawal_is_set_aside():
    desk = Desk(balances={USD: 1_000})
    money(desk, HoldWithdrawal(ACME_ACCOUNT, USD, 100, 1, "before"))
    money(desk, HoldWithdrawal(ACME_ACCOUNT, USD, 200, 2, "paid"))
    freeze(desk)
    assert isinstance(money(desk, Deposit(ACME_ACCOUNT, USD, 50, "deposit/1")), Deposited)
    refused = money(desk, HoldWithdrawal(ACME_ACCOUNT, USD, 10, 0, "w1"))
    assert refused == CommandRefused("withdrawal w1: the account is held by the venue")
    assert isinstance(money(desk, SettleWithdrawal("paid")), WithdrawalSettled), "it has left"
    assert isinstance(money(desk, ReleaseWithdrawal("before", "taken back")), WithdrawalReleased)
    assert desk.balance(ACME_ACCOUNT, USD) == (1_000 - 202 + 50, 0)
    reversal = ReverseDeposit(ACME_ACCOUNT, USD, 50, "deposit/1", "reversal/1")
    assert isinstance(money(desk, reversal), DepositReversed), "it never came"


# --- restricted -------------------------------------------------------------------------------


def test_a_restricted_account_sells_for_money_and_nothing_else():
    desk = Desk()
    restrict(desk)
    taken = {}
    for instrument, price in ((BTC_USD, PRICE), (ETH_USD, 300_000), (ETH_BTC, 5_000)):
        for side in (BUY, SELL):
            name = f"n{side}{instrument}"
            lines = desk.order(ACME_OE1, name, side, 5, price, instrument=instrument)
            taken[instrument, side] = lines == [f"{name} accepted"]
    assert taken == {
        (BTC_USD, BUY): False,
        (BTC_USD, SELL): True,
        (ETH_USD, BUY): False,
        (ETH_USD, SELL): True,
        (ETH_BTC, BUY): False,
        (ETH_BTC, SELL): False,
    }
    assert desk.replace(ACME_OE1, "r1", f"n{SELL}{BTC_USD}", 7, PRICE + 1, SELL)[0] == (
        f"r1 replaced n{SELL}{BTC_USD} left 7@{PRICE + 1}"
    )


def test_a_coin_that_is_traded_for_coins_alone_is_sold_for_those():
    """Else nobody could get out of it."""
    desk = Desk()
    desk.send(DefineAsset(4, "SOL", 8))
    desk.send(DefineInstrument(4, "SOL-BTC", 4, 1, 5, 1, 3, 1, 300))
    desk.send(Deposit(ACME_ACCOUNT, 4, 10**10, "sol"))
    restrict(desk)
    assert desk.sell(ACME_OE1, "s1", 5, 300, instrument=4) == ["s1 accepted"]
    assert desk.buy(ACME_OE1, "b1", 5, 299, instrument=4) == [f"b1 rejected {ORD_REJ_OTHER}"]


def test_resting_orders_that_open_are_cancelled_and_those_that_close_stay():
    desk = Desk()
    desk.buy(ACME_OE1, "b1", 5, PRICE - 9)
    desk.sell(ACME_OE1, "s1", 5, PRICE + 9)
    desk.sell(ACME_OE2, "e1", 5, 5_000, instrument=ETH_BTC)
    assert restrict(desk) == ["HoldSet", "b1 canceled", "e1 canceled"]
    assert desk.events[1].text == (
        "cancelled by the venue: the account may only sell what it has for money"
    )
    assert desk.market_buy(BOREAS_OE1, "m1", 5)[1:] == [
        f"s1 filled 5@{PRICE + 9} left 0",
        f"m1 filled 5@{PRICE + 9} left 0",
    ]


def test_withdrawals_of_a_restricted_account_go_on():
    desk = Desk()
    restrict(desk)
    money(desk, HoldWithdrawal(ACME_ACCOUNT, ETH, 100, 1, "w1"))
    assert desk.balance(ACME_ACCOUNT, ETH)[1] == 101


# --- who says so ------------------------------------------------------------------------------


def test_one_person_holds_and_two_lift():
    desk = Desk()
    freeze(desk, by="ann", name="h1")
    hold(desk, HOLD_NONE, by="ann", of="h1", name="l1")
    (event,) = desk.events
    assert event == HoldLiftAsked(ACME_ACCOUNT, HOLD_NONE, REASON, "l1", "ann", "h1")
    assert desk.buy(ACME_OE1, "b1", 5, PRICE) == ["b1 rejected 99"], "one word is not enough"
    assert hold(desk, HOLD_NONE, by="ann", of="h1") == ["CommandRefused"]
    assert "another person" in desk.events[0].text
    assert hold(desk, HOLD_NONE, by="ben", of="h1") == ["HoldSet"]
    assert desk.buy(ACME_OE1, "b2", 5, PRICE) == ["b2 accepted"]
    assert desk.venue.state.holds == {}


def test_two_who_ask_for_different_levels_do_not_agree():
    desk = Desk()
    freeze(desk, name="h1")
    assert hold(desk, HOLD_NONE, by="ann", of="h1") == ["HoldLiftAsked"]
    assert hold(desk, HOLD_RESTRICTED, by="ben", of="h1") == ["HoldLiftAsked"]
    assert hold(desk, HOLD_NONE, by="ben", of="h1") == ["HoldLiftAsked"]
    assert hold(desk, HOLD_NONE, by="cat", of="h1") == ["HoldSet"]


def test_a_hold_to_less_is_a_lift_too():
    desk = Desk()
    freeze(desk, name="h1")
    lift(desk, of="h1", to=HOLD_RESTRICTED)
    assert desk.sell(ACME_OE1, "s1", 5, PRICE) == ["s1 accepted"]
    assert desk.buy(ACME_OE1, "b1", 5, PRICE - 9) == ["b1 rejected 99"]


def test_nobody_lifts_a_hold_that_was_set_meanwhile():
    desk = Desk()
    freeze(desk, name="h1")
    hold(desk, HOLD_NONE, by="ann", of="h1")
    assert freeze(desk, by="cat", name="h2") == ["HoldSet"], "another list has a hit"
    assert hold(desk, HOLD_NONE, by="ben", of="h1") == ["CommandRefused"]
    assert "the hold in force is h2" in desk.events[0].text
    assert hold(desk, HOLD_NONE, by="ben", of="h2") == ["HoldLiftAsked"], "what ann said is void"


def test_a_command_that_comes_again_changes_nothing():
    desk = Desk()
    freeze(desk, name="h1")
    lift(desk, of="h1")
    assert freeze(desk, name="h1") == ["CommandRefused"]
    assert desk.events[0].text == "hold h1: this reference was used before"
    assert desk.venue.state.holds == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"account": 9}, "unknown account 9"),
        ({"account": 0}, "unknown account 0"),
        ({"level": 3}, "unknown level 3"),
        ({"level": HOLD_NONE}, "the account is not held"),
        ({"reference": ""}, "a reference has 1 to"),
        ({"reference": "a b"}, "a reference has 1 to"),
        ({"by": ""}, "whose word it is"),
        ({"by": "Ann Smith"}, "whose word it is"),
        ({"by": "a" * 61}, "whose word it is"),
        ({"reason": ""}, "needs a reason"),
        ({"reason": "x" * 201}, "needs a reason"),
        ({"origin": Origin(ACME_OE1, 1, 0)}, "only the venue itself"),
    ],
)
def test_what_makes_no_sense_is_refused_with_nothing_changed(change, words):
    desk = Desk()
    fields = {
        "origin": SYSTEM, "account": ACME_ACCOUNT, "level": HOLD_FROZEN, "reason": REASON,
        "reference": "h1", "by": "ann",
    }  # fmt: skip
    references = dict(desk.venue.state.references)
    assert desk.send(SetHold(**{**fields, **change})) == ["CommandRefused"]
    assert words in desk.events[0].text
    assert desk.venue.state.holds == {}
    assert desk.venue.state.references == references


def test_the_state_hash_covers_what_is_held_and_what_was_asked_for():
    seen = set()
    for level, reason, by in ((1, "r", "ann"), (2, "r", "ann"), (2, "s", "ann"), (2, "r", "ben")):
        desk = Desk()
        desk.send(SetHold(SYSTEM, ACME_ACCOUNT, level, reason, "h1", by))
        seen.add(desk.venue.state_hash())
        hold(desk, HOLD_NONE, of="h1", by="cat", name="l1")
        seen.add(desk.venue.state_hash())
    assert len(seen) == 8


# --- what always holds --------------------------------------------------------------------------


def owned(venue, account):
    return [b.available + b.held for b in venue.state.accounts[account].balances.values()]


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), mass_slice=st.sampled_from((1, 2, 500)))
def test_a_frozen_account_never_trades_and_gains_by_deposits_alone(seed, mass_slice):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mass, "MASS_SLICE", mass_slice)
        venue, _ = bootstrap(balances=RANDOM_BALANCES)
        for command, number, time in random_commands(seed, 400, holds=True):
            frozen = {a for a, h in venue.state.holds.items() if h.level == HOLD_FROZEN}
            buyers = frozen | set(venue.state.holds)
            before = {account: owned(venue, account) for account in frozen}
            events = venue.apply(command, number, time)
            fills = [e for e in events if isinstance(e, OrderFilled)]
            assert not [e for e in fills if e.account in frozen]
            assert not [e for e in fills if e.account in buyers and e.side == BUY]
            for account, had in before.items():
                have = owned(venue, account)
                if isinstance(command, NewOrder | CancelOrder | ReplaceOrder | ContinueMass):
                    assert have == had
                elif not isinstance(command, SettleWithdrawal | ReverseDeposit):
                    assert all(x >= y for x, y in zip(have, had, strict=True))
            venue.check()
