"""The cases of the bench: what each one loads, and the figures it gives.

Every case starts a venue of its own in a fresh data folder. Capacity is the median of several
loads; where the QuickFIX peer is there, peer and venue take turns, and the ratio is the median of
the ratios of the pairs, because only neighbours in time share the machine's mood.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.figures import latency_figures, median, percentile
from benchmarks.load import LoadResult, LoadSession, closed_loop, open_loop
from benchmarks.machine import fdatasync_nanos
from benchmarks.messages import (
    MIX_BLOCK,
    Mix,
    RequestBuilder,
    liquidity_orders,
    mixed_requests,
    plain_orders,
    utc_now,
)
from benchmarks.peer import QUICKFIX_COMP, ack_echo
from benchmarks.venue_process import VENUE_COMP, VenueProcess

Line = dict[str, object]

# Requests a session keeps unanswered, by the number of sessions.
WINDOWS: Final = {1: 500, 8: 100}
OPEN_LOOP_SESSIONS: Final = 8
# Requests of a load that only warms caches and the interpreter, and is not counted.
WARM_UP_REQUESTS: Final = 4_000
SYNC_SAMPLES: Final = 400

_load_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each case loads."""

    requests: int  # of one capacity load, over all its sessions
    rounds: int  # capacity loads, each with the peers' beside it
    one_in_flight: int  # requests
    open_loop_seconds: int


FULL: Final = Sizes(requests=40_000, rounds=5, one_in_flight=3_000, open_loop_seconds=8)
QUICK: Final = Sizes(requests=10_000, rounds=3, one_in_flight=800, open_loop_seconds=3)


@dataclass(frozen=True, slots=True)
class Bench:
    """What the cases share: sizes, and the ports of the QuickFIX peers by their threading."""

    sizes: Sizes
    peers: Mapping[str, int] = field(default_factory=dict)


def _builders(member: bytes, count: int, target: bytes) -> list[RequestBuilder]:
    run = b"B%d-" % next(_load_numbers)
    stamp = utc_now()
    comps = [b"%b-OE%d" % (member, number) for number in range(1, count + 1)]
    return [RequestBuilder(comp, target, run, stamp) for comp in comps]


@contextlib.contextmanager
def _logged_on(port: int, builders: Sequence[RequestBuilder]) -> Iterator[list[LoadSession]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(LoadSession(port, builder)) for builder in builders]


