"""Price-time matching, order types, fees and holds, one behaviour a test."""

from engine.model.commands import SetFees
from engine.model.enums import (
    CANCELED,
    DAY,
    FILLED,
    FOK,
    IOC,
    MAKER,
    RESTATEMENT_MARKET_OPTION,
    RESTATEMENT_NONE,
    TAKER,
)
from engine.model.ids import VENUE_ACCOUNT
from tests.engine.desk import LOT, Desk
from tests.engine.streams import (
    ACME_ACCOUNT,
    ACME_OE1,
    ACME_OE2,
    BOREAS_ACCOUNT,
    BOREAS_OE1,
    BTC,
    BTC_USD,
    CYGNUS_OE1,
    USD,
)


def test_an_order_that_meets_nothing_is_accepted_and_rests_with_its_record_number_as_id() -> None:
    desk = Desk()
    number = desk.number
    assert desk.buy(ACME_OE1, "b1", 5, 6_000_000) == ["b1 accepted"]
    accepted = desk.events[0]
    assert (accepted.order_id, accepted.leaves, accepted.appl_seq) == (number, 5, 1)
    assert desk.venue.open_orders() == 1


def test_best_price_trades_first_then_the_oldest_at_a_price() -> None:
    desk = Desk()
    desk.sell(ACME_OE1, "s1", 5, 6_000_010)
    desk.sell(ACME_OE1, "s2", 5, 6_000_000)
    desk.sell(CYGNUS_OE1, "s3", 5, 6_000_000)
    assert desk.buy(BOREAS_OE1, "b1", 12, 6_000_010) == [
        "b1 accepted",
        "s2 filled 5@6000000 left 0",
        "b1 filled 5@6000000 left 7",
        "s3 filled 5@6000000 left 0",
        "b1 filled 5@6000000 left 2",
        "s1 filled 2@6000010 left 3",
        "b1 filled 2@6000010 left 0",
    ]
    matches = [event.match for event in desk.events[1:]]
    assert matches == [1, 1, 2, 2, 3, 3]
    assert [event.liquidity for event in desk.events[1:3]] == [MAKER, TAKER]


def test_what_is_left_of_a_day_order_rests_at_its_limit() -> None:
    desk = Desk()
    desk.sell(ACME_OE1, "s1", 5, 6_000_000)
    desk.buy(BOREAS_OE1, "b1", 8, 6_000_001, tif=DAY)
    assert desk.sell(CYGNUS_OE1, "s2", 3, 6_000_000)[1:] == [
        "b1 filled 3@6000001 left 0",
        "s2 filled 3@6000001 left 0",
    ]


def test_the_rest_of_an_ioc_is_cancelled_by_its_own_terms() -> None:
    desk = Desk()
    desk.sell(ACME_OE1, "s1", 5, 6_000_000)
    assert desk.buy(BOREAS_OE1, "b1", 8, 6_000_000, tif=IOC) == [
        "b1 accepted",
        "s1 filled 5@6000000 left 0",
        "b1 filled 5@6000000 left 3",
        "b1 canceled",
    ]
    last = desk.events[-1]
    assert (last.status, last.cum, last.leaves) == (CANCELED, 5, 0)
    assert last.restatement == RESTATEMENT_NONE
    assert "immediate or cancel" in last.text


def test_a_fok_fills_whole_or_not_at_all() -> None:
    desk = Desk()
    desk.sell(ACME_OE1, "s1", 5, 6_000_000)
    desk.sell(ACME_OE1, "s2", 5, 6_000_002)
    assert desk.buy(BOREAS_OE1, "b1", 10, 6_000_001, tif=FOK) == ["b1 accepted", "b1 canceled"]
    assert len(desk.buy(BOREAS_OE1, "b2", 10, 6_000_002, tif=FOK)) == 5
    assert desk.status(BOREAS_OE1, "b2") == FILLED


def test_a_fok_behind_an_own_order_is_not_fillable() -> None:
    desk = Desk()
    desk.sell(BOREAS_OE1, "own", 5, 6_000_000)
    desk.sell(ACME_OE1, "s1", 50, 6_000_000)
    assert desk.buy(BOREAS_OE1, "b1", 5, 6_000_000, tif=FOK) == ["b1 accepted", "b1 canceled"]


def test_orders_of_one_member_never_trade_and_the_incoming_rest_is_cancelled() -> None:
    desk = Desk()
    desk.sell(BOREAS_OE1, "s1", 2, 6_000_000)
    desk.sell(ACME_OE2, "s2", 5, 6_000_000)
    assert desk.buy(ACME_OE1, "b1", 9, 6_000_000) == [
        "b1 accepted",
        "s1 filled 2@6000000 left 0",
        "b1 filled 2@6000000 left 7",
        "b1 canceled",
    ]
    assert desk.events[-1].restatement == RESTATEMENT_MARKET_OPTION
    assert "self-match" in desk.events[-1].text
    assert desk.balance(ACME_ACCOUNT, USD)[1] == 0


