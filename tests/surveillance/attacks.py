"""Attacks, written from what a manipulator would do, not from what a detector looks for.

Each function plays one attack of its kind on a floor, with sizes, times and habits drawn anew, and
returns the guilty members. Draws are wide: some attacks are timid enough to stay below any
threshold. `ATTACKS` names them by the alert that ought to find them.
"""

from compliance.surveillance.links import Links
from engine.model.clock import NANOS_PER_DAY
from engine.model.enums import BUY, IOC, SELL
from tests.surveillance.floor import FOURTH, HOUSE, MAKERS, SECOND, SECOND_NS, SUSPECT, TAKERS

ATTACKS = {}
LINKS = {
    "wash_own": Links(makers=MAKERS, owners={SUSPECT: 1, SECOND: 1, FOURTH: 2}),
    "front_running": Links(makers=MAKERS, house=(HOUSE + SUSPECT, HOUSE + SECOND)),
}
"""What KYC knows in the scenarios of a kind; in all others only who makes markets."""


def attack(function):
    ATTACKS[function.__name__] = function
    return function


def sign(side):
    """How a price gets better for who waits on the other side."""
    return 1 if side == BUY else -1


def behind(floor, side, bps):
    """A price so many basis points behind the best of a side."""
    return floor.best(side) - sign(side) * floor.crowd.bps(bps)


