"""Look-alikes of attacks with orders and messages: washing, spoofing, stuffing, fading."""

from engine.model.enums import BUY, IOC, SELL
from tests.surveillance.attacks import (
    behind,
    inside,
    lognormal,
    sign,
)
from tests.surveillance.floor import (
    FOURTH,
    SECOND,
    SECOND_NS,
    SUSPECT,
    TAKERS,
    THIRD,
)
from tests.surveillance.lookalikes import either, innocent

# --- wash trades ----------------------------------------------------------------------------------


@innocent("wash_own")
def desks_of_one_house(floor):
    """Two members of one owner, each with a business of its own; they never meet."""
    rnd, unit = floor.random, floor.crowd.unit
    for _ in range(rnd.randint(20, 60)):
        floor.order(rnd.choice((SUSPECT, SECOND)), either(floor), unit * rnd.uniform(0.1, 1.5))
        floor.between(0.5, 20)


@innocent("wash_own")
def desks_that_meet_by_accident(floor):
    """The same, and once an order of one takes a small one that the other had left."""
    rnd, unit = floor.random, floor.crowd.unit
    for k in range(rnd.randint(60, 150)):
        floor.order(rnd.choice((SUSPECT, SECOND)), either(floor), unit * rnd.uniform(0.1, 1.5))
        if k == 50:
            left = floor.order(SUSPECT, SELL, unit * rnd.uniform(0.02, 0.4), inside(floor, SELL))
            floor.let(rnd.uniform(0, 0.3))
            floor.order(SECOND, BUY, unit * rnd.uniform(0.5, 1.5))
            floor.cancel(left)
        floor.between(0.2, 8)


@innocent("wash_own")
def strangers(floor):
    """Two members of different owners who trade with each other."""
    rnd, unit = floor.random, floor.crowd.unit
    for _ in range(rnd.randint(2, 6)):
        ask = floor.order(SUSPECT, SELL, unit * rnd.uniform(0.2, 2), inside(floor, SELL))
        floor.order(FOURTH, BUY, ask.lots, ask.price, IOC)
        floor.between(5, 60)


@innocent("wash_pair")
def client_of_one_maker(floor):
    """Somebody who builds a position, mostly from the one who quotes best."""
    rnd, unit = floor.random, floor.crowd.unit
    side = either(floor)
    for _ in range(rnd.randint(12, 40)):
        quote = floor.order(SECOND, 3 - side, unit * rnd.uniform(0.5, 1.5), inside(floor, 3 - side))
        floor.let(rnd.uniform(0.1, 3))
        floor.order(SUSPECT, side, unit * rnd.uniform(0.2, 1))
        floor.between(0.2, 3)
        floor.cancel(quote)
        if rnd.random() < 0.1:
            floor.order(SUSPECT, 3 - side, unit * 0.3)
        floor.between(1, 20)


@innocent("wash_pair")
def two_busy_traders(floor):
    """Two who trade all the time, now and then with each other."""
    rnd, unit = floor.random, floor.crowd.unit
    part = rnd.uniform(0.1, 0.5)
    for _ in range(rnd.randint(40, 90)):
        side = either(floor)
        if rnd.random() < part:
            resting = floor.order(SECOND, 3 - side, unit * 0.6, inside(floor, 3 - side))
            floor.let(rnd.uniform(0, 2))
            floor.order(SUSPECT, side, unit * rnd.uniform(0.2, 0.8))
            floor.cancel(resting)
        else:
            floor.order(rnd.choice((SUSPECT, SECOND)), side, unit * rnd.uniform(0.2, 1))
        floor.between(0.5, 10)


# --- spoofing, layering ---------------------------------------------------------------------------


@innocent("spoofing", "layering")
def large_maker(floor):
    """A maker with far larger quotes than all others, alike on both sides, which are hit."""
    rnd, unit = floor.random, floor.crowd.unit
    levels, size = rnd.randint(1, 4), unit * lognormal(floor, 6)
    for _ in range(rnd.randint(4, 10)):
        quotes = [
            floor.order(
                SUSPECT, side, size * rnd.uniform(0.8, 1.2) / levels,
                behind(floor, side, 0.1 + k * 2) if k else inside(floor, side),
            )
            for side in (BUY, SELL)
            for k in range(levels)
        ]  # fmt: skip
        floor.let(rnd.uniform(0.3, 4))
        floor.crowd.take(either(floor), rnd.uniform(0.3, 2))
        floor.let(rnd.uniform(0.05, 2))
        for quote in quotes:
            floor.cancel(quote)
        floor.let(rnd.uniform(0.01, 0.3))
    floor.between(5, 20)


