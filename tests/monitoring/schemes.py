"""Schemes, written from what somebody with money to hide would do, not from what is looked for.

Each function plays one on a till, with amounts, times and habits drawn anew, and returns the guilty
members. Draws are wide: some are timid enough to stay below any threshold. `SCHEMES` names them by
the alert that ought to find them.
"""

from compliance.monitoring.profiles import Profiles
from engine.model.enums import BUY, HOLD_FROZEN, SELL
from tests.engine.streams import BTC, ETH, USD
from tests.monitoring.till import CLIENT, DAY, HOUR, MINUTE, SECOND, SUSPECT

SCHEMES = {}
MONTHLY = 300_000
PROFILES = {"profile_mismatch": Profiles({SUSPECT: MONTHLY, SECOND: MONTHLY, CLIENT: 2_000_000})}
"""What customers have said in the scenarios of a kind; in all others nobody has said anything."""
ASSETS = (USD, USD, BTC, ETH)


def scheme(function):
    SCHEMES[function.__name__] = function
    return function


def settled_in(till, member, value):
    """A customer for two months, with money here, who trades now and then."""
    till.deposit(member, value)
    for _ in range(till.random.randint(4, 8)):
        till.between(4 * DAY, 12 * DAY)
        till.trade(member, value * till.random.uniform(0.01, 0.1), side=BUY)


@scheme
def structuring(till):
    """Transfers below what somebody has heard is reported, by one firm or by one who has three."""
    rnd = till.random
    top = rnd.choice((1_000, 3_000, 10_000))
    inward = rnd.random() < 0.5
    settled_in(till, SUSPECT, top * 30)
    asset = USD if not inward else rnd.choice(ASSETS)
    count = 2 if rnd.random() < 0.05 else rnd.randint(4, 30)
    pause = rnd.uniform(0.5, 20) * HOUR
    for _ in range(count):
        value = top * (rnd.uniform(0.905, 0.998) if rnd.random() < 0.9 else rnd.uniform(0.5, 0.9))
        (till.deposit if inward else till.withdraw)(SUSPECT, value, asset)
        if rnd.random() < 0.1:
            till.deposit(SUSPECT, top * rnd.uniform(0.1, 4))
        till.between(0.5 * pause, 1.5 * pause)
    return {SUSPECT}


@scheme
def velocity(till):
    """An account that was quiet is a pipe all of a sudden."""
    rnd = till.random
    settled_in(till, SUSPECT, 50_000)
    many = rnd.random() < 0.5
    count = int(rnd.uniform(14, 50)) if many else int(rnd.uniform(5, 12))
    each = 10 ** rnd.uniform(2.5, 4) if many else 10 ** rnd.uniform(4.9, 6)
    asset = rnd.choice(ASSETS)
    hours = rnd.uniform(1, 22)
    for k in range(count):
        value = each * rnd.uniform(0.7, 1.3)
        if k % 2 == 0 or till.has(SUSPECT, asset) < value:
            till.deposit(SUSPECT, value, asset)
        else:
            till.withdraw(SUSPECT, value, asset)
        till.let(hours * HOUR / count)
    return {SUSPECT}


@scheme
def pass_through(till):
    """In, and out again somewhere else, whole or in parts; a little trade for the looks of it."""
    rnd = till.random
    if rnd.random() < 0.5:
        settled_in(till, SUSPECT, 20_000)
    value, asset = 10 ** rnd.uniform(3.1, 5.7), rnd.choice(ASSETS)
    for part in shares(rnd, rnd.randint(1, 3)):
        till.deposit(SUSPECT, value * part, asset)
        till.between(0, 3 * MINUTE)
    if rnd.random() < 0.4:
        till.trade(SUSPECT, value * rnd.uniform(0, 0.12), side=SELL if asset == BTC else BUY)
    till.between(1 * MINUTE, 35 * MINUTE)
    left = value * rnd.uniform(0.83, 0.99)
    if rnd.random() < 0.4 and asset == USD:
        left = min(left, till.has(SUSPECT))
    for part in shares(rnd, rnd.randint(1, 4)):
        till.withdraw(SUSPECT, min(left * part, till.has(SUSPECT, asset)), asset)
        till.between(0, 4 * MINUTE)
    return {SUSPECT}


