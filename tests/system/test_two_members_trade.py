"""What two members see of each other's orders, over TCP. The client's own rules (see
tests.support.fix_client) hold in every one of these, too."""

import time
from decimal import Decimal
from itertools import count

import pytest

from tests.support.fix_client import envelope, utc_now
from tests.support.venue import wait_until

BUY, SELL = 1, 2
IOC, FOK = "3", "4"
_RUN = count(1)


@pytest.fixture
def name():
    """ClOrdIDs that no other test has used."""
    run = next(_RUN)
    return lambda word: f"{word}.{run}"


@pytest.fixture
def acme(member):
    """One member's trader."""
    return member("BENCH-OE1")


@pytest.fixture
def boreas(member):
    """The other member's trader."""
    return member("BENCH2-OE1")


def rest(client, cl_ord_id, side, qty, price, **how):
    """An order that rests; its acknowledgement."""
    client.order(cl_ord_id, side, qty, price, **how)
    return client.expect("8", f"150=0|11={cl_ord_id}")


# --- trades ---------------------------------------------------------------------------------


def test_a_trade_fills_both_sides_at_the_resting_price(acme, boreas, name):
    new = rest(acme, name("a"), BUY, "1.5", "50000.01")
    assert new.has({39: "0", 38: "1.5", 151: "1.5", 14: "0", 6: "0", 44: "50000.01", 59: "0"})
    boreas.order(name("b"), SELL, "0.5", "50000.00")
    maker, taker = acme.expect("8", "150=F"), boreas.expect("8", "150=F")
    assert maker.has({11: name("a"), 37: new[37], 39: "1", 32: "0.5", 31: "50000.01", 851: "1"})
    assert (maker.number(14), maker.number(151), maker.number(6)) == (
        Decimal("0.5"),
        Decimal(1),
        Decimal("50000.01"),
    )
    assert taker.has({11: name("b"), 39: "2", 32: "0.5", 31: "50000.01", 851: "2", 151: "0"})
    # 1 and 5 basis points of 25,000.005 USD, rounded down to 8 decimals
    assert (maker[138], maker.number(137)) == ("USD", Decimal("2.5000005"))
    assert (taker[138], taker.number(137)) == ("USD", Decimal("12.5000025"))
    boreas.order(name("b2"), SELL, "2", "50000.00")
    assert acme.expect("8", "150=F").has({39: "2", 32: "1", 151: "0"})
    rest_of_it = boreas.expect("8", f"150=F|11={name('b2')}")
    assert rest_of_it.has({39: "1", 151: "1"})
    assert boreas.status(name("b2"), SELL).has({39: "1", 14: "1", 151: "1", 17: "0"})


def test_price_goes_before_time(acme, boreas, name):
    rest(acme, name("worse"), SELL, "1", "50100.00")
    rest(acme, name("first"), SELL, "1", "50090.00")
    rest(acme, name("second"), SELL, "1", "50090.00")
    boreas.order(name("sweep"), BUY, "3", "50100.00")
    fills = [acme.expect("8", "150=F") for _ in range(3)]
    assert [fill[11] for fill in fills] == [name("first"), name("second"), name("worse")]
    taken = [boreas.expect("8", "150=F") for _ in range(3)]
    assert [fill.number(31) for fill in taken] == [50090, 50090, 50100]
    assert taken[-1].number(6).quantize(Decimal("0.0001")) == Decimal("50093.3333")


def test_drop_copy_has_every_report_of_the_member_once_and_in_order(acme, boreas, member, name):
    second = member("BENCH-OE2")
    copy = member("BENCH-DC1")
    rest(acme, name("a"), BUY, "2", "49000.00")
    rest(second, name("s"), BUY, "1", "49000.00")
    boreas.order(name("b"), SELL, "2.5", "49000.00")
    boreas.expect("8", "150=F|151=0")
    acme.replace(name("a2"), name("a"), BUY, "3", "48000.00")  # finished: refused
    acme.expect("9", "102=0")
    second.cancel(name("s2"), name("s"), BUY)
    last = second.expect("8", "150=4")
    copied = copy.expect("8", f"17={last[17]}")
    assert copied.has({1180: "BENCH", 20001: last[17].split("-")[0], 11: name("s2")})
    reports = copy.delivered_reports()
    numbers = [int(report[1181]) for report in reports]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    seen = sorted(acme.exec_ids() + second.exec_ids(), key=lambda e: [*map(int, e.split("-"))])
    assert [report[17] for report in reports if report[35] == "8"] == seen
    assert len(reports) == len(seen) + 1  # and the cancel reject
    extensions = {880, 1180, 1181, 20001}
    sent = [message for message in acme.delivered if extensions & message.keys()]
    assert sent == [], "order entry sessions of this venue have no extension tags"
    fills = {report[17]: report for report in reports if report.get(150) == "F"}
    match = boreas.reports[boreas.exec_ids()[-1]]
    assert match[17] not in fills
    assert all(report[880] for report in fills.values())


