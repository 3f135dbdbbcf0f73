"""Each condition of each alert, right at its threshold: the smallest attack, and one thing less.

The book stands still: member 1 has 1,000,000 lots at each of five prices a side, a basis point
apart, around 6,000,000 ticks. Nobody moves but who the scenario says.
"""

import pytest

from compliance.surveillance.links import Links
from engine.model.clock import NANOS_PER_DAY
from engine.model.enums import BUY, IOC, SELL
from tests.surveillance.floor import (
    BASIS_POINT,
    HOUSE,
    MAKERS,
    MS,
    REFERENCE,
    SECOND,
    SECOND_NS,
    SUSPECT,
    Floor,
)

LEVEL = 1_000_000
OTHER = 4
"""A member that only does what it takes to trade."""


class Still(Floor):
    def __init__(self, links=Links(makers=MAKERS), start=None):  # noqa: B008 - frozen
        super().__init__(1, links, start=start)
        for maker in MAKERS:
            self.cancel_all(maker)
        self.agenda.clear()
        self.quote(REFERENCE)
        self.wait(1_000)  # a typical level is looked at once a second

    def quote(self, centre):
        """Member 1's book around a price, anew."""
        self.cancel_all(1)
        for k in range(1, 6):
            self.order(1, BUY, LEVEL, centre - k * BASIS_POINT)
            self.order(1, SELL, LEVEL, centre + k * BASIS_POINT)

    def wait(self, ms):
        self.now += int(ms * MS)

    def raised(self, kind, member=SUSPECT):
        return any(a.kind == kind and member in a.members for a in self.alerts)


