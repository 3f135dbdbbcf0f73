"""The generator over real sockets, against a counterpart that only acknowledges."""

import contextlib
import os
import socket
import subprocess
import threading

import pytest

from benchmarks import cases, venue_process
from benchmarks.answers import LoadFailed
from benchmarks.cases import Bench, Sizes
from benchmarks.children import ROOT, ChildFailed, cpu_seconds, group_members, stop_group
from benchmarks.load import LoadSession, closed_loop, open_loop
from benchmarks.machine import fdatasync_nanos, machine_facts
from benchmarks.messages import RequestBuilder, frame, plain_orders, utc_now
from benchmarks.peers import ack_echo
from benchmarks.run import main, parse_arguments
from benchmarks.venue_process import VenueProcess, used_bytes


@pytest.fixture
def echo():
    """Yield a function: start an echo for that many connections, return its port."""
    threads = []

    def start(connections):
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            with listener:
                ack_echo.serve(listener, connections)

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return listener.getsockname()[1]

    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def logged_on(stack, port, count, orders):
    sessions = []
    for number in range(1, count + 1):
        builder = RequestBuilder(b"BENCH-OE%d" % number, b"FIXGATE", b"T1-", utc_now())
        requests = plain_orders(builder, orders)
        session = stack.enter_context(LoadSession(port, builder))
        session.prepare(requests)
        sessions.append((session, sum(map(len, requests))))
    return sessions


@pytest.mark.parametrize(("count", "window"), [(1, 500), (1, 7), (4, 100)])
def test_a_closed_loop_sends_everything_and_hears_every_answer(echo, count, window):
    with contextlib.ExitStack() as stack:
        sessions = logged_on(stack, echo(count), count, 1_000)
        result = closed_loop([session for session, _ in sessions], window)
        assert result.requests == result.reports == 1_000 * count
        assert result.bytes_out == sum(size for _, size in sessions)
        assert result.bytes_in == 1_000 * count * len(ack_echo.REPORT)
        assert result.latencies_ns == []
        assert result.acks_per_second > 0


def test_one_in_flight_times_every_request(echo):
    with contextlib.ExitStack() as stack:
        ((session, _),) = logged_on(stack, echo(1), 1, 50)
        result = closed_loop([session], 1)
        assert len(result.latencies_ns) == 50
        assert min(result.latencies_ns) > 0


def test_an_open_loop_keeps_its_schedule(echo):
    with contextlib.ExitStack() as stack:
        sessions = [session for session, _ in logged_on(stack, echo(4), 4, 100)]
        result = open_loop(sessions, 20_000)
        assert result.requests == result.reports == len(result.latencies_ns) == 400
        assert len(result.lateness_ns) == 400
        assert min(result.lateness_ns) >= 0
        assert result.seconds >= 399 / 20_000


def test_an_open_loop_longer_than_a_heartbeat_is_refused(echo):
    with contextlib.ExitStack() as stack:
        sessions = [session for session, _ in logged_on(stack, echo(1), 1, 26)]
        with pytest.raises(AssertionError):
            open_loop(sessions, 1)


def answering(*answers):
    """Listen; answer the n-th read of the one connection with the n-th answer, then close."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as sock:
            for answer in answers:
                sock.recv(65_536)
                sock.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener.getsockname()[1], thread


@pytest.mark.parametrize(
    ("answer", "why"), [(frame(b"35=5\x0158=bad password\x01"), "refused"), (b"", "no Logon")]
)
def test_a_refused_logon_fails_the_load(answer, why):
    port, thread = answering(answer)
    with pytest.raises(LoadFailed, match=why):
        LoadSession(port, RequestBuilder(b"BENCH-OE1", b"FIXGATE", b"T1-", utc_now()))
    thread.join(10)


def test_a_close_in_the_middle_fails_the_load():
    port, thread = answering(ack_echo.LOGON, ack_echo.REPORT)
    with contextlib.ExitStack() as stack:
        ((session, _),) = logged_on(stack, port, 1, 2)
        with pytest.raises(LoadFailed):
            closed_loop([session], 1)
    thread.join(10)


def test_more_answers_than_requests_fail_the_load():
    port, thread = answering(ack_echo.LOGON, ack_echo.REPORT * 2)
    with contextlib.ExitStack() as stack:
        ((session, _),) = logged_on(stack, port, 1, 2)
        with pytest.raises(LoadFailed, match="2 answers to 1 requests"):
            closed_loop([session], 1)
    thread.join(10)


FAKE_VENUE = """#!{python}
import argparse, os, pathlib, socket, subprocess, sys
sys.path.insert(0, {root!r})
from benchmarks.peers import ack_echo
parser = argparse.ArgumentParser()
for name in ("--config", "--data", "--port-offset", "--only"):
    parser.add_argument(name)
chosen = parser.parse_args(sys.argv[2:])
data = pathlib.Path(chosen.data)
(data / "run").mkdir()
(data / "run" / "core.pid").write_text(str(os.getpid()))
(data / "journal").mkdir()
(data / "journal" / "00000000000000000000.seg").write_bytes(b"frames" + bytes(5000))
with socket.create_server(("127.0.0.1", 9878 + int(chosen.port_offset))) as listener:
    print("fixgate ready", flush=True)
    ack_echo.serve(listener)
