"""Look-alikes of attacks on prices and on clients: ignition, ramps, fixings, pumps, walls."""

from engine.model.enums import BUY, SELL
from tests.surveillance.attacks import (
    before_midnight,
    behind,
    client_block,
    day_of_volume,
    inside,
    lognormal,
    quiet_hours,
    sign,
)
from tests.surveillance.floor import (
    FOURTH,
    HOUSE,
    SECOND,
    SECOND_NS,
    SUSPECT,
    TAKERS,
    THIRD,
)
from tests.surveillance.lookalikes import either, innocent

# --- prices ---------------------------------------------------------------------------------------


@innocent("momentum_ignition")
def buyer_who_keeps_it(floor):
    """A large buyer in a hurry: the price moves, and it keeps what it has."""
    rnd, unit = floor.random, floor.crowd.unit
    side, target, start = either(floor), lognormal(floor, 110), floor.last
    for k in range(40):
        if k >= 5 and abs(floor.last - start) >= floor.crowd.bps(target):
            break
        floor.order(SUSPECT, side, unit * rnd.uniform(2, 7))
        floor.crowd.fair += sign(side) * floor.crowd.bps(target / 15)
        floor.between(0.5, 4)
    if rnd.random() < 0.4:  # and puts a small part right
        floor.order(SUSPECT, 3 - side, unit * rnd.uniform(0.1, 2))
    floor.between(60, 240)


@innocent("momentum_ignition")
def stopped_out(floor):
    """Buys on a rise of its own making, is wrong, and is out at a loss."""
    rnd, unit = floor.random, floor.crowd.unit
    side, got = either(floor), 0
    for _ in range(rnd.randint(5, 12)):
        got += floor.order(SUSPECT, side, unit * rnd.uniform(2, 7)).filled
        floor.crowd.fair += sign(side) * floor.crowd.bps(rnd.uniform(3, 12))
        floor.between(0.5, 4)
    floor.crowd.fair -= sign(side) * floor.crowd.bps(rnd.uniform(120, 300))
    floor.between(20, 90)
    while got > 0:
        order = floor.order(SUSPECT, 3 - side, min(got, unit * 4))
        got -= order.filled or got
        floor.between(0.3, 3)


@innocent("momentum_ignition")
def followers_of_news(floor):
    """Many buy on news; one of them, no larger than others, takes its profit soon."""
    rnd, unit = floor.random, floor.crowd.unit
    side, got = either(floor), 0
    for _ in range(rnd.randint(25, 60)):
        if rnd.random() < 0.25:
            got += floor.order(SUSPECT, side, unit * rnd.uniform(0.5, 2)).filled
        else:
            floor.crowd.take(side, rnd.uniform(1, 3))
        floor.crowd.fair += sign(side) * floor.crowd.bps(rnd.uniform(1, 5))
        floor.between(0.2, 2)
    floor.between(10, 120)
    floor.order(SUSPECT, 3 - side, got * rnd.uniform(0.5, 1))
    floor.between(10, 30)


@innocent("momentum_ignition")
def swing_trader(floor):
    """Buys, waits a good while, sells with a profit."""
    rnd, unit = floor.random, floor.crowd.unit
    side, got = either(floor), 0
    for _ in range(rnd.randint(5, 10)):
        got += floor.order(SUSPECT, side, unit * rnd.uniform(2, 6)).filled
        floor.crowd.fair += sign(side) * floor.crowd.bps(rnd.uniform(4, 12))
        floor.between(0.5, 4)
    floor.crowd.pace = 3
    floor.between(330, 1_200)
    floor.crowd.fair += sign(side) * floor.crowd.bps(60)
    floor.between(20, 40)
    floor.order(SUSPECT, 3 - side, got)


@innocent("ramping")
def news_ramp(floor):
    """News: many members buy at ever higher prices."""
    rnd = floor.random
    floor.crowd.pace = 3
    floor.between(660, 900)
    side, target, start = either(floor), lognormal(floor, 450, 0.25), floor.last
    members = (SUSPECT, SECOND, THIRD, FOURTH, *TAKERS)
    for _ in range(300):
        floor.crowd.take(side, rnd.uniform(2, 8), rnd.choice(members))
        floor.crowd.fair += sign(side) * floor.crowd.bps(target / 40)
        floor.let(rnd.uniform(0.1, 1))
        if abs(floor.last - start) >= floor.crowd.bps(target):
            break
    floor.between(20, 60)