@innocent("spoofing", "layering")
def skewed_maker(floor):
    """A maker who wants to get rid of coins: one side is up to three times the other."""
    rnd, unit = floor.random, floor.crowd.unit
    side, skew, levels = either(floor), rnd.uniform(1.3, 3), rnd.randint(1, 4)
    size = unit * lognormal(floor, 2)
    for _ in range(rnd.randint(4, 10)):
        quotes = []
        for s, lots in ((side, size * skew), (3 - side, size)):
            for k in range(levels):
                price = behind(floor, s, k * 2) if k else inside(floor, s)
                quotes.append(floor.order(SUSPECT, s, lots * rnd.uniform(0.8, 1.2), price))
        floor.let(rnd.uniform(0.3, 4))
        floor.crowd.take(side, rnd.uniform(0.3, 1.5))
        floor.let(rnd.uniform(0.05, 2))
        for quote in quotes:
            floor.cancel(quote)
    floor.between(5, 20)


@innocent("spoofing")
def investor_who_gives_up(floor):
    """A large order near the best price, taken back after a while; nothing on the other side."""
    rnd, unit = floor.random, floor.crowd.unit
    for _ in range(rnd.randint(1, 3)):
        side = either(floor)
        order = floor.order(
            SUSPECT, side, unit * lognormal(floor, 9), behind(floor, side, rnd.uniform(0, 3))
        )
        floor.between(0.5, 60)
        floor.cancel(order)
        floor.between(5, 30)


@innocent("spoofing")
def investor_who_turns_round(floor):
    """News: a large bid is taken back, and then what there is is sold."""
    rnd, unit = floor.random, floor.crowd.unit
    side = either(floor)
    order = floor.order(SUSPECT, side, unit * lognormal(floor, 8), behind(floor, side, 1))
    floor.between(2, 40)
    floor.cancel(order)
    floor.let(rnd.uniform(0.05, 3))
    for _ in range(rnd.randint(1, 4)):
        floor.order(SUSPECT, 3 - side, unit * rnd.uniform(0.3, 3))
        floor.let(rnd.uniform(0.1, 2))


@innocent("spoofing", "layering")
def ladder_that_follows(floor):
    """Bids at several prices, taken back and put up again as the market moves; no offers."""
    rnd, unit = floor.random, floor.crowd.unit
    side, layers = either(floor), rnd.randint(3, 7)
    for _ in range(rnd.randint(2, 6)):
        orders = [
            floor.order(SUSPECT, side, unit * rnd.uniform(0.5, 2), behind(floor, side, 1 + k * 2))
            for k in range(layers)
        ]
        floor.between(1, 25)
        for order in orders:
            floor.cancel(order)
        floor.crowd.fair -= sign(side) * floor.crowd.bps(rnd.uniform(0, 6))


@innocent("layering")
def grid_trader(floor):
    """Orders at many prices on both sides; what is filled is put up on the other side again."""
    rnd, unit = floor.random, floor.crowd.unit
    step, layers = rnd.uniform(1, 5), rnd.randint(3, 6)
    grid = []
    for _ in range(rnd.randint(3, 8)):
        centre = (floor.best(BUY) + floor.best(SELL)) / 2
        for side in (BUY, SELL):
            for k in range(layers):
                price = centre - sign(side) * floor.crowd.bps(step * (k + 0.5))
                grid.append(floor.order(SUSPECT, side, unit * rnd.uniform(0.4, 0.8), price))
        floor.between(2, 30)
        floor.crowd.take(either(floor), 2)
        floor.let(rnd.uniform(0.2, 3))
        for order in grid:
            floor.cancel(order)
        grid.clear()


# --- messages -------------------------------------------------------------------------------------


@innocent("quote_stuffing")
def maker_in_a_fast_market(floor):
    """The market runs; a maker prices anew many times a second, and is traded with."""
    rnd, unit = floor.random, floor.crowd.unit
    rate = rnd.uniform(2, 14)
    quotes = [floor.order(SUSPECT, side, unit, inside(floor, side)) for side in (BUY, SELL)]
    until = floor.now + rnd.uniform(8, 25) * SECOND_NS
    while floor.now < until:
        floor.let(rnd.expovariate(rate))
        floor.crowd.fair += floor.crowd.bps(rnd.gauss(0, 0.6))
        for k, side in enumerate((BUY, SELL)):
            if rnd.random() < 0.5:
                continue
            if quotes[k].open:
                floor.replace(quotes[k], price=inside(floor, side))
            else:
                quotes[k] = floor.order(SUSPECT, side, unit, inside(floor, side))
        if rnd.random() < 0.15:
            floor.crowd.take()


