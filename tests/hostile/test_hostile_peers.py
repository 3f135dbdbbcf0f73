"""A pool of bad peers, and a crowd of silent ones, beside members who just want to trade.

What is compared: the same honest flow while the same peers are at a server that only discards. The
two go in turns, so that whatever else the machine does hurts both.
"""

import contextlib
import json
import subprocess
import sys
import time

import pytest

from benchmarks.children import ROOT, cpu_seconds
from benchmarks.figures import median
from benchmarks.steady import SteadyMembers, memory_kib, p99_us
from tests.hostile.behaviours import BEHAVIOURS
from tests.support.progress import progress
from tests.support.venue import Venue

ORDERS_PER_SECOND = 100
"""Of the honest flow, each cancelled: twice as many requests."""

ROUND_SECONDS = 10
STOP_SECONDS = 60
MIB_IN_KIB = 1_024


class Child:
    """A Python process of this folder that says one line when it is ready."""

    def __init__(self, stack, module, *args):
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"tests.hostile.{module}", *map(str, args)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(self._end)
        self.first_line = self.process.stdout.readline().strip()

    def _end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def told(self):
        """Stop it; the JSON of its last line."""
        self.process.terminate()
        out, _ = self.process.communicate(timeout=STOP_SECONDS)
        return json.loads(out.splitlines()[-1])


class Ordeal:
    """A venue, its honest members, a discard server, and peers that come to the one or the other.

    kind: which program of this folder the peers are; peers: how many at once.
    """

    def __init__(self, stack, folder, kind, peers, round_seconds=ROUND_SECONDS):
        self.kind = kind
        self.peers = peers
        self.round_seconds = round_seconds
        self.venue = stack.enter_context(Venue(folder / "data"))
        self.discard = Child(stack, "discard")
        self.pids = self.running()
        self.members = SteadyMembers(
            stack, self.venue.order_entry, 2 * ORDERS_PER_SECOND, round_seconds, b"BENCH"
        )
        self.rounds = {"control": [], "hostile": []}
        self.grown_kib = {kind: {name: [] for name in self.pids} for kind in self.rounds}
        self.core_cpu = {"control": [], "hostile": []}
        self.told = []

    def round(self, kind, seed):
        """One round of the honest flow, with the peers elsewhere or here."""
        venue = self.venue.order_entry
        port = venue if kind == "hostile" else int(self.discard.first_line)
        before = self.memory()
        with contextlib.ExitStack() as stack:
            peers = Child(stack, self.kind, "--port", port, "--seed", seed, "--peers", self.peers)
            assert peers.first_line == "ready"
            cpu = cpu_seconds(self.pids["core"])
            latencies = self.members.round()
            cpu = cpu_seconds(self.pids["core"]) - cpu
            told = peers.told()
        assert self.running() == self.pids, "no process died"
        if seed:  # the first pair warms up
            self.rounds[kind].append(latencies)
            self.core_cpu[kind].append(round(cpu, 2))
            for name, kib in self.memory().items():
                self.grown_kib[kind][name].append(kib - before[name])
            if kind == "hostile":
                self.told.append(told)

    def running(self):
        """Every process of the venue, by name."""
        return {"supervisor": self.venue.process.pid, **self.venue.pids()}

    def memory(self):
        return {name: memory_kib(pid, "VmRSS") for name, pid in self.pids.items()}

    def run(self, seconds):
        """So many seconds of hostility, and as many without."""
        rounds = 1 + max(1, seconds // self.round_seconds)
        end = time.monotonic() + 2 * rounds * (self.round_seconds + 2)
        for seed in range(rounds):
            progress(f"hostile peers: {max(0, end - time.monotonic()):.0f} s left")
            self.round("control", seed)
            self.round("hostile", seed)
        figures = {kind: p99_us(rounds) for kind, rounds in self.rounds.items()}
        grown = {
            kind: {name: sum(of) for name, of in by.items()} for kind, by in self.grown_kib.items()
        }
        print(json.dumps({"p99_us": figures, "grown_kib": grown, "cpu": self.core_cpu}))
        print(json.dumps(self.told))
        return self

    def check_latency(self):
        """Honest p99 at most 2 x + 2 ms of the control run."""
        control, hostile = (median(p99_us(self.rounds[kind])) for kind in ("control", "hostile"))
        assert hostile <= 2 * control + 2_000, (hostile, control)

    def check_memory(self):
        """Each process grows by no more than the honest flow makes it grow, and max(5%, 16 MiB).

        Every ClOrdID is kept for a day, so orders take memory whoever is there; and now and then
        a table of them doubles, in whichever round it happens to: of many rounds the largest steps
        do not count.
        """
        for name, kib in self.memory().items():
            control, hostile = (sum(usual(self.grown_kib[kind][name])) for kind in self.rounds)
            more = hostile - control
            assert more <= max(kib // 20, 16 * MIB_IN_KIB), (name, more, kib)

    def check_log(self):
        """No process was restarted, and no peer met a fault of ours."""
        self.venue.check_logs()
        assert "met a fault" not in self.venue.stderr
        assert "starting it again" not in self.venue.stderr


def usual(steps):
    """All but the largest twentieth of them."""
    return sorted(steps)[: len(steps) - len(steps) // 20]


def hostility(folder, seconds):
    with contextlib.ExitStack() as stack:
        ordeal = Ordeal(stack, folder, "peers", 200).run(seconds)
        ordeal.check_log()
        done = {name for told in ordeal.told for name in told["connections"]}
        assert done == {behaviour.__name__ for behaviour in BEHAVIOURS}
        assert len(done) >= 20
        ordeal.check_memory()
        ordeal.check_latency()


def silence(folder, seconds):
    with contextlib.ExitStack() as stack:
        ordeal = Ordeal(stack, folder, "crowd", 5_000).run(seconds)
        ordeal.check_log()
        assert min(told["connections"]["silent"] for told in ordeal.told) >= 4_000
        ordeal.check_memory()
        ordeal.check_latency()


def test_sixty_hostile_peers_for_some_seconds_end_no_process_and_no_honest_session(tmp_path):
    with contextlib.ExitStack() as stack:
        ordeal = Ordeal(stack, tmp_path, "peers", 60, round_seconds=4)
        ordeal.round("hostile", 1)
        ordeal.check_log()
        assert sum(ordeal.told[0]["connections"].values()) > 60


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_two_hundred_hostile_peers_for_a_minute_hurt_nobody(tmp_path):
    hostility(tmp_path, 60)


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_five_thousand_silent_connections_for_a_minute_hurt_nobody(tmp_path):
    silence(tmp_path, 60)


@pytest.mark.soak
@pytest.mark.timeout(2_000)
def test_two_hundred_hostile_peers_for_ten_minutes_hurt_nobody(tmp_path):
    hostility(tmp_path, 600)


@pytest.mark.soak
@pytest.mark.timeout(2_000)
def test_five_thousand_silent_connections_for_ten_minutes_hurt_nobody(tmp_path):
    silence(tmp_path, 600)