# --- cancel and replace ---------------------------------------------------------------------


def test_cancel(acme, name):
    new = rest(acme, name("a"), SELL, "1", "51000.00")
    acme.cancel(name("c"), name("a"), SELL)
    gone = acme.expect("8", "150=4")
    assert gone.has({39: "4", 11: name("c"), 41: name("a"), 37: new[37], 151: "0", 14: "0"})
    assert 378 not in gone
    acme.cancel(name("c2"), name("a"), SELL)
    assert acme.expect("9").has({102: "0", 434: "1", 11: name("c2"), 41: name("a"), 39: "4"})
    acme.cancel(name("c3"), name("never"), SELL)
    assert acme.expect("9").has({102: "1", 434: "1", 37: "NONE", 39: "8"})


def test_quantity_down_keeps_priority(acme, boreas, member, name):
    second = member("BENCH-OE2")
    rest(acme, name("a"), SELL, "1", "51000.00")
    rest(second, name("s"), SELL, "1", "51000.00")
    acme.replace(name("a2"), name("a"), SELL, "0.5", "51000.00")
    replaced = acme.expect("8", "150=5")
    assert replaced.has({39: "0", 11: name("a2"), 41: name("a"), 38: "0.5", 151: "0.5"})
    boreas.order(name("b"), BUY, "0.5", "51000.00")
    assert acme.expect("8", "150=F").has({11: name("a2"), 39: "2"})


@pytest.mark.parametrize(("qty", "price"), [("1.5", "51000.00"), ("1", "51000.01")])
def test_quantity_up_or_another_price_loses_priority(acme, boreas, member, name, qty, price):
    second = member("BENCH-OE2")
    rest(acme, name("a"), SELL, "1", "51000.00")
    rest(second, name("s"), SELL, "1", "51000.00")
    acme.replace(name("a2"), name("a"), SELL, qty, price)
    acme.expect("8", "150=5")
    boreas.order(name("b"), BUY, "1", "51000.01")
    assert second.expect("8", "150=F").has({11: name("s"), 39: "2"})


def test_a_replaced_order_that_was_filled_in_part_shows_partially_filled(acme, boreas, name):
    rest(acme, name("a"), SELL, "2", "51000.00")
    boreas.order(name("b"), BUY, "0.5", "51000.00")
    acme.expect("8", "150=F|39=1")
    acme.replace(name("a2"), name("a"), SELL, "3", "51500.00")
    assert acme.expect("8", "150=5").has({39: "1", 14: "0.5", 151: "2.5", 38: "3"})
    acme.replace(name("a3"), name("a2"), SELL, "0.5", "51500.00")  # at CumQty: the order ends
    assert acme.expect("8", "150=5").has({39: "2", 14: "0.5", 151: "0"})


def test_a_replace_that_crosses_is_reported_before_its_trade(acme, boreas, name):
    rest(boreas, name("b"), BUY, "1", "50000.00")
    rest(acme, name("a"), SELL, "1", "52000.00")
    acme.replace(name("a2"), name("a"), SELL, "1", "49999.00")
    first = acme.expect("8")
    assert first.has({150: "5", 39: "0", 14: "0"})
    traded = acme.expect("8")
    assert traded.has({150: "F", 39: "2", 851: "2"})
    assert traded.number(31) == 50000  # the resting order's price


# --- time in force, market orders -----------------------------------------------------------


def test_ioc_fills_what_it_can_and_the_rest_is_cancelled(acme, boreas, name):
    rest(acme, name("a"), SELL, "1", "50500.00")
    boreas.order(name("b"), BUY, "3", "50500.00", tif=IOC)
    boreas.expect("8", "150=0")
    assert boreas.expect("8").has({150: "F", 39: "1", 32: "1"})
    assert boreas.expect("8").has({150: "4", 39: "4", 14: "1", 151: "0"})


