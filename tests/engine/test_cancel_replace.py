"""Cancels, replaces, ClOrdIDs and PossResend, one behaviour a test."""

from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import (
    DefineSession,
    EndOfDay,
    Origin,
    RefusedCancel,
    RefusedMessage,
    RefusedOrder,
)
from engine.model.enums import (
    CANCELED,
    DAY,
    FILLED,
    MARKET,
    NEW,
    ORDER_ENTRY,
    PARTIALLY_FILLED,
    REJECTED,
    SELL,
)
from tests.engine.desk import LOT, Desk
from tests.engine.streams import (
    ACME,
    ACME_ACCOUNT,
    ACME_OE1,
    ACME_OE2,
    BOREAS_OE1,
    BTC,
    CYGNUS_OE1,
    ETH_USD,
    USD,
)

DAY_SECONDS = 86_400


def with_bid() -> Desk:
    desk = Desk()
    desk.buy(ACME_OE1, "b1", 10, 6_000_000)
    return desk


def test_a_cancel_carries_its_own_cl_ord_id_and_frees_the_hold() -> None:
    desk = with_bid()
    assert desk.cancel(ACME_OE1, "c1", "b1") == ["c1 canceled b1"]
    event = desk.events[0]
    assert (event.status, event.leaves, event.text) == (CANCELED, 0, "")
    assert desk.balance(ACME_ACCOUNT, USD)[1] == 0
    assert desk.status(ACME_OE1, "c1") == CANCELED


def test_a_cancel_of_a_finished_order_is_too_late() -> None:
    desk = with_bid()
    desk.sell(BOREAS_OE1, "s1", 10, 6_000_000)
    assert desk.cancel(ACME_OE1, "c1", "b1") == ["c1 cancel rejected 0"]
    assert desk.events[0].status == FILLED


def test_a_cancel_of_an_unknown_order_names_no_order() -> None:
    desk = with_bid()
    assert desk.cancel(ACME_OE1, "c1", "b9") == ["c1 cancel rejected 1"]
    event = desk.events[0]
    assert (event.order_id, event.account, event.status) == (0, 0, REJECTED)


def test_another_session_of_the_same_member_cannot_cancel() -> None:
    desk = with_bid()
    order_id = desk.events[0].order_id
    assert desk.cancel(ACME_OE2, "c1", "b1", order_id=order_id) == ["c1 cancel rejected 1"]
    assert desk.venue.open_orders() == 1


def test_a_cancel_finds_the_order_by_order_id_too() -> None:
    desk = with_bid()
    order_id = desk.events[0].order_id
    assert desk.cancel(ACME_OE1, "c1", "?", order_id=order_id) == ["c1 canceled b1"]


def test_a_cancel_must_name_the_side_and_symbol_of_the_order() -> None:
    desk = with_bid()
    assert desk.cancel(ACME_OE1, "c1", "b1", SELL) == ["c1 cancel rejected 99"]
    assert desk.cancel(ACME_OE1, "c1", "b1", instrument=ETH_USD) == ["c1 cancel rejected 99"]


def test_a_cancel_under_a_used_cl_ord_id_is_a_duplicate() -> None:
    desk = with_bid()
    assert desk.cancel(ACME_OE1, "b1", "b1") == ["b1 cancel rejected 6"]


def test_a_replace_to_less_keeps_priority() -> None:
    desk = with_bid()
    desk.buy(CYGNUS_OE1, "b2", 10, 6_000_000)
    assert desk.replace(ACME_OE1, "r1", "b1", 4, 6_000_000) == ["r1 replaced b1 left 4@6000000"]
    assert desk.sell(BOREAS_OE1, "s1", 4, 6_000_000)[1] == "r1 filled 4@6000000 left 0"


def test_a_replace_to_more_loses_priority() -> None:
    desk = with_bid()
    desk.buy(CYGNUS_OE1, "b2", 10, 6_000_000)
    desk.replace(ACME_OE1, "r1", "b1", 11, 6_000_000)
    assert desk.sell(BOREAS_OE1, "s1", 4, 6_000_000)[1] == "b2 filled 4@6000000 left 6"


def test_a_replace_of_the_price_loses_priority_even_if_it_comes_back() -> None:
    desk = with_bid()
    desk.buy(CYGNUS_OE1, "b2", 10, 6_000_000)
    desk.replace(ACME_OE1, "r1", "b1", 10, 5_999_999)
    desk.replace(ACME_OE1, "r2", "r1", 10, 6_000_000)
    assert desk.sell(BOREAS_OE1, "s1", 4, 6_000_000)[1] == "b2 filled 4@6000000 left 6"


def test_fills_carry_over_into_a_replace() -> None:
    desk = with_bid()
    desk.sell(BOREAS_OE1, "s1", 4, 6_000_000)
    assert desk.replace(ACME_OE1, "r1", "b1", 12, 6_000_001) == ["r1 replaced b1 left 8@6000001"]
    event = desk.events[0]
    assert (event.cum, event.status, event.cum_value) == (4, PARTIALLY_FILLED, 24_000_000)