@scheme
def first_deposit_out(till):
    """A new customer who wanted a way for money, and no venue."""
    rnd = till.random
    till.between(0, 5 * DAY)
    value, asset = 10 ** rnd.uniform(4.02, 6), rnd.choice(ASSETS)
    if rnd.random() < 0.3:
        till.deposit(SUSPECT, rnd.uniform(10, 100), asset)
        till.between(5 * MINUTE, 3 * HOUR)
    for part in shares(rnd, rnd.randint(1, 3)):
        till.deposit(SUSPECT, value * part, asset)
        till.between(0, 4 * HOUR)
    if rnd.random() < 0.5 and asset != ETH:
        side = BUY if asset == USD else SELL
        till.trade(SUSPECT, value * rnd.uniform(0.2, 0.9), side=side)
        asset_out = BTC if asset == USD else USD
        till.between(1 * HOUR, 10 * HOUR)
        till.withdraw(SUSPECT, till.has(SUSPECT, asset_out) * 0.999, asset_out)
    else:
        till.between(1 * HOUR, 14 * HOUR)
    till.between(0, 5 * HOUR)
    till.withdraw(SUSPECT, till.has(SUSPECT, asset) * rnd.uniform(0.8, 0.999), asset)
    return {SUSPECT}


@scheme
def dormant(till):
    """An account that somebody has bought, or broken into, or kept for later."""
    rnd = till.random
    settled_in(till, SUSPECT, 10 ** rnd.uniform(4.3, 6))
    till.let(rnd.uniform(182, 420) * DAY)
    if rnd.random() < 0.3:
        till.trade(SUSPECT, till.has(SUSPECT) * 0.3)
        till.between(1 * HOUR, 2 * DAY)
    if rnd.random() < 0.5:
        for part in shares(rnd, rnd.randint(1, 4)):
            till.withdraw(SUSPECT, till.has(SUSPECT) * part * 0.95)
            till.between(1 * HOUR, 30 * HOUR)
    else:
        value = 10 ** rnd.uniform(4.1, 5.7)
        for part in shares(rnd, rnd.randint(1, 4)):
            till.deposit(SUSPECT, value * part, rnd.choice(ASSETS))
            till.between(1 * HOUR, 30 * HOUR)
    return {SUSPECT}


@scheme
def profile_mismatch(till):
    """A firm that said it was small."""
    rnd = till.random
    till.between(0, 3 * DAY)
    goal, moved = MONTHLY * rnd.uniform(1.45, 6), 0
    days = rnd.uniform(3, 26)
    while moved < goal:
        value, asset = min(goal, MONTHLY) * rnd.uniform(0.05, 0.5), rnd.choice(ASSETS)
        if till.has(SUSPECT, asset) > value and rnd.random() < 0.5:
            till.withdraw(SUSPECT, value, asset)
        else:
            till.deposit(SUSPECT, value, asset)
        moved += value
        till.let(days * DAY * value / goal)
    till.let(1 * HOUR)
    return {SUSPECT}


@scheme
def repeated_refusals(till):
    """Whoever is asked where it goes, and tries again; or asks of an account that is frozen."""
    rnd = till.random
    settled_in(till, SUSPECT, 50_000)
    if rnd.random() < 0.25:
        till.hold(SUSPECT, HOLD_FROZEN)
    going = rnd.randint(0, 3)
    count = 2 if rnd.random() < 0.05 else rnd.randint(3, 12)
    for k in range(count):
        till.fail(SUSPECT, rnd.uniform(500, 3_000))
        if k < going:
            till.withdraw(SUSPECT, rnd.uniform(100, 500))
        till.between(6 * HOUR, 36 * HOUR)
    return {SUSPECT}


def shares(rnd, count):
    """A whole in so many parts."""
    parts = [rnd.uniform(0.5, 1.5) for _ in range(count)]
    return [part / sum(parts) for part in parts]
