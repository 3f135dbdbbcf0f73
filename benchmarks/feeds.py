"""What the feeds do: how soon a report is copied, how many messages leave, what listeners cost.

    .venv/bin/python -m benchmarks.feeds [--part NAME ...] [--reports N] [--pairs N]

latency: a member trades at 1,000 and at 5,000 orders a second; a report counts from when its order
entry session had it, which is right after its record was on disk, to when its drop copy arrived.
fanout: 50 listeners to every change of one book, by WebSocket; orders are sent while `marketdata`
stands still, then it catches up with nothing else at work. Deliveries are messages times listeners.
idle: what a subscriber costs, of 1,000. stalled: the p99 of core's acknowledgements at 1,000
requests a second beside 50 drop copy listeners of which 10 never read, and without them, in turns.
replay: N reports of a member again, over FIX and over WebSocket. One JSON line a part.
"""

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.answers import LoadFailed
from benchmarks.figures import latency_figures, median
from benchmarks.listeners import Chunk, Crowd, Recorder, exec_times, frames, open_stream, stalled
from benchmarks.load import LoadSession, closed_loop
from benchmarks.machine import machine_facts
from benchmarks.messages import RequestBuilder, plain_orders, utc_now
from benchmarks.resend import STALL_SECONDS, AskingMember, fill
from benchmarks.steady import SteadyMembers, memory_kib, p99_us
from benchmarks.venue_process import ORDER_ENTRY_PORT, VENUE_COMP, VenueProcess

DROP_COPY: Final = 9880
DROP_COPY_STREAM: Final = 8082
MARKET_DATA_STREAM: Final = 8081
MEMBER: Final = b"BENCH2"
TOKEN: Final = "demo-BENCH2"
REPORTS: Final = 1_000_000
PAIRS: Final = 5
PAIR_ROUNDS: Final = 6
LISTENERS: Final = 50
STALLED: Final = 10
IDLE: Final = 1_000
LATENCY_SECONDS: Final = 10
FANOUT_ORDERS: Final = 20_000
ALL_REPORTS: Final[dict[str, object]] = {"op": "subscribe", "channel": "reports"}
BOOK: Final[dict[str, object]] = {"op": "subscribe", "channel": "book", "symbol": "BTC-USD"}
_KIB_PER_MIB: Final = 1024
_NEW_PEAK: Final = "5"


def port_of(venue: VenueProcess, port: int) -> int:
    """A port of that venue."""
    return venue.port - ORDER_ENTRY_PORT + port


def member(
    venue: VenueProcess, stack: contextlib.ExitStack, name: bytes
) -> tuple[LoadSession, RequestBuilder]:
    """A session, logged on."""
    builder = RequestBuilder(name, VENUE_COMP, b"F-", utc_now())
    port = port_of(venue, DROP_COPY) if b"-DC" in name else venue.port
    return stack.enter_context(LoadSession(port, builder)), builder


# --- latency --------------------------------------------------------------------------------------


