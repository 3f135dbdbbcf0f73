"""Mass cancels, kill switch and end of day, in slices."""

import pytest

from engine.core import mass
from engine.core.mass import MASS_SLICE
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import (
    Block,
    ContinueMass,
    EndOfDay,
    MassCancel,
    Origin,
    RefusedMassCancel,
)
from engine.model.enums import (
    BLOCK_ACCOUNT,
    BLOCK_ALL,
    BLOCK_MEMBER,
    BLOCK_SESSION,
    DAY,
    EXPIRED,
    GTC,
    RESTATEMENT_MARKET_OPTION,
)
from tests.engine.desk import Desk
from tests.engine.streams import (
    ACME,
    ACME_ACCOUNT,
    ACME_OE1,
    ACME_OE2,
    BOREAS_OE1,
    BTC_USD,
    CYGNUS_OE1,
    ETH_USD,
    START,
)

SYSTEM = Origin(0, 0, 0)
NIGHT = 15 * 3600
TODAY = START // NANOS_PER_DAY


def with_orders(count: int = 5, tif: int = GTC) -> Desk:
    desk = Desk()
    for k in range(count):
        desk.buy(ACME_OE1, f"b{k}", 1, 5_000_000 + k, tif=tif)
    return desk


def test_a_mass_cancel_ends_the_sessions_own_orders_from_the_oldest_on() -> None:
    desk = with_orders(3)
    desk.buy(ACME_OE2, "other", 1, 6_000_000)
    assert desk.mass_cancel(ACME_OE1, "q1") == [
        "b0 canceled",
        "b1 canceled",
        "b2 canceled",
        "q1 mass canceled 3",
    ]
    assert desk.events[0].text == "mass cancel q1"
    assert (desk.events[-1].scope, desk.events[-1].response) == (b"7", 7)
    assert desk.venue.open_orders() == 1


def test_a_mass_cancel_of_an_instrument_leaves_the_others() -> None:
    desk = with_orders(2)
    desk.buy(ACME_OE1, "e1", 1, 300_000, instrument=ETH_USD)
    assert desk.mass_cancel(ACME_OE1, "q1", ETH_USD) == ["e1 canceled", "q1 mass canceled 1"]
    report = desk.events[-1]
    assert (report.scope, report.symbol, report.response) == (b"1", b"ETH-USD", 1)


def test_a_mass_cancel_of_nothing_is_answered_too() -> None:
    assert Desk().mass_cancel(ACME_OE1, "q1") == ["q1 mass canceled 0"]


def test_a_mass_cancel_works_in_slices_of_500_and_reports_after_the_last() -> None:
    desk = with_orders(0)
    desk.checks = False
    for k in range(2 * MASS_SLICE + 1):
        desk.buy(ACME_OE1, f"b{k}", 1, 5_000_000)
    desk.checks = True
    operation = desk.number
    assert len(desk.mass_cancel(ACME_OE1, "q1")) == MASS_SLICE
    assert desk.venue.mass_pending == operation
    assert desk.buy(ACME_OE1, "later", 1, 5_000_000) == ["later accepted"]
    assert len(desk.send(ContinueMass(operation))) == MASS_SLICE
    assert desk.send(ContinueMass(operation)) == [
        f"b{2 * MASS_SLICE} canceled",
        f"q1 mass canceled {2 * MASS_SLICE + 1}",
    ]
    assert desk.venue.mass_pending == -1
    assert desk.venue.open_orders() == 1


def test_operations_continue_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass, "MASS_SLICE", 1)
    desk = with_orders(2)
    desk.buy(BOREAS_OE1, "x0", 1, 5_000_000)
    desk.buy(BOREAS_OE1, "x1", 1, 5_000_000)
    first = desk.number
    assert desk.mass_cancel(ACME_OE1, "q1") == ["b0 canceled"]
    assert desk.mass_cancel(BOREAS_OE1, "q2") == ["x0 canceled"]
    assert desk.send(ContinueMass(first + 1)) == ["CommandRefused"]
    assert desk.send(ContinueMass(first)) == ["b1 canceled", "q1 mass canceled 2"]
    assert desk.venue.mass_pending == first + 1
    assert desk.send(ContinueMass(first + 1)) == ["x1 canceled", "q2 mass canceled 2"]


def test_a_slice_looks_at_a_bounded_number_of_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass, "MASS_EXAMINED", 2)
    desk = with_orders(3)
    desk.buy(ACME_OE1, "e1", 1, 300_000, instrument=ETH_USD)
    operation = desk.number
    assert desk.mass_cancel(ACME_OE1, "q1", ETH_USD) == []
    assert desk.send(ContinueMass(operation)) == ["e1 canceled", "q1 mass canceled 1"]


@pytest.mark.parametrize(
    ("scope", "target", "left"),
    [
        (BLOCK_SESSION, ACME_OE1, 2),
        (BLOCK_ACCOUNT, ACME_ACCOUNT, 1),
        (BLOCK_MEMBER, ACME, 1),
        (BLOCK_ALL, 0, 0),
    ],
)
def test_the_kill_switch_blocks_first_and_then_cancels(
    scope, target, left, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mass, "MASS_SLICE", 1)
    desk = with_orders(2)
    desk.buy(ACME_OE2, "a2", 1, 5_000_000)
    desk.buy(BOREAS_OE1, "x0", 1, 5_000_000)
    operation = desk.number
    assert desk.send(Block(SYSTEM, scope, target, True, "limit breach")) == [
        "Blocked",
        "b0 canceled",
    ]
    event = desk.events[-1]
    assert event.restatement == RESTATEMENT_MARKET_OPTION
    assert "limit breach" in event.text
    assert desk.buy(ACME_OE1, "b9", 1, 5_000_000) == ["b9 rejected 0"]
    while desk.venue.mass_pending >= 0:
        desk.send(ContinueMass(operation))
    assert desk.venue.open_orders() == left