def test_fok_fills_all_or_nothing(acme, boreas, name):
    rest(acme, name("a"), SELL, "1", "50500.00")
    boreas.order(name("b"), BUY, "1.000001", "50500.00", tif=FOK)
    boreas.expect("8", "150=0")
    assert boreas.expect("8").has({150: "4", 39: "4", 14: "0", 151: "0"})
    boreas.order(name("b2"), BUY, "1", "50500.00", tif=FOK)
    boreas.expect("8", "150=0")
    assert boreas.expect("8").has({150: "F", 39: "2", 14: "1"})


def test_a_market_order_takes_the_book_and_never_rests(acme, boreas, name):
    rest(acme, name("a"), SELL, "1", "50500.00")
    boreas.order(name("b"), BUY, "1.5", None, kind="1", tif=IOC)
    assert 44 not in boreas.expect("8", "150=0")
    assert boreas.expect("8").has({150: "F", 39: "1", 31: acme.expect("8", "150=F")[31]})
    assert boreas.expect("8").has({150: "4", 39: "4", 14: "1", 151: "0"})
    boreas.order(name("b2"), BUY, "1", None, kind="1")
    boreas.expect("8", "150=0")
    assert boreas.expect("8").has({150: "4", 39: "4", 14: "0"})


# --- mass cancel, status --------------------------------------------------------------------


def test_mass_cancel_of_one_symbol_and_of_all(acme, boreas, name):
    rest(acme, name("a1"), SELL, "1", "53000.00")
    rest(acme, name("a2"), BUY, "1", "2900.00", symbol="ETH-USD")
    rest(acme, name("a3"), SELL, "1", "53001.00")
    rest(boreas, name("b"), SELL, "1", "53002.00")
    report = acme.mass_cancel(name("m"), symbol="BTC-USD")
    assert report.has({530: "1", 531: "1", 533: "2", 55: "BTC-USD"})
    gone = [m[41] if 41 in m else m[11] for m in acme.delivered if m.get(150) == "4"]
    assert sorted(gone) == [name("a1"), name("a3")]
    assert acme.status(name("a2"), BUY, symbol="ETH-USD").has({39: "0"})
    assert acme.mass_cancel(name("m2")).has({530: "7", 531: "7", 533: "1"})
    assert acme.mass_cancel(name("m3")).has({530: "7", 531: "7", 533: "0"})
    assert boreas.status(name("b"), SELL).has({39: "0"})
    report = acme.mass_cancel(name("m4"), symbol="XRP-USD")
    assert report.has({531: "0", 532: "1"})


def test_status_of_orders_known_and_unknown(acme, name):
    rest(acme, name("a"), SELL, "1", "53000.00")
    known = acme.status(name("a"), SELL)
    assert known.has({150: "I", 17: "0", 39: "0", 11: name("a"), 38: "1", 151: "1", 14: "0"})
    unknown = acme.status(name("never"), SELL)
    assert unknown.has({150: "I", 17: "0", 39: "8", 11: name("never")})


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "order"),
    [
        ("103=1", {"qty": "1", "price": "1.00", "symbol": "XRP-USD"}),
        ("103=99", {"qty": "1", "price": "50000.001"}),
        ("103=13", {"qty": "0.0000001", "price": "50000.00"}),
        ("103=3", {"qty": "1000000", "price": "60000.00"}),
        ("103=11", {"qty": "1", "price": "60000.00", "kind": "3", "extra": "99=60000|"}),
        ("103=15", {"qty": "1", "price": "60000.00", "extra": "1=BENCH2|"}),
    ],
    ids=["unknown symbol", "off tick", "off lot", "funds", "stop order", "account of others"],
)
def test_an_order_that_cannot_be_taken_is_refused_with_its_reason(acme, name, wanted, order):
    acme.order(name("a"), BUY, **order)
    refused = acme.expect("8")
    assert refused.has({150: "8", 39: "8", 11: name("a"), 151: "0", 14: "0", 6: "0"})
    tag, _, reason = wanted.partition("=")
    assert refused[int(tag)] == reason, refused
    assert len(refused[58]) > 10, "the text says the rule"


def test_clordid_is_used_once(acme, name):
    rest(acme, name("a"), BUY, "1", "40000.00")
    acme.order(name("a"), BUY, "1", "40000.00")
    assert acme.expect("8").has({150: "8", 39: "8", 103: "6", 11: name("a")})
    rest(acme, name("a2"), BUY, "1", "40000.00")
    acme.cancel(name("a2"), name("a"), BUY)
    assert acme.expect("9").has({102: "6", 434: "1"})
    acme.replace(name("a2"), name("a"), BUY, "2", "40000.00")
    assert acme.expect("9").has({102: "6", 434: "2"})
    assert acme.status(name("a"), BUY).has({39: "0", 38: "1"})


