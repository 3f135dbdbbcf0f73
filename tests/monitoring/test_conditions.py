"""Facts and the alerts that they are: each condition of each rule, right at its threshold.

Tables of (hours from the start, what happens). Values are dollars, where no price moves anything.
"""

import msgspec
import pytest

from compliance.monitoring.profiles import Profiles
from compliance.monitoring.rules import Structuring
from compliance.monitoring.watch import MoneyWatch
from compliance.surveillance.alerts import Alert
from compliance.surveillance.links import Links
from engine.model.commands import Deposit, ReleaseWithdrawal, SettleWithdrawal
from engine.model.enums import HOLD_FROZEN
from engine.model.events import CommandRefused
from engine.model.money import INT64_MAX
from tests.engine.streams import BTC, USD
from tests.monitoring.till import HOUSE, MAKER, MONEY_RULES, SECOND, SUSPECT, THIRD, Till

DAY, WEEK = 24, 7 * 24
SECONDS = 1 / 3_600


def played(kind, rows, **more):
    """The alerts of one kind after rows of (hours, act of Till, *arguments), about the suspects."""
    till = Till(1, town=False, **more)
    start = till.now
    for hours, act, *words in rows:
        till.let((start - till.now) / 10**9 + hours * 3_600)
        getattr(till, act)(SUSPECT, *words)
    till.let(7 * 3_600)
    return [alert for alert in till.alerts if alert.kind == kind]


def deposits(*rows):
    return [(hours, "deposit", value) for hours, value in rows]


def hourly(*values):
    return deposits(*enumerate(values))


OTHERS = hourly(50, 50, 50, 50)
"""Of which more than a day goes by, and less than a week."""
FUNDED = (0, "deposit", 100_000)


@pytest.mark.parametrize(
    ("rows", "alerts"),
    [
        (hourly(9_500, 9_500, 9_500, 9_500), 1),
        (hourly(9_500, 9_500, 9_500), 0),
        (hourly(9_000, 9_000, 9_000, 9_000), 1),
        (hourly(8_999, 8_999, 8_999, 8_999), 0),
        (hourly(10_000, 10_000, 10_000, 10_000), 0),
        (deposits((0, 950), (40, 950), (120, 950), (WEEK, 950)), 1),
        (deposits((0, 950), (40, 950), (120, 950), (WEEK + SECONDS, 950)), 0),
        (OTHERS + deposits((50, 950), (60, 950), (70, 950), (74, 950)), 1),
        (OTHERS + deposits((50, 950), (60, 950), (70, 950), (74 + SECONDS, 950)), 0),
        (hourly(950, 950, 2_900, 2_900, 9_500, 9_500), 0),
        (hourly(950, 50, 50, 50, 50, 950, 950, 950, 950, 950), 1),
        (hourly(950, 50, 50, 50, 50, 950, 950, 950, 950), 0),
        ([FUNDED, *((k, "withdraw", 2_990) for k in (1, 2, 3, 4))], 1),
        ([FUNDED, (1, "withdraw", 2_990), (2, "deposit", 2_990), (3, "withdraw", 2_990),
          (4, "withdraw", 2_990)], 0),
        ([FUNDED, (1, "fail", 2_990), (9, "withdraw", 2_990), (10, "withdraw", 2_990),
          (11, "withdraw", 2_990)], 0),
    ],
)  # fmt: skip
def test_structuring(rows, alerts):
    assert len(played("structuring", rows)) == alerts


def test_structuring_needs_the_threshold_to_be_passed():
    rules = msgspec.structs.replace(MONEY_RULES, structuring=Structuring((1_000,), 9_000, 2, 2, 1))
    assert len(played("structuring", hourly(500, 499), rules=rules)) == 0
    assert len(played("structuring", hourly(500, 500), rules=rules)) == 1


def test_structuring_counts_what_members_of_one_owner_do_together():
    till = Till(1, links=Links(owners={SUSPECT: 1, SECOND: 1, THIRD: 1}), town=False)
    for member in (SUSPECT, SECOND, THIRD, SUSPECT):
        till.deposit(member, 9_500)
    (alert,) = [alert for alert in till.alerts if alert.kind == "structuring"]
    assert alert.members == (SUSPECT, SECOND, THIRD)


