"""The market over WebSocket: what subscribers are told, and that their books are the venue's."""

import json
from itertools import pairwise
from random import Random

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.journal.disk import RealDisk
from engine.journal.files import open_reader
from engine.market import feed as feed_module
from engine.market import trade_index
from engine.market_shadow import MarketShadow, restored_market
from engine.model import record
from gateway.flow.connection import FLAG_BYTES
from gateway.market_data import stream as stream_module
from gateway.market_data import topics
from gateway.market_data.schedule import CAUGHT_UP_BYTES
from gateway.stream import replay
from tests.market_data.floor import Client, floor

CHANNELS = [
    {"channel": "book"},
    {"channel": "book", "depth": 1},
    {"channel": "book", "depth": 5},
    {"channel": "book", "interval_ms": 100},
    {"channel": "book", "depth": 10, "interval_ms": 1000},
    {"channel": "orders"},
]


@pytest.fixture
def here(tmp_path):
    with floor(tmp_path) as found:
        yield found


def quiet(_):
    """No log."""


def key_of(words):
    return (words["channel"], "BTC-USD", words.get("depth"), words.get("interval_ms", 0))


# --- books ----------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_every_clients_book_is_the_venues_whenever_it_came(seed, tmp_path_factory):
    chance = Random(seed)
    with floor(tmp_path_factory.mktemp("floor"), seed) as here:
        clients = []
        for _ in range(60):
            here.trade(chance.randrange(8), at_once=chance.choice((1, 3, 500)))
            if chance.random() < 0.3:
                here.wait(chance.choice((50, 100, 2_000)))
            if chance.random() < 0.3:
                client, words = Client(here), chance.choice(CHANNELS)
                client.subscribe(**words)
                clients.append((client, words))
            if clients and chance.random() < 0.1:
                client, _ = clients.pop(chance.randrange(len(clients)))
                client.leave()
        here.wait(10_000)
        for client, words in clients:
            book = client.books[key_of(words)]
            shown = here.levels(depth=words.get("depth"))
            assert {side: book.levels(side) for side in shown} == shown


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), kept=st.sampled_from((3, 8_192)))
def test_who_comes_back_goes_on_where_it_was_or_is_shown_the_whole(seed, kept, tmp_path_factory):
    chance = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_module, "HISTORY_UPDATES", kept)
        with floor(tmp_path_factory.mktemp("floor"), seed) as here:
            words = chance.choice([{"channel": "book"}, {"channel": "orders"}])
            client = Client(here)
            client.subscribe(**words)
            resumed = 0
            for _ in range(20):
                here.trade(chance.randrange(12))
                books, book = client.books, client.books[key_of(words)]
                client.leave()
                missed = here.feed().seq
                here.trade(chance.randrange(12))
                missed = here.feed().seq - missed
                client = Client(here)
                client.books = books
                answer, *rest = client.say(
                    op="subscribe", symbol="BTC-USD", resume_from=book.seq, **words
                )
                assert answer["resumed"] if missed < kept else True
                resumed += answer.get("resumed", False)
                kinds = [message["type"].partition("_")[2] for message in rest]
                assert kinds in ([["update"], []] if answer.get("resumed") else [["snapshot"]])
            book = client.books[key_of(words)]
            shown = here.levels()
            assert {side: book.levels(side) for side in shown} == shown
            assert resumed


def test_a_command_is_one_message_whose_numbers_are_the_journals(here):
    client = Client(here)
    client.subscribe("book")
    for _ in range(50):
        before = here.feed().seq
        here.trade(1)
        heard = client.take()
        feed = here.feed()
        if feed.seq == before:
            assert heard == []
            continue
        assert [(m["type"], m["prev"], m["seq"], m["record"]) for m in heard] == [
            ("book_update", before, feed.seq, feed.record)
        ]


