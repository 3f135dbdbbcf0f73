"""How long a start takes: full replay, and from a snapshot and a tail. JSON lines.

    .venv/bin/python -m benchmarks.recovery [--records N] [--tail N] [--open N] [--resting N]

The journal is that of config/bench.yaml after N order messages: orders that rest until `--open`
of them do, then adds, cancels, replaces and trades that keep about so many open. It is built
without syncs. "resting orders" is a second journal, of `--resting` orders that only rest. Each
measurement is a process of its own, as a start of core is; seconds are of the wall clock,
cpu_seconds of that process, rss_mib its resident memory once it could trade.
"""

import argparse
import gc
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.core.venue import Venue
from engine.journal.disk import RealDisk
from engine.journal.writer import JournalWriter
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import CancelOrder, Command, NewOrder, Origin, ReplaceOrder
from engine.model.enums import BUY, GTC, IOC, LIMIT, ORDER_ENTRY, SELL, SOURCE_FIX
from engine.model.refdata import ReferenceData
from engine.replay import replay_folder
from engine.restore import recover_venue
from engine.sequencer import Sequencer
from engine.shadow import Shadow
from gateway.bootstrap import bootstrap_commands
from gateway.config import load_config

ROOT = Path(__file__).resolve().parent.parent
START = 20_000 * NANOS_PER_DAY
BATCH = 2_000
SPREAD = 500
INSTRUMENT, REFERENCE = 1, 6_000_000


class UnsyncedDisk(RealDisk):
    """A disk that says that all is safe: for journals that are made to be measured."""

    def sync_data(self, fd: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


class Traffic:
    """Order messages of all order entry sessions but each member's last one, which is left to who
    wants a fresh one; member 1 bids, member 2 asks."""

    def __init__(self, refdata: ReferenceData, open_orders: int, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.open_orders = open_orders
        self.live: list[tuple[int, bytes]] = []
        self.count = 0
        self.seq: dict[int, int] = {}
        order_entry = [s for s in refdata.sessions.values() if s.kind == ORDER_ENTRY]
        self.member = {s.id: s.member for s in order_entry}
        self.account = {s.id: refdata.default_account[s.member] for s in order_entry}
        first = min(self.member.values())
        self.sides = {
            BUY: [s for s, member in self.member.items() if member == first][:-1],
            SELL: [s for s, member in self.member.items() if member != first][:-1],
        }

    def _origin(self, session: int) -> Origin:
        self.seq[session] = seq = self.seq.get(session, 0) + 1
        return Origin(session, seq, START + self.count, SOURCE_FIX)

    def _order(self, side: int, tif: int, price: int) -> NewOrder:
        session = self.random.choice(self.sides[side])
        name = b"R%011d" % self.count
        if tif == GTC:
            self.live.append((session, name))
        return NewOrder(
            self._origin(session),
            name,
            self.account[session],
            INSTRUMENT,
            side,
            LIMIT,
            tif,
            self.random.randint(1, 100) * 1_000,
            price,
        )

    def _price(self, side: int) -> int:
        away = 1 + self.random.randrange(SPREAD)
        return REFERENCE - away if side == BUY else REFERENCE + away

    def command(self) -> Command:
        """The next message."""
        self.count += 1
        rnd, pick = self.random, self.random.random()
        side = rnd.choice((BUY, SELL))
        if len(self.live) < self.open_orders or pick < 0.40:
            return self._order(side, GTC, self._price(side))
        if pick < 0.55:
            worst = REFERENCE + SPREAD if side == BUY else REFERENCE - SPREAD
            return self._order(side, IOC, worst)
        at = rnd.randrange(len(self.live))
        self.live[at], self.live[-1] = self.live[-1], self.live[at]
        session, orig = self.live.pop()
        side = BUY if session in self.sides[BUY] else SELL
        origin, name = self._origin(session), b"R%011d" % self.count
        if pick < 0.95:
            return CancelOrder(origin, name, orig, 0, INSTRUMENT, side)
        self.live.append((session, name))
        qty = rnd.randint(1, 100) * 1_000
        return ReplaceOrder(
            origin, name, orig, 0, INSTRUMENT, side, LIMIT, -1, qty, self._price(side)
        )


def build(data: Path, records: int, open_orders: int) -> int:
    """A data folder whose journal has `records` records; how many orders are open at the end."""
    writer = JournalWriter.open(data / "journal", log=print, disk=UnsyncedDisk())
    sequencer = Sequencer(Venue(), writer, os.urandom)
    refdata = ReferenceData()
    for command in bootstrap_commands(load_config(ROOT / "config/bench.yaml"), refdata):
        refdata.apply(command)
        sequencer.submit(command, START)
    traffic = Traffic(refdata, open_orders)
    gc.disable()
    while sequencer.last_number < records - 1:
        for _ in range(min(BATCH, records - 1 - sequencer.last_number)):
            sequencer.submit(traffic.command(), START + traffic.count * 1_000)
        sequencer.commit()
    gc.enable()
    writer.close()
    return sequencer.venue.open_orders()


def snapshot(data: Path, number: int) -> dict[str, object]:
    """Fold up to record `number` and write a snapshot there."""
    gc.disable()
    shadow = Shadow(data / "journal", data / "snapshots", RealDisk(), print)
    while shadow.result.last < number:
        shadow.step(min(BATCH, number - shadow.result.last))
    began, cpu = time.perf_counter(), time.process_time()
    size = sum(shadow.write())
    gc.enable()
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "mib": round(size / 2**20),
        "orders_known": len(shadow.venue.state.orders),
    }


def recover(data: Path) -> dict[str, object]:
    """What core does before it listens."""
    began, cpu = time.perf_counter(), time.process_time()
    writer, venue, result, begin = recover_venue(
        data / "journal",
        data / "snapshots",
        lambda start: JournalWriter.open(data / "journal", start=start, log=print),
        lambda text: print(text, file=sys.stderr),
    )
    figures = {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "snapshot": begin,
        "replayed": result.records,
        "open_orders": venue.open_orders(),
        "rss_mib": _rss_mib(),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "state_hash": venue.state_hash(),
    }
    writer.close()
    return figures


def audit(data: Path) -> dict[str, object]:
    """What `fixgate replay` does, invariants and state hash apart."""
    began, cpu = time.perf_counter(), time.process_time()
    venue = Venue()
    result = replay_folder(data / "journal", venue)
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "records": result.records,
        "rss_mib": _rss_mib(),
        "state_hash": venue.state_hash(),
    }


