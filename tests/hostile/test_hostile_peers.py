"""A pool of bad peers, and a crowd of silent ones, beside members who just want to trade.

What is compared: a second venue with the same honest flow, while the same peers are at a server
that only discards. The two go in turns, so that whatever else the machine does hurts both.
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


KINDS = ("control", "hostile")


class Ordeal:
    """Two venues with their honest members, a discard server, and peers that come to the hostile
    venue or, while the control venue trades, to the server.

    kind: which program of this folder the peers are; peers: how many at once.
    """

    def __init__(self, stack, folder, kind, peers, round_seconds=ROUND_SECONDS):
        self.kind = kind
        self.peers = peers
        self.round_seconds = round_seconds
        self.venues = {kind: stack.enter_context(Venue(folder / kind)) for kind in KINDS}
        self.pids = {kind: self.running(kind) for kind in KINDS}
        self.discard = Child(stack, "discard")
        self.members = {
            kind: SteadyMembers(
                stack, venue.order_entry, 2 * ORDERS_PER_SECOND, round_seconds, b"BENCH"
            )
            for kind, venue in self.venues.items()
        }
        self.memory_before = {kind: self.memory(kind) for kind in KINDS}
        self.rounds = {kind: [] for kind in KINDS}
        self.core_cpu = {kind: [] for kind in KINDS}
        self.told = []

    def round(self, kind, seed):
        """One round of the honest flow of one venue, with the peers there or elsewhere."""
        port = self.discard.first_line if kind == "control" else self.venues[kind].order_entry
        core = self.pids[kind]["core"]
        with contextlib.ExitStack() as stack:
            peers = Child(stack, self.kind, "--port", port, "--seed", seed, "--peers", self.peers)
            assert peers.first_line == "ready"
            cpu = cpu_seconds(core)
            latencies = self.members[kind].round()
            cpu = cpu_seconds(core) - cpu
            told = peers.told()
        assert self.running(kind) == self.pids[kind], "no process died"
        if kind == "hostile":
            self.told.append(told)
        if seed:  # the first pair warms up
            self.rounds[kind].append(latencies)
            self.core_cpu[kind].append(round(cpu, 2))

    def running(self, kind):
        """Every process of a venue, by name."""
        venue = self.venues[kind]
        return {"supervisor": venue.process.pid, **venue.pids()}

    def memory(self, kind):
        return {name: memory_kib(pid, "VmRSS") for name, pid in self.pids[kind].items()}

    def run(self, seconds):
        """So many seconds of hostility, and as many without."""
        rounds = 1 + max(1, seconds // self.round_seconds)
        end = time.monotonic() + 2 * rounds * (self.round_seconds + 2)
        for seed in range(rounds):
            progress(f"hostile peers: {max(0, end - time.monotonic()):.0f} s left")
            for kind in KINDS:
                self.round(kind, seed)
        figures = {kind: p99_us(rounds) for kind, rounds in self.rounds.items()}
        print(json.dumps({"p99_us": figures, "grown_kib": self.grown(), "cpu": self.core_cpu}))
        print(json.dumps(self.told))
        return self

    def check_latency(self):
        """Honest p99 at most 2 x + 2 ms of the control run."""
        control, hostile = (median(p99_us(self.rounds[kind])) for kind in KINDS)
        assert hostile <= 2 * control + 2_000, (hostile, control)

    def grown(self):
        """By venue and process: by how many KiB it has grown since it was ready."""
        before = self.memory_before
        return {
            kind: {name: kib - before[kind][name] for name, kib in self.memory(kind).items()}
            for kind in KINDS
        }

    def check_memory(self):
        """Each process grows by no more than the honest flow makes it grow, and max(5%, 16 MiB).

        The peers' own orders are in that: every ClOrdID is kept for a day, whoever sent it.
        """
        now, grown = self.memory("control"), self.grown()
        for name, kib in now.items():
            more = grown["hostile"][name] - grown["control"][name]
            assert more <= max(kib // 20, 16 * MIB_IN_KIB), (name, more, kib)

    def check_log(self):
        """No process was restarted, and no peer met a fault of ours."""
        for venue in self.venues.values():
            venue.check_logs()
            assert "met a fault" not in venue.stderr
            assert "starting it again" not in venue.stderr


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
