"""Seeded runs of the whole venue without sockets, files or time: nothing is ever wrong or stuck.

What is simulated and checked is told in docs/simulation.md. A failure prints its seed and its last
events; `python -m tests.simulation --seed N -v` shows the run again.
"""

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from gateway.fix.states import TRANSITIONS, Event, State
from tests.simulation.disk import FATES
from tests.simulation.faults import FAULTS
from tests.simulation.simulation import COMMANDS, LONG_RUN, simulate
from tests.support.progress import progress

HUNDRED = 100
"""Seeds of one test of `make test`, of which there are two."""

PROOF_SEEDS = 80
"""Long runs in `make proof`."""

SOAK = {COMMANDS: 20_000, LONG_RUN: 5_000}
"""Runs in `make soak`, by their messages."""
SOAK_FIRST = 1_000_000
CHUNK = 20
"""Seeds that one worker runs before it tells."""

SAMPLED_SYNCS = 307
"""Of so many syncs `make test` cuts one, with each fate; a prime, for commits come in rhythms."""

UNREACHED = {
    (State.CONNECTED, Event.DISCONNECT): "the shell hands the first message over at once",
    (State.AUTHENTICATING, Event.DISCONNECT): "needs a cut while reports are numbered",
    (State.AUTHENTICATING, Event.END): "the entrance has verified the password before",
    (State.RESETTING, Event.END): "needs a wrong password inside a session",
    (State.RESETTING, Event.LOGOUT): "needs a stop while a reset waits for the disk",
    (State.RESETTING, Event.DISCONNECT): "needs a cut in the same moment",
}
"""Transitions that are too rare for a short run; tests/fix_session has them."""

EXPECTED = {
    *(f"fault: {name}" for name in FAULTS),
    *(f"session: {s.name} {e.name}" for s, e in TRANSITIONS if (s, e) not in UNREACHED),
    *(f"member sends {kind}" for kind in "01245ADFGHRq"),
    *(f"venue sends {kind}" for kind in "01234589Arj"),
    *(f"power lost: {fate}" for fate in FATES),
    "drop copy: from a checkpoint",
    "recovery: all kept",
    "recovery: empty journal",
    "recovery: from a snapshot",
    "recovery: last segment without frames",
    "recovery: no mark",
    "recovery: scan from a snapshot",
    "recovery: tail above the mark kept",
    "recovery: torn batch cut",
    "index: after power loss",
    "index: numbers skipped",
    "index: torn entry cut",
    "disk: pwrite fails",
    "disk: sync_data fails",
    "disk: sync_folder fails",
    "disk: full",
    "killed in pwrite",
    "killed in sync_data",
    "killed in sync_folder",
    "power lost in pwrite",
    "power lost in sync_data",
    "power lost in sync_folder",
    "core is gone",
    "core stops cleanly",
    "dropcopy is gone",
    "dropcopy stops cleanly",
    "snapshot is gone",
    "snapshot not written",
    "snapshot stops cleanly",
    "closed: duplicate_session",
    "closed: heartbeat_timeout",
    "closed: logon_refused",
    "closed: logout",
    "closed: peer_closed",
    "closed: sending_time",
    "closed: shutdown",
    "command in three parts or more",
    "member asks for a gap",
    "member gives a silent line up",
    "member ignores a duplicate",
    "password refused",
    "process halts on a disk error",
    "records lost that nobody had",
    "report again with PossResend",
    "report under a new number",
    "reset confirmed",
    "slow consumer flagged",
    "state hash compared",
}
"""What a blind generator would not do: each must happen in every hundred seeds."""

RARE = {
    "closed: garbled",
    "closed: slow_consumer",
    "disk: allocate fails",
    "disk: truncate fails",
    "killed in rename",
    "killed in unlink",
    "no room for a segment",
    "order meets others past their expiry",
    "power lost in rename",
    "power lost in unlink",
    "recovery: command of several records lost",
    "recovery: segment dropped",
}
"""The same of the long run."""


@pytest.mark.parametrize("first", [0, HUNDRED])
def test_a_hundred_seeds_find_nothing_and_leave_nothing_out(first):
    tally = Counter()
    for seed in range(first, first + HUNDRED):
        tally += simulate(seed).tally
    missing = sorted(EXPECTED - tally.keys())
    assert not missing, f"never happened in {HUNDRED} seeds: {missing}"


def test_a_seed_is_a_whole_run_in_any_process():
    """Neither the hashes of strings nor the addresses of objects have a say."""
    command = [sys.executable, "-m", "tests.simulation", "-v", "--steps", str(LONG_RUN)]
    command += ["--seed", "1000250"]  # with clean stops of many sessions
    runs = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONHASHSEED": k}
        )
        for k in ("1", "2")
    ]
    one, two = (
        [line for line in run.communicate()[0].split("\n") if " s of CPU" not in line]
        for run in runs
    )
    assert len(one) > 5_000
    assert one == two


def power(*options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.simulation.power", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.proof
def test_a_loss_of_power_at_a_sync_of_a_long_run_loses_nothing():
    """A sample; forks, so it has a process of its own."""
    told, _ = power("--every", str(SAMPLED_SYNCS)).communicate()
    assert told.endswith(" 0 failed\n"), told


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_loss_of_power_at_any_sync_of_a_long_run_loses_nothing():
    workers = os.cpu_count() or 1
    share = [power("--from", str(k), "--every", str(workers)) for k in range(workers)]
    told = [worker.communicate()[0] for worker in share]
    progress(" ".join(told))
    assert all(text.endswith(" 0 failed\n") for text in told), told


def chunk(first: int, commands: int) -> Counter:
    tally = Counter()
    for seed in range(first, first + CHUNK):
        tally += simulate(seed, commands).tally
    return tally


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, PROOF_SEEDS, CHUNK))
def test_long_runs_find_nothing(first):
    chunk(first, LONG_RUN)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize(("commands", "seeds"), SOAK.items())
def test_thousands_of_seeds_find_nothing(commands, seeds):
    tally = Counter()
    firsts = range(SOAK_FIRST, SOAK_FIRST + seeds, CHUNK)
    with ProcessPoolExecutor() as pool:
        parts = pool.map(partial(chunk, commands=commands), firsts)
        for done, part in enumerate(parts, 1):
            tally += part
            progress(f"{done * CHUNK} of {seeds} seeds")
    missing = sorted((EXPECTED | RARE) - tally.keys())
    assert not missing, f"never happened in {seeds} seeds: {missing}"
