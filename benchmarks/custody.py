"""What custody keeps up with, beside a venue that trades, in JSON lines.

    .venv/bin/python -m benchmarks.custody [--part NAME ...] [--seconds N]

lag: two members trade 500 times a second, and custody posts it; how long after a record is on disk
the ledger has it too. approval: on a real node (anvil), from an approver's word to the payment in
the node's pool. block: on the same node 1,000 deposits in one block, from that block's being final
to the last credit in the journal.
"""

import argparse
import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import percentile
from benchmarks.load import LoadSession, open_loop
from benchmarks.machine import machine_facts
from benchmarks.messages import BUY, SELL, RequestBuilder, utc_now
from benchmarks.venue_process import VENUE_COMP, VenueProcess
from custody.control_client import CONTROL_SOCKET, ask
from tests.support.anvil import Anvil, start_anvil
from tests.support.coins import RealCoins, coins_config, real_config

TRADES_PER_SECOND = 500
CENTS = 60_000_00
LOOK_SECONDS = 0.05
APPROVALS = 20
DEPOSITS = 1_000
ONLY = "core+signer+custody"


def lag(seconds: int) -> dict[str, object]:
    """The ledger beside a venue that trades."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        config = coins_config(Path(name), "bench.yaml")
        venue = stack.enter_context(VenueProcess(ONLY, config))
        sides = ((b"BENCH-OE1", SELL), (b"BENCH2-OE1", BUY))
        sessions = []
        for comp, side in sides:
            builder = RequestBuilder(comp, VENUE_COMP, b"L", utc_now())
            session = stack.enter_context(LoadSession(venue.port, builder))
            count = TRADES_PER_SECOND * seconds
            session.prepare([builder.new_order(side, b"0.01", CENTS)[1] for _ in range(count)])
            sessions.append(session)
        looks: list[tuple[float, int, int]] = []
        with looking(venue, looks):
            open_loop(sessions, 2 * TRADES_PER_SECOND)
        lags = sorted(lags_of(looks))
    return {
        "case": "lag", "trades_per_s": TRADES_PER_SECOND, "seconds": seconds, "looks": len(lags),
        "p50_ms": round(percentile(lags, 0.5) / 1e6), "p99_ms": round(percentile(lags, 0.99) / 1e6),
        "max_ms": round(lags[-1] / 1e6), "look_ms": round(LOOK_SECONDS * 1_000),
    }  # fmt: skip


@contextlib.contextmanager
def looking(venue: VenueProcess, looks: list[tuple[float, int, int]]) -> Iterator[None]:
    """Look at the ledger now and then: (ns, last record posted, last record on disk)."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_SECONDS):
            status = ask(venue.data / "run" / CONTROL_SOCKET, op="status")
            posted = status["ledger_record"]
            now = time.perf_counter_ns()
            looks.append((now, posted, posted + status["ledger_behind_records"]))

    thread = threading.Thread(target=look)
    thread.start()
    yield
    done.wait(1)  # what was on disk at the end is posted in time, or seen to be late
    done.set()
    thread.join()


def lags_of(looks: list[tuple[float, int, int]]) -> Iterator[float]:
    """Of each look, ns until the ledger had what was on disk then."""
    at = 0
    for when, _, durable in looks:
        while at < len(looks) and looks[at][1] < durable:
            at += 1
        if at == len(looks):
            return
        yield max(looks[at][0] - when, 0)


@contextlib.contextmanager
def real_coins() -> Iterator[tuple[RealCoins, Anvil]]:
    """Custody with two lines to a real node; its hot wallet is rich."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        anvil = stack.enter_context(start_anvil())
        venue = stack.enter_context(VenueProcess(ONLY, real_config(folder, anvil.url)))
        coins = RealCoins(venue, anvil)
        anvil.send(coins.ask(op="wallets")["hot"], 10**21)
        anvil.mine(20)
        yield coins, anvil


def approval() -> dict[str, object]:
    """From the approver's word to the node's pool."""
    took = []
    with real_coins() as (coins, anvil):
        for k in range(APPROVALS):
            ident = coins.withdraw(20_000_000 + k, "0x%040x" % (0xA000 + k))
            coins.wait(ident, "awaiting")
            before = pooled(anvil)
            began = time.perf_counter_ns()
            coins.approve(ident, mine=False)
            wait(lambda before=before: pooled(anvil) > before)
            took.append(time.perf_counter_ns() - began)
            anvil.mine(10)
    took.sort()
    return {
        "case": "approval", "approvals": APPROVALS, "p50_ms": round(percentile(took, 0.5) / 1e6),
        "max_ms": round(took[-1] / 1e6),
    }  # fmt: skip


def block() -> dict[str, object]:
    """1,000 deposits of one block."""
    with real_coins() as (coins, anvil):
        address = coins.ask(op="address", account="ACME", asset="ETH")["address"]
        first = int(anvil.rpc("eth_getTransactionCount", anvil.accounts[0], "latest"), 16)
        payments = [payment(anvil, address, first + k) for k in range(DEPOSITS)]
        anvil.batch([("eth_sendTransaction", [each]) for each in payments])
        anvil.mine(8)
        began = time.perf_counter_ns()
        anvil.mine(2)
        where = coins.venue.data / "run" / CONTROL_SOCKET
        wait(lambda: ask(where, op="status")["deposits"]["credited"] == DEPOSITS)
        took = time.perf_counter_ns() - began
    return {"case": "block", "deposits": DEPOSITS, "seconds": round(took / 1e9, 2)}


def payment(anvil: Anvil, target: str, nonce: int) -> dict[str, str]:
    """A tenth of an ETH."""
    return {
        "from": anvil.accounts[0], "to": target, "value": hex(10**17), "gas": hex(21_000),
        "nonce": hex(nonce),
    }  # fmt: skip


def pooled(anvil: Anvil) -> int:
    """Transactions that wait for a block."""
    return int(anvil.rpc("txpool_status")["pending"], 16)


def wait(true: Callable[[], bool], seconds: int = 60) -> None:
    """Until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--part", choices=("lag", "approval", "block"), action="append")
    parser.add_argument("--seconds", type=int, default=15, help="of trading, for the lag")
    args = parser.parse_args()
    print(json.dumps({"case": "machine", **machine_facts()}), flush=True)
    parts = {"lag": lambda: lag(args.seconds), "approval": approval, "block": block}
    for name in args.part or parts:
        print(json.dumps(parts[name]()), flush=True)


if __name__ == "__main__":
    main()