def test_a_market_order_shows_no_price_and_stops_at_its_protection_price() -> None:
    desk = Desk(collar_bps=100)
    desk.sell(ACME_OE1, "s1", 5, 5_960_000)
    desk.sell(ACME_OE1, "s2", 5, 6_019_600)
    desk.sell(ACME_OE1, "s3", 5, 6_019_601)
    assert desk.market_buy(BOREAS_OE1, "m1", 20) == [
        "m1 accepted",
        "s1 filled 5@5960000 left 0",
        "m1 filled 5@5960000 left 15",
        "s2 filled 5@6019600 left 0",
        "m1 filled 5@6019600 left 10",
        "m1 canceled",
    ]
    assert {event.price for event in desk.events if event.cl_ord_id == b"m1"} == {0}


def test_a_market_order_without_collar_takes_every_price() -> None:
    desk = Desk(collar_bps=0)
    desk.buy(ACME_OE1, "b1", 5, 6_000_000)
    desk.buy(ACME_OE1, "b2", 5, 1)
    assert desk.market_sell(BOREAS_OE1, "m1", 10)[-1] == "m1 filled 5@1 left 0"


def test_a_market_order_into_an_empty_book_is_accepted_and_cancelled() -> None:
    desk = Desk()
    assert desk.market_buy(BOREAS_OE1, "m1", 20) == ["m1 accepted", "m1 canceled"]
    assert "empty" in desk.events[-1].text


def test_a_market_order_is_refused_if_what_the_book_would_fill_costs_more_than_there_is() -> None:
    desk = Desk(balances={BTC: 10 * 10**8, USD: 60_000 * 10**8})
    desk.sell(ACME_OE1, "s1", LOT, 6_000_000)
    assert desk.market_buy(BOREAS_OE1, "m1", LOT) == ["m1 rejected 3"]
    assert "insufficient funds" in desk.events[0].text
    assert len(desk.market_buy(BOREAS_OE1, "m2", LOT * 999 // 1000)) == 3


def test_a_market_fok_that_cannot_fill_costs_nothing_and_is_cancelled() -> None:
    desk = Desk(balances={BTC: 10 * 10**8, USD: 60_000 * 10**8})
    desk.sell(ACME_OE1, "s1", 2 * LOT, 6_000_000)
    assert desk.market_buy(BOREAS_OE1, "m1", 3 * LOT, tif=FOK) == ["m1 accepted", "m1 canceled"]


def test_fees_are_rounded_down_in_quote_and_go_to_the_venue() -> None:
    desk = Desk()
    usd, btc = 1_000_000_000 * 10**8, 100_000 * 10**8
    desk.sell(ACME_OE1, "s1", 3, 6_000_001)
    desk.buy(BOREAS_OE1, "b1", 3, 6_000_001)
    notional = 3 * 6_000_001
    maker_fee, taker_fee = notional * 100 // 10**6, notional * 500 // 10**6
    assert [event.fee for event in desk.events[1:]] == [maker_fee, taker_fee]
    assert desk.balance(ACME_ACCOUNT, USD) == (usd + notional - maker_fee, 0)
    assert desk.balance(ACME_ACCOUNT, BTC) == (btc - 300, 0)
    assert desk.balance(BOREAS_ACCOUNT, USD) == (usd - notional - taker_fee, 0)
    assert desk.balance(BOREAS_ACCOUNT, BTC) == (btc + 300, 0)
    assert desk.balance(VENUE_ACCOUNT, USD) == (maker_fee + taker_fee, 0)


def test_a_buy_holds_its_cost_and_the_worst_fee_rounded_up_until_it_fills_for_less() -> None:
    desk = Desk()
    usd = 1_000_000_000 * 10**8
    desk.buy(ACME_OE1, "b1", 7, 6_000_001)
    hold = 7 * 6_000_001 + -(-7 * 6_000_001 * 500 // 10**6)
    assert desk.balance(ACME_ACCOUNT, USD) == (usd - hold, hold)
    desk.sell(BOREAS_OE1, "s1", 3, 6_000_001)
    rest = 4 * 6_000_001 + -(-4 * 6_000_001 * 500 // 10**6)
    paid = 3 * 6_000_001 + 3 * 6_000_001 * 100 // 10**6
    assert desk.balance(ACME_ACCOUNT, USD) == (usd - rest - paid, rest)


def test_a_fee_change_leaves_the_terms_of_resting_orders_alone() -> None:
    desk = Desk(fees=(0, 0))
    desk.buy(ACME_OE1, "b1", 5, 6_000_000)
    held = desk.balance(ACME_ACCOUNT, USD)[1]
    desk.send(SetFees(BTC_USD, 5_000, 10_000))
    assert desk.balance(ACME_ACCOUNT, USD)[1] == held
    desk.sell(BOREAS_OE1, "s1", 5, 6_000_000)
    assert [event.fee for event in desk.events[1:]] == [0, 5 * 6_000_000 // 100]


def test_a_long_queue_keeps_its_order_while_its_front_is_taken() -> None:
    desk = Desk()
    names = [f"s{k}" for k in range(300)]
    for name in names:
        desk.sell(ACME_OE1, name, 1, 6_000_000)
    filled = [desk.buy(BOREAS_OE1, f"b{k}", 1, 6_000_000)[1] for k in range(300)]
    assert filled == [f"{name} filled 1@6000000 left 0" for name in names]
