"""The market over FIX: every client's picture is the venue's, and what becomes of subscriptions."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.commands import Origin, Unblock
from engine.model.enums import BLOCK_INSTRUMENT
from gateway.fix.timestamps import format_utc
from gateway.flow.connection import FLAG_BYTES
from gateway.flow.throttle import Throttle
from gateway.market_data import fix_service, fix_topics
from gateway.market_data.schedule import CAUGHT_UP_BYTES
from tests.market_data.fix_floor import FixFloor, fix_floor, request
from tests.market_data.floor import Client
from tests.support.fix_books import BID, OFFER

DAY = 86_400 * 1_000_000_000

SHAPES = [
    {"types": "01"},
    {"types": "0", "depth": 1},
    {"types": "1", "depth": 5},
    {"types": "01", "depth": 5},
    {"types": "012"},
    {"types": "2"},
    {"types": "01", "t20004": 100},
    {"types": "012", "depth": 10, "t20004": 1000},
    {"types": "01", "t266": "N"},
    {"types": "012", "t266": "N"},
    {"types": "0", "t266": "N"},
    {"types": "01", "depth": 5, "t265": "0"},
    {"types": "012", "depth": 1, "t265": "0", "t20004": 250},
]


@pytest.fixture
def here(tmp_path):
    with fix_floor(tmp_path) as found:
        yield found


@pytest.fixture
def member(here):
    return here.members[0].logon()


def asked_sides(words):
    return [side for side in (BID, OFFER) if side in words["types"]]


def tape(here, after):
    """The trades of BTC-USD with a higher number."""
    feed = here.feed()
    instrument = here.market.refdata.instruments[feed.instrument]
    return [
        (
            found.trade.match,
            instrument.format_price(found.trade.price).decode(),
            instrument.format_qty(found.trade.lots).decode(),
            str(found.trade.aggressor),
        )
        for found in feed.tape
        if found.trade.match > after
    ]


# --- the picture ----------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_every_picture_is_the_venues_at_each_step_whenever_it_came(seed, tmp_path_factory):
    chance = Random(seed)
    with fix_floor(tmp_path_factory.mktemp("floor"), seed) as here:
        for member in here.members:
            member.logon()
        subscribed = []
        for step in range(50):
            here.trade(chance.randrange(8), at_once=chance.choice((1, 3, 500)))
            if chance.random() < 0.3:
                here.wait(chance.choice((50, 100, 2_000)))
            if chance.random() < 0.4 and len(subscribed) < 18:
                member, words = chance.choice(here.members), chance.choice(SHAPES)
                [*_, picture] = member.subscribe(f"m{step}", **words)
                if picture.startswith("35=W|"):
                    view = member.views.views[f"m{step}", "BTC-USD"]
                    subscribed.append((view, words, len(view.trades)))
            for view, words, _ in subscribed:
                if "t20004" not in words:
                    same(here, view, words)
        here.wait(10_000)
        for view, words, shown in subscribed:
            same(here, view, words)
            if "2" in words["types"] and words.get("t265") != "0":
                assert view.trades == tape(here, 0)[-len(view.trades) :] if view.trades else True
                assert len(view.trades) >= min(shown, 1)


def same(here, view, words):
    """A view is the venue's book, as far as it was asked for."""
    depth = words.get("depth") or None
    for side in asked_sides(words):
        assert view.side(side) == here.expected(side, depth=depth)
    for side in {BID, OFFER} - set(asked_sides(words)):
        assert view.side(side) == []
    if words.get("t266") == "N":
        book = here.feed().book
        assert len(view.orders) == sum(
            1 for side in asked_sides(words) for _ in book.queue(int(side) + 1)
        )


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_orders_of_a_snapshot_are_in_the_order_in_which_they_trade(seed, tmp_path_factory):
    with fix_floor(tmp_path_factory.mktemp("floor"), seed) as here:
        here.trade(100)
        here.members[0].logon().subscribe(types="01", t263="0", t266="N")
        view = here.members[0].view
        for side in (BID, OFFER):
            shown = [int(ident) for ident, row in view.orders.items() if row[0] == side]
            assert shown == [ident for ident, _, _ in here.feed().book.queue(int(side) + 1)]