@innocent("ramping")
def one_sweep(floor):
    """One large order that sweeps the book, and perhaps a second one."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 3
    floor.between(660, 900)
    side = either(floor)
    for k in range(30):  # resting orders up to far away, so that there is something to sweep
        floor.order(rnd.choice(TAKERS), 3 - side, unit * 0.5, behind(floor, 3 - side, 12 * k))
    for _ in range(rnd.randint(1, 2)):
        floor.order(SUSPECT, side, unit * rnd.uniform(20, 50))
        floor.between(1, 10)
    floor.between(20, 60)


@innocent("ramping")
def large_program(floor):
    """A large buyer's program: slice by slice, up to a percent or so in the worst half minute."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 3
    floor.between(660, 900)
    side, target, start = either(floor), lognormal(floor, 150, 0.3), floor.last
    for _ in range(60):
        floor.order(SUSPECT, side, unit * rnd.uniform(1, 5))
        floor.crowd.fair += sign(side) * floor.crowd.bps(target / 40)
        floor.between(0.5, 3)
        if abs(floor.last - start) >= floor.crowd.bps(target):
            break
    floor.between(20, 60)


@innocent("ramping", "marking_close")
def stop_out_cascade(floor):
    """Stops of many members, one setting off the next."""
    rnd, unit = floor.random, floor.crowd.unit
    quiet_hours(floor, rnd.uniform(4.3, 5))
    before_midnight(floor, rnd.uniform(60, 280))
    side = either(floor)
    members = [SUSPECT, SECOND, THIRD, FOURTH, *TAKERS]
    rnd.shuffle(members)
    for member in members * rnd.randint(1, 2):
        floor.order(member, side, unit * rnd.uniform(2, 8))
        floor.crowd.fair += sign(side) * floor.crowd.bps(rnd.uniform(5, 40))
        floor.let(rnd.uniform(0.1, 2))
    before_midnight(floor, 0.5)
    floor.between(120, 400)


@innocent("marking_close")
def average_price_program(floor):
    """A steady program over hours that has the close in it, too, and moves nothing."""
    rnd, unit = floor.random, floor.crowd.unit
    quiet_hours(floor, rnd.uniform(4.3, 5))
    before_midnight(floor, 2_400)
    side, slice_ = either(floor), unit * rnd.uniform(0.1, 0.6)
    for _ in range(60):
        floor.order(SUSPECT, side, slice_)
        floor.between(20, 60)
    floor.between(300, 400)


@innocent("marking_close")
def early_buyer(floor):
    """Buys much, with a move, but long before the fixing."""
    rnd, unit = floor.random, floor.crowd.unit
    quiet_hours(floor, rnd.uniform(5.3, 6))
    before_midnight(floor, rnd.uniform(500, 3_000))
    side = either(floor)
    for _ in range(rnd.randint(4, 10)):
        floor.order(SUSPECT, side, unit * rnd.uniform(1, 5))
        floor.crowd.fair += sign(side) * floor.crowd.bps(4)
        floor.between(0.5, 10)
    before_midnight(floor, 0.5)
    floor.between(120, 400)


@innocent("marking_close")
def close_on_news(floor):
    """A move right before the fixing that everybody takes part in."""
    rnd = floor.random
    quiet_hours(floor, rnd.uniform(4.3, 5))
    before_midnight(floor, rnd.uniform(100, 280))
    side = either(floor)
    members = (SUSPECT, SECOND, THIRD, FOURTH, *TAKERS)
    for _ in range(rnd.randint(15, 40)):
        floor.crowd.take(side, rnd.uniform(0.5, 3), rnd.choice(members))
        floor.crowd.fair += sign(side) * floor.crowd.bps(rnd.uniform(0.5, 4))
        floor.let(rnd.uniform(0.1, 4))
    before_midnight(floor, 0.5)
    floor.between(120, 400)


