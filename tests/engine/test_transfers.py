"""Money in and out: once by its reference, held on its way out, refused with nothing changed."""

import pytest

from engine.core import transfers
from engine.core.transfers import MAX_WITHDRAWAL
from engine.model.commands import (
    Deposit,
    HoldWithdrawal,
    ReleaseWithdrawal,
    ReverseDeposit,
    SettleWithdrawal,
)
from engine.model.enums import BUY, SELL
from engine.model.events import (
    CommandRefused,
    DepositReversed,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)
from tests.engine.desk import LOT, Desk
from tests.engine.streams import ACME_ACCOUNT, ACME_OE1, BOREAS_OE1, BTC, USD

START = {USD: 1_000, BTC: 10 * 10**8}


def desk(**balances):
    return Desk(balances=balances or START)


def apply(desk, command):
    (event,) = desk.venue.apply(command, desk.number, desk.venue.state.last_time)
    desk.number += 1
    desk.venue.check()
    return event


def total(desk, asset):
    return desk.venue.state.totals[asset]


def test_a_withdrawal_is_held_and_then_gone_with_its_fee_to_the_venue():
    d = desk()
    before = total(d, USD)
    held = apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 400, 3, "w1"))
    assert held == WithdrawalHeld(ACME_ACCOUNT, USD, 400, 3, 597, "w1")
    assert d.balance(ACME_ACCOUNT, USD) == (597, 403)
    settled = apply(d, SettleWithdrawal("w1"))
    assert settled == WithdrawalSettled(ACME_ACCOUNT, USD, 400, 3, 597, "w1")
    assert d.balance(ACME_ACCOUNT, USD) == (597, 0)
    assert d.balance(0, USD) == (3, 0)
    assert total(d, USD) == before - 400


def test_what_is_released_can_be_traded_with_again():
    d = desk()
    apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 400, 3, "w1"))
    released = apply(d, ReleaseWithdrawal("w1", "rejected by BOB"))
    assert released == WithdrawalReleased(ACME_ACCOUNT, USD, 400, 3, 1_000, "w1", "rejected by BOB")
    assert d.balance(ACME_ACCOUNT, USD) == (1_000, 0)


def test_nobody_trades_with_what_is_held():
    d = Desk(balances={USD: 7_000_000 * 10**8, BTC: 100 * 10**8})
    apply(d, HoldWithdrawal(ACME_ACCOUNT, BTC, 99 * 10**8, 0, "w1"))
    assert d.order(ACME_OE1, "a", SELL, 2 * LOT, 6_000_000) == ["a rejected 3"]
    assert d.order(ACME_OE1, "b", SELL, LOT, 6_000_000) == ["b accepted"]
    assert d.order(BOREAS_OE1, "c", BUY, LOT, 6_000_000)[-1].startswith("c filled")
    apply(d, SettleWithdrawal("w1"))
    assert d.balance(ACME_ACCOUNT, BTC) == (0, 0)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (HoldWithdrawal(99, USD, 1, 0, "w9"), "unknown account 99"),
        (HoldWithdrawal(0, USD, 1, 0, "w9"), "unknown account 0"),
        (HoldWithdrawal(ACME_ACCOUNT, 99, 1, 0, "w9"), "unknown asset 99"),
        (HoldWithdrawal(ACME_ACCOUNT, USD, 0, 0, "w9"), "an amount above 0"),
        (HoldWithdrawal(ACME_ACCOUNT, USD, 1, 0, ""), "a reference"),
        (HoldWithdrawal(ACME_ACCOUNT, USD, 1, 0, "w" * 61), f"over {MAX_WITHDRAWAL} characters"),
        (HoldWithdrawal(ACME_ACCOUNT, USD, 1, 0, "w 9"), "letters, digits"),
        (Deposit(ACME_ACCOUNT, USD, 1, "d" * 121), "at most 120 letters"),
        (HoldWithdrawal(ACME_ACCOUNT, USD, 1, -1, "w9"), "are available"),
        (HoldWithdrawal(ACME_ACCOUNT, USD, 590, 1, "w9"), "590 minor units are available"),
        (HoldWithdrawal(ACME_ACCOUNT, USD, 1, 0, "w1"), "was asked for before"),
        (HoldWithdrawal(ACME_ACCOUNT, USD, 1, 0, "w2"), "was asked for before"),
        (ReleaseWithdrawal("w9", ""), "is not held"),
        (ReleaseWithdrawal("w2", ""), "is not held"),
        (SettleWithdrawal("w9"), "is not held"),
        (SettleWithdrawal("w2"), "is not held"),
        (ReverseDeposit(ACME_ACCOUNT, USD, 10, "d9", "r9"), "d9 was never credited"),
        (ReverseDeposit(ACME_ACCOUNT, USD, 10, "d1", "r1"), "was done before"),
        (ReverseDeposit(99, USD, 10, "d1", "r9"), "unknown account 99"),
        (ReverseDeposit(ACME_ACCOUNT, USD, 0, "d1", "r9"), "an amount above 0"),
        (Deposit(ACME_ACCOUNT, USD, 1, "w1"), "was credited before"),
    ],
)
def test_what_is_refused_changes_nothing(command, words):
    d = desk()
    apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 400, 10, "w1"))
    apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 20, 0, "w2"))
    apply(d, ReleaseWithdrawal("w2", ""))
    apply(d, Deposit(ACME_ACCOUNT, USD, 10, "d1"))
    apply(d, ReverseDeposit(ACME_ACCOUNT, USD, 10, "d1", "r1"))
    before = d.venue.state.accounts[ACME_ACCOUNT].balances[USD], total(d, USD)
    event = apply(d, command)
    assert isinstance(event, CommandRefused)
    assert words in event.text
    assert before == (d.venue.state.accounts[ACME_ACCOUNT].balances[USD], total(d, USD))


def test_a_withdrawal_that_was_refused_is_not_held_when_it_is_sent_again():
    d = desk()
    assert isinstance(apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 1_001, 0, "w1")), CommandRefused)
    apply(d, Deposit(ACME_ACCOUNT, USD, 500, "d1"))
    again = apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 1_001, 0, "w1"))
    assert again == CommandRefused("withdrawal w1 was asked for before")


def test_a_reversal_takes_what_is_there_and_says_what_is_missing():
    d = desk()
    apply(d, Deposit(ACME_ACCOUNT, USD, 500, "d1"))
    apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 1_200, 0, "w1"))
    event = apply(d, ReverseDeposit(ACME_ACCOUNT, USD, 500, "d1", "r1"))
    assert event == DepositReversed(ACME_ACCOUNT, USD, 500, 300, 0, "d1", "r1")
    assert d.balance(ACME_ACCOUNT, USD) == (0, 1_200)


def test_more_withdrawals_than_the_table_holds_are_refused(monkeypatch):
    monkeypatch.setattr(transfers, "MAX_HELD_WITHDRAWALS", 2)
    d = desk()
    for name in ("w1", "w2"):
        apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 1, 0, name))
    event = apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 1, 0, "w3"))
    assert "too many" in event.text
    apply(d, SettleWithdrawal("w1"))
    assert isinstance(apply(d, HoldWithdrawal(ACME_ACCOUNT, USD, 1, 0, "w4")), WithdrawalHeld)