@pytest.mark.parametrize(
    ("over_fix", "channel"),
    [
        ({"types": "01"}, {"channel": "book"}),
        ({"types": "01", "depth": 5}, {"channel": "book", "depth": 5}),
        ({"types": "01", "t20004": 100}, {"channel": "book", "interval_ms": 100}),
        ({"types": "01", "t266": "N"}, {"channel": "orders"}),
    ],
)
def test_the_numbers_are_those_of_the_web_socket(here, member, over_fix, channel):
    client = Client(here)
    here.trade(20)
    client.subscribe(**channel)
    assert client.answered
    [snapshot] = client.answered
    [shown] = member.subscribe(**over_fix)
    assert numbers_of(shown) == (None, snapshot["seq"], snapshot["record"], snapshot["checksum"])
    for _ in range(30):
        here.trade(5)
        here.wait(100)
    heard = [(m["prev"], m["seq"], m["record"], m["checksum"]) for m in client.take()]
    assert [numbers_of(message) for message in member.take()] == heard
    assert len(heard) > 10


def numbers_of(message):
    """(20002, 83, 20001, 20003)."""
    found = {}
    for field in message.split("|")[:-1]:
        tag, _, value = field.partition("=")
        if tag in {"20002", "83", "20001", "20003"}:
            found.setdefault(tag, int(value))
    return tuple(found.get(tag) for tag in ("20002", "83", "20001", "20003"))


def test_a_command_is_one_message(here, member):
    member.subscribe(types="012")
    for _ in range(50):
        before = here.feed().seq
        here.trade(1)
        heard = member.take()
        assert len(heard) == here.feed().seq - before
        assert all(numbers_of(each)[:2] == (before, before + 1) for each in heard)


def test_several_instruments_are_several_chains_under_one_request(here, member):
    here.trade(30)
    answers = member.subscribe(symbols=("BTC-USD", "ETH-USD", "BTC-USD"))
    assert [answer[:18] for answer in answers] == ["35=W|262=m1|55=BTC", "35=W|262=m1|55=ETH"]
    here.trade(60)
    for symbol in ("BTC-USD", "ETH-USD"):
        view = member.views.views["m1", symbol]
        assert view.updates > 3
        for side in (BID, OFFER):
            assert view.side(side) == here.expected(side, symbol)


def test_who_asks_for_the_same_is_told_the_same_rendered_once(here):
    first, second, other = (member.logon() for member in here.members)
    for k, member in enumerate((first, second)):
        member.subscribe(f"m{k}", types="012")
    other.subscribe("m2", types="01")
    assert len(here.service._subjects) == 2
    here.trade(30)
    heard = [[m.replace(f"262=m{k}|", "") for m in x.take()] for k, x in enumerate(here.members)]
    assert heard[0]
    assert heard[0] == heard[1] != heard[2]


# --- statistics -----------------------------------------------------------------------------------


def test_statistics_are_those_of_the_ticker(here, member):
    client = Client(here)
    here.trade(100)
    client.subscribe("ticker")
    member.subscribe(types="4789B")
    for _ in range(20):
        here.trade(20)
        here.wait(250)
        [*_, ticker] = client.heard
        names = ("open", "high", "low", "average", "quantity")
        assert member.view.figures == {
            kind: ticker[name] for kind, name in zip("4789B", names, strict=True) if name in ticker
        }
    assert member.view.updates > 5


def test_statistics_come_at_most_every_quarter_of_a_second(here, member):
    here.trade(100)
    member.subscribe(types="B")
    here.trade(50)
    member.take()
    here.trade(50)
    here.trade(50)
    here.wait(249)
    assert member.take() == []
    here.wait(1)
    assert len(member.take()) == 1


def test_statistics_asked_for_whole_are_whole(here, member):
    here.trade(200)
    member.subscribe(types="4B", t265="0")
    here.trade(200)
    here.wait(250)
    heard = member.take()
    assert heard
    assert all(m.startswith("35=W|") and "|268=2|269=4|270=" in m for m in heard)