def test_a_deposit_that_the_chain_took_back_is_none():
    till = Till(1, town=False)
    till.deposit(SUSPECT, 9_500)
    till.deposit(SUSPECT, 9_500)
    till.reverse(SUSPECT, 9_500, till.deposit(SUSPECT, 9_500))
    till.deposit(SUSPECT, 9_500)
    assert till.alerts == []


def every(count, hours, value, first=0):
    return [(first + k * hours, "deposit", value) for k in range(count)]


@pytest.mark.parametrize(
    ("rows", "alerts"),
    [
        (every(15, 1, 1), 1),
        (every(14, 1, 1), 0),
        (every(15, 24 / 14, 1), 1),
        (every(15, 24 / 13, 1), 0),
        (every(6, 1, 1) + every(15, 1, 1, first=80), 1),
        (every(7, 1, 1) + every(15, 1, 1, first=80), 0),
        (every(7, 1, 1) + every(15, 1, 1, first=41 * DAY), 1),
        ([*every(7, 1, 9), (3 * DAY, "deposit", 9), *((44 * DAY, "ask", 1) for _ in range(15))], 1),
        ([*every(7, 1, 9), (3 * DAY, "deposit", 9), *((30 * DAY, "ask", 1) for _ in range(15))], 0),
        (every(5, 1, 50_000), 1),
        (every(5, 1, 49_999), 0),
        (every(4, 1, 100_000), 0),
        (every(2, 1, 50_000) + every(5, 1, 50_000, first=80), 1),
        (every(2, 1, 50_001) + every(5, 1, 50_000, first=80), 0),
        ([*every(4, 1, 50_000), (4, "trade", 70_000), (5, "deposit", 50_000)], 1),
        ([*every(4, 1, 50_000), (4, "trade", 76_000), (5, "deposit", 50_000)], 0),
    ],
)  # fmt: skip
def test_velocity(rows, alerts):
    assert len(played("velocity", rows)) == alerts


@pytest.mark.parametrize(
    ("rows", "alerts"),
    [
        ([(0, "deposit", 1_000), (1, "withdraw", 1_000)], 1),
        ([(0, "deposit", 1_000), (1 + SECONDS, "withdraw", 1_000)], 0),
        ([(0, "deposit", 999), (1, "withdraw", 999)], 0),
        ([(0, "deposit", 5_000), (1, "withdraw", 4_000)], 1),
        ([(0, "deposit", 5_000), (1, "withdraw", 3_999)], 0),
        ([(0, "deposit", 5_000), (0.5, "withdraw", 2_000), (1, "withdraw", 2_000)], 1),
        ([FUNDED, (9, "deposit", 5_000), (9.5, "withdraw", 5_000)], 1),
        ([FUNDED, (9, "deposit", 5_000), (9.5, "withdraw", 5_001)], 0),
        ([FUNDED, (9, "withdraw", 5_000), (9.5, "deposit", 5_000)], 0),
        ([FUNDED, (9, "deposit", 5_000, BTC), (9.5, "withdraw", 5_000)], 0),
        ([FUNDED, (9, "deposit", 999), (9, "deposit", 5_000, BTC), (9.5, "withdraw", 999)], 0),
        ([(0, "deposit", 5_000), (0.1, "trade", 990), (1, "withdraw", 4_000)], 1),
        ([(0, "deposit", 5_000), (0.1, "trade", 1_010), (1, "withdraw", 3_980)], 0),
        ([FUNDED, (8, "trade", 5_000), (9, "deposit", 5_000), (9.5, "withdraw", 5_000)], 1),
        ([FUNDED, (8, "deposit", 5_000), (8.1, "trade", 5_000), (8.2, "fail", 5_000),
          (8.9, "withdraw", 5_000)], 0),
    ],
)  # fmt: skip
def test_pass_through(rows, alerts):
    assert len(played("pass_through", rows)) == alerts


def test_what_was_traded_before_a_withdrawal_that_failed_was_traded():
    till = Till(1, town=False)
    till.deposit(SUSPECT, 90_000)
    till.let(2 * 3_600)
    till.deposit(SUSPECT, 5_000)
    till.trade(SUSPECT, 2_000)
    till.do(ReleaseWithdrawal(till.ask(SUSPECT, 2_900), "typed wrong"))
    till.withdraw(SUSPECT, 4_500)
    till.let(2 * 3_600)
    assert till.alerts == []
    till.deposit(SUSPECT, 5_000)
    till.trade(SUSPECT, 2_000)
    wrong = till.ask(SUSPECT, 2_900)
    till.withdraw(SUSPECT, 500)
    till.do(ReleaseWithdrawal(wrong, "typed wrong"))
    till.withdraw(SUSPECT, 4_000)
    till.let(2 * 3_600)
    assert till.alerts == []
    till.deposit(SUSPECT, 5_000)
    till.withdraw(SUSPECT, 4_500)
    assert [alert.kind for alert in till.alerts] == ["pass_through"]


