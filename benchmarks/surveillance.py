"""How many events a second the compliance process can look at, in JSON lines; alone on the machine.

    .venv/bin/python -m benchmarks.surveillance [--seconds N] [--rounds N]

The stream is that of a trading floor in the engine: makers who price anew, takers, orders that are
left and taken back, and attacks in between. It is made first; what is timed is reading it, whole,
with all alerts, from nothing, by both watches: over the market and over money. An event is one of
the journal's: an acceptance, a fill, a cancel.
"""

import argparse
import json
import time

from compliance.monitoring.profiles import Profiles
from compliance.surveillance.links import Links
from compliance.watches import Inputs, Watches
from engine.model.enums import BUY, IOC, SELL
from engine.replay import without_collections
from tests.monitoring.till import MONEY_RULES
from tests.surveillance.attacks import ATTACKS
from tests.surveillance.floor import MAKERS, RULES, TAKERS, Floor

SECONDS = 3_000
"""Of the floor's time: some 100,000 records."""

LINKS = Links(makers=MAKERS, owners={10: 1, 11: 1}, house=(110,))


def mixed(seconds):
    """The rows of a busy floor's journal: orders, cancels and trades in equal parts."""
    floor = Floor(1, LINKS)
    rnd, unit = floor.random, floor.crowd.unit
    floor.crowd.pace = 5
    end = floor.now + seconds * 1_000_000_000
    open_orders = []
    while floor.now < end:
        member, side = rnd.choice(TAKERS), rnd.choice((BUY, SELL))
        away = floor.crowd.bps(rnd.uniform(0, 12)) * (-1 if side == BUY else 1)
        price = floor.best(side) + away
        open_orders.append(floor.order(member, side, unit * rnd.uniform(0.1, 1), price))
        if len(open_orders) > 30:
            floor.cancel(open_orders.pop(rnd.randrange(len(open_orders))))
        floor.order(rnd.choice(TAKERS), side, unit * 0.3, floor.best(3 - side), IOC)
        floor.let(rnd.uniform(0.05, 0.6))
        if rnd.random() < 0.0005:
            ATTACKS["layering"](floor)
    return floor.journal


def measure(rows):
    """Read all of it once, from nothing."""
    watch, alerts = Watches(Inputs(RULES, LINKS, MONEY_RULES, Profiles())), 0
    events = sum(len(row[3]) for row in rows)
    with without_collections():
        began, cpu = time.perf_counter(), time.process_time()
        for number, at, command, caused in rows:
            alerts += len(watch.take(number, number, at, command, caused))
        seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    return {
        "records": len(rows),
        "events": events,
        "alerts": alerts,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(spent, 2),
        "events_per_s": round(events / seconds),
        "events_per_cpu_s": round(events / spent),
    }


def main():
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rows = mixed(args.seconds)
    for _ in range(args.rounds):
        print(json.dumps(measure(rows)), flush=True)


if __name__ == "__main__":
    main()