def test_statistics_lose_what_is_more_than_a_day_old_without_a_trade(here, member):
    here.trade(100)
    here.submit(Unblock(Origin(0, 0, 0), BLOCK_INSTRUMENT, 1, "the window begins"))
    assert here.feed().tape
    member.subscribe(types="B")
    first = member.view.figures["B"]
    here.time += 2 * DAY
    here.submit(Unblock(Origin(0, 0, 0), BLOCK_INSTRUMENT, 1, "two days later"))
    late = here.members[1].logon()
    late.subscribe(types="B")  # who joins finds nothing, and who was there is told
    assert first
    assert late.view.figures == member.view.figures == {}


# --- snapshots and refreshes ----------------------------------------------------------------------


def test_a_snapshot_is_no_subscription(here, member):
    here.trade(30)
    [shown] = member.subscribe(types="012", depth=5, t263="0", t265=None)
    assert shown.startswith("35=W|262=m1|55=BTC-USD|83=")
    here.trade(30)
    here.wait(1_000)
    assert member.take() == []
    assert here.service._subjects == {}
    [again] = member.subscribe(types="012", depth=5, t263="0")  # nor does it use up its MDReqID
    assert again.startswith("35=W|262=m1|")


def test_a_market_in_which_nothing_ever_was(here, member):
    [shown] = member.subscribe(types="012")
    assert shown == "35=W|262=m1|55=BTC-USD|83=0|20003=2343686810|268=0|"
    here.trade(1)
    assert len(member.take()) == here.feed().seq


def test_a_refresh_is_a_picture_at_each_change(here, member):
    member.subscribe(types="01", depth=1, t265="0")
    here.trade(100)
    heard = member.take()
    assert len(heard) > 5
    assert all(m.startswith("35=W|") and m.count("|269=") <= 2 for m in heard)


def test_a_refresh_shows_the_last_trade_alone(here, member):
    member.subscribe(types="2", t265="0")
    here.trade(300)
    heard = member.take()
    assert len(heard) > 3
    assert all("|268=1|269=2|" in m for m in heard)


# --- conflation and slow members ------------------------------------------------------------------


def test_a_conflated_subscription_says_one_message_in_its_interval(here, member):
    member.subscribe(t20004=500)
    here.trade(5)
    member.take()
    here.wait(499)
    for _ in range(20):
        here.trade(5)
    assert member.take() == []
    here.wait(1)
    assert len(member.take()) == 1
    here.wait(5_000)
    assert member.take() == []


def test_who_reads_a_conflated_subscription_too_slowly_is_shown_the_whole_later(here):
    slow, fast = (member.logon() for member in here.members[:2])
    for member in (slow, fast):
        member.subscribe(t20004=100)
    slow.line.queued = FLAG_BYTES + 1
    slow.take(), fast.take()
    for _ in range(10):
        here.trade(5)
        here.wait(100)
    assert slow.heard == []
    assert len(fast.heard) > 5
    slow.line.queued = CAUGHT_UP_BYTES
    here.wait(100)
    assert slow.heard == []
    slow.line.queued = 0
    here.wait(100)
    [picture] = slow.take()
    assert picture.startswith("35=W|")
    here.trade(20)
    here.wait(100)
    for member in (slow, fast):
        for side in (BID, OFFER):
            assert member.view.side(side) == here.expected(side)


def test_a_slow_reader_of_every_change_misses_none(here, member):
    member.subscribe()
    member.line.queued = FLAG_BYTES + 1  # its connection closes it, should it stay so
    here.trade(100)
    assert member.view.seq == here.feed().seq >= 20


# --- the end of subscriptions ---------------------------------------------------------------------


def nothing_is_left(here):
    service = here.service
    left = [service._subjects, service._dirty, service.schedule.subjects, service.schedule.touched]
    left += service._by_instrument.values()
    assert not any(left)


def test_unsubscribing_ends_all_of_a_request_and_nothing_else(here, member):
    member.subscribe("m1", symbols=("BTC-USD", "ETH-USD"))
    member.subscribe("m2")
    assert member.ask("V", request("m1", t263="2")) == []
    here.trade(60)
    assert {m.split("|")[1] for m in member.take()} == {"262=m2"}
    assert member.ask("V", request("m2", t263="2")) == []
    nothing_is_left(here)
    here.trade(20)
    assert member.take() == []
    assert member.subscribe("m1")[0].startswith("35=W|")