def inside(floor, side):
    """A price just better than the best of a side, not touching the other."""
    best, opposite = floor.best(side), floor.best(3 - side)
    return best + sign(side) * max(0, min(abs(opposite - best) // 3, abs(opposite - best) - 1))


def lognormal(floor, median, spread=0.4):
    return median * 2.718281828 ** floor.random.gauss(0, spread)


@attack
def wash_own(floor):
    """One owner behind two members hands coins from one to the other, to show volume."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.between(20, 60)
    for _ in range(rnd.randint(1, 12)):
        seller, buyer = rnd.sample((SUSPECT, SECOND), 2)
        lots = unit * rnd.uniform(0.2, 3)
        ask = floor.order(seller, SELL, lots, inside(floor, SELL))
        if rnd.random() < 0.7:
            floor.let(rnd.uniform(0.001, 0.2))
        floor.order(buyer, BUY, ask.leaves or lots, ask.price, IOC)
        if rnd.random() < 0.3:  # what shows that they are busy with others, too
            floor.order(rnd.choice((SUSPECT, SECOND)), rnd.choice((BUY, SELL)), lots / 2)
        floor.between(1, 40)
    return {SUSPECT, SECOND}


@attack
def wash_pair(floor):
    """Two friends trade back and forth; each now and then trades with others as well."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.between(20, 60)
    net = 0
    for _ in range(rnd.randint(12, 45)):
        side = (
            (SELL if net > 0 else BUY) if rnd.random() < 0.75 and net else rnd.choice((BUY, SELL))
        )
        lots = int(unit * rnd.uniform(0.3, 1.5))
        if net and side == (SELL if net > 0 else BUY) and rnd.random() < 0.7:
            lots = abs(net)
        resting = floor.order(SECOND, 3 - side, lots, inside(floor, 3 - side))
        floor.let(abs(rnd.gauss(0, 0.5)))
        before = resting.filled
        floor.order(SUSPECT, side, resting.leaves or 1, resting.price, IOC)
        net += (resting.filled - before) * sign(side)
        floor.cancel(resting)
        if rnd.random() < 0.12:
            floor.order(rnd.choice((SUSPECT, SECOND)), rnd.choice((BUY, SELL)), unit * 0.5)
        floor.between(0.5, 30)
    while abs(net) > unit * 0.05:  # even in the end
        side = SELL if net > 0 else BUY
        resting = floor.order(SECOND, 3 - side, abs(net), inside(floor, 3 - side))
        floor.order(SUSPECT, side, resting.leaves or 1, resting.price, IOC)
        if not resting.filled:
            break
        net -= resting.filled * (1 if net > 0 else -1)
        floor.cancel(resting)
    floor.let(5)
    return {SUSPECT, SECOND}


def lean_and_gain(floor, side, lots, baits):
    """Wait for somebody to fall for it: a small order on the other side, made or taken."""
    rnd, other = floor.random, 3 - side
    if rnd.random() < 0.75:
        genuine = floor.order(SUSPECT, other, lots, inside(floor, other))
        floor.let(rnd.uniform(0.05, 1.5))
        for _ in range(6):  # the crowd follows the heavy side
            if genuine.filled or not any(bait.open for bait in baits):
                break
            floor.crowd.take(side, 0.8)
            floor.let(rnd.uniform(0.05, 0.8))
        return genuine
    floor.crowd.fair += sign(side) * floor.crowd.bps(rnd.uniform(1, 4))
    for maker in MAKERS:
        floor.crowd.requote(maker)
    floor.let(rnd.uniform(0.05, 0.5))
    return floor.order(SUSPECT, other, lots, floor.best(side) - sign(side), IOC)


@attack
def spoofing(floor):
    """A large order bends the market, a small one on the other side profits, the large one goes."""
    rnd, unit = floor.random, floor.crowd.unit
    for _ in range(rnd.randint(1, 4)):
        floor.between(15, 50)
        side = rnd.choice((BUY, SELL))
        size = lognormal(floor, 9)
        parts = rnd.choice((1, 1, 1, 2))
        baits = [
            floor.order(
                SUSPECT, side, unit * size / parts, behind(floor, side, rnd.uniform(0.2, 4))
            )
            for _ in range(parts)
        ]
        floor.let(rnd.uniform(0.1, 3))
        genuine = lean_and_gain(floor, side, unit * size / lognormal(floor, 14, 0.5), baits)
        floor.let(abs(rnd.gauss(0, 1.5)) + 0.05)
        for bait in baits:
            if rnd.random() < 0.15:
                floor.replace(bait, price=behind(floor, side, rnd.uniform(80, 300)))
            else:
                floor.cancel(bait)
        floor.let(rnd.uniform(0.5, 5))
        floor.cancel(genuine)
    return {SUSPECT}


@attack
def layering(floor):
    """Orders at several prices look like a crowd; when the other side has paid, they go."""
    rnd, unit = floor.random, floor.crowd.unit
    for _ in range(rnd.randint(1, 3)):
        floor.between(15, 50)
        side = rnd.choice((BUY, SELL))
        layers, step = rnd.randint(3, 7), rnd.uniform(0.5, 4)
        size = lognormal(floor, 2, 0.3)
        baits = []
        for k in range(layers):
            price = behind(floor, side, rnd.uniform(0.1, 0.5) + k * step)
            baits.append(floor.order(SUSPECT, side, unit * size * rnd.uniform(0.7, 1.3), price))
            floor.let(rnd.uniform(0.01, 0.4))
        genuine = lean_and_gain(
            floor, side, unit * size * layers / lognormal(floor, 10, 0.5), baits
        )
        floor.let(abs(rnd.gauss(0, 2)) + 0.05)
        for bait in rnd.sample(baits, len(baits)):
            floor.cancel(bait)
            floor.let(rnd.uniform(0.005, 0.3))
        floor.let(rnd.uniform(0.5, 5))
        floor.cancel(genuine)
    return {SUSPECT}


@attack
def quote_stuffing(floor):
    """As many messages as the line takes, for some seconds, to slow and to blind the others."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.between(20, 60)
    for _ in range(rnd.randint(1, 3)):
        rate = lognormal(floor, 120, 0.5)
        until = floor.now + rnd.uniform(4, 15) * SECOND_NS
        at_top = rnd.random() < 0.6
        side, flicker = rnd.choice((BUY, SELL)), None
        by_replace = rnd.random() < 0.4
        while floor.now < until:
            price = inside(floor, side) if at_top else behind(floor, side, rnd.uniform(5, 60))
            if flicker is None or not flicker.open:
                flicker = floor.order(SUSPECT, side, unit * rnd.uniform(0.01, 0.3), price)
            elif by_replace:
                floor.replace(flicker, price=price + rnd.choice((-2, -1, 1, 2)) * 7)
            else:
                floor.cancel(flicker)
            floor.let(rnd.expovariate(rate))
        if flicker is not None:
            floor.cancel(flicker)
        floor.between(5, 30)
    return {SUSPECT}


@attack
def order_to_trade(floor):
    """A program prices an order anew all the time and almost never trades."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 4
    wait = rnd.uniform(0.6, 2.2)
    side = rnd.choice((BUY, SELL))
    resting = floor.order(SUSPECT, side, unit * 0.2, behind(floor, side, 8))
    until = floor.now + rnd.randint(1_250, 1_900) * SECOND_NS
    while floor.now < until:
        floor.let(rnd.expovariate(1 / wait))
        if not resting.open:
            resting = floor.order(SUSPECT, side, unit * 0.2, behind(floor, side, 8))
        elif rnd.random() < 0.02:
            floor.order(SUSPECT, rnd.choice((BUY, SELL)), unit * 0.05)
        else:
            floor.replace(resting, price=behind(floor, side, rnd.uniform(3, 25)))
    return {SUSPECT}


@attack
def fleeting(floor):
    """Orders that are gone before anybody can answer, over the whole day."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 200
    hold = rnd.uniform(0.002, 0.042)
    for _ in range(rnd.randint(780, 1_400)):
        side = rnd.choice((BUY, SELL))
        order = floor.order(SUSPECT, side, unit * rnd.uniform(0.1, 2), behind(floor, side, 1))
        floor.let(rnd.uniform(0.3, 1.3) * hold)
        floor.cancel(order)
        floor.let(rnd.uniform(0.05, 4))
    return {SUSPECT}


@attack
def price_fade(floor):
    """A size that is shown and never there: whenever somebody trades at it, it is gone."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 2
    side, discipline = rnd.choice((BUY, SELL)), rnd.uniform(0.65, 1.0)
    floor.between(10, 30)
    for _ in range(rnd.randint(14, 40)):
        shown = floor.order(SUSPECT, side, unit * lognormal(floor, 4), floor.best(side))
        began = floor.now
        while floor.now - began < 60 * SECOND_NS:
            trades = floor.venue.state.match
            floor.let(0.02)
            if floor.venue.state.match != trades:
                break
            if rnd.random() < 0.02:
                floor.crowd.take(3 - side, 0.6)
                break
        if rnd.random() < discipline:
            floor.let(rnd.uniform(0.003, 0.08))
            floor.cancel(shown)
        else:
            floor.let(rnd.uniform(0.5, 4))
            floor.cancel(shown)
        floor.let(rnd.uniform(1.2, 12))
    return {SUSPECT}


@attack
def momentum_ignition(floor):
    """Take until others follow, then give it to them."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.between(30, 90)
    side = rnd.choice((BUY, SELL))
    target, start = lognormal(floor, 110, 0.35), floor.last
    got = 0
    for _ in range(40):
        if abs(floor.last - start) >= floor.crowd.bps(target) and _ >= 5:
            break
        got += floor.order(SUSPECT, side, unit * rnd.uniform(2, 7)).filled
        floor.crowd.fair += sign(side) * floor.crowd.bps(target / 15)
        floor.let(rnd.uniform(0.5, 4))
    for _ in range(rnd.randint(3, 10)):  # those who follow
        floor.crowd.take(side, rnd.uniform(0.5, 2))
        floor.crowd.fair += sign(side) * floor.crowd.bps(rnd.uniform(0, target / 8))
        floor.let(rnd.uniform(0.3, 3))
    left, keep = got, got * rnd.uniform(0, 0.3)
    while left > keep:
        lots = min(left, unit * rnd.uniform(1, 5))
        if rnd.random() < 0.7:
            order = floor.order(SUSPECT, 3 - side, lots)
        else:
            order = floor.order(SUSPECT, 3 - side, lots, inside(floor, 3 - side))
            floor.crowd.take(side, 2)
            floor.let(rnd.uniform(0.5, 4))
            floor.cancel(order)
        left -= order.filled
        floor.let(rnd.uniform(0.3, 5))
    return {SUSPECT}


@attack
def ramping(floor):
    """Buy a little higher each time, fast, until the price is where it ought to be."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 3
    floor.between(660, 900)
    side = rnd.choice((BUY, SELL))
    target, start, price = lognormal(floor, 480, 0.25), floor.last, floor.last
    began, pause = floor.now, rnd.uniform(0.4, 1.2)
    while abs(floor.last - start) < floor.crowd.bps(target):
        price = price + sign(side) * floor.crowd.bps(rnd.uniform(8, 40))
        floor.order(SUSPECT, side, unit * rnd.uniform(4, 20), price, IOC)
        floor.crowd.fair += sign(side) * floor.crowd.bps(target / 40)
        floor.let(rnd.uniform(0.3, 1.7) * pause)
        if floor.now - began > 120 * SECOND_NS:
            break
    floor.between(20, 60)
    return {SUSPECT}


def before_midnight(floor, seconds):
    """Let the crowd trade until so many seconds before the trading day ends."""
    end = (floor.now // NANOS_PER_DAY + 1) * NANOS_PER_DAY
    floor.let((end - floor.now) / SECOND_NS - seconds)


def quiet_hours(floor, hours, pace=20):
    """Go to so many hours before a trading day ends."""
    began = (floor.now // NANOS_PER_DAY + 2) * NANOS_PER_DAY - int(hours * 3600 * SECOND_NS)
    floor.agenda.clear()
    floor.now = began
    floor.crowd.restart(pace)


@attack
def marking_close(floor):
    """Whoever needs another fixing makes it in the last minutes."""
    rnd, unit = floor.random, floor.crowd.unit
    quiet_hours(floor, rnd.uniform(4.3, 6))
    before_midnight(floor, rnd.uniform(60, 280))
    side = rnd.choice((BUY, SELL))
    start, target = floor.last, lognormal(floor, 60, 0.4)
    for _ in range(rnd.randint(4, 14)):
        floor.order(SUSPECT, side, unit * rnd.uniform(1, 5))
        floor.crowd.fair += sign(side) * floor.crowd.bps(target / 16)
        if abs(floor.last - start) >= floor.crowd.bps(target):
            break
        floor.let(rnd.uniform(0.5, 15))
    before_midnight(floor, 0.5)
    floor.between(120, 400)
    return {SUSPECT}


@attack
def pump_and_dump(floor):
    """Buy quietly, buy loudly, and sell to those who believe it."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.restart(rnd.uniform(60, 100))
    floor.between(15 * 3600, 28 * 3600)
    got = 0
    for _ in range(rnd.randint(0, 12)):
        got += floor.order(SUSPECT, BUY, unit * rnd.uniform(0.3, 1.5)).filled
        floor.between(200, 1_200)
    rise = lognormal(floor, 600, 0.3)
    steps = rnd.randint(25, 60)
    for _ in range(steps):
        got += floor.order(SUSPECT, BUY, unit * rnd.uniform(1, 6)).filled
        floor.crowd.fair += floor.crowd.bps(rise / steps)
        for _ in range(rnd.randint(0, 3)):
            floor.crowd.take(BUY, rnd.uniform(0.5, 1.5))
        floor.let(rnd.uniform(10, 60))
    floor.between(60, 2_400)
    left = got * rnd.uniform(0.6, 1)
    for _ in range(200):
        if left <= 0:
            break
        order = floor.order(SUSPECT, SELL, min(left, unit * rnd.uniform(1, 6)))
        left -= order.filled
        floor.crowd.fair -= floor.crowd.bps(rise / 2 / steps)
        floor.crowd.take(BUY, rnd.uniform(0.5, 2))
        floor.let(rnd.uniform(10, 90))
    floor.let(60)
    return {SUSPECT}


def day_of_volume(floor):
    """Some hours of trading, and what was traded in them."""
    floor.crowd.restart(40)
    floor.between(2 * 3600, 4 * 3600)
    floor.crowd.pace = 5
    return floor.market.bought + floor.market.sold


def client_block(floor, side, lots):
    """A client's large order, worked in one piece or in a few seconds."""
    rnd = floor.random
    lift = floor.crowd.bps(rnd.uniform(10, 40))
    limit = floor.best(3 - side) + sign(side) * lift * 2
    order = floor.order(SUSPECT, side, lots, limit)
    floor.crowd.fair += sign(side) * lift
    for _ in range(4):
        floor.let(rnd.uniform(1, 10))
        floor.crowd.take(3 - side, 1.5)
    return order


@attack
def front_running(floor):
    """The broker's own account buys, then the client's order comes, then the price is higher."""
    rnd = floor.random
    volume = day_of_volume(floor)
    side, block = rnd.choice((BUY, SELL)), volume * lognormal(floor, 0.11, 0.3)
    own = block * rnd.uniform(0.02, 0.3)
    got = 0
    for _ in range(rnd.randint(1, 4)):
        got += floor.order(SUSPECT, side, own / 3, account=HOUSE + SUSPECT).filled
        floor.let(rnd.uniform(0.2, 4))
    floor.let(abs(rnd.gauss(0, 15)))
    order = client_block(floor, side, block)
    floor.between(5, 120)
    if rnd.random() < 0.7:
        floor.order(SUSPECT, 3 - side, got, account=HOUSE + SUSPECT)
    floor.between(60, 120)
    floor.cancel(order)
    return {SUSPECT}


@attack
def pinging(floor):
    """Tiny orders all over the place to see what moves, then the large one."""
    rnd, unit = floor.random, floor.crowd.unit
    for _ in range(rnd.randint(1, 3)):
        floor.between(15, 50)
        for _ in range(rnd.randint(12, 45)):
            side = rnd.choice((BUY, SELL))
            lots = unit * rnd.uniform(0.001, 0.025)
            if rnd.random() < 0.6:
                floor.order(SUSPECT, side, lots, floor.best(3 - side), IOC)
            else:
                ping = floor.order(SUSPECT, side, lots, inside(floor, side))
                floor.let(rnd.uniform(0.02, 0.4))
                floor.cancel(ping)
            floor.let(rnd.uniform(0.05, 1.5))
        floor.let(abs(rnd.gauss(0, 4)))
        side = rnd.choice((BUY, SELL))
        if rnd.random() < 0.6:
            floor.order(SUSPECT, side, unit * lognormal(floor, 5))
        else:
            floor.order(SUSPECT, side, unit * lognormal(floor, 5), behind(floor, side, 0.5))
    floor.let(20)
    return {SUSPECT}


@attack
def floor_ceiling(floor):
    """The price must not fall: a wall of bids, renewed as often as it is worn down."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 4
    floor.between(20, 60)
    side = rnd.choice((BUY, SELL))
    size, wall_price = unit * lognormal(floor, 8), int(behind(floor, side, rnd.uniform(0, 3)))
    wall = floor.order(SUSPECT, side, size, wall_price)
    until = floor.now + rnd.uniform(13, 45) * 60 * SECOND_NS
    floor.crowd.lean = 0.25 if side == BUY else 0.75
    renew = rnd.uniform(0.4, 0.8)
    while floor.now < until:
        floor.between(2, 15)
        floor.crowd.fair += (wall_price + sign(side) * floor.crowd.bps(1) - floor.crowd.fair) * 0.2
        floor.crowd.take(3 - side, rnd.uniform(0.5, 2))
        if wall.leaves < size * renew:
            if wall.open and rnd.random() < 0.5:
                floor.order(SUSPECT, side, size - wall.leaves, wall_price)
            floor.cancel(wall) if rnd.random() < 0.3 else None
            if not wall.open:
                wall = floor.order(SUSPECT, side, size, wall_price)
            elif wall.leaves < size * renew:
                floor.replace(wall, lots=size)
    return {SUSPECT}


KINDS = tuple(ATTACKS)
assert TAKERS[-1] < SUSPECT