"""


@pytest.fixture
def fake_venue(tmp_path, monkeypatch):
    """Put a counterpart that only acknowledges in the place of `fixgate run`."""
    executable = tmp_path / "fixgate"
    python = ROOT / ".venv" / "bin" / "python"
    executable.write_text(FAKE_VENUE.format(python=python, root=str(ROOT)))
    executable.chmod(0o755)
    monkeypatch.setattr(venue_process, "EXECUTABLE", executable)


TINY = Bench(Sizes(requests=1_600, rounds=2, one_in_flight=40, open_loop_seconds=1))


@pytest.mark.parametrize("name", ["plain-1", "plain-8", "mix-1", "mix-8", "one-in-flight"])
def test_a_case_gives_its_figures(fake_venue, name):
    line = cases.VENUE_CASES[name](TINY, "core")
    assert line["acks_per_s"] > 0
    assert line["wire_bytes_from_venue_per_order"] == len(ack_echo.REPORT)
    assert line["wire_bytes_to_venue_per_order"] > 100
    assert line["core_cpu_us_per_order"] >= 0
    assert line["journal_bytes_per_order"] == 0


def test_a_ratio_is_told_pair_by_pair(fake_venue, echo):
    # A warm-up and two rounds, on one session each.
    bench = Bench(TINY.sizes, {"single": echo(3), "threaded": echo(3)})
    line = cases.plain_case(bench, "core", 1)
    for name in ("single", "threaded"):
        assert line[f"quickfix_{name}_acks_per_s"] > 0
        assert len(line[f"ratio_to_quickfix_{name}_each"]) == 2
        assert line[f"ratio_to_quickfix_{name}"] > 0


def test_the_open_loop_case_gives_its_figures(fake_venue):
    line = cases.open_loop_case(TINY, "core", 400)
    assert (line["offered_per_s"], line["requests"]) == (400, 400)
    assert 0 < line["p50_us"] <= line["p99_us"] <= line["p999_us"]


def test_the_venue_and_its_folder_are_gone_afterwards(fake_venue):
    with VenueProcess("core") as venue:
        pids = venue.pids()
        assert set(pids) == {"core"}
        assert venue.journal_bytes() == len(b"frames")
        assert cpu_seconds(pids["core"]) >= 0
        assert venue.data.exists()
    assert not venue.data.exists()
    with pytest.raises(ChildFailed, match="has ended"):
        cpu_seconds(pids["core"])


def test_a_venue_that_ends_at_once_says_why(tmp_path, monkeypatch, capfd):
    executable = tmp_path / "fixgate"
    executable.write_text("#!/bin/sh\necho no such config >&2\nexit 1\n")
    executable.chmod(0o755)
    monkeypatch.setattr(venue_process, "EXECUTABLE", executable)
    with pytest.raises(ChildFailed, match="no such config"), VenueProcess("core"):
        pass
    assert main(["--quick", "--json-only", "--cases", "mix-1", "--processes", "core"]) == 1
    said = capfd.readouterr()
    assert '"error": "ChildFailed: `fixgate run` ended: no such config"' in said.out
    assert said.err == ""


def test_stopping_a_group_ends_the_children_too():
    process = subprocess.Popen(
        ["sh", "-c", "sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True
    )
    child = int(process.stdout.readline())
    assert child in group_members(process.pid)
    stop_group(process)
    assert group_members(process.pid) == []


@pytest.mark.parametrize(
    ("content", "used"),
    [
        (b"", 0),
        (bytes(3 << 20), 0),
        (b"a" + bytes(3 << 20), 1),
        (bytes(1 << 20) + b"a", (1 << 20) + 1),
        (b"a" * (1 << 20) + bytes(1 << 20), 1 << 20),
    ],
)
def test_used_bytes_end_at_the_last_byte_that_is_not_zero(tmp_path, content, used):
    file = tmp_path / "x.seg"
    file.write_bytes(content)
    assert used_bytes(file) == used


def test_what_is_allocated_but_not_written_is_not_used(tmp_path):
    file = tmp_path / "x.seg"
    with file.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, 8 << 20)
        stream.write(b"a" * 10_001)
    assert used_bytes(file) == 10_001


def test_the_disk_is_timed_where_it_is_asked_to_be(tmp_path):
    times = fdatasync_nanos(tmp_path, 3)
    assert len(times) == 3
    assert min(times) > 0
    assert list(tmp_path.iterdir()) == []


def test_machine_facts_name_what_a_figure_depends_on():
    facts = machine_facts()
    assert {"date", "cpus", "cpu", "kernel", "python", "file_system"} <= set(facts)


def test_the_command_line_names_cases():
    chosen = parse_arguments(["--quick", "--cases", "plain-1,mix-8", "--processes", "core"])
    assert (chosen.cases, chosen.processes, chosen.quick) == (["plain-1", "mix-8"], ["core"], True)
    with pytest.raises(SystemExit):
        parse_arguments(["--cases", "plain-9"])