def test_subscribers_of_a_channel_get_the_same_frame(here):
    here.trade(30)
    first, second = Client(here), Client(here)
    sent = []
    for client in (first, second):
        client.subscribe("book")
        client.send = lambda frames, sent=sent: sent.append(frames)
    here.trade(30)
    assert sent
    assert all(a is b for a, b in zip(sent[::2], sent[1::2], strict=True))


# --- conflation -----------------------------------------------------------------------------------


def test_a_conflated_channel_says_one_message_in_its_interval(here):
    client = Client(here)
    client.subscribe("book", interval_ms=500)
    here.trade(5)
    client.take()
    here.wait(499)
    for _ in range(20):
        here.trade(5)
    assert client.take() == []
    here.wait(1)
    assert len(client.take()) == 1
    here.wait(5_000)
    assert client.take() == []


def test_a_slow_reader_of_a_conflated_channel_misses_updates_and_is_told_so(here):
    slow, fast = Client(here), Client(here)
    for client in (slow, fast):
        client.subscribe("book", interval_ms=100)
    slow.connection.queued = FLAG_BYTES + 1
    slow.take()
    for _ in range(10):
        here.trade(5)
        here.wait(100)
    assert slow.heard == []
    assert len(fast.heard) > 5
    slow.connection.queued = CAUGHT_UP_BYTES
    here.trade(5)
    here.wait(100)
    assert slow.heard == []
    slow.connection.queued = 0
    here.wait(100)
    [snapshot] = slow.take()
    assert snapshot["type"] == "book_snapshot"
    assert snapshot["conflated"] is True
    here.wait(1_000)
    assert slow.heard == []
    here.trade(20)
    here.wait(100)
    shown = here.levels()
    for client in (slow, fast):
        book = client.books[key_of({"channel": "book", "interval_ms": 100})]
        assert {side: book.levels(side) for side in shown} == shown


def test_a_slow_reader_of_every_change_misses_none(here):
    client = Client(here)
    client.subscribe("book")
    client.connection.queued = FLAG_BYTES + 1  # its connection closes it, should it stay so
    before = here.feed().seq
    here.trade(30)
    assert [m["seq"] for m in client.heard if "seq" in m][-1] == here.feed().seq > before


# --- trades, candles, ticker ----------------------------------------------------------------------


def test_trades_are_a_chain(here):
    client = Client(here)
    here.trade(100)
    [snapshot] = client.subscribe("trades")
    here.trade(100)
    told = snapshot["trades"] + [m for m in client.heard if m["type"] == "trade"]
    tape = list(here.feed().tape)
    assert [m["match"] for m in told] == [t.trade.match for t in tape][-len(told) :]
    assert all(b["prev"] == a["match"] for a, b in pairwise(told))
    assert len(told) > 10


@pytest.mark.trio
@pytest.mark.parametrize("kept", [1, 5, 1_000])
@pytest.mark.parametrize("seed", range(3))
async def test_trades_are_resumed_from_any_on_while_others_come(tmp_path, monkeypatch, kept, seed):
    """From memory, or from the journal; either way none is missing and none comes twice."""
    monkeypatch.setattr(feed_module, "TAPE_TRADES", kept)
    monkeypatch.setattr(trade_index, "STRIDE", 4)
    monkeypatch.setattr(replay, "SLICE_RECORDS", 7)
    chance = Random(seed)
    with floor(tmp_path, seed) as here:
        monkeypatch.setattr(record, "MAX_RECORD_BYTES", 250)
        whole = Client(here)
        whole.subscribe("trades")
        here.trade(100)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.replays.serve)
            await trio.testing.wait_all_tasks_blocked()
            clients = []
            for _ in range(40):
                here.trade(chance.randrange(6))
                matches = [0, *(m["match"] for m in whole.heard)]
                last = chance.choice(matches[-chance.choice((3, 1_000)) :])
                client = Client(here)
                client.subscribe("trades", resume_from=last)
                clients.append((client, last))
                for _ in range(chance.randrange(5)):
                    await trio.lowlevel.checkpoint()
                if chance.random() < 0.2:
                    gone, _ = clients.pop()
                    gone.leave()
            while here.replays.running:
                await trio.lowlevel.checkpoint()
            here.trade(20)
            nursery.cancel_scope.cancel()
        matches = [m["match"] for m in whole.heard]
        for client, last in clients:
            told = client.answered + client.heard
            assert [m["match"] for m in told] == [match for match in matches if match > last]
            assert all(b["prev"] == a["match"] for a, b in pairwise(told))
            assert not told or told[0]["prev"] == last
        assert not here.stream._replaying
        assert not here.log