def test_a_coin_is_worth_what_it_was_traded_at_last():
    till = Till(1, town=False)
    till.price[BTC] *= 2
    till.trade(MAKER, 100)
    till.deposit(SUSPECT, 1_100, BTC)
    till.withdraw(SUSPECT, 1_050, BTC)
    assert [alert.kind for alert in till.alerts] == ["pass_through"]


@pytest.mark.parametrize(
    ("rows", "alerts"),
    [
        ([(0, "deposit", 10_000), (20, "withdraw", 8_000)], 1),
        ([(0, "deposit", 9_999), (20, "withdraw", 9_999)], 0),
        ([(0, "deposit", 10_000), (20, "withdraw", 7_999)], 0),
        ([(0, "deposit", 10_000), (24, "withdraw", 8_000)], 1),
        ([(0, "deposit", 10_000), (24 + SECONDS, "withdraw", 8_000)], 0),
        ([(0, "deposit", 10), (20, "deposit", 10_000), (44, "withdraw", 8_010)], 1),
        ([(0, "deposit", 10), (24 + SECONDS, "deposit", 10_000), (30, "withdraw", 9_000)], 0),
        ([(0, "deposit", 10_000), (2, "withdraw", 4_000), (9, "withdraw", 4_000)], 1),
        ([(0, "deposit", 10_000), (2, "fail", 4_000), (20, "withdraw", 4_000)], 0),
    ],
)  # fmt: skip
def test_first_deposit_out(rows, alerts):
    assert len(played("first_deposit_out", rows)) == alerts


def test_who_had_an_opening_balance_is_not_new():
    till = Till(1, town=False)
    till.deposit(HOUSE, 20_000)
    till.let(7_200)
    till.withdraw(HOUSE, 20_000)
    assert till.alerts == []


LONG = 180 * DAY


@pytest.mark.parametrize(
    ("rows", "alerts"),
    [
        ([FUNDED, (LONG, "withdraw", 10_000)], 1),
        ([FUNDED, (LONG - 1, "withdraw", 10_000)], 0),
        ([FUNDED, (LONG, "withdraw", 9_999)], 0),
        ([FUNDED, (LONG, "deposit", 10_000)], 1),
        ([FUNDED, (LONG, "withdraw", 5_000), (LONG + WEEK, "deposit", 5_000)], 1),
        ([FUNDED, (LONG, "withdraw", 5_000), (LONG + WEEK + SECONDS, "deposit", 5_000)], 0),
        ([FUNDED, (90 * DAY, "trade", 500), (LONG, "withdraw", 10_000)], 0),
        ([FUNDED, (LONG, "trade", 500), (LONG + WEEK, "withdraw", 10_000)], 1),
        ([FUNDED, (LONG, "trade", 500), (LONG + WEEK + SECONDS, "withdraw", 10_000)], 0),
        ([(LONG, "deposit", 10_000)], 0),
    ],
)  # fmt: skip
def test_dormant(rows, alerts):
    assert len(played("dormant", rows)) == alerts


@pytest.mark.parametrize(
    ("rows", "alerts"),
    [
        (deposits((0, 900), (40, 600)), 1),
        (deposits((0, 900), (40, 599)), 0),
        ([(0, "deposit", 900), (9, "withdraw", 600)], 1),
        ([(0, "deposit", 900), (9, "ask", 600)], 0),
        ([(0, "deposit", 900), (9, "fail", 600)], 0),
        (deposits((0, 900), (29 * DAY, 600)), 1),
        (deposits((0, 900), (30 * DAY, 600)), 0),
        ([(0, "deposit", 1_500), (60 * DAY, "ask", 9)], 1),
    ],
)  # fmt: skip
def test_profile_mismatch(rows, alerts):
    said = Profiles({SUSPECT: 1_000})
    assert len(played("profile_mismatch", rows, profiles=said)) == alerts
    assert played("profile_mismatch", rows) == []