@innocent("quote_stuffing")
def everybody_at_once(floor):
    """News: all price anew at the same time, nobody more than others."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.between(20, 40)
    members = (SUSPECT, SECOND, THIRD, FOURTH, *TAKERS)
    for _ in range(rnd.randint(150, 350)):
        member, side = rnd.choice(members), either(floor)
        order = floor.order(member, side, unit * rnd.uniform(0.1, 1), inside(floor, side))
        floor.at(rnd.uniform(0.1, 3), lambda order=order: floor.cancel(order))
        floor.let(rnd.expovariate(30))
    floor.between(5, 10)


@innocent("quote_stuffing", "order_to_trade")
def ladder_taken_back(floor):
    """Hundreds of orders of a day, canceled one by one at its end."""
    rnd, unit = floor.random, floor.crowd.unit
    side, orders = either(floor), []
    for _ in range(rnd.randint(60, 170)):
        orders.append(
            floor.order(SUSPECT, side, unit * 0.2, behind(floor, side, rnd.uniform(5, 80)))
        )
        floor.let(rnd.uniform(0.5, 6))
    for order in orders:
        floor.cancel(order)
        floor.let(rnd.expovariate(200))


@innocent("order_to_trade")
def maker_by_agreement(floor):
    """A member that has to quote always, and says so: many messages for each trade."""
    rnd, unit = floor.random, floor.crowd.unit
    quotes = [floor.order(1, side, unit, inside(floor, side)) for side in (BUY, SELL)]
    until = floor.now + rnd.randint(800, 1_500) * SECOND_NS
    floor.crowd.pace = 3
    while floor.now < until:
        floor.between(0.5, 2)
        for k, side in enumerate((BUY, SELL)):
            if quotes[k].open:
                floor.replace(quotes[k], price=inside(floor, side))
            else:
                quotes[k] = floor.order(1, side, unit, inside(floor, side))


@innocent("order_to_trade")
def busy_trader(floor):
    """Many orders, and a trade for each few of them."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 4
    ratio, wait = rnd.uniform(3, 13), rnd.uniform(0.5, 3)
    order = None
    until = floor.now + rnd.randint(900, 1_500) * SECOND_NS
    while floor.now < until:
        floor.let(rnd.expovariate(1 / wait))
        side = either(floor)
        if rnd.random() < 1.2 / ratio:
            floor.order(SUSPECT, side, unit * 0.2)
        elif order is not None and order.open:
            floor.replace(order, price=behind(floor, order.side, rnd.uniform(1, 10)))
        else:
            order = floor.order(SUSPECT, side, unit * 0.3, behind(floor, side, 3))


@innocent("order_to_trade")
def patient_bidder(floor):
    """Few messages, and no trade at all."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 4
    side = either(floor)
    order = floor.order(SUSPECT, side, unit, behind(floor, side, 10))
    for _ in range(rnd.randint(20, 160)):
        floor.between(3, 9)
        floor.replace(order, price=behind(floor, side, rnd.uniform(8, 20)))


@innocent("fleeting")
def sweeper(floor):
    """Immediate orders all day; what they do not get is gone at once, by their own terms."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 200
    for _ in range(rnd.randint(800, 1_200)):
        side = either(floor)
        price = behind(floor, side, 1) if rnd.random() < 0.9 else floor.best(3 - side)
        floor.order(SUSPECT, side, unit * 0.1, price, IOC)
        floor.let(rnd.uniform(0.05, 4))


@innocent("fleeting")
def quick_trader(floor):
    """Changes its mind at once, but not so often."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 200
    for _ in range(rnd.randint(150, 690)):
        side = either(floor)
        order = floor.order(SUSPECT, side, unit * 0.3, behind(floor, side, 1))
        floor.let(rnd.uniform(0.005, 0.06))
        floor.cancel(order)
        floor.let(rnd.uniform(0.1, 6))


@innocent("fleeting")
def maker_with_short_quotes(floor):
    """Quotes that stand for a moment, but long enough to be taken."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 200
    for _ in range(rnd.randint(800, 1_100)):
        side = either(floor)
        order = floor.order(SUSPECT, side, unit * 0.5, inside(floor, side))
        floor.let(0.055 + rnd.expovariate(5))
        floor.cancel(order)
        floor.let(rnd.uniform(0.05, 2))


@innocent("price_fade")
def maker_who_comes_back(floor):
    """Pulls when it is hit, as all makers do, and is back with a new price."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 2
    side, size = either(floor), unit * lognormal(floor, 3)
    mean = rnd.uniform(0.05, 0.45)
    order = floor.order(SUSPECT, side, size, floor.best(side))
    for _ in range(rnd.randint(15, 40)):
        hit = order.filled
        for _ in range(60):
            floor.let(0.1)
            if order.filled != hit:
                break
        else:
            floor.crowd.take(3 - side, 0.4)
        floor.let(rnd.uniform(0.01, 0.08))
        floor.cancel(order)
        floor.let(rnd.expovariate(1 / mean))
        order = floor.order(SUSPECT, side, size, floor.best(side))
    floor.cancel(order)


@innocent("price_fade")
def prudent_trader(floor):
    """Pulls back after a trade now and then; mostly it stays."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 2
    side, nerves = either(floor), rnd.uniform(0.05, 0.5)
    for _ in range(rnd.randint(14, 35)):
        order = floor.order(SUSPECT, side, unit * lognormal(floor, 4), floor.best(side))
        trades = floor.venue.state.match
        for _ in range(400):
            floor.let(0.03)
            if floor.venue.state.match != trades:
                break
        if rnd.random() > nerves:
            floor.between(0.5, 8)
        floor.let(rnd.uniform(0.01, 0.08))
        floor.cancel(order)
        floor.between(1, 10)
