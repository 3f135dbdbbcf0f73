"""Members who trade at a steady rate while something else happens to the venue."""

import contextlib
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.figures import percentile
from benchmarks.load import LoadResult, LoadSession, open_loop
from benchmarks.messages import RequestBuilder, cancelled_orders, utc_now
from benchmarks.venue_process import VENUE_COMP

SESSIONS: Final = 4
_runs = count(1)


class SteadyMembers:
    """Sessions 1 to 4 of a member: orders that rest, each cancelled, evenly in time.

    rate: requests a second of all together, orders and cancels. seconds: length of a round.
    """

    def __init__(
        self,
        stack: contextlib.ExitStack,
        port: int,
        rate: int,
        seconds: int,
        member: bytes = b"BENCH2",
    ) -> None:
        stamp = utc_now()
        run = b"S%d-" % next(_runs)
        self._rate = rate
        self._each = rate * seconds // SESSIONS // 2 * 2
        self._builders = [
            RequestBuilder(b"%b-OE%d" % (member, k), VENUE_COMP, run, stamp)
            for k in range(1, SESSIONS + 1)
        ]
        self._sessions = [stack.enter_context(LoadSession(port, b)) for b in self._builders]

    def round(self) -> list[int]:
        """Trade for one round; the latency of each request, ns. Raises LoadFailed at anything
        but an acknowledgement."""
        return list(self._trade().latencies_ns)

    def served(self) -> list[int]:
        """The same; of each request, ns from its sending to its answer's arrival."""
        return list(self._trade().served_ns)

    def _trade(self) -> LoadResult:
        for session, builder in zip(self._sessions, self._builders, strict=True):
            builder.stamp = utc_now()
            session.prepare(cancelled_orders(builder, self._each))
        return open_loop(self._sessions, self._rate)


def p99_us(rounds: Sequence[Sequence[int]]) -> list[float]:
    """Return the 99th percentile of each round of latencies in ns, microseconds."""
    return [round(percentile(sorted(each), 0.99) / 1_000, 1) for each in rounds]


def memory_kib(pid: int, field: str) -> int:
    """Return VmRSS or VmHWM of a process, KiB."""
    for line in Path("/proc", str(pid), "status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise LookupError(field)