def spoof(bait=5 * LEVEL, fill=LEVEL // 2, ms=1_000, away=1, eaten=0, beside=0, trade=True, kept=0):
    floor = Still()
    if kept:
        floor.order(SUSPECT, BUY, kept, REFERENCE - 2 * BASIS_POINT)
    order = floor.order(SUSPECT, BUY, bait, REFERENCE - away * BASIS_POINT)
    if beside:
        floor.order(SUSPECT, SELL, beside, REFERENCE + 3 * BASIS_POINT)
    if eaten:
        floor.order(OTHER, SELL, eaten + LEVEL, order.price, IOC)  # member 1 stands in front
    genuine = floor.order(SUSPECT, SELL, fill, REFERENCE + BASIS_POINT // 2)
    if trade:
        floor.order(OTHER, BUY, fill, genuine.price, IOC)
    floor.wait(ms)
    floor.cancel(order)
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"trade": False}, False),
        ({"bait": 3 * LEVEL, "fill": 1_000}, True),
        ({"bait": 3 * LEVEL - 1, "fill": 1_000}, False),
        ({"fill": LEVEL}, True),
        ({"fill": LEVEL + 1}, False),
        ({"ms": 5_000}, True),
        ({"ms": 5_001}, False),
        ({"away": 49}, True),
        ({"away": 52}, False),
        ({"eaten": LEVEL // 2, "fill": LEVEL // 4}, True),
        ({"eaten": LEVEL // 2 + 1, "fill": LEVEL // 4}, False),
        ({"beside": LEVEL // 2}, True),
        ({"beside": LEVEL // 2 + 1}, False),
        ({"kept": 5 * LEVEL, "fill": LEVEL}, True),
        ({"kept": 5 * LEVEL, "fill": LEVEL + 1}, False),
    ],
)
def test_spoofing(terms, raised):
    assert spoof(**terms).raised("spoofing") == raised


def test_a_bait_that_is_priced_away_is_pulled_and_one_that_follows_is_not():
    for away, raised in ((200, True), (3, False)):
        floor = Still()
        order = floor.order(SUSPECT, BUY, 5 * LEVEL, REFERENCE - BASIS_POINT)
        genuine = floor.order(SUSPECT, SELL, LEVEL // 2, REFERENCE + BASIS_POINT // 2)
        floor.order(OTHER, BUY, LEVEL // 2, genuine.price, IOC)
        floor.replace(order, price=REFERENCE - away * BASIS_POINT)
        assert floor.raised("spoofing") == raised


@pytest.mark.parametrize(("before", "raised"), [(0, True), (5 * LEVEL // 2, False)])
def test_who_has_been_bought_out_does_not_lean_on_the_other_side(before, raised):
    """A maker with 3,000,000 lots a side, most of whose offers went some seconds earlier."""
    floor = Still()
    bid = floor.order(SUSPECT, BUY, 3 * LEVEL, REFERENCE - BASIS_POINT)
    floor.order(SUSPECT, SELL, before + LEVEL // 2, REFERENCE + BASIS_POINT // 2)
    if before:
        floor.order(OTHER, BUY, before)
    floor.wait(10_000)
    floor.order(OTHER, BUY, LEVEL // 2)
    floor.wait(1_000)
    floor.cancel(bid)
    assert floor.raised("spoofing") == raised


def layers(levels=3, size=LEVEL, fill=LEVEL // 2, ms=1_000, beside=0, kept=0, eaten=0):
    floor = Still()
    orders = [
        floor.order(SUSPECT, BUY, size, REFERENCE - (k + 1) * BASIS_POINT) for k in range(levels)
    ]
    if beside:
        floor.order(SUSPECT, SELL, beside, REFERENCE + 3 * BASIS_POINT)
    if eaten:
        floor.order(OTHER, SELL, eaten + LEVEL, orders[0].price, IOC)  # member 1 stands in front
    genuine = floor.order(SUSPECT, SELL, fill, REFERENCE + BASIS_POINT // 2)
    floor.order(OTHER, BUY, fill, genuine.price, IOC)
    floor.wait(ms)
    for order in orders[kept:]:
        floor.cancel(order)
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"levels": 2, "size": 2 * LEVEL}, False),
        ({"kept": 1}, False),
        ({"size": LEVEL - 1}, False),
        ({"size": 4 * LEVEL, "eaten": 24 * LEVEL // 10}, True),
        ({"size": 4 * LEVEL, "eaten": 24 * LEVEL // 10 + 1}, False),
        ({"levels": 5, "kept": 2, "size": LEVEL, "fill": LEVEL}, True),
        ({"levels": 5, "kept": 2, "size": LEVEL, "fill": LEVEL + 1}, False),
        ({"ms": 10_000}, True),
        ({"ms": 10_001}, False),
        ({"fill": 3 * LEVEL // 4}, True),
        ({"fill": 3 * LEVEL // 4 + 1}, False),
        ({"size": 4 * LEVEL, "fill": LEVEL, "beside": 2 * LEVEL}, True),
        ({"size": 4 * LEVEL, "fill": LEVEL, "beside": 2 * LEVEL + 1}, False),
    ],
)
def test_layering(terms, raised):
    assert layers(**terms).raised("layering") == raised


OWNERS = Links(makers=MAKERS, owners={SUSPECT: 1, SECOND: 1})


@pytest.mark.parametrize(
    ("links", "elsewhere", "raised"),
    [
        (OWNERS, 0, True),
        (Links(makers=MAKERS), 0, False),
        (Links(makers=MAKERS, owners={SUSPECT: 1, SECOND: 2}), 0, False),
        (OWNERS, 99, True),
        (OWNERS, 100, False),
    ],
)
def test_wash_own(links, elsewhere, raised):
    floor = Still(links)
    for _ in range(elsewhere):
        floor.order(SUSPECT, BUY, 1_000)
    ask = floor.order(SUSPECT, SELL, 1_000, REFERENCE + BASIS_POINT // 2)
    floor.order(SECOND, BUY, 1_000, ask.price, IOC)
    assert floor.raised("wash_own") == raised


def swap(trades=10, net=0, elsewhere=0, rest_ms=0):
    floor = Still()
    for _ in range(elsewhere):
        floor.order(SUSPECT, BUY, 1_000)
    for k in range(trades):
        side = BUY if k % 2 else SELL
        lots = 1_000 + (net if k == 0 else 0)
        resting = floor.order(SECOND, side, lots, REFERENCE)
        floor.wait(rest_ms)
        floor.order(SUSPECT, 3 - side, lots, REFERENCE, IOC)
        assert resting.filled == lots
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"trades": 9}, False),
        ({"net": 526}, True),
        ({"net": 527}, False),
        ({"elsewhere": 6}, True),
        ({"elsewhere": 7}, False),
        ({"rest_ms": 60_000}, True),
        ({"rest_ms": 60_001}, False),
    ],
)
def test_wash_pair(terms, raised):
    assert swap(**terms).raised("wash_pair") == raised


@pytest.mark.parametrize(
    ("messages", "window_ms", "best", "fills", "raised"),
    [
        (60, 5_000, True, 0, True),
        (59, 5_000, True, 0, False),
        (60, 5_060, True, 0, False),
        (250, 5_000, False, 0, True),
        (249, 5_000, False, 0, False),
        (60, 5_000, False, 0, False),
        (60, 4_000, True, 10, True),
        (60, 4_000, True, 11, False),
    ],
)
def test_quote_stuffing(messages, window_ms, best, fills, raised):
    floor = Still()
    for _ in range(fills):  # each is a message as well
        floor.order(SUSPECT, BUY, 1)
    price = REFERENCE if best else REFERENCE - 30 * BASIS_POINT
    order = None
    for k in range(messages):
        if k:
            floor.wait(window_ms / (messages - 1))
        if order is None:
            order = floor.order(SUSPECT, BUY, 10, price)
        else:
            floor.cancel(order)
            order = None
    assert floor.raised("quote_stuffing") == raised


@pytest.mark.parametrize(
    ("member", "messages", "trades", "raised"),
    [
        (SUSPECT, 200, 0, True),
        (SUSPECT, 199, 0, False),
        (SUSPECT, 226, 15, True),
        (SUSPECT, 225, 15, False),
        (2, 300, 2, False),
        (2, 301, 2, True),
    ],
)
def test_order_to_trade(member, messages, trades, raised):
    """Member 2 makes markets by agreement."""
    floor = Still()
    floor.now = (floor.now // (600 * SECOND_NS) + 1) * 600 * SECOND_NS
    for _ in range(trades):
        floor.order(member, BUY, 1)
    order = floor.order(member, BUY, 10, REFERENCE - 90 * BASIS_POINT)
    for k in range(messages - trades - 1):
        floor.replace(order, price=order.price + (1 if k % 2 else -1))
    floor.wait(600_000)
    assert not floor.raised("order_to_trade", member)
    floor.replace(order, price=order.price + 1)
    assert floor.raised("order_to_trade", member) == raised


@pytest.mark.parametrize(
    ("orders", "hold_ms", "days", "bitten", "raised"),
    [
        (750, 50, 1, 0, True),
        (749, 50, 1, 0, False),
        (750, 51, 1, 0, False),
        (750, 50, 2, 0, False),
        (750, 50, 1, 1, False),
    ],
)
def test_fleeting(orders, hold_ms, days, bitten, raised):
    floor = Still()
    for k in range(orders):
        if days == 2 and k == orders // 2:
            floor.now += NANOS_PER_DAY
        order = floor.order(SUSPECT, BUY, 10, REFERENCE)
        if k < bitten:
            floor.order(OTHER, SELL, 5, REFERENCE, IOC)
        floor.wait(hold_ms)
        floor.cancel(order)
    assert floor.raised("fleeting") == raised


def fade(times=8, pull_ms=100, back_ms=None, stays=0, share=1.0, size=2 * LEVEL):
    floor = Still()
    for k in range(times + stays + 1):
        order = floor.order(SUSPECT, BUY, size, REFERENCE)
        floor.order(OTHER, SELL, LEVEL, REFERENCE, IOC)
        floor.wait(pull_ms if k >= stays else 500)
        if share == 1.0:
            floor.cancel(order)
        else:
            floor.replace(order, lots=order.leaves * (1 - share))
        if back_ms is not None:
            floor.wait(back_ms - pull_ms)
            order = floor.order(SUSPECT, BUY, size, REFERENCE)
        floor.wait(2_000)
        floor.cancel(order)
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"times": 7}, False),
        ({"pull_ms": 101}, False),
        ({"back_ms": 1_001}, True),
        ({"back_ms": 1_000}, False),
        ({"stays": 5}, True),
        ({"stays": 6}, False),
        ({"share": 0.81}, True),
        ({"share": 0.79}, False),
        ({"size": 2 * LEVEL - 1}, False),
    ],
)
def test_price_fade(terms, raised):
    """A fade is known when its watch is over: with the first order after it."""
    assert fade(**terms).raised("price_fade") == raised


def ignite(takes=5, move=60, gap_s=1, others=0, after_s=10, back=0.5, better=True, made=False):
    floor, got = Still(), 0
    floor.order(OTHER, BUY, 1)  # the price before it
    for k in range(takes):
        floor.quote(REFERENCE + k * move * BASIS_POINT // (takes - 1))
        got += floor.order(SUSPECT, BUY, LEVEL // 2).filled
        if others:
            floor.order(OTHER, BUY, others)
        floor.wait(gap_s * 1_000 if k < takes - 1 else after_s * 1_000)
    floor.quote(REFERENCE + (move if better else -5) * BASIS_POINT)
    if made:
        offer = floor.order(SUSPECT, SELL, got * back, REFERENCE + move * BASIS_POINT)
        floor.order(OTHER, BUY, offer.lots, offer.price, IOC)
    else:
        floor.order(SUSPECT, SELL, got * back)
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"takes": 4}, False),
        ({"move": 51}, True),
        ({"move": 49}, False),
        ({"gap_s": 60}, True),
        ({"gap_s": 61}, False),
        ({"others": LEVEL // 2}, True),
        ({"others": LEVEL // 2 + LEVEL // 6}, False),
        ({"after_s": 300}, True),
        ({"after_s": 301}, False),
        ({"made": True, "after_s": 300}, True),
        ({"made": True, "after_s": 301}, False),
        ({"back": 0.49}, False),
        ({"better": False}, False),
    ],
)
def test_momentum_ignition(terms, raised):
    assert ignite(**terms).raised("momentum_ignition") == raised


def ramp(orders=4, move=202, seconds=29, others=0, history=21, usual=LEVEL // 10, dip=0):
    floor = Still()
    floor.now = (floor.now // (30 * SECOND_NS) + 1) * 30 * SECOND_NS
    for k in range(history):
        floor.quote(REFERENCE)
        floor.order(OTHER, BUY, usual + k % 2)
        floor.wait(30_000)
    for k in range(orders):
        centre = REFERENCE + k * move * BASIS_POINT // (orders - 1)
        floor.quote(centre - (dip * BASIS_POINT if k == orders // 2 else 0))
        floor.order(SUSPECT, BUY, LEVEL // 2)
        if others:
            floor.order(OTHER, BUY, others)
        floor.wait(seconds * 1_000 // (orders - 1))
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"orders": 3}, True),
        ({"orders": 2}, False),
        ({"move": 199}, False),
        ({"seconds": 46}, False),
        ({"others": LEVEL // 2}, True),
        ({"others": LEVEL // 2 + LEVEL // 4}, False),
        ({"history": 19}, False),
        ({"usual": 3 * LEVEL, "move": 206}, False),
        ({"usual": LEVEL, "move": 206}, True),
        ({"orders": 8, "dip": 100}, False),
    ],
)
def test_ramping(terms, raised):
    assert ramp(**terms).raised("ramping") == raised


def mark(share=0.3, move=10, wild=1, before_s=100, history=48, orders=3):
    end = 20_001 * NANOS_PER_DAY
    floor = Still(start=end - (history + 1) * 300 * SECOND_NS)
    floor.order(OTHER, BUY, 1)
    for k in range(history):
        floor.quote(REFERENCE + ((k + 1) % 2) * wild * BASIS_POINT)
        floor.order(OTHER, BUY, 10)
        floor.wait(300_000)
    if before_s > 300:
        floor.now = end - before_s * SECOND_NS
    floor.quote(REFERENCE + move * BASIS_POINT)
    floor.now = max(floor.now, end - before_s * SECOND_NS)
    for _ in range(orders):
        floor.order(SUSPECT, BUY, 100_200 * share / orders)
    floor.order(OTHER, SELL, 100_000 * (1 - share))
    floor.now = end
    floor.quote(REFERENCE)
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"share": 0.29}, False),
        ({"orders": 2}, False),
        ({"move": 4, "wild": 0}, False),
        ({"wild": 9}, False),
        ({"wild": 4}, True),
        ({"history": 50}, True),
        ({"history": 50, "before_s": 301}, False),
        ({"history": 47}, False),
    ],
)
def test_marking_close(terms, raised):
    assert mark(**terms).raised("marking_close") == raised


def pump(rise=100, lots=20 * LEVEL, hours=13, sold=0.5, others=0, passive=False, wait_h=1):
    hour = 3_600 * SECOND_NS
    floor = Still()
    floor.now = (floor.now // hour + 1) * hour
    for k in range(hours):
        floor.quote(REFERENCE + (k % 3) * BASIS_POINT)
        floor.order(OTHER, BUY, LEVEL // 10 + k % 3)
        floor.wait(3_600_000)
    got = 0
    for k in range(10):
        floor.quote(REFERENCE + k * rise * BASIS_POINT // 9)
        if passive:
            bid = floor.order(SUSPECT, BUY, lots // 10, REFERENCE + k * rise * BASIS_POINT // 9)
            floor.order(OTHER, SELL, lots // 10, bid.price, IOC)
            floor.order(OTHER, BUY, 10)
        else:
            got += floor.order(SUSPECT, BUY, lots // 10).filled
        if others:
            floor.order(OTHER, BUY, others // 10)
        floor.wait(1_000)
    floor.wait(wait_h * 3_600_000 - 3_600_000 + 1_800_000)
    floor.quote(REFERENCE + rise * BASIS_POINT)
    floor.order(SUSPECT, SELL, (got or lots) * sold)
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"rise": 2}, False),
        ({"lots": LEVEL // 10}, False),
        ({"hours": 11}, False),
        ({"sold": 0.49}, False),
        ({"others": 150 * LEVEL}, False),
        ({"passive": True}, False),
        ({"wait_h": 6}, True),
        ({"wait_h": 8}, False),
    ],
)
def test_pump_and_dump(terms, raised):
    terms = {"lots": 4 * LEVEL, **terms}
    assert pump(**terms).raised("pump_and_dump") == raised


def ahead(own=LEVEL // 10, block=LEVEL, seconds=60, gain=6, account=HOUSE + SUSPECT, side=BUY):
    floor = Still(Links(makers=MAKERS, house=(HOUSE + SUSPECT,)))
    for _ in range(20):
        floor.order(OTHER, BUY, LEVEL)
        floor.quote(REFERENCE)
    floor.order(SUSPECT, side, own, account=account)
    floor.wait(seconds * 1_000)
    floor.order(SUSPECT, BUY, block, REFERENCE - 10 * BASIS_POINT)
    floor.quote(REFERENCE + gain * BASIS_POINT)
    floor.order(OTHER, BUY, 10)
    floor.wait(60_000)
    floor.order(OTHER, BUY, 10, REFERENCE - 20 * BASIS_POINT)
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({"block": 2 * LEVEL}, True),
        ({"block": LEVEL}, False),
        ({"block": 2 * LEVEL, "own": LEVEL // 50}, True),
        ({"block": 2 * LEVEL, "own": LEVEL // 50 - 1}, False),
        ({"block": 2 * LEVEL, "seconds": 61}, False),
        ({"block": 2 * LEVEL, "gain": 4}, False),
        ({"block": 2 * LEVEL, "account": SUSPECT}, False),
        ({"block": 2 * LEVEL, "side": SELL}, False),
    ],
)
def test_front_running(terms, raised):
    assert ahead(**terms).raised("front_running") == raised


@pytest.mark.parametrize(
    ("pings", "tiny", "large", "wait_s", "raised"),
    [
        (10, LEVEL // 20, 2 * LEVEL, 15, True),
        (9, LEVEL // 20, 2 * LEVEL, 15, False),
        (10, LEVEL // 20 + 1, 2 * LEVEL, 15, False),
        (10, LEVEL // 20, 2 * LEVEL - 1, 15, False),
        (10, LEVEL // 20, 2 * LEVEL, 16, False),
    ],
)
def test_pinging(pings, tiny, large, wait_s, raised):
    floor = Still()
    for k in range(pings):
        if k:
            floor.wait(60_000 / 9)
        floor.order(SUSPECT, BUY, tiny, REFERENCE - 2 * BASIS_POINT, IOC)
    floor.wait(wait_s * 1_000)
    floor.order(SUSPECT, BUY, large, REFERENCE - 2 * BASIS_POINT)
    assert floor.raised("pinging") == raised


def wall(size=3 * LEVEL, refreshes=4, seconds=600, elsewhere=0, step=0):
    floor = Still()
    order = floor.order(SUSPECT, BUY, size, REFERENCE)
    for k in range(refreshes):
        floor.order(OTHER, SELL, size, order.price, IOC)
        floor.wait(seconds * 1_000 / refreshes)
        order = floor.order(SUSPECT, BUY, size, REFERENCE + step * k)
        if elsewhere:
            maker = floor.order(2, BUY, elsewhere, REFERENCE + BASIS_POINT // 2)
            floor.order(OTHER, SELL, elsewhere, maker.price, IOC)
    return floor


@pytest.mark.parametrize(
    ("terms", "raised"),
    [
        ({}, True),
        ({"size": 3 * LEVEL - 1}, False),
        ({"refreshes": 3}, False),
        ({"seconds": 599}, False),
        ({"elsewhere": 4 * LEVEL}, True),
        ({"elsewhere": 4 * LEVEL + 2}, False),
        ({"step": 10}, False),
    ],
)
def test_floor_ceiling(terms, raised):
    assert wall(**terms).raised("floor_ceiling") == raised
