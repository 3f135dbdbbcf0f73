"""Statements: what accounts had, what changed it and by which record, and what the engine says."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.exports.errors import ExportRefused
from compliance.exports.statement import STATEMENT
from compliance.exports.times import Period
from engine.core.venue import Venue
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import (
    Deposit,
    HoldWithdrawal,
    ReleaseWithdrawal,
    ReverseDeposit,
    SettleWithdrawal,
)
from engine.model.ids import VENUE_ACCOUNT
from tests.engine.desk import LOT
from tests.engine.streams import ACME_ACCOUNT, ACME_OE1, BOREAS_OE1, ETH, START
from tests.exports.support import ALL, Scene, document, random_scene, validator

BEGIN = START + NANOS_PER_SECOND


@pytest.fixture
def scene():
    """A venue that has opened before the period begins."""
    made = Scene()
    made.wait(1)
    return made


def changes(scene, member="ACME", period=None):
    """A member's changes as lines: what, asset, amount, balance, reference; all are valid."""
    period = period or Period(BEGIN, member=member)
    found = document(STATEMENT, scene.wholes, period)
    validator(STATEMENT).validate(found)
    return [
        " ".join(row[name] for name in ("what", "asset", "amount", "balance", "reference"))
        for row in found["statement"]
        if row["row"] == "change"
    ]


def test_a_trade_changes_what_both_sides_have(scene):
    scene.sell(ACME_OE1, "ask", LOT, 6_000_000)
    scene.buy(BOREAS_OE1, "lift", LOT // 2, 6_000_000)
    name = f"{scene.last}-"
    assert changes(scene) == [
        f"sold BTC -0.5 99999.5 {name}2",
        f"sold USD 30000 1000030000 {name}2",
        f"fee USD -3 1000029997 {name}2",
    ]
    assert changes(scene, "BOREAS") == [
        f"bought BTC 0.5 100000.5 {name}3",
        f"bought USD -30000 999970000 {name}3",
        f"fee USD -15 999969985 {name}3",
    ]
    assert changes(scene, "CYGNUS") == []


def test_an_order_that_rests_changes_nothing(scene):
    scene.buy(ACME_OE1, "bid", LOT, 5_990_000)
    scene.cancel(ACME_OE1, "gone", "bid")
    assert changes(scene) == []


def test_coins_that_come_and_go(scene):
    scene.send(Deposit(ACME_ACCOUNT, ETH, 5 * 10**8, "in-1"))
    scene.send(HoldWithdrawal(ACME_ACCOUNT, ETH, 2 * 10**8, 10**6, "out-1"))
    scene.send(HoldWithdrawal(ACME_ACCOUNT, ETH, 3 * 10**8, 10**6, "out-2"))
    scene.send(ReleaseWithdrawal("out-1", "changed its mind"))
    scene.send(SettleWithdrawal("out-2"))
    scene.send(ReverseDeposit(ACME_ACCOUNT, ETH, 5 * 10**8, "in-1", "back-1"))
    scene.send(Deposit(ACME_ACCOUNT, ETH, 5 * 10**8, "in-1"))
    assert changes(scene) == [
        "deposit ETH 5 1000005 in-1",
        "withdrawal ETH -3 1000002 out-2",
        "withdrawal fee ETH -0.01 1000001.99 out-2",
        "deposit reversed ETH -5 999996.99 back-1",
    ]


def test_a_statement_begins_with_what_there_was_and_ends_with_what_there_is(scene):
    scene.send(Deposit(ACME_ACCOUNT, ETH, 10**8, "in-1"))
    rows = scene.rows(STATEMENT, Period(BEGIN, member="ACME"))
    ends = [(r["row"], r["asset"], r["balance"]) for r in rows if r["row"] != "change"]
    assert ends == [
        ("opening", "BTC", "100000"),
        ("opening", "ETH", "1000000"),
        ("opening", "USD", "1000000000"),
        ("closing", "BTC", "100000"),
        ("closing", "ETH", "1000001"),
        ("closing", "USD", "1000000000"),
    ]


def test_a_period_in_which_nothing_happened_has_both_ends(scene):
    later = Period(BEGIN + 1, BEGIN + 2, "ACME")
    assert [row["row"] for row in scene.rows(STATEMENT, later)] == ["opening"] * 3 + ["closing"] * 3


def test_a_member_that_there_is_not_is_named(scene):
    with pytest.raises(ExportRefused, match="no member ZEPHYR"):
        scene.rows(STATEMENT, Period(member="ZEPHYR"))


def engine_balances(wholes, time):
    """What each account has of each asset before the first record at `time` or later."""
    venue = Venue()
    for whole in wholes:
        if whole.time >= time:
            break
        venue.apply(whole.command, whole.first, whole.time)
    known = venue.refdata
    return {
        (known.accounts[account.id].name, known.assets[asset].code): Decimal(
            balance.available + balance.held
        ).scaleb(-known.assets[asset].scale)
        for account in venue.state.accounts.values()
        if account.id != VENUE_ACCOUNT
        for asset, balance in account.balances.items()
    }


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.integers(30, 500), st.integers(0, 300))
def test_both_ends_are_the_engines_and_the_changes_lead_from_one_to_the_other(seed, first, length):
    _, wholes = random_scene(seed, 500, chain=True)
    begin = wholes[min(first, len(wholes) - 1)].time
    end = wholes[min(first + length, len(wholes) - 1)].time
    balances, changed = {"opening": {}, "closing": {}}, Counter()
    last = {}
    for row in STATEMENT.derive(wholes, Period(begin, end)):
        key = row["account"], row["asset"]
        if row["row"] == "change":
            changed[key] += Decimal(row["amount"])
            last[key] = Decimal(row["balance"])
        else:
            balances[row["row"]][key] = Decimal(row["balance"])
    assert balances["opening"] == engine_balances(wholes, begin)
    assert balances["closing"] == engine_balances(wholes, end)
    for key, balance in balances["closing"].items():
        assert balances["opening"].get(key, 0) + changed[key] == balance
        assert last.get(key, balance) == balance


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32))
def test_statements_validate(seed):
    _, wholes = random_scene(seed, 300, chain=True)
    found = document(STATEMENT, wholes, ALL)
    validator(STATEMENT).validate(found)
    assert {row["row"] for row in found["statement"]} >= {"change", "closing"}
    found["statement"][-1]["amount"] = "1"
    assert not validator(STATEMENT).is_valid(found)