def test_a_refused_mass_cancel_is_numbered() -> None:
    desk = Desk()
    refused = RefusedMassCancel(desk.origin(ACME_OE1), b"q1", b"1", b"X-Y", 1, "unknown symbol")
    assert desk.send(refused) == ["q1 mass canceled 0"]
    event = desk.events[0]
    assert (event.appl_seq, event.response, event.reason) == (1, 0, 1)
    desk.send(MassCancel(desk.origin(ACME_OE1), b"q2", 1, 99))
    assert (desk.events[0].response, desk.events[0].reason) == (0, 1)
    desk.send(MassCancel(desk.origin(ACME_OE1), b"q3", 5, 0))
    assert (desk.events[0].response, desk.events[0].reason) == (0, 0)


def test_day_orders_expire_at_the_end_of_their_day_and_gtc_orders_stay() -> None:
    desk = with_orders(2, tif=DAY)
    desk.buy(ACME_OE1, "g1", 1, 5_000_000)
    assert desk.venue.day_end == (TODAY + 1) * NANOS_PER_DAY
    desk.wait(NIGHT)
    assert desk.send(EndOfDay(TODAY)) == ["b0 expired", "b1 expired", "DayEnded"]
    assert (desk.events[0].status, desk.events[0].leaves) == (EXPIRED, 0)
    assert desk.venue.open_orders() == 1
    assert desk.venue.day_end == (TODAY + 2) * NANOS_PER_DAY


def test_a_day_ends_once_and_not_before_its_time() -> None:
    desk = with_orders(1, tif=DAY)
    assert desk.send(EndOfDay(TODAY)) == ["CommandRefused"]
    desk.wait(NIGHT)
    desk.send(EndOfDay(TODAY))
    assert desk.send(EndOfDay(TODAY)) == ["CommandRefused"]


def test_after_several_days_down_one_end_of_day_is_enough() -> None:
    desk = with_orders(1, tif=DAY)
    desk.wait(NIGHT + 3 * 86_400)
    assert desk.send(EndOfDay(TODAY + 3)) == ["b0 expired", "DayEnded"]
    assert desk.venue.day_end == (TODAY + 5) * NANOS_PER_DAY
    assert desk.buy(ACME_OE1, "b9", 1, 5_000_000, tif=DAY) == ["b9 accepted"]


def test_no_order_is_applied_past_the_end_of_the_day_before_end_of_day() -> None:
    desk = with_orders(1, tif=DAY)
    desk.wait(NIGHT)
    with pytest.raises(AssertionError, match="EndOfDay"):
        desk.buy(ACME_OE1, "b9", 1, 5_000_000)


def test_an_order_past_its_expiry_never_trades_while_slices_are_pending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mass, "MASS_SLICE", 1)
    desk = with_orders(4, tif=DAY)
    desk.buy(CYGNUS_OE1, "g1", 1, 5_000_002)
    desk.wait(NIGHT)
    operation = desk.number
    assert desk.send(EndOfDay(TODAY)) == ["b0 expired"]
    assert desk.sell(BOREAS_OE1, "s1", 1, 5_000_001) == [
        "b3 expired",
        "b2 expired",
        "s1 accepted",
        "g1 filled 1@5000002 left 0",
        "s1 filled 1@5000002 left 0",
    ]
    assert desk.replace(ACME_OE1, "r1", "b1", 1, 5_000_009) == [
        "b1 expired",
        "r1 cancel rejected 0",
    ]
    assert desk.send(ContinueMass(operation)) == ["DayEnded"]


def test_an_expired_order_cannot_be_cancelled_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass, "MASS_SLICE", 1)
    desk = with_orders(3, tif=DAY)
    desk.wait(NIGHT)
    desk.send(EndOfDay(TODAY))
    assert desk.cancel(ACME_OE1, "c1", "b2") == ["b2 expired", "c1 cancel rejected 0"]


def test_reports_of_a_member_are_numbered_without_holes_over_its_sessions() -> None:
    desk = Desk()
    numbers: dict[int, list[int]] = {}

    def note() -> None:
        for event in desk.events:
            numbers.setdefault(event.member, []).append(event.appl_seq)

    for k in range(20):
        desk.buy((ACME_OE1, ACME_OE2)[k % 2], f"b{k}", 2, 6_000_000)
        note()
        desk.sell(BOREAS_OE1, f"s{k}", 1, 6_000_000)
        note()
    desk.mass_cancel(ACME_OE1, "q1", BTC_USD)
    note()
    assert all(seen == list(range(1, len(seen) + 1)) for seen in numbers.values())
    assert len(numbers) == 2


def test_the_latest_inbound_message_of_a_session_is_known() -> None:
    desk = Desk()
    desk.buy(ACME_OE1, "b1", 1, 6_000_000)
    [(record, seq)] = desk.venue.last_inbound.values()
    assert (record, seq) == (desk.number - 1, desk.number - 1)
    assert list(desk.venue.last_inbound) == [ACME_OE1]