def _rss_mib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


STEPS = {"audit": audit, "recover": recover}


def measured(step: str, data: Path, *more: object) -> dict[str, object]:
    """One step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.recovery", "--step", step, "--data", str(data)]
    run = subprocess.run(
        [*command, *map(str, more)], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    return json.loads(run.stdout.splitlines()[-1])


def resting(data: Path, orders: int) -> dict[str, object]:
    """A start of core with so many resting orders and nothing else behind it."""
    configuration = len(
        bootstrap_commands(load_config(ROOT / "config/bench.yaml"), ReferenceData())
    )
    build(data, orders + configuration, orders)
    return measured("recover", data)


def measure(data: Path, records: int, tail: int, open_orders: int) -> dict[str, dict[str, object]]:
    """Build a journal and measure all starts on it."""
    began = time.perf_counter()
    resting = build(data, records, open_orders)
    figures: dict[str, dict[str, object]] = {
        "build": {
            "records": records,
            "open_orders": resting,
            "seconds": round(time.perf_counter() - began, 2),
        }
    }
    figures["full replay"] = measured("audit", data)
    figures["snapshot"] = measured("snapshot", data, "--tail", tail, "--records", records)
    figures["snapshot and tail"] = measured("recover", data)
    return figures


def main() -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--tail", type=int, default=100_000)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--resting", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    parser.add_argument("--step", choices=[*STEPS, "snapshot"], help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "snapshot":
        print(json.dumps(snapshot(options.data, options.records - 1 - options.tail)))
    elif options.step:
        print(json.dumps(STEPS[options.step](options.data)))
    else:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            steps = measure(Path(folder, "a"), options.records, options.tail, options.open)
            steps["resting orders"] = resting(Path(folder, "b"), options.resting)
            for name, figures in steps.items():
                print(json.dumps({"case": name, **figures}))


if __name__ == "__main__":
    main()