def test_a_replace_at_or_below_what_is_filled_ends_the_order() -> None:
    desk = with_bid()
    desk.sell(BOREAS_OE1, "s1", 4, 6_000_000)
    assert desk.replace(ACME_OE1, "r1", "b1", 3, 6_000_000) == ["r1 replaced b1 left 0@6000000"]
    event = desk.events[0]
    assert (event.qty, event.status) == (4, FILLED)
    assert desk.balance(ACME_ACCOUNT, USD)[1] == 0
    assert desk.venue.open_orders() == 0


def test_a_replace_into_the_other_side_is_reported_before_it_trades_as_taker() -> None:
    desk = with_bid()
    desk.sell(BOREAS_OE1, "s1", 4, 6_000_005)
    assert desk.replace(ACME_OE1, "r1", "b1", 10, 6_000_005) == [
        "r1 replaced b1 left 10@6000005",
        "s1 filled 4@6000005 left 0",
        "r1 filled 4@6000005 left 6",
    ]
    assert desk.events[0].status == NEW
    assert desk.venue.open_orders() == 1


def test_a_replace_that_meets_an_own_order_loses_its_rest() -> None:
    desk = with_bid()
    desk.sell(ACME_OE2, "s1", 4, 6_000_005)
    assert desk.replace(ACME_OE1, "r1", "b1", 10, 6_000_005) == [
        "r1 replaced b1 left 10@6000005",
        "r1 canceled",
    ]


