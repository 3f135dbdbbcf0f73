"""`/metrics` as a monitoring system sees it: every metric of the manual, and what happens to it."""

import contextlib
import http.client
import re
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from gateway.fix.disconnect import DisconnectReason
from gateway.flow.admission import Refusal
from gateway.metrics import METRICS
from tests.support.coins import coins_config
from tests.support.venue import Venue, wait_until

ROOT = Path(__file__).parents[2]
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")


@pytest.fixture(scope="module")
def address(venue):
    return ("127.0.0.1", 9100 + venue.offset)


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    """A venue of this module's own: its readers and its core are killed."""
    folder = tmp_path_factory.mktemp("metrics")
    config = coins_config(folder, "bench.yaml")
    with config.open("a") as file:
        file.write(
            "compliance: {origin: fixgate.example/audit, provider: {name: vet, lists: v1,"
            " url: 'http://127.0.0.1:1', secrets_files: [secret]}}\n"
        )
    (folder / "secret").write_text("s" * 32)
    (folder / "secret").chmod(0o600)
    made = Venue(
        folder / "data", config,
        only="core,dropcopy,snapshot,signer,custody,compliance,webhooks", mirror=folder / "mirror",
    )  # fmt: skip
    yield made.start()
    made.close()
    made.check_logs()


def scrape(address):
    """{name: {labels as a set of `name="value"`: value}}, and the types by name."""
    url = f"http://{address[0]}:{address[1]}/metrics"
    with urllib.request.urlopen(url, timeout=5) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        text = response.read().decode()
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            key = frozenset((labels or "").split(",")) - {""}
            samples.setdefault(name, {})[key] = float(value)
    return samples, types


def value(address, name, **labels):
    key = frozenset(f'{label}="{text}"' for label, text in labels.items())
    return scrape(address)[0].get(name, {}).get(key)


def exchange(address, request):
    with socket.create_connection(address, timeout=5) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while data := sock.recv(65_536):
            answer += data
    return answer


def documented():
    """(name, kind, labels) of every row of the table in docs/metrics.md."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(fixgate_\w+)` \| (\w+) \|([^|]*)\|", page, re.MULTILINE)
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_every_metric_that_is_served_is_in_the_manual_and_the_other_way_round(venue, address):
    says = {
        "core": "fixgate_open_orders",
        "dropcopy": "fixgate_journal_read_record",
        "snapshot": "fixgate_snapshot_record",
        "mirror": "fixgate_mirror_record",
        "custody": "fixgate_custody_alarms",
        "compliance": "fixgate_audit_published_records",
        "webhooks": "fixgate_provider_waiting_questions",
    }
    wait_until(
        lambda: all(value(address, name, process=who) is not None for who, name in says.items()),
        10,
        "all processes have said their figures",
    )
    samples, types = scrape(address)
    manual = documented()
    assert {(name, kind) for name, (kind, _) in manual.items()} == set(types.items())
    assert len(types) == len(METRICS)
    for name, (kind, labels) in manual.items():
        rows = samples[f"{name}_count" if kind == "histogram" else name]
        for row in rows:
            assert tuple(sorted(label.partition("=")[0] for label in row)) == tuple(sorted(labels))


def test_the_manual_has_every_reason_and_every_cause():
    page = (ROOT / "docs" / "metrics.md").read_text()
    for label in [*DisconnectReason, *Refusal]:
        assert re.search(rf"^\| [^|]*`{label}`", page, re.MULTILINE), label


def test_figures_follow_what_happens(venue, address, dial):
    refused = f'reason="{DisconnectReason.LOGON_REFUSED}"'
    client = dial(venue, "BENCH-OE1").reconnect(reset=True)
    stranger = dial(venue, "BENCH-OE2").connect()
    stranger.send("A", "98=0|108=30|553=BENCH-OE2|554=guess|")
    stranger.expect_closed()
    for k in range(5):
        client.order(f"m{k}", 1, "1", "100.00")
    client.sync()

    def told():
        samples, _ = scrape(address)
        core = frozenset({'process="core"'})

        def figure(name, label=""):
            return samples.get(name, {}).get(core | ({label} if label else set()), 0)

        return (
            figure("fixgate_open_orders") == 5
            and figure("fixgate_order_messages_total") >= 5
            and figure("fixgate_disconnects_total", refused) == 1
            and figure("fixgate_connections", 'state="logged_on"') == 1
            and figure("fixgate_journal_sync_seconds_count") > 0
            and figure("fixgate_bytes_in_total") > 500
            and figure("fixgate_messages_out_total") >= 7
        )

    wait_until(told, 10, "the figures of what has just happened")
    client.mass_cancel("m-all")
    client.logout()


def test_clients_of_the_streams_are_counted(venue, address):
    request = (
        "GET /v1/stream HTTP/1.1\r\nHost: venue\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )

    def clients(state):
        return value(address, "fixgate_stream_clients", process="dropcopy", state=state)

    with socket.create_connection(("127.0.0.1", 8082 + venue.offset), timeout=5) as sock:
        sock.sendall(request.encode())
        wait_until(lambda: clients("before_token") == 1, 10, "one that has shown no token")
        assert clients("open") == 0
        stream = Connection(ConnectionType.CLIENT)
        token = "demo-BENCH"
        sock.sendall(stream.send(TextMessage(f'{{"op":"auth","token":"{token}"}}')))
        wait_until(lambda: clients("open") == 1, 10, "a client")
        assert clients("before_token") == 0
    wait_until(lambda: clients("open") == 0, 10, "nobody")
    assert value(address, "fixgate_stream_replays", process="dropcopy") == 0


def test_metrics_are_there_while_core_is_not(venue, address):
    """Core is killed; the supervisor says that it is down, and how often it was started again."""
    restarts = value(address, "fixgate_restarts_total", process="core")
    assert value(address, "fixgate_up", process="core") == 1
    venue.kill_one("core")
    wait_until(lambda: value(address, "fixgate_up", process="core") == 0, 10, "core is down")
    assert value(address, "fixgate_up", process="supervisor") == 1
    wait_until(lambda: value(address, "fixgate_up", process="core") == 1, 30, "core is back")
    assert value(address, "fixgate_restarts_total", process="core") == restarts + 1
    assert value(address, "fixgate_resident_memory_bytes", process="core") > 1_000_000


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /metrics?name=x HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 10_000 + b"\r\n\r\n", b"431"),
        (b"8=FIX.4.4\x019=5\x0135=A\x01\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\n", b"400"),
    ],
    ids=["good", "query", "elsewhere", "post", "large", "fix", "half"],
)
def test_a_request_gets_one_short_answer(venue, address, request_, status):
    answer = exchange(address, request_)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:200]
    assert b"connection: close" in answer.lower()


def test_more_scrapers_than_there_are_places_are_closed(venue, address):
    idle = [socket.create_connection(address, timeout=10) for _ in range(8)]
    try:
        with socket.create_connection(address, timeout=10) as late:
            assert late.recv(1) == b""
    finally:
        for sock in idle:
            sock.close()

    def served():
        with contextlib.suppress(
            OSError, http.client.HTTPException
        ):  # until the places are free again
            return value(address, "fixgate_up", process="supervisor") == 1
        return False

    wait_until(served, 10, "the next scraper is served")


def test_what_is_not_there_is_said_so(address):
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://{address[0]}:{address[1]}/healthz", timeout=5)