@pytest.mark.trio
async def test_a_replay_that_is_not_wanted_any_more_ends(here, monkeypatch):
    monkeypatch.setattr(topics, "SHOWN_TRADES", 3)
    here.feed().tape.__init__(maxlen=1)
    here.trade(100)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(here.replays.serve)
        await trio.testing.wait_all_tasks_blocked()
        client = Client(here)
        client.subscribe("trades", resume_from=0)
        [answer] = client.say(op="unsubscribe", channel="trades", symbol="BTC-USD")
        assert answer["type"] == "unsubscribed"
        while here.replays.running:
            await trio.lowlevel.checkpoint()
        here.trade(50)
        assert client.heard == []
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_a_replay_of_a_journal_that_is_damaged_closes_its_client_alone(here):
    here.feed().tape.__init__(maxlen=1)
    here.trade(100)
    segment = max((here.folder / "journal").glob("*.seg"), key=lambda path: path.stat().st_size)
    data = bytearray(segment.read_bytes())
    data[len(data.rstrip(b"\0")) // 2] ^= 0xFF
    segment.write_bytes(data)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(here.replays.serve)
        await trio.testing.wait_all_tasks_blocked()
        client, other = Client(here), Client(here)
        other.subscribe("trades")
        client.subscribe("trades", resume_from=0)
        while here.replays.running:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert client.closed_with == 1011
    assert other.open
    [line] = here.log
    assert "damaged" in line


def test_candles_come_closed_before_the_next_one(here):
    client = Client(here)
    client.subscribe("candles", interval=1)
    for _ in range(60):
        here.trade(5)
        here.wait(300)
    told = [m for m in client.heard if m["type"] == "candle"]
    last = {m["start"]: m for m in told}
    starts = [m["start"] for m in told]
    assert starts == sorted(starts)
    assert all(m["closed"] for m in list(last.values())[:-1])
    series = list(here.feed().candles.series[1])
    assert len(last) >= min(len(series), 5)
    assert list(last.values())[-1]["trades"] == series[-1].trades


def test_the_ticker_is_the_whole_at_most_so_often(here):
    client = Client(here)
    client.subscribe("ticker")
    client.take()
    here.wait(10_000)
    here.trade(40)
    here.trade(40)
    assert len(client.take()) == 1
    here.wait(250)
    [ticker] = client.take()
    assert ticker["seq"] == here.feed().seq
    bids = here.levels(depth=1)["bids"]
    assert [(ticker["bid"], ticker["bid_quantity"])] == bids


def test_a_subscription_without_a_symbol_is_one_of_each(here):
    client = Client(here)
    answer, *shown = client.say(op="subscribe", channel="ticker", id="t")
    assert answer == {"type": "subscribed", "id": "t", "channel": "ticker"}
    assert [m["symbol"] for m in shown] == ["BTC-USD", "ETH-USD", "ETH-BTC"]


# --- instruments ----------------------------------------------------------------------------------


def test_instruments_say_what_they_are_and_when_they_are_halted(here):
    client = Client(here)
    here.trade(10)
    answer, *shown = client.say(op="subscribe", channel="instruments")
    assert answer["type"] == "subscribed"
    assert [(m["symbol"], m["tick"], m["lot"], m["state"]) for m in shown] == [
        ("BTC-USD", "0.01", "0.000001", "open"),
        ("ETH-USD", "0.01", "0.0001", "open"),
        ("ETH-BTC", "0.00001", "0.001", "open"),
    ]
    client.take()
    here.halt(2, "fat finger")
    here.open(2, "over")
    assert [(m["symbol"], m["state"], m.get("reason")) for m in client.take()] == [
        ("ETH-USD", "halted", "fat finger"),
        ("ETH-USD", "open", None),
    ]


# --- what is refused ------------------------------------------------------------------------------

REFUSED = {
    "no JSON": ("{", "malformed"),
    "another op": ({"op": "order"}, "malformed"),
    "another key": ({"op": "subscribe", "channel": "book", "what": 1}, "malformed"),
    "a token again": ({"op": "auth", "token": "demo-ACME"}, "malformed"),
    "a channel": ({"op": "subscribe", "channel": "books", "symbol": "BTC-USD"}, "unknown_channel"),
    "a symbol": ({"op": "subscribe", "channel": "book", "symbol": "BTC-EUR"}, "unknown_symbol"),
    "a depth": (
        {"op": "subscribe", "channel": "book", "symbol": "BTC-USD", "depth": 7},
        "not_offered",
    ),
    "a depth of trades": (
        {"op": "subscribe", "channel": "trades", "symbol": "BTC-USD", "depth": 5},
        "not_offered",
    ),
    "an interval": (
        {"op": "subscribe", "channel": "book", "symbol": "BTC-USD", "interval_ms": 7},
        "not_offered",
    ),
    "an interval of trades": (
        {"op": "subscribe", "channel": "trades", "symbol": "BTC-USD", "interval_ms": 100},
        "not_offered",
    ),
    "candles of no length": (
        {"op": "subscribe", "channel": "candles", "symbol": "BTC-USD"},
        "not_offered",
    ),
    "candles of an odd length": (
        {"op": "subscribe", "channel": "candles", "symbol": "BTC-USD", "interval": 7},
        "not_offered",
    ),
    "a book of a length": (
        {"op": "subscribe", "channel": "book", "symbol": "BTC-USD", "interval": 60},
        "not_offered",
    ),
    "all, from one number": (
        {"op": "subscribe", "channel": "book", "resume_from": 1},
        "unknown_sequence",
    ),
    "a trade to come": (
        {"op": "subscribe", "channel": "trades", "symbol": "BTC-USD", "resume_from": 10**9},
        "unknown_sequence",
    ),
    "what it has": ({"op": "subscribe", "channel": "ticker"}, "already_subscribed"),
    "what it has not": ({"op": "unsubscribe", "channel": "trades"}, "not_subscribed"),
    "a list that it has not": ({"op": "unsubscribe", "channel": "instruments"}, "not_subscribed"),
    "a list of one": (
        {"op": "subscribe", "channel": "instruments", "symbol": "BTC-USD"},
        "not_offered",
    ),
}


@pytest.mark.parametrize(("words", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_is_refused_with_its_code_and_changes_nothing(here, words, code):
    client = Client(here)
    client.subscribe("ticker", symbol=None)
    client.take()
    if isinstance(words, dict):
        words = json.dumps(words | ({"id": "x"} if code != "malformed" else {}))
    here.stream.received(client, words)
    [answer] = client.take()
    assert (answer["type"], answer["code"]) == ("error", code)
    assert answer.get("id") == (None if code == "malformed" else "x")
    assert answer["text"]
    here.wait(1_000)
    here.trade(20)
    assert {m["type"] for m in client.heard} == {"ticker"}


def test_so_many_subscriptions_and_no_more(here, monkeypatch):
    monkeypatch.setattr(stream_module, "SUBSCRIPTIONS", 4)
    client = Client(here)
    client.subscribe("ticker", symbol=None)
    client.subscribe("book")
    [answer] = client.say(op="subscribe", channel="orders", symbol="BTC-USD")
    assert answer["code"] == "too_many"
    client.say(op="unsubscribe", channel="book", symbol="BTC-USD")
    client.subscribe("orders")


def test_nothing_is_kept_of_who_has_left(here):
    clients = [Client(here) for _ in range(3)]
    for client in clients:
        for words in CHANNELS:
            client.subscribe(**words)
        client.subscribe("trades")
        client.subscribe("candles", interval=60)
        client.say(op="subscribe", channel="instruments")
        here.trade(5)
    here.trade(5)
    for client in clients:
        client.leave()
    stream = here.stream
    left = [
        stream._subjects,
        stream.schedule.touched,
        stream.schedule.subjects,
        stream._clients,
        stream._instruments,
    ]
    left += stream._by_instrument.values()
    assert not any(left)
    here.trade(5)


# --- a new process --------------------------------------------------------------------------------


def test_a_process_that_starts_from_a_checkpoint_goes_on_with_the_same_numbers(tmp_path):
    with floor(tmp_path) as here:
        here.trade(150)
        here.halt(3, "halted")
        shadow = MarketShadow(tmp_path / "journal", tmp_path / "market", RealDisk(), quiet)
        while shadow.step(40):
            if shadow.whole:
                for _ in shadow.write():
                    pass
        assert shadow.size() > (tmp_path / "market").stat().st_size
        here.halt(2, "halted, too")
        here.trade(100)
        client = Client(here)
        client.subscribe("book")
        book = client.books[key_of({"channel": "book"})]
        before = here.feed()
        here.start(restored_market(tmp_path / "market", open_reader(tmp_path / "journal"), quiet))
        after = here.feed()
        assert (after.seq, after.record, after.time) == (before.seq, before.record, before.time)
        assert list(after.tape) == list(before.tape)
        assert here.market.market.halts == {3: "halted", 2: "halted, too"}
        again = Client(here)
        again.books = {key_of({"channel": "book"}): book}
        answer, *_ = again.say(
            op="subscribe", channel="book", symbol="BTC-USD", resume_from=book.seq
        )
        assert answer["resumed"]
        here.trade(50)
        shown = here.levels()
        assert {side: book.levels(side) for side in shown} == shown
        shadow.close()


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_a_command_of_many_records_is_still_one_message(tmp_path, monkeypatch, at_once):
    with floor(tmp_path) as here:
        monkeypatch.setattr(record, "MAX_RECORD_BYTES", 250)
        client = Client(here)
        client.subscribe("book")
        here.trade(150, at_once)
        parts = [here.market.reader.read(n).parts for n in range(here.market.last_read)]
        assert max(parts) > 1
        shown = here.levels()
        book = client.books[key_of({"channel": "book"})]
        assert {side: book.levels(side) for side in shown} == shown
        again = restored_market(tmp_path / "none", open_reader(tmp_path / "journal"), quiet)
        while again.step(500):
            pass
        for instrument, feed in again.market.feeds.items():
            assert feed.seq == here.market.market.feed(instrument).seq


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    with floor(tmp_path) as here:
        here.trade(100)
        shadow = MarketShadow(tmp_path / "journal", tmp_path / "market", RealDisk(), quiet)
        while shadow.step(500):
            pass
        for _ in shadow.write():
            pass
        [path] = (tmp_path / "market").iterdir()
        data = bytearray(path.read_bytes())
        log = []
        for at in range(0, len(data), max(1, len(data) // 60)):
            data[at] ^= 1
            path.write_bytes(data)
            data[at] ^= 1
            found = restored_market(
                tmp_path / "market", open_reader(tmp_path / "journal"), log.append
            )
            assert found.last_read == -1
            assert "passed over" in log.pop()
        path.write_bytes(data)
        found = restored_market(tmp_path / "market", open_reader(tmp_path / "journal"), log.append)
        assert found.last_read == here.market.last_read
        shadow.close()
