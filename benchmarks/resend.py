"""What a ResendRequest 1..0 over everything a day has sent costs its member, memory, and others.

    .venv/bin/python -m benchmarks.resend [--messages N] [--rate N] [--round-seconds N]

One session of a fresh venue gets N reports, then asks for all of them, once alone, for the time and
for the growth of core's resident memory (its peak against its size before), and once beside four
sessions of another member that send orders, each cancelled, at a fixed rate. The latter go in pairs
of rounds: one while the asking member, a process of its own, reads nothing, so that the resend
stands still, and one while it goes on; their latencies count from when each request should have
left, and what is compared is the p99 of the two rounds of a pair. One JSON line.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from benchmarks.answers import LoadFailed
from benchmarks.figures import median
from benchmarks.load import LoadSession, closed_loop
from benchmarks.machine import machine_facts
from benchmarks.messages import RequestBuilder, cancelled_orders, utc_now
from benchmarks.steady import SteadyMembers, memory_kib, p99_us
from benchmarks.venue_process import VENUE_COMP, VenueProcess

MESSAGES: Final = 1_000_000
RATE: Final = 1_000
ROUND_SECONDS: Final = 1
# Requests built at a time: they must arrive within 120 s of their SendingTime.
BATCH: Final = 20_000
WINDOW: Final = 500
# Rounds during the resend, each behind one in which the asking member reads nothing.
PAIRS: Final = 15
# After which a resend to a member who does not read has come to a halt, seconds.
BUFFERS_FULL_SECONDS: Final = 0.5
# The asking member's receive buffer, bytes: small, so that this takes no longer.
RECEIVE_BUFFER_BYTES: Final = 128 * 1024
# The asking member speaks this often, seconds: HeartBtInt is 30.
HEARTBEAT_SECONDS: Final = 10
# Nothing of a resend came for this long: it has stalled.
STALL_SECONDS: Final = 15
# Written to /proc/PID/clear_refs it makes VmHWM, the peak of VmRSS, begin anew (proc(5)).
_NEW_PEAK: Final = "5"
_KIB_PER_MIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Resend:
    """What the asking member saw."""

    seconds: float
    first_seconds: float  # until the first byte
    bytes_in: int
    next_seq: int  # the asking member's


class AskingMember:
    """A process that asks for a session's whole range and reads until its last number came."""

    def __init__(self, session: LoadSession, builder: RequestBuilder, last: int) -> None:
        fork = multiprocessing.get_context("fork")
        self._results, theirs = fork.Pipe(duplex=False)
        self._process = fork.Process(target=_ask, args=(session, builder, last, theirs))
        builder.stamp = utc_now()
        self._process.start()
        theirs.close()
        self._builder = builder

    @property
    def running(self) -> bool:
        """Whether the last number is still to come."""
        return not self._results.poll()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Read nothing meanwhile: a resend waits when the buffers between are full."""
        pid = self._process.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        time.sleep(BUFFERS_FULL_SECONDS)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """End the process, if the resend has not."""
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def result(self) -> Resend:
        """Wait for the end. Raises LoadFailed if the resend stalled or the venue closed."""
        try:
            found = self._results.recv()
        except EOFError:
            found = LoadFailed("the asking member ended without a word")
        self._process.join()
        self._results.close()
        if isinstance(found, LoadFailed):
            raise found
        assert isinstance(found, Resend)
        self._builder.next_seq = found.next_seq
        return found


def _ask(session: LoadSession, builder: RequestBuilder, last: int, results: Connection) -> None:
    try:
        results.send(_read_all(session, builder, last))
    except LoadFailed as error:
        results.send(error)


def _read_all(session: LoadSession, builder: RequestBuilder, last: int) -> Resend:
    sock = session.sock
    wanted = b"\x0134=%d\x01" % last
    tail, bytes_in, first = b"", 0, 0.0
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    start = spoke = time.perf_counter()
    sock.setblocking(True)
    sock.sendall(builder.resend_request(1, 0))
    while wanted not in tail:
        if not select.select([sock], (), (), STALL_SECONDS)[0]:
            raise LoadFailed(f"the resend stalled after {bytes_in} bytes")
        data = sock.recv(1 << 20)
        if not data:
            raise LoadFailed(f"closed after {bytes_in} bytes of the resend")
        now = time.perf_counter()
        first = first or now - start
        bytes_in += len(data)
        tail = tail[-len(wanted) :] + data
        if now - spoke > HEARTBEAT_SECONDS:
            spoke = now
            builder.stamp = utc_now()
            sock.sendall(builder.heartbeat())
    return Resend(time.perf_counter() - start, first, bytes_in, builder.next_seq)


def fill(session: LoadSession, builder: RequestBuilder, count: int) -> None:
    """Make the venue send that many reports to a session: orders, each cancelled."""
    while count:
        builder.stamp = utc_now()
        batch = min(BATCH, count)
        session.prepare(cancelled_orders(builder, batch))
        closed_loop([session], WINDOW)
        count -= batch


def measure(messages: int, rate: int, round_seconds: int) -> dict[str, object]:
    """Return the figures of one venue. Raises LoadFailed, ChildFailed."""
    with contextlib.ExitStack() as stack:
        venue = stack.enter_context(VenueProcess("core"))
        core = venue.pids()["core"]
        builder = RequestBuilder(b"BENCH-OE1", VENUE_COMP, b"R-", utc_now())
        session = stack.enter_context(LoadSession(venue.port, builder))
        fill(session, builder, messages)
        rss = memory_kib(core, "VmRSS")
        Path("/proc", str(core), "clear_refs").write_text(_NEW_PEAK)
        alone = AskingMember(session, builder, messages + 1).result()
        growth = memory_kib(core, "VmHWM") - rss
        others = SteadyMembers(stack, venue.port, rate, round_seconds)
        others.round()  # warm
        asking = AskingMember(session, builder, messages + 1)
        stack.callback(asking.end)
        quiet: list[list[int]] = []
        during: list[list[int]] = []
        while len(during) < PAIRS:
            with asking.paused():
                quiet.append(others.round())
            during.append(others.round())
            if not asking.running:
                break
        if not asking.running and len(during) > 1:
            during.pop()  # the resend ended in it
        ratios = [loud / calm for loud, calm in zip(p99_us(during), p99_us(quiet), strict=False)]
        beside = asking.result()
        return {
            "messages": messages,
            "resend_s": round(alone.seconds, 2),
            "first_byte_ms": round(alone.first_seconds * 1_000, 2),
            "resend_mib": round(alone.bytes_in / _KIB_PER_MIB**2, 1),
            "core_rss_mib": round(rss / _KIB_PER_MIB, 1),
            "core_growth_mib": round(growth / _KIB_PER_MIB, 1),
            "others_per_s": rate,
            "others_p99_us_without": p99_us(quiet),
            "others_p99_us_during": p99_us(during),
            "others_p99_ratio_each": [round(ratio, 2) for ratio in ratios],
            "others_p99_ratio": round(median(ratios), 2),
            "resend_first_byte_beside_others_ms": round(beside.first_seconds * 1_000, 2),
        }


def main() -> int:
    """Print the lines; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--round-seconds", type=int, default=ROUND_SECONDS)
    chosen = parser.parse_args()
    print(json.dumps(machine_facts()))
    print(
        json.dumps({"case": "resend"} | measure(chosen.messages, chosen.rate, chosen.round_seconds))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