@innocent("pump_and_dump")
def real_news(floor):
    """An hour of unheard-of rise, and many have bought and sold."""
    rnd = floor.random
    floor.crowd.restart(rnd.uniform(60, 100))
    floor.between(15 * 3600, 26 * 3600)
    rise, steps = lognormal(floor, 600, 0.3), rnd.randint(40, 90)
    members = (SUSPECT, SECOND, THIRD, FOURTH, *TAKERS)
    for _ in range(steps):
        floor.crowd.take(BUY, rnd.uniform(1, 6), rnd.choice(members))
        floor.crowd.fair += floor.crowd.bps(rise / steps)
        floor.let(rnd.uniform(10, 60))
    for _ in range(steps):
        floor.crowd.take(either(floor), rnd.uniform(1, 6), rnd.choice(members))
        floor.let(rnd.uniform(10, 60))


@innocent("pump_and_dump")
def believer(floor):
    """Buys before and into a rise, and keeps it, or nearly all of it."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.restart(rnd.uniform(60, 100))
    floor.between(15 * 3600, 26 * 3600)
    got, rise, steps = 0, lognormal(floor, 600, 0.3), rnd.randint(25, 60)
    for _ in range(steps):
        got += floor.order(SUSPECT, BUY, unit * rnd.uniform(1, 6)).filled
        floor.crowd.fair += floor.crowd.bps(rise / steps)
        floor.crowd.take(BUY, rnd.uniform(0.5, 1.5))
        floor.let(rnd.uniform(10, 60))
    floor.between(600, 7_200)
    floor.order(SUSPECT, SELL, got * rnd.uniform(0, 0.35))
    floor.between(600, 1_200)


@innocent("pump_and_dump")
def old_holder(floor):
    """Has held for long, and sells into a rise that others make."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.restart(rnd.uniform(60, 100))
    floor.between(15 * 3600, 26 * 3600)
    rise, steps = lognormal(floor, 600, 0.3), rnd.randint(40, 90)
    for _ in range(steps):
        floor.crowd.take(BUY, rnd.uniform(1, 6))
        floor.crowd.fair += floor.crowd.bps(rise / steps)
        floor.let(rnd.uniform(10, 60))
    for _ in range(rnd.randint(10, 40)):
        floor.order(SUSPECT, SELL, unit * rnd.uniform(1, 6))
        floor.let(rnd.uniform(10, 90))


# --- clients --------------------------------------------------------------------------------------


@innocent("front_running")
def house_long_before(floor):
    """The own account bought, and some minutes later a client's block comes."""
    rnd = floor.random
    volume = day_of_volume(floor)
    side = either(floor)
    floor.order(SUSPECT, side, volume * rnd.uniform(0.002, 0.02), account=HOUSE + SUSPECT)
    floor.between(65, 600)
    client_block(floor, side, volume * lognormal(floor, 0.11))
    floor.between(120, 200)


@innocent("front_running")
def house_the_other_way(floor):
    """The own account sells, and a client buys."""
    rnd = floor.random
    volume = day_of_volume(floor)
    side = either(floor)
    floor.order(SUSPECT, 3 - side, volume * rnd.uniform(0.002, 0.02), account=HOUSE + SUSPECT)
    floor.between(0.5, 40)
    client_block(floor, side, volume * lognormal(floor, 0.11))
    floor.between(120, 200)


@innocent("front_running")
def house_before_small_clients(floor):
    """The own account trades all day, and clients come with small orders."""
    rnd = floor.random
    volume = day_of_volume(floor)
    for _ in range(rnd.randint(5, 15)):
        side = either(floor)
        floor.order(SUSPECT, side, volume * 0.003, account=HOUSE + SUSPECT)
        floor.between(1, 30)
        floor.order(SUSPECT, side, volume * rnd.uniform(0.002, 0.035))
        floor.between(5, 60)


@innocent("front_running")
def house_afterwards(floor):
    """A client's block first, then the own account on the same side."""
    rnd = floor.random
    volume = day_of_volume(floor)
    side = either(floor)
    client_block(floor, side, volume * lognormal(floor, 0.11))
    floor.order(SUSPECT, side, volume * rnd.uniform(0.002, 0.02), account=HOUSE + SUSPECT)
    floor.between(120, 200)