def test_a_replace_takes_the_new_hold_before_the_old_is_freed() -> None:
    desk = Desk(balances={BTC: 10**8, USD: 100_000 * 10**8}, fees=(0, 0))
    desk.buy(ACME_OE1, "b1", LOT, 6_000_000)
    before = desk.venue.order_status(ACME_OE1, b"b1", 0)
    assert desk.replace(ACME_OE1, "r1", "b1", LOT * 11 // 10, 6_000_000) == [
        "r1 cancel rejected 99"
    ]
    assert "insufficient" in desk.events[0].text
    assert desk.venue.order_status(ACME_OE1, b"b1", 0) == before
    assert desk.replace(ACME_OE1, "r1", "b1", LOT * 6 // 10, 6_000_000)[0].startswith("r1 replaced")


def test_a_replace_cannot_change_order_type_or_time_in_force() -> None:
    desk = with_bid()
    assert desk.replace(ACME_OE1, "r1", "b1", 4, 6_000_000, tif=DAY) == ["r1 cancel rejected 99"]
    assert desk.replace(ACME_OE1, "r1", "b1", 4, 0, ord_type=MARKET) == ["r1 cancel rejected 99"]


def test_a_replaced_order_is_found_by_every_cl_ord_id_of_its_chain() -> None:
    desk = with_bid()
    desk.replace(ACME_OE1, "r1", "b1", 9, 6_000_000)
    desk.replace(ACME_OE1, "r2", "b1", 8, 6_000_000)
    assert {desk.status(ACME_OE1, name) for name in ("b1", "r1", "r2")} == {NEW}
    assert desk.cancel(ACME_OE1, "c1", "r1") == ["c1 canceled r2"]


def test_finished_and_unknown_orders_cannot_be_replaced() -> None:
    desk = with_bid()
    desk.cancel(ACME_OE1, "c1", "b1")
    assert desk.replace(ACME_OE1, "r1", "b1", 4, 6_000_000) == ["r1 cancel rejected 0"]
    assert desk.replace(ACME_OE1, "r1", "b9", 4, 6_000_000) == ["r1 cancel rejected 1"]
    assert desk.replace(ACME_OE1, "c1", "b1", 4, 6_000_000) == ["c1 cancel rejected 6"]


def test_a_cl_ord_id_is_used_once_per_session() -> None:
    desk = with_bid()
    assert desk.buy(ACME_OE1, "b1", 1, 6_000_000) == ["b1 rejected 6"]
    assert desk.buy(ACME_OE2, "b1", 1, 6_000_000) == ["b1 accepted"]


def test_a_hundred_possible_resends_make_one_order() -> None:
    desk = with_bid()
    for _ in range(100):
        assert desk.buy(ACME_OE1, "b1", 10, 6_000_000, resend=True) == ["b1 status 0"]
        assert desk.events[0].appl_seq == 0
    assert desk.venue.open_orders() == 1
    assert desk.buy(ACME_OE1, "b2", 10, 6_000_000, resend=True) == ["b2 accepted"]


def test_a_possible_resend_of_a_cancel_or_replace_gives_the_state() -> None:
    desk = with_bid()
    desk.replace(ACME_OE1, "r1", "b1", 9, 6_000_000)
    assert desk.replace(ACME_OE1, "r1", "b1", 9, 6_000_000, resend=True) == ["r1 status 0"]
    desk.cancel(ACME_OE1, "c1", "r1")
    assert desk.cancel(ACME_OE1, "c1", "r1", resend=True) == ["c1 status 4"]
    assert desk.events[0].orig_cl_ord_id == b"r1"


def test_the_cl_ord_id_of_a_rejected_order_is_used_too() -> None:
    desk = Desk()
    assert desk.buy(ACME_OE1, "b1", 0, 6_000_000) == ["b1 rejected 13"]
    assert desk.status(ACME_OE1, "b1") == REJECTED
    assert desk.buy(ACME_OE1, "b1", 1, 6_000_000) == ["b1 rejected 6"]
    assert desk.cancel(ACME_OE1, "c1", "b1") == ["c1 cancel rejected 1"]


def test_a_refused_order_is_numbered_and_its_cl_ord_id_is_used() -> None:
    desk = Desk()
    words = (b"ACME", b"BTC-USD", b"1", b"2", b"0", b"0.00000001", b"60000")
    refused = RefusedOrder(desk.origin(ACME_OE1), b"b1", *words, 13, "off lot")
    assert desk.send(refused) == ["OrderRefused"]
    assert (desk.events[0].appl_seq, desk.events[0].qty) == (1, b"0.00000001")
    assert desk.buy(ACME_OE1, "b1", 1, 6_000_000) == ["b1 rejected 6"]


def test_a_refused_cancel_carries_the_state_of_a_known_order() -> None:
    desk = with_bid()
    order_id = desk.events[0].order_id
    desk.send(RefusedCancel(Origin(ACME_OE1, 9, 0), b"c1", b"b1", 1, 99, "off lot"))
    assert (desk.events[0].order_id, desk.events[0].status) == (order_id, NEW)
    desk.send(RefusedCancel(Origin(ACME_OE1, 9, 0), b"c2", b"b9", 1, 99, "off lot"))
    assert (desk.events[0].order_id, desk.events[0].status) == (0, REJECTED)


def test_a_message_refused_unread_leaves_nothing_but_its_number_behind() -> None:
    desk = with_bid()
    origin = desk.origin(ACME_OE1)
    balances = [dict(vars_of(account)) for account in desk.venue.state.accounts.values()]
    refused = RefusedMessage(origin, b"D", b"fast", 8, "rate limit")
    assert desk.send(refused) == ["MessageRefused"]
    event = desk.events[0]
    assert (event.session, event.seq, event.cl_ord_id) == (ACME_OE1, origin.seq, b"fast")
    assert desk.venue.last_inbound[ACME_OE1] == (desk.number - 1, origin.seq)
    assert desk.status(ACME_OE1, "fast") is None
    assert balances == [dict(vars_of(account)) for account in desk.venue.state.accounts.values()]
    assert desk.buy(ACME_OE1, "fast", 1, 6_000_000) == ["fast accepted"]
    assert desk.events[0].appl_seq == 2, "the refusal has no number of the member's"


def vars_of(account):
    return {asset: str(balance) for asset, balance in account.balances.items()}


def pass_a_day(desk: Desk) -> None:
    desk.wait(DAY_SECONDS)
    desk.send(EndOfDay(desk.time // NANOS_PER_DAY - 1))


def test_a_cl_ord_id_is_free_again_after_24_hours_if_its_order_is_finished() -> None:
    desk = with_bid()
    desk.cancel(ACME_OE1, "c1", "b1")
    desk.wait(100)
    pass_a_day(desk)
    assert desk.status(ACME_OE1, "b1") is None
    assert desk.buy(ACME_OE1, "b1", 1, 6_000_000) == ["b1 accepted"]


def test_a_cl_ord_id_stays_used_while_its_order_is_open() -> None:
    desk = with_bid()
    for _ in range(3):
        pass_a_day(desk)
        assert desk.buy(ACME_OE1, "b1", 1, 6_000_000) == ["b1 rejected 6"]
    desk.cancel(ACME_OE1, "c1", "b1")
    assert desk.cancel(ACME_OE1, "c2", "b1") == ["c2 cancel rejected 0"]


def test_the_cap_of_cl_ord_ids_refuses_orders_and_replaces_but_no_cancel() -> None:
    desk = Desk()
    desk.send(DefineSession(ACME_OE1, ACME, "ACME-OE1", ORDER_ENTRY, 2))
    desk.buy(ACME_OE1, "b1", 10, 6_000_000)
    desk.buy(ACME_OE1, "b2", 10, 6_000_000)
    assert desk.buy(ACME_OE1, "b3", 10, 6_000_000) == ["b3 rejected 99"]
    assert desk.status(ACME_OE1, "b3") is None
    assert desk.replace(ACME_OE1, "r1", "b1", 9, 6_000_000) == ["r1 cancel rejected 99"]
    assert desk.cancel(ACME_OE1, "c1", "b1") == ["c1 canceled b1"]


def test_an_order_is_found_by_its_cl_ord_id_else_by_its_id_in_its_own_session() -> None:
    desk = Desk()
    desk.buy(ACME_OE1, "b1", 5, 6_000_000)
    number = desk.number - 1
    assert desk.venue.order_status(ACME_OE1, b"b1", 0).order_id == number
    by_id = desk.venue.order_status(ACME_OE1, b"other", number)
    assert (by_id.order_id, by_id.cl_ord_id) == (number, b"b1")
    assert desk.venue.order_status(ACME_OE2, b"b1", number) is None
    assert desk.venue.order_status(ACME_OE1, b"other", number + 1) is None
    assert desk.venue.order_status(99, b"b1", number) is None