def test_a_connection_that_ends_takes_its_subscriptions_with_it(here):
    first, second, _ = (member.logon() for member in here.members)
    for member in (first, second):
        member.subscribe("m1", t20004=100)
        member.subscribe("m2")
        member.ask("e", "324=s1|55=BTC-USD|263=1|")
        member.ask("g", "335=t1|263=1|")
    here.trade(10)
    numbers = first.session.next_out
    first.leave()
    here.trade(20)
    assert first.session.next_out == numbers
    assert second.take()
    second.leave()
    nothing_is_left(here)
    first.logon()
    here.trade(20)
    here.halt(1, "news")
    assert first.take() == []
    assert first.subscribe("m1")[0].startswith("35=W|")
    assert first.ask("e", "324=s1|55=BTC-USD|263=1|")[0].startswith("35=f|")


def test_a_logon_that_resets_the_numbers_ends_subscriptions(here, member):
    member.subscribe()
    here.trade(10)
    member.logon(reset=True)
    nothing_is_left(here)
    here.trade(10)
    assert member.take() == []
    assert member.subscribe()[0].startswith("35=W|")


def test_a_request_that_comes_again_from_before_the_logon_subscribes_to_nothing(here, member):
    dup = "43=Y|122=20261118-10:00:00.000|"
    assert member.ask("V", request("old"), head=dup) == []
    nothing_is_left(here)
    dup = f"43=Y|122={format_utc(here.clock.now(), 3).decode()}|"
    assert member.ask("V", request("new"), head=dup)[0].startswith("35=W|262=new|")


# --- the session ----------------------------------------------------------------------------------


def test_a_resend_fills_market_data_and_repeats_rejects(here, member):
    member.subscribe("m1")  # 2
    assert member.ask("V", request("m2", t264="x"))[0].startswith("35=3|")  # 3
    assert member.ask("V", request("m1"))[0].startswith("35=Y|")  # 4
    here.trade(30)
    last = member.session.next_out - 1
    assert last > 8
    filled, reject, rest = (plain(m) for m in member.ask("2", "7=1|16=0|"))
    assert filled == "35=4|36=3|123=Y|"
    assert reject.startswith("35=3|45=3|")
    assert rest == f"35=4|36={last + 1}|123=Y|"
    here.trade(5)
    assert member.view.seq == here.feed().seq


def plain(message):
    """Without 43 and 122."""
    return "".join(f"{f}|" for f in message.split("|")[:-1] if f[:3] not in ("43=", "122"))


def test_all_that_was_told_counts_as_sent(here, member):
    member.subscribe()
    here.trade(30)
    index = member.session.index
    assert index.sent == index.next_out - 1 > 5


def test_more_news_than_one_write_numbers_come_in_several(here, member, monkeypatch):
    monkeypatch.setattr("gateway.fix.outbound.MAX_BATCH", 3)
    member.subscribe(types="012")
    here.trade(60)
    assert member.view.seq == here.feed().seq > 10


def test_an_answer_settles_the_numbers_of_who_is_answered_alone(here):
    first, second, _ = (member.logon() for member in here.members)
    second.subscribe(t20004=500)
    here.trade(20)  # the first is at once, the second batch waits for the interval
    here.trade(20)
    for _ in range(5):
        first.ask("g", "335=t1|263=0|")
    settled = second.session.index.next_in
    first.subscribe(t20004=500)
    assert second.take()
    assert second.session.index.next_in == settled < first.session.index.next_in


def test_nothing_is_numbered_for_who_is_not_there(here, member):
    member.subscribe()
    numbers = member.session.next_out
    member.session.unheard()  # the socket is closed, its task has not ended yet
    here.trade(30)
    assert member.session.next_out == numbers


def test_a_session_that_runs_out_of_numbers_is_logged_out_in_time(here, member, monkeypatch):
    monkeypatch.setattr(fix_service, "LAST_NUMBER", member.session.next_out + 5)
    member.subscribe()
    here.trade(100)
    assert member.take()[-1] == "35=5|58=out of numbers: log on with ResetSeqNumFlag(141)=Y|"
    nothing_is_left(here)


def test_requests_have_a_rate_of_their_own(here, member):
    rate, burst = fix_service.REQUESTS
    answers = [member.ask("x", "320=l1|559=4|")[0] for _ in range(burst + 1)]
    assert {answer[:5] for answer in answers[:-1]} == {"35=y|"}
    assert answers[-1].startswith("35=j|45=102|372=x|380=0|58=rate limit: 20 requests/s")
    here.clock.time += 1_000_000_000 // rate
    assert member.ask("x", "320=l1|559=4|")[0].startswith("35=y|")