def test_a_member_does_not_trade_with_itself(acme, member, name):
    second = member("BENCH-OE2")
    rest(acme, name("a"), SELL, "1", "50000.00")
    second.order(name("s"), BUY, "1", "50000.00")
    second.expect("8", "150=0")
    ended = second.expect("8")
    assert ended.has({150: "4", 39: "4", 14: "0", 151: "0", 11: name("s")})
    assert {378, 58} <= ended.keys()
    assert acme.status(name("a"), SELL).has({39: "0", 151: "1"})


def test_possresend_makes_one_order_however_often_it_comes(acme, name):
    for k in range(20):
        acme.order(name("a"), BUY, "1", "40000.00", header="97=Y|")
        report = acme.expect("8")
        assert report.has({11: name("a"), 39: "0", 150: "0" if k == 0 else "I"})
    assert acme.mass_cancel(name("m")).has({533: "1"})


def test_a_possdup_order_of_long_ago_is_refused(acme, name):
    old = "20260101-00:00:00.000"
    acme.order(name("a"), BUY, "1", "40000.00", header=f"43=Y|122={old}|")
    assert acme.expect("8").has({150: "8", 103: "4"})


@pytest.mark.parametrize("kind", ["V", "R", "c"])
def test_an_unsupported_type_is_a_business_reject(acme, name, kind):
    bodies = {
        "V": "262=r|263=0|264=0|267=1|269=0|146=1|55=BTC-USD|",
        "R": "131=q|146=1|55=BTC-USD|",
        "c": "320=s|321=0|",
    }
    number = acme.send(kind, bodies[kind])
    assert acme.expect("j").has({45: str(number), 372: kind, 380: "3"})
    rest(acme, name("a"), BUY, "1", "40000.00")  # and the session goes on


def test_a_drop_copy_takes_no_orders(member, name):
    copy = member("BENCH-DC1")
    number = copy.order(name("a"), BUY, "1", "40000.00")
    assert copy.expect("j").has({45: str(number), 372: "D", 380: "3"})


@pytest.mark.parametrize(
    ("field", "reason", "tag"),
    [
        ("38=1e5", "6", "38"),
        ("38=NaN", "6", "38"),
        ("38=+1", "6", "38"),
        ("38= 1", "6", "38"),
        ("38=0x1", "6", "38"),
        ("44=1,5", "6", "44"),
        ("54=x", "5", "54"),
        ("54=", "4", "54"),
        ("6000=x", "0", "6000"),
        ("40=", "4", "40"),
    ],
)
def test_what_is_lexically_wrong_is_a_session_reject(acme, name, field, reason, tag):
    fields = {11: name("a"), 55: "BTC-USD", 54: "1", 60: utc_now(), 38: "1", 40: "2", 44: "1"}
    key, _, value = field.partition("=")
    fields[int(key)] = value
    number = acme.send("D", "".join(f"{key}={value}|" for key, value in fields.items()))
    assert acme.expect("3").has({45: str(number), 371: tag, 372: "D", 373: reason})
    rest(acme, name("b"), BUY, "1", "40000.00")


def test_a_missing_field_is_a_session_reject(acme, name):
    number = acme.send("D", f"11={name('a')}|55=BTC-USD|60={utc_now()}|38=1|40=2|44=1|")
    assert acme.expect("3").has({45: str(number), 371: "54", 373: "1"})


# --- answers in order -----------------------------------------------------------------------


def test_answers_leave_in_the_order_of_what_they_answer(acme, name):
    acme.order(name("a"), BUY, "1", "40000.00")
    bad = acme.send("D", f"11={name('b')}|55=BTC-USD|54=1|60={utc_now()}|38=1e5|40=2|44=1|")
    acme.send("1", "112=after|")
    acme.order(name("c"), BUY, "1", "40000.00")
    got = [acme.receive() for _ in range(4)]
    assert [message[35] for message in got] == ["8", "3", "0", "8"]
    assert got[1][45] == str(bad)
    assert [got[0][11], got[3][11]] == [name("a"), name("c")]


# --- sessions -------------------------------------------------------------------------------