def test_what_members_of_one_owner_expect_is_added_up():
    links = Links(owners={SUSPECT: 1, SECOND: 1})
    till = Till(1, links=links, profiles=Profiles({SUSPECT: 1_000, SECOND: 3_000}), town=False)
    till.deposit(SUSPECT, 5_999)
    assert till.alerts == []
    till.deposit(SUSPECT, 1)
    assert [alert.kind for alert in till.alerts] == ["profile_mismatch"]


@pytest.mark.parametrize(
    ("rows", "alerts"),
    [
        ([FUNDED, *((k, "fail", 9) for k in (10, 40, 80))], 1),
        ([FUNDED, *((k, "fail", 9) for k in (10, 40))], 0),
        ([FUNDED, (10, "fail", 9), (11, "fail", 9), (10 + WEEK + 7, "fail", 9)], 0),
        ([FUNDED, *((1, "withdraw", 9) for _ in range(7)),
          *((k, "fail", 9) for k in (10, 20, 30))], 1),
        ([FUNDED, *((1, "withdraw", 9) for _ in range(8)),
          *((k, "fail", 9) for k in (10, 20, 30))], 0),
        ([(k, "ask", 9) for k in (1, 2, 3, 4)], 0),
        ([FUNDED, (1, "hold", HOLD_FROZEN), *((k, "ask", 9) for k in (2, 3, 4))], 1),
    ],
)  # fmt: skip
def test_repeated_refusals(rows, alerts):
    assert len(played("repeated_refusals", rows)) == alerts


def test_a_command_that_is_sent_again_is_no_other_refusal():
    till = Till(1, town=False)
    till.deposit(SUSPECT, 1_000)
    reference = till.ask(SUSPECT, 10)
    till.hold(SUSPECT, HOLD_FROZEN)
    held = next(row[2] for row in till.journal if getattr(row[2], "reference", "") == reference)
    for _ in range(4):
        assert isinstance(till.do(held)[0], CommandRefused)
    refused = msgspec.structs.replace(held, reference="withdrawal/other")
    for _ in range(4):
        assert isinstance(till.do(refused)[0], CommandRefused)
    assert till.alerts == []
    till.do(SettleWithdrawal(reference))
    assert till.alerts == []


def test_a_subject_is_left_in_peace_for_a_day():
    rows = [(0.1 * k, act, 5_000) for k in range(12) for act in ("deposit", "withdraw")]
    assert len(played("pass_through", rows)) == 1
    always = msgspec.structs.replace(MONEY_RULES, quiet_s=0)
    assert len(played("pass_through", rows, rules=always)) == 12


def test_an_alert_cites_where_it_comes_from_and_no_one_else():
    till = Till(1, town=False)
    till.deposit(SECOND, 5_000)
    till.deposit(SUSPECT, 5_000)
    till.withdraw(SUSPECT, 4_900)
    (alert,) = till.alerts
    numbers = {row[0]: row for row in till.journal}
    assert alert.members == (SUSPECT,)
    assert {numbers[k][2].account for k in alert.records} == {SUSPECT}
    assert alert.time == numbers[alert.last_record][1]
    assert (alert.instrument, dict(alert.figures)["value_minor"]) == (0, 5_000 * 10**8)
    assert alert.text == (
        "5000 USD came and 98% of it left within 3600 s, with 0 USD traded in between"
    )


def test_in_another_reporting_asset_the_same_is_worth_something_else():
    rules = msgspec.structs.replace(MONEY_RULES, reporting_asset="BTC")
    rows = [(0, "deposit", 1_000 * 60_000, USD), (1, "withdraw", 1_000 * 60_000, USD)]
    (alert,) = played("pass_through", rows, rules=rules)
    assert alert.text.startswith("1000 BTC came")
    nothing = msgspec.structs.replace(MONEY_RULES, reporting_asset="EUR")
    assert played("pass_through", rows, rules=nothing) == []
    assert len(played("velocity", every(15, 1, 1), rules=nothing)) == 1


def test_sums_beyond_all_bounds_are_kept():
    till = Till(1, town=False)
    for k in range(5):
        till.do(Deposit(SUSPECT, BTC, 2**60, f"chain/large/{k}"))
    (alert,) = [alert for alert in till.alerts if alert.kind == "velocity"]
    assert dict(alert.figures)["sum_minor"] == INT64_MAX
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(alert), type=Alert) == alert
    other = MoneyWatch(MONEY_RULES, Links(), Profiles())
    other.load(till.watch.save())
    assert other.save() == till.watch.save()