def test_the_rate_of_the_configuration_holds_too(tmp_path, monkeypatch):
    throttle = Throttle(
        messages_per_second=1, message_burst=2, cancels_per_second=0, cancel_burst=1,
        flood_multiple=1_000,
    )  # fmt: skip
    monkeypatch.setattr(FixFloor, "throttle", throttle)
    with fix_floor(tmp_path) as here:
        member = here.members[0].logon()
        answers = [member.ask("x", "320=l1|559=4|")[0][:5] for _ in range(3)]
        assert answers == ["35=y|", "35=y|", "35=j|"]
        assert member.link.counters.throttled == 1


# --- limits ---------------------------------------------------------------------------------------


def test_subscriptions_have_a_limit(here, member, monkeypatch):
    monkeypatch.setattr(fix_service, "SUBSCRIPTIONS", 3)
    both = ("BTC-USD", "ETH-USD")
    assert len(member.subscribe("m1", symbols=both)) == 2
    [refused] = member.subscribe("m2", symbols=both)
    assert refused.startswith("35=Y|262=m2|281=2|58=at most 3 subscriptions of a session")
    assert len(member.subscribe("m3")) == 1
    assert member.subscribe("m4")[0].startswith("35=Y|262=m4|281=2|")
    member.ask("V", request("m1", t263="2"))
    assert len(member.subscribe("m4")) == 1


def test_subscriptions_to_one_instrument_have_a_limit(here, member):
    for k in range(fix_service.SHAPES):
        assert member.subscribe(f"m{k}")[0].startswith("35=W|")
    [refused] = member.subscribe("more", symbols=("ETH-USD", "BTC-USD"))
    assert refused == "35=Y|262=more|281=2|58=at most 8 subscriptions of a session to BTC-USD|"
    assert member.subscribe("other", symbols=("ETH-USD",))[0].startswith("35=W|")


@pytest.mark.parametrize(
    ("words", "entries"),
    [
        ({"types": "01"}, lambda book: len(book.bids) + len(book.asks)),
        ({"types": "0"}, lambda book: len(book.bids)),
        ({"types": "01", "depth": 1}, lambda book: 2),
        ({"types": "01", "t266": "N"}, lambda book: book.resting),
        ({"types": "012"}, lambda book: len(book.bids) + len(book.asks) + 100),
    ],
)
def test_a_snapshot_has_a_limit(here, member, monkeypatch, words, entries):
    here.trade(100)
    count = entries(here.feed().book)
    monkeypatch.setattr(fix_service, "SNAPSHOT_ENTRIES", count)
    for kind in "01":
        assert member.subscribe(f"ok{kind}", t263=kind, **words)[0].startswith("35=W|")
    monkeypatch.setattr(fix_service, "SNAPSHOT_ENTRIES", count - 1)
    for kind in "01":
        [refused] = member.subscribe("m1", t263=kind, **words)
        assert refused.startswith(f"35=Y|262=m1|281=2|58={count} entries, at most {count - 1}")


def test_a_snapshot_shows_the_last_trades(here, member, monkeypatch):
    monkeypatch.setattr(fix_topics, "SHOWN_TRADES", 3)
    here.trade(300)
    assert len(here.feed().tape) > 3
    member.subscribe(types="2", t263="0")
    assert member.view.trades == tape(here, 0)[-3:]


def test_subscriptions_to_states_have_a_limit(here, member, monkeypatch):
    monkeypatch.setattr(fix_service, "STATUS_SUBSCRIPTIONS", 2)
    assert member.ask("e", "324=s1|55=BTC-USD|263=1|")[0].startswith("35=f|")
    assert member.ask("g", "335=t1|263=1|")[0].startswith("35=h|")
    [refused] = member.ask("e", "324=s2|55=BTC-USD|263=1|")
    assert refused.startswith("35=j|45=4|372=e|379=s2|380=0|58=at most 2 subscriptions to states")
    assert member.ask("e", "324=s2|55=BTC-USD|263=0|")[0].startswith("35=f|")
