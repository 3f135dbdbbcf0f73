"""Two venues with the same honest flow, and bad peers that come to one of them.

The control venue trades while the same peers are at a server that only discards. The two go in
turns, so that whatever else the machine does hurts both.
"""

import contextlib
import json
import subprocess
import sys
import time

from benchmarks.children import ROOT, cpu_seconds
from benchmarks.figures import median
from benchmarks.steady import SteadyMembers, memory_kib, p99_us
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

    program: which of this folder the peers are, with `args`; ports: of a venue, those to which
    they go; peers: how many at once.
    """

    def __init__(
        self, stack, folder, program, *args, ports, peers, round_seconds=ROUND_SECONDS, listen=False
    ):
        """listen: whether honest listeners hear the venues' streams meanwhile."""
        self.program = [program, *args, "--peers", peers]
        self.ports = ports
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
        self.listeners = {}
        if listen:
            self.listeners = {kind: self.listener(stack, kind) for kind in KINDS}
        self.memory_before = {kind: self.memory(kind) for kind in KINDS}
        self.rounds = {kind: [] for kind in KINDS}
        self.core_cpu = {kind: [] for kind in KINDS}
        self.told = []

    def listener(self, stack, kind):
        """An honest client of each stream of a venue."""
        venue = self.venues[kind]
        ports = ("--book", venue.market_data_stream, "--copy", venue.drop_copy_stream)
        child = Child(stack, "honest_listeners", *ports)
        assert child.first_line == "ready"
        return child

    def round(self, kind, seed):
        """One round of the honest flow of one venue, with the peers there or elsewhere."""
        ports = self.ports(self.venues[kind])
        if kind == "control":
            ports = [self.discard.first_line] * len(ports)
        core = self.pids[kind]["core"]
        with contextlib.ExitStack() as stack:
            peers = Child(stack, *self.program, "--port", *ports, "--seed", seed)
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

    def heard(self):
        """What the honest listeners of each venue say that they heard; they end."""
        heard = {kind: listener.told() for kind, listener in self.listeners.items()}
        print(json.dumps({"heard": heard}))
        return heard

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