@innocent("front_running")
def house_is_a_maker(floor):
    """The own account quotes both sides and is hit all the time; a block comes, too."""
    rnd, unit = floor.random, floor.crowd.unit
    volume = day_of_volume(floor)
    side = either(floor)
    for _ in range(rnd.randint(4, 8)):
        quotes = [
            floor.order(SUSPECT, s, unit * 0.5, inside(floor, s), account=HOUSE + SUSPECT)
            for s in (BUY, SELL)
        ]
        floor.between(1, 8)
        for quote in quotes:
            floor.cancel(quote)
    client_block(floor, side, volume * lognormal(floor, 0.11))
    floor.between(120, 200)


# --- others ---------------------------------------------------------------------------------------


@innocent("pinging")
def small_saver(floor):
    """Tiny orders, because that is all the money there is."""
    rnd, unit = floor.random, floor.crowd.unit
    for _ in range(rnd.randint(15, 60)):
        floor.order(SUSPECT, either(floor), unit * rnd.uniform(0.001, 0.04))
        floor.between(0.3, 6)


@innocent("pinging")
def test_order_first(floor):
    """A few tiny orders to see that all works, then the real one."""
    rnd, unit = floor.random, floor.crowd.unit
    side = either(floor)
    for _ in range(rnd.randint(1, 8)):
        floor.order(SUSPECT, side, unit * rnd.uniform(0.001, 0.02))
        floor.between(0.5, 5)
    floor.order(SUSPECT, side, unit * lognormal(floor, 5))
    floor.between(10, 20)


@innocent("pinging")
def slices(floor):
    """A program that buys in small slices, and the rest in a few larger ones."""
    rnd, unit = floor.random, floor.crowd.unit
    side, part = either(floor), rnd.uniform(0.02, 0.15)
    for _ in range(rnd.randint(15, 60)):
        floor.order(SUSPECT, side, unit * part * rnd.uniform(0.7, 1.3))
        floor.between(0.5, 4)
    floor.order(SUSPECT, side, unit * rnd.uniform(0.3, 2))
    floor.between(5, 10)


@innocent("floor_ceiling")
def iceberg(floor):
    """A large order that is shown in slices, at one price."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 4
    side = either(floor)
    price, clip = int(behind(floor, side, rnd.uniform(0, 2))), unit * lognormal(floor, 1.1, 0.35)
    floor.crowd.lean = 0.3 if side == BUY else 0.7
    order = floor.order(SUSPECT, side, clip, price)
    until = floor.now + rnd.uniform(12, 30) * 60 * SECOND_NS
    while floor.now < until:
        floor.between(2, 12)
        floor.crowd.fair += (price + sign(side) * floor.crowd.bps(1) - floor.crowd.fair) * 0.2
        floor.crowd.take(3 - side, rnd.uniform(0.5, 2))
        if not order.open:
            order = floor.order(SUSPECT, side, clip, price)


@innocent("floor_ceiling")
def one_large_bid(floor):
    """A large order that waits until it is filled, and is not put up again."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 4
    side = either(floor)
    price = int(behind(floor, side, rnd.uniform(0, 2)))
    order = floor.order(SUSPECT, side, unit * lognormal(floor, 12), price)
    until = floor.now + rnd.uniform(12, 30) * 60 * SECOND_NS
    while floor.now < until:
        floor.between(5, 20)
        floor.crowd.fair += (price + sign(side) * floor.crowd.bps(1) - floor.crowd.fair) * 0.2
        floor.crowd.take(3 - side, rnd.uniform(0.3, 1))
        if order.open and rnd.random() < 0.02:
            floor.replace(order, lots=order.leaves * 1.3)


@innocent("floor_ceiling")
def large_buyer_who_follows(floor):
    """Large bids again and again, at the best price of the moment, wherever that is."""
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 4
    side = either(floor)
    order = None
    until = floor.now + rnd.uniform(12, 30) * 60 * SECOND_NS
    while floor.now < until:
        if order is None or not order.open:
            order = floor.order(SUSPECT, side, unit * lognormal(floor, 5), behind(floor, side, 0))
        floor.between(5, 40)
        floor.crowd.take(3 - side, 2)
        if abs(floor.best(side) - order.price) > floor.crowd.bps(3):
            floor.cancel(order)
