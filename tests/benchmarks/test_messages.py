"""Prebuilt requests are valid FIX to an independent parser, and a mix is what it says it is."""

from collections import Counter

import pytest
import simplefix
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import messages
from benchmarks.messages import BUY, RequestBuilder, liquidity_orders, mixed_requests, plain_orders

STAMP = b"20250102-03:04:05.000"


def builder(comp=b"BENCH-OE1", run=b"B1-"):
    return RequestBuilder(comp, b"FIXGATE", run, STAMP)


def parsed(raw):
    """One raw message as simplefix reads it, after its length and checksum were made again."""
    parser = simplefix.FixParser()
    parser.append_buffer(raw)
    message = parser.get_message()
    assert message is not None
    assert parser.get_message() is None
    again = simplefix.FixMessage()
    for tag, value in message.pairs:
        if tag not in {b"9", b"10"}:
            again.append_pair(tag, value)
    assert again.encode() == raw
    return {int(tag): value for tag, value in message.pairs}


def cents(price):
    whole, _, fraction = price.partition(b".")
    assert len(fraction) == 2
    return int(whole + fraction)


def test_logon_asks_for_a_reset_with_the_demo_password():
    logon = parsed(builder().logon())
    assert logon[35] == b"A"
    assert (logon[34], logon[108], logon[141]) == (b"1", b"30", b"Y")
    assert (logon[49], logon[56], logon[553], logon[554]) == (
        b"BENCH-OE1",
        b"FIXGATE",
        b"BENCH-OE1",
        b"demo",
    )


def test_logout_is_numbered_after_the_last_request():
    session = builder()
    plain_orders(session, 5)
    logout = parsed(session.logout())
    assert (logout[35], logout[34]) == (b"5", b"7")


def test_plain_orders_are_valid_numbered_and_never_cross():
    orders = [parsed(raw) for raw in plain_orders(builder(), 1_000)]
    assert len(orders) == 1_000
    assert [int(order[34]) for order in orders] == list(range(2, 1_002))
    assert len({order[11] for order in orders}) == 1_000
    assert {(o[35], o[40], o[59], o[55]) for o in orders} == {(b"D", b"2", b"0", b"BTC-USD")}
    bids = [cents(order[44]) for order in orders if order[54] == b"1"]
    offers = [cents(order[44]) for order in orders if order[54] == b"2"]
    assert len(bids) == len(offers) == 500
    assert max(bids) < min(offers)
    assert len(set(bids)) == len(set(offers)) == messages.QUOTE_LEVELS


def test_bands_are_apart():
    bids = [messages._quote_cents(messages.BUY, n) for n in range(messages.QUOTE_LEVELS)]
    offers = [messages._quote_cents(messages.SELL, n) for n in range(messages.QUOTE_LEVELS)]
    assert max(bids) < messages.LOWEST_LIQUIDITY_BID
    assert (
        messages.LOWEST_LIQUIDITY_BID + messages.LIQUIDITY_LEVELS
        <= messages.LOWEST_LIQUIDITY_OFFER
        <= messages.HIGHEST_LIQUIDITY_OFFER
        < min(offers)
    )


def test_the_mix_is_45_adds_25_aggressive_20_cancels_10_replaces():
    mix = mixed_requests(builder(), 50, seed=1)
    assert Counter(mix.kinds) == {"add": 450, "aggressive": 250, "cancel": 200, "replace": 100}
    assert mix.aggressive == 250
    types = Counter(parsed(raw)[35] for raw in mix.requests)
    assert types == {b"D": 700, b"F": 200, b"G": 100}
    limits = Counter(cents(order[44]) for order in map(parsed, mix.requests) if order[35] == b"D")
    assert limits[messages.HIGHEST_LIQUIDITY_OFFER] == 125
    assert limits[messages.LOWEST_LIQUIDITY_BID] == 125


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**32))
def test_every_cancel_and_replace_names_an_order_that_is_live(blocks, seed):
    mix = mixed_requests(builder(), blocks, seed)
    live = {}
    seqs = []
    for raw, kind in zip(
        [*mix.seed, *mix.requests], ["add"] * len(mix.seed) + mix.kinds, strict=True
    ):
        request = parsed(raw)
        seqs.append(int(request[34]))
        if request[35] == b"D":
            if kind == "add":
                live[request[11]] = request[54]
        elif request[35] == b"F":
            assert live.pop(request[41]) == request[54]
        else:
            live[request[11]] = live.pop(request[41])
            assert live[request[11]] == request[54]
    assert seqs == list(range(2, len(seqs) + 2))


def test_one_seed_is_one_mix():
    assert mixed_requests(builder(), 10, 7).requests == mixed_requests(builder(), 10, 7).requests
    assert mixed_requests(builder(), 10, 7).kinds != mixed_requests(builder(), 10, 8).kinds


@pytest.mark.parametrize("blocks", [1, 2, 3, 10, 100])
def test_the_liquidity_outlasts_the_aggressive_orders_on_either_side(blocks):
    mix = mixed_requests(builder(), blocks, seed=3)
    taken = Counter()
    for raw, kind in zip(mix.requests, mix.kinds, strict=True):
        if kind == "aggressive":
            order = parsed(raw)
            taken[int(order[54])] += int(float(order[38]) * 1_000)
    offered = Counter()
    for raw in liquidity_orders(builder(b"BENCH2-OE1"), mix.aggressive):
        order = parsed(raw)
        side = int(order[54])
        offered[side] += int(float(order[38]) * 1_000)
        lowest = messages.LOWEST_LIQUIDITY_BID if side == BUY else messages.LOWEST_LIQUIDITY_OFFER
        assert lowest <= cents(order[44]) < lowest + messages.LIQUIDITY_LEVELS
    assert len(taken) == 2
    assert taken[messages.BUY] <= offered[messages.SELL]
    assert taken[messages.SELL] <= offered[messages.BUY]