def plain_load(
    port: int, target: bytes, sessions: int, requests: int, window: int
) -> Callable[[], LoadResult]:
    """Build a plain load; return the function that logs on, runs it and logs out."""
    builders = _builders(b"BENCH", sessions, target)
    prepared = [plain_orders(builder, requests // sessions) for builder in builders]

    def run() -> LoadResult:
        with _logged_on(port, builders) as members:
            for member, orders in zip(members, prepared, strict=True):
                member.prepare(orders)
            return closed_loop(members, window)

    return run


@dataclass(slots=True)
class _Costs:
    """What the venue spent during the measured loads of a case, and what passed over the wire."""

    venue: VenueProcess
    results: list[LoadResult] = field(default_factory=list)
    core_cpu: float = 0.0
    venue_cpu: float = 0.0
    journal_bytes: int = 0

    def measure(self, load: Callable[[], LoadResult]) -> LoadResult:
        """Run one load, adding what it cost."""
        journal = self.venue.journal_bytes()
        core, venue = self.venue.cpu()
        result = load()
        core_after, venue_after = self.venue.cpu()
        self.core_cpu += core_after - core
        self.venue_cpu += venue_after - venue
        self.journal_bytes += self.venue.journal_bytes() - journal
        self.results.append(result)
        return result

    def line(self) -> Line:
        """Return the costs per request."""
        requests = sum(result.requests for result in self.results)
        seconds = sum(result.seconds for result in self.results)
        generator = sum(result.generator_cpu_seconds for result in self.results)
        return {
            "core_cpu_us_per_order": round(self.core_cpu / requests * 1e6, 1),
            "venue_cpu_us_per_order": round(self.venue_cpu / requests * 1e6, 1),
            "generator_cpu_share": round(generator / seconds, 2),
            "wire_bytes_to_venue_per_order": sum(r.bytes_out for r in self.results) // requests,
            "wire_bytes_from_venue_per_order": sum(r.bytes_in for r in self.results) // requests,
            "journal_bytes_per_order": self.journal_bytes // requests,
        }


def _rates(results: Sequence[LoadResult]) -> Line:
    rates = [round(result.acks_per_second) for result in results]
    return {
        "acks_per_s": round(median(rates)),
        "acks_per_s_each": rates,
        "reports_per_s": round(median([result.reports_per_second for result in results])),
    }


def _shape(sessions: int, window: int, requests: int) -> Line:
    return {"sessions": sessions, "window": window, "requests": requests}


def _warm_up(port: int, target: bytes, sessions: int) -> None:
    plain_load(port, target, sessions, WARM_UP_REQUESTS, WINDOWS[sessions])()


def plain_case(bench: Bench, processes: str, sessions: int) -> Line:
    """Capacity with resting orders, beside the QuickFIX peers where there are any."""
    window, requests = WINDOWS[sessions], bench.sizes.requests
    venue_results: list[LoadResult] = []
    peer_results: dict[str, list[LoadResult]] = {name: [] for name in bench.peers}
    with VenueProcess(processes) as venue:
        costs = _Costs(venue)
        for port in bench.peers.values():
            _warm_up(port, QUICKFIX_COMP, sessions)
        _warm_up(venue.port, VENUE_COMP, sessions)
        for _ in range(bench.sizes.rounds):
            for name, port in bench.peers.items():
                load = plain_load(port, QUICKFIX_COMP, sessions, requests, window)
                peer_results[name].append(load())
            load = plain_load(venue.port, VENUE_COMP, sessions, requests, window)
            venue_results.append(costs.measure(load))
        line = _shape(sessions, window, requests) | _rates(venue_results) | costs.line()
    for name, results in peer_results.items():
        pairs = zip(venue_results, results, strict=True)
        ratios = [round(ours.acks_per_second / theirs.acks_per_second, 2) for ours, theirs in pairs]
        line |= {
            f"quickfix_{name}_acks_per_s": _rates(results)["acks_per_s"],
            f"ratio_to_quickfix_{name}": median(ratios),
            f"ratio_to_quickfix_{name}_each": ratios,
        }
    return line


def _mix_round(costs: _Costs, sessions: int, blocks: int) -> LoadResult:
    """Place the liquidity and the first orders, then measure the mixed requests alone."""
    port = costs.venue.port
    takers = _builders(b"BENCH", sessions, VENUE_COMP)
    makers = _builders(b"BENCH2", sessions, VENUE_COMP)
    mixes: list[Mix] = [
        mixed_requests(taker, blocks, seed) for seed, taker in enumerate(takers, start=1)
    ]
    liquidity = [
        liquidity_orders(maker, mix.aggressive) for maker, mix in zip(makers, mixes, strict=True)
    ]
    with _logged_on(port, takers) as members, _logged_on(port, makers) as others:
        for other, orders in zip(others, liquidity, strict=True):
            other.prepare(orders)
        closed_loop(others, WINDOWS[8])
        for member, mix in zip(members, mixes, strict=True):
            member.prepare(mix.seed)
        closed_loop(members, WINDOWS[8])
        for member, mix in zip(members, mixes, strict=True):
            member.prepare(mix.requests)
        return costs.measure(lambda: closed_loop(members, WINDOWS[sessions], others))


def mix_case(bench: Bench, processes: str, sessions: int) -> Line:
    """Capacity with 45% adds, 25% aggressive orders, 20% cancels, 10% replaces."""
    blocks = bench.sizes.requests // sessions // len(MIX_BLOCK)
    with VenueProcess(processes) as venue:
        costs = _Costs(venue)
        _warm_up(venue.port, VENUE_COMP, sessions)
        _mix_round(_Costs(venue), sessions, max(1, blocks // 10))
        results = [_mix_round(costs, sessions, blocks) for _ in range(bench.sizes.rounds)]
        requests = blocks * len(MIX_BLOCK) * sessions
        return _shape(sessions, WINDOWS[sessions], requests) | _rates(results) | costs.line()


def one_in_flight_case(bench: Bench, processes: str) -> Line:
    """Latency of one session that waits for each answer, and of a bare fdatasync around it."""
    requests = bench.sizes.one_in_flight
    with VenueProcess(processes) as venue:
        costs = _Costs(venue)
        _warm_up(venue.port, VENUE_COMP, 1)
        plain_load(venue.port, VENUE_COMP, 1, requests // 4, 1)()
        syncs = fdatasync_nanos(venue.data, SYNC_SAMPLES)
        result = costs.measure(plain_load(venue.port, VENUE_COMP, 1, requests, 1))
        syncs += fdatasync_nanos(venue.data, SYNC_SAMPLES)
        latency = latency_figures(result.latencies_ns)
        sync = round(percentile(sorted(syncs), 0.5) / 1_000, 1)
        return (
            _shape(1, 1, requests)
            | latency
            | {
                "fdatasync_p50_us": sync,
                "p50_over_fdatasync_us": round(latency["p50_us"] - sync, 1),
            }
            | _rates([result])
            | costs.line()
        )


def open_loop_case(bench: Bench, processes: str, rate: int) -> Line:
    """Latency at a fixed offered rate, counted from when each order should have left."""
    sessions = OPEN_LOOP_SESSIONS
    requests = rate * bench.sizes.open_loop_seconds // sessions * sessions
    with VenueProcess(processes) as venue:
        costs = _Costs(venue)
        _warm_up(venue.port, VENUE_COMP, sessions)
        syncs = fdatasync_nanos(venue.data, SYNC_SAMPLES)
        builders = _builders(b"BENCH", sessions, VENUE_COMP)
        prepared = [plain_orders(builder, requests // sessions) for builder in builders]

        def load() -> LoadResult:
            with _logged_on(venue.port, builders) as members:
                for member, orders in zip(members, prepared, strict=True):
                    member.prepare(orders)
                return open_loop(members, rate)

        result = costs.measure(load)
        late = percentile(sorted(result.lateness_ns), 0.99)
        return (
            {"sessions": sessions, "offered_per_s": rate, "requests": requests}
            | latency_figures(result.latencies_ns)
            | {
                "generator_late_p99_us": round(late / 1_000, 1),
                "fdatasync_p50_us": round(percentile(sorted(syncs), 0.5) / 1_000, 1),
            }
            | _rates([result])
            | costs.line()
        )


def generator_case(bench: Bench) -> Line:
    """What the generator itself can do, against a counterpart that only acknowledges."""
    line: Line = {}
    with ack_echo() as port:
        for sessions, window in WINDOWS.items():
            _warm_up(port, VENUE_COMP, sessions)
            requests = bench.sizes.requests
            results = [
                plain_load(port, VENUE_COMP, sessions, requests, window)()
                for _ in range(bench.sizes.rounds)
            ]
            rate = round(median([result.acks_per_second for result in results]))
            line[f"acks_per_s_{sessions}_sessions"] = rate
        one = plain_load(port, VENUE_COMP, 1, bench.sizes.one_in_flight, 1)()
        line["one_in_flight"] = latency_figures(one.latencies_ns)
    return line


def quickfix_case(bench: Bench) -> Line:
    """What the QuickFIX peers can do by themselves, without a venue beside them."""
    line: Line = {}
    for name, port in bench.peers.items():
        for sessions, window in WINDOWS.items():
            _warm_up(port, QUICKFIX_COMP, sessions)
            results = [
                plain_load(port, QUICKFIX_COMP, sessions, bench.sizes.requests, window)()
                for _ in range(bench.sizes.rounds)
            ]
            line[f"{name}_{sessions}_sessions"] = _rates(results)["acks_per_s_each"]
    return line


VENUE_CASES: Final[dict[str, Callable[[Bench, str], Line]]] = {
    "plain-1": lambda bench, processes: plain_case(bench, processes, 1),
    "plain-8": lambda bench, processes: plain_case(bench, processes, 8),
    "mix-1": lambda bench, processes: mix_case(bench, processes, 1),
    "mix-8": lambda bench, processes: mix_case(bench, processes, 8),
    "one-in-flight": one_in_flight_case,
    "rate-2000": lambda bench, processes: open_loop_case(bench, processes, 2_000),
    "rate-5000": lambda bench, processes: open_loop_case(bench, processes, 5_000),
}
PEER_CASES: Final[dict[str, Callable[[Bench], Line]]] = {
    "generator": generator_case,
    "quickfix": quickfix_case,
}