def test_reports_of_an_absent_member_come_as_resends_with_the_same_bodies(acme, boreas, name):
    new = rest(acme, name("a"), SELL, "2", "50000.00")
    before = acme.next_in
    acme.drop()
    boreas.order(name("b"), BUY, "0.5", "50000.00")
    boreas.expect("8", "150=F")
    acme.reconnect()
    assert acme.resend_requests == 1
    missed = acme.delivered[-1]
    assert missed.has({150: "F", 39: "1", 43: "Y", 34: str(before), 37: new[37]})
    assert missed[122] <= missed[52]
    acme.send("2", f"7={before}|16={before}|")
    again = acme.expect("8")
    assert again.has({17: missed[17], 43: "Y"})
    seen = len(acme.reports)
    acme.send("2", "7=1|16=0|")  # all once more: the client compares every body with the first
    acme.sync()
    assert len(acme.reports) == seen


def test_a_resend_repeats_refusals_and_rejects_too(acme, name):
    acme.order(name("a"), BUY, "1", "1.00", symbol="XRP-USD")
    first = acme.expect("8", "150=8")
    acme.send("D", f"11={name('b')}|55=BTC-USD|54=1|60={utc_now()}|38=1e5|40=2|44=1|")
    reject = acme.expect("3")
    acme.send("R", "131=q|146=1|55=BTC-USD|")
    business = acme.expect("j")
    unknown = acme.status(name("never"), SELL)
    acme.send("2", f"7={first[34]}|16={unknown[34]}|")
    again = [acme.receive() for _ in range(4)]
    assert [m[34] for m in again] == [m[34] for m in (first, reject, business, unknown)]
    assert all(m[43] == "Y" for m in again)


def test_a_reset_of_the_numbers_loses_no_report(venue, acme, boreas, name):
    rest(acme, name("a"), SELL, "2", "50000.00")
    ended = venue.stderr.count("BENCH-OE1 disconnected")
    acme.drop()
    # What is written to a socket counts as sent: the venue has to know that nobody is there.
    wait_until(lambda: venue.stderr.count("BENCH-OE1 disconnected") > ended, 5, "the end is seen")
    for k in range(3):
        boreas.order(name(f"b{k}"), BUY, "0.5", "50000.00")
        boreas.expect("8", "150=F")
    acme.delivered.clear()
    acme.reconnect(reset=True)
    fills = [m for m in acme.delivered if m.get(150) == "F"]
    assert [int(m[34]) for m in fills] == [2, 3, 4]
    assert [m.number(14) for m in fills] == [Decimal("0.5"), 1, Decimal("1.5")]
    acme.logout()
    acme.delivered.clear()
    acme.logon(reset=True)
    acme.sync()
    assert acme.delivered == [], "what was sent is not sent again"


def test_a_second_connection_does_not_disturb_a_live_session(venue, acme, name, dial):
    other = dial(venue, "BENCH-OE1")
    other.connect()
    other.send("A", "98=0|108=30|141=Y|553=BENCH-OE1|554=demo|")
    assert [m[35] for m in other.expect_closed() if m[35] == "A"] == []
    rest(acme, name("a"), BUY, "1", "40000.00")
    acme.sync()


def test_a_wrong_password_is_refused_and_costs_nothing(venue, member, name, dial):
    client = dial(venue, "BENCH-OE7")
    client.connect()
    client.send("A", "98=0|108=30|553=BENCH-OE7|554=wrong|")
    assert client.expect_closed() == [], "an answer would need one of the member's numbers"
    client = member("BENCH-OE7")
    rest(client, name("a"), BUY, "1", "40000.00")


@pytest.mark.parametrize(
    "body",
    ["49=NOBODY|56=FIXGATE", "49=BENCH-OE1|56=ELSEWHERE", "49=BENCH-DC1|56=FIXGATE"],
    ids=["unknown member", "another venue", "a drop copy session on order entry"],
)
def test_a_stranger_is_not_answered(venue, body, dial):
    client = dial(venue, "NOBODY").connect()
    logon = f"35=A|{body}|34=1|52={utc_now()}|98=0|108=30|141=Y|553=NOBODY|554=demo|"
    client.send_raw(envelope(logon))
    assert client.expect_closed() == []


def test_a_connection_without_a_logon_is_closed_after_five_seconds(venue, dial):
    client = dial(venue, "BENCH-OE8").connect()
    began = time.monotonic()
    assert client.expect_closed(timeout=8) == []
    assert 4 < time.monotonic() - began < 7


def test_the_journal_replays_to_one_hash_under_any_hash_seed(venue):
    assert venue.replay(PYTHONHASHSEED="0") == venue.replay(PYTHONHASHSEED="1")