def paced(sock: socket.socket, messages: Sequence[bytes], rate: int) -> list[Chunk]:
    """Send messages evenly in time; what came back, and when."""
    chunks: list[Chunk] = []
    sock.setblocking(False)
    begin = time.perf_counter_ns()
    step = 1_000_000_000 // rate
    sent, until = 0, 0
    while sent < len(messages) or time.perf_counter_ns() < until:
        now = time.perf_counter_ns()
        due = min(len(messages), (now - begin) // step + 1)
        if due > sent:
            sock.setblocking(True)
            sock.sendall(b"".join(messages[sent:due]))
            sock.setblocking(False)
            sent, until = due, now + 1_000_000_000
        wait = max(0.0, (begin + sent * step - time.perf_counter_ns()) / 1e9)
        if select.select([sock], (), (), min(wait, 0.1) if sent < len(messages) else 0.1)[0]:
            data = sock.recv(1 << 20)
            chunks.append((time.perf_counter_ns(), data))
    return chunks


def latency(rate: int, seconds: int) -> dict[str, object]:
    """Both transports at one rate."""
    with contextlib.ExitStack() as stack:
        venue = stack.enter_context(VenueProcess("core+dropcopy"))
        copies, _ = member(venue, stack, MEMBER + b"-DC1")
        stream = open_stream(port_of(venue, DROP_COPY_STREAM), TOKEN, ALL_REPORTS)
        trader, builder = member(venue, stack, MEMBER + b"-OE1")
        fix = Recorder(socket.socket(fileno=os.dup(copies.fileno())))
        web = Recorder(stream)
        time.sleep(1)
        messages = plain_orders(builder, rate * seconds)
        acked = exec_times(paced(trader.sock, messages, rate))
        figures: dict[str, object] = {"orders_per_s": rate}
        for name, recorder in (("fix", fix), ("web_socket", web)):
            copied = exec_times(recorder.end())
            late = [copied[ident] - at for ident, at in acked.items()]
            figures[name] = latency_figures(late)
        return figures


# --- fanout ---------------------------------------------------------------------------------------


def fanout(orders: int, listeners: int) -> dict[str, object]:
    """Deliveries a second to that many."""
    with contextlib.ExitStack() as stack:
        venue = stack.enter_context(VenueProcess("core+marketdata"))
        port, pid = port_of(venue, MARKET_DATA_STREAM), venue.pids()["marketdata"]
        crowd = Crowd([open_stream(port, TOKEN, BOOK) for _ in range(listeners)])
        stack.callback(crowd.close)
        one = Recorder(open_stream(port, TOKEN, BOOK))
        trader, builder = member(venue, stack, MEMBER + b"-OE1")
        time.sleep(1)
        before, _ = crowd.counted()
        os.kill(pid, signal.SIGSTOP)
        trader.prepare(plain_orders(builder, orders))
        closed_loop([trader], 500)
        cpu = _cpu(pid)
        begin = time.perf_counter_ns()
        os.kill(pid, signal.SIGCONT)
        counts, last = _settled(crowd)
        messages = frames(b"".join(chunk for at, chunk in one.end() if at >= begin))
        sizes = {now - then for now, then in zip(counts, before, strict=True)}
        assert len(sizes) == 1, f"listeners were told different things: {sizes}"
        seconds = (last - begin) / 1e9
        return {
            "listeners": listeners + 1,
            "messages": messages,
            "message_bytes": round(sizes.pop() / max(1, messages)),
            "seconds": round(seconds, 2),
            "deliveries_per_s": round(messages * (listeners + 1) / seconds),
            "marketdata_busy": round((_cpu(pid) - cpu) / seconds, 2),
        }


def _cpu(pid: int) -> float:
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _settled(crowd: Crowd) -> tuple[list[int], int]:
    """What a crowd has counted once nothing more comes."""
    counts, last = crowd.counted()
    while True:
        time.sleep(0.5)
        now, then = crowd.counted()
        if (now, then) == (counts, last):
            return counts, last
        counts, last = now, then


# --- idle -----------------------------------------------------------------------------------------


def idle(listeners: int) -> dict[str, object]:
    """KiB of each process for one subscriber."""
    figures: dict[str, object] = {"subscribers": listeners}
    with VenueProcess("core+dropcopy+marketdata") as venue:
        for process, port, request in (
            ("marketdata", MARKET_DATA_STREAM, BOOK),
            ("dropcopy", DROP_COPY_STREAM, ALL_REPORTS),
        ):
            pid = venue.pids()[process]
            open_stream(port_of(venue, port), TOKEN, request).close()
            time.sleep(1)
            before = memory_kib(pid, "VmRSS")
            socks = [open_stream(port_of(venue, port), TOKEN, request) for _ in range(listeners)]
            time.sleep(2)
            grown = memory_kib(pid, "VmRSS") - before
            figures[f"{process}_kib_each"] = round(grown / listeners, 1)
            for sock in socks:
                sock.close()
    return figures


# --- stalled --------------------------------------------------------------------------------------


def beside_listeners(
    pairs: int, listeners: int, not_reading: int, rounds: int = PAIR_ROUNDS, seconds: int = 2
) -> dict[str, object]:
    """Core's p99 with and without listeners of whom some never read.

    A pair is `rounds` rounds of each, in turns: what the disk does changes from second to second.
    A latency is core's: from the request's sending to its answer's arrival by the kernel's stamp,
    so that the load's own wait for one of two processors is in neither.
    """
    quiet: list[list[int]] = []
    during: list[list[int]] = []
    with contextlib.ExitStack() as stack:
        venue = stack.enter_context(VenueProcess("core+dropcopy"))
        port = port_of(venue, DROP_COPY_STREAM)
        members = SteadyMembers(stack, venue.port, 1_000, seconds)
        members.served()  # warm
        for _ in range(pairs):
            quiet.append([])
            during.append([])
            for number in range(rounds):
                if number % 2:
                    during[-1] += _disturbed(members, port, listeners, not_reading)
                quiet[-1] += members.served()
                if not number % 2:
                    during[-1] += _disturbed(members, port, listeners, not_reading)
    ratios = [loud / calm for loud, calm in zip(p99_us(during), p99_us(quiet), strict=True)]
    return {
        "listeners": listeners,
        "not_reading": not_reading,
        "p99_us_without": p99_us(quiet),
        "p99_us_beside": p99_us(during),
        "ratio_each": [round(ratio, 2) for ratio in ratios],
        "ratio": round(median(ratios), 2),
    }


def _disturbed(members: SteadyMembers, port: int, listeners: int, not_reading: int) -> list[int]:
    """One round beside listeners."""
    reading = listeners - not_reading
    crowd = Crowd([open_stream(port, TOKEN, ALL_REPORTS) for _ in range(reading)])
    with contextlib.closing(crowd), stalled(port, TOKEN, not_reading, ALL_REPORTS):
        return members.served()


# --- replay ---------------------------------------------------------------------------------------


def replay(reports: int) -> dict[str, object]:
    """All reports of a member once more, over both transports."""
    figures: dict[str, object] = {"reports": reports}
    with contextlib.ExitStack() as stack:
        venue = stack.enter_context(VenueProcess("core+dropcopy"))
        trader, builder = member(venue, stack, MEMBER + b"-OE1")
        fill(trader, builder, reports)
        pid = venue.pids()["dropcopy"]
        copies, asking = member(venue, stack, MEMBER + b"-DC1")
        # The Logon set the numbers to 1: its reply, then what was never sent, which is all of it.
        _read_to(copies.sock, b"\x0134=%d\x01" % (reports + 1))
        for name, ask in (
            ("web_socket", lambda: _over_web_socket(venue, reports)),
            ("fix_resend", lambda: AskingMember(copies, asking, reports + 1).result().seconds),
            ("fix_application", lambda: _by_application(copies, asking)),
        ):
            rss = memory_kib(pid, "VmRSS")
            Path("/proc", str(pid), "clear_refs").write_text(_NEW_PEAK)
            seconds = ask()
            figures[name] = {
                "reports_per_s": round(reports / seconds),
                "seconds": round(seconds, 1),
                "growth_mib": round((memory_kib(pid, "VmHWM") - rss) / _KIB_PER_MIB, 1),
            }
    return figures


def _over_web_socket(venue: VenueProcess, reports: int) -> float:
    begin = time.perf_counter()
    request = ALL_REPORTS | {"resume_from": 0}
    with open_stream(port_of(venue, DROP_COPY_STREAM), TOKEN, request) as sock:
        _read_to(sock, b'"seq":%d,' % reports)
    return time.perf_counter() - begin


def _by_application(copies: LoadSession, asking: RequestBuilder) -> float:
    begin = time.perf_counter()
    asking.stamp = utc_now()
    copies.sock.setblocking(True)
    copies.sock.sendall(asking.application_request(MEMBER))
    _read_to(copies.sock, b"\x0135=BY\x01")
    return time.perf_counter() - begin


def _read_to(sock: socket.socket, wanted: bytes) -> None:
    """Read up to what holds `wanted`. Raises LoadFailed if nothing comes, or the end."""
    sock.setblocking(True)
    sock.settimeout(STALL_SECONDS)
    tail = b""
    while wanted not in tail:
        try:
            data = sock.recv(1 << 20)
        except TimeoutError:
            data = b""
        if not data:
            raise LoadFailed(f"{wanted!r} never came; last {tail[-200:]!r}")
        tail = tail[-len(wanted) :] + data


PARTS: Final[dict[str, Callable[[argparse.Namespace], list[dict[str, object]]]]] = {
    "latency": lambda a: [latency(rate, LATENCY_SECONDS) for rate in (1_000, 5_000)],
    "fanout": lambda a: [fanout(FANOUT_ORDERS, LISTENERS - 1)],
    "idle": lambda a: [idle(IDLE)],
    "stalled": lambda a: [beside_listeners(a.pairs, LISTENERS, STALLED)],
    "replay": lambda a: [replay(a.reports)],
}


def main() -> int:
    """Print the lines; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--reports", type=int, default=REPORTS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    chosen = parser.parse_args()
    print(json.dumps(machine_facts()))
    for name in chosen.part or PARTS:
        for figures in PARTS[name](chosen):
            print(json.dumps({"case": name} | figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
