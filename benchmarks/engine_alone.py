"""What the engine alone can do: commands a second of Venue.apply, as one JSON line.

    .venv/bin/python benchmarks/engine_alone.py [--commands N] [--profile]

Over 8 sessions of two members, without collars and limits (config/bench.yaml), each load on a fresh
venue:

    mixed        45% adds that rest, 25% aggressive orders, 20% cancels, 10% replaces
    new_cancel   half adds that rest, half cancels of orders chosen by chance

With gc as in production (frozen after the start, young threshold raised) and with gc off.
"""

import argparse
import cProfile
import gc
import json
import random
import sys
import time
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.core.venue import Venue
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import (
    CancelOrder,
    Command,
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineSession,
    Deposit,
    NewOrder,
    Origin,
    ReplaceOrder,
    SetFees,
)
from engine.model.enums import BUY, GTC, IOC, LIMIT, ORDER_ENTRY, SELL, SOURCE_FIX

GC_YOUNG = 100_000
"""Young collections start after so many allocations, objects; as the core process sets it."""

BATCH = 250
"""Commands decoded and applied at a time, as one busy round of reads brings them."""

REFERENCE = 6_000_000
SPREAD = 200
START = 20_000 * NANOS_PER_DAY


def configuration() -> list[Command]:
    """Two members with four sessions each on BTC-USD."""
    commands: list[Command] = [
        DefineAsset(1, "BTC", 8),
        DefineAsset(2, "USD", 8),
        DefineInstrument(1, "BTC-USD", 1, 2, 2, 1, 6, 1, REFERENCE),
        SetFees(1, 100, 500),
    ]
    for member in (1, 2):
        commands += [
            DefineMember(member, f"M{member}"),
            DefineAccount(member, member, f"M{member}"),
        ]
        commands += [
            DefineSession(member * 10 + k, member, f"M{member}-OE{k}", ORDER_ENTRY, 2_000_000)
            for k in range(4)
        ]
        commands.append(Deposit(member, 1, 10_000_000 * 10**8, f"btc/{member}"))
        commands.append(Deposit(member, 2, 40_000_000_000 * 10**8, f"usd/{member}"))
    return commands


def resting(rnd: random.Random, k: int, name: bytes) -> NewOrder:
    """An order away from the other side: member 1 bids, member 2 asks."""
    side = rnd.choice((BUY, SELL))
    session = (10 if side == BUY else 20) + rnd.randrange(4)
    away = 1 + rnd.randrange(SPREAD)
    price = REFERENCE - away if side == BUY else REFERENCE + away
    qty = rnd.randint(1, 100) * 1_000
    origin = Origin(session, k, 0, SOURCE_FIX)
    return NewOrder(origin, name, session // 10, 1, side, LIMIT, GTC, qty, price)


def mixed(count: int, seed: int = 1) -> list[Command]:
    """Member 1 bids and member 2 asks; aggressive orders come from the other one."""
    rnd = random.Random(seed)
    live: list[tuple[int, bytes, int]] = []
    commands: list[Command] = []
    for k in range(count):
        name = b"%012d" % k
        pick = rnd.random()
        if pick < 0.45 or len(live) < 100:
            order = resting(rnd, k, name)
            commands.append(order)
            live.append((order.origin.session, name, order.side))
        elif pick < 0.70:
            side = rnd.choice((BUY, SELL))
            session = (20 if side == BUY else 10) + rnd.randrange(4)
            # A member's own orders stand on the other side only, so it never meets itself.
            member, taker_side = session // 10, BUY if session // 10 == 1 else SELL
            price = REFERENCE + SPREAD if taker_side == BUY else REFERENCE - SPREAD
            origin = Origin(session, k, 0, SOURCE_FIX)
            qty = rnd.randint(1, 100) * 1_000
            commands.append(NewOrder(origin, name, member, 1, taker_side, LIMIT, IOC, qty, price))
        else:
            session, orig, side = live.pop(rnd.randrange(len(live)))
            origin = Origin(session, k, 0, SOURCE_FIX)
            if pick < 0.90:
                commands.append(CancelOrder(origin, name, orig, 0, 1, side))
            else:
                away = 1 + rnd.randrange(SPREAD)
                price = REFERENCE - away if side == BUY else REFERENCE + away
                qty = rnd.randint(1, 100) * 1_000
                commands.append(ReplaceOrder(origin, name, orig, 0, 1, side, LIMIT, -1, qty, price))
                live.append((session, name, side))
    return commands


def new_cancel(count: int, seed: int = 1) -> list[Command]:
    """Orders that rest, and cancels of any of them; some thousand are open at a time."""
    rnd = random.Random(seed)
    live: list[tuple[int, bytes, int]] = []
    commands: list[Command] = []
    for k in range(count):
        name = b"%012d" % k
        if rnd.random() < 0.5 or not live:
            order = resting(rnd, k, name)
            commands.append(order)
            live.append((order.origin.session, name, order.side))
        else:
            session, orig, side = live.pop(rnd.randrange(len(live)))
            origin = Origin(session, k, 0, SOURCE_FIX)
            commands.append(CancelOrder(origin, name, orig, 0, 1, side))
    return commands


LOADS = {"mixed": mixed, "new_cancel": new_cancel}


def started() -> Venue:
    """A configured venue."""
    venue = Venue()
    for number, command in enumerate(configuration()):
        assert all(hasattr(event, "amount") for event in venue.apply(command, number, START))
    return venue


def seconds(venue: Venue, stored: list[bytes], kinds: dict[str, int]) -> float:
    """Seconds inside Venue.apply for all commands; counts their events in `kinds`.

    Commands are decoded batch by batch outside the clock: in production too a command was just
    decoded when it is applied, and does not come out of cold memory.
    """
    apply = venue.apply
    number = venue.state.last_number
    decode = msgspec.msgpack.Decoder(list[Command]).decode
    took = 0
    for batch in stored:
        commands = decode(batch)
        events = []
        keep = events.append
        begin = time.perf_counter_ns()
        for command in commands:
            number += 1
            keep(apply(command, number, START + number * 1_000))
        took += time.perf_counter_ns() - begin
        for name in (type(event).__name__ for caused in events for event in caused):
            kinds[name] = kinds.get(name, 0) + 1
    return took / 1e9


def encoded(commands: list[Command]) -> list[bytes]:
    """Commands in batches of BATCH."""
    encode = msgspec.msgpack.encode
    return [encode(commands[k : k + BATCH]) for k in range(0, len(commands), BATCH)]


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=300_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    result: dict[str, object] = {"commands": options.commands}
    for load, make in LOADS.items():
        stored = encoded(make(options.commands))
        if options.profile:
            profile = cProfile.Profile()
            profile.runcall(seconds, started(), stored, {})
            profile.print_stats("tottime")
            continue
        result[load] = measured(stored, options.commands)
    if not options.profile:
        print(json.dumps(result))


def measured(stored: list[bytes], count: int) -> dict[str, object]:
    """One load with each setting of the collector."""
    result: dict[str, object] = {}
    for name, young in (("gc_production", GC_YOUNG), ("gc_off", 0)):
        venue = started()
        gc.collect()
        gc.freeze()
        gc.set_threshold(young, 50, 1_000_000)
        kinds: dict[str, int] = {}
        took = seconds(venue, stored, kinds)
        venue.check()
        result[f"{name}_per_second"] = round(count / took)
        result["open_orders"] = venue.open_orders()
        result["events"] = kinds
        del venue
    return result


if __name__ == "__main__":
    main()
