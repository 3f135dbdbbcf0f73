"""Thousands of connections that say nothing, against a whole venue: its memory and its members."""

import resource
import socket
from itertools import count
from pathlib import Path

import pytest

from tests.support.venue import wait_until

PLACES = 256
"""connections_before_logon of bench.yaml."""

NAMES = count(1)


@pytest.fixture(scope="module", autouse=True)
def _many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def flood(venue, connections, between):
    """That many silent connections; `between()` every 250. Their sockets."""
    sockets = []
    for k in range(connections):
        sockets.append(socket.create_connection(("127.0.0.1", venue.order_entry), timeout=10))
        if k % 250 == 249:
            between()
    return sockets


def order_and_cancel(client):
    name = f"flood-{next(NAMES)}"
    client.order(name, 1, "1", "100.00")
    client.expect("8", f"11={name}|150=0")
    client.cancel(f"{name}-c", name, 1)
    client.expect("8", f"11={name}-c|150=4")


def bear(venue, member, connections):
    client = member("BENCH-OE1")
    order_and_cancel(client)
    core = venue.pid("core")
    before = resident(core)
    sockets = flood(venue, connections, lambda: order_and_cancel(client))
    try:
        order_and_cancel(client)
        allowed = before + max(before // 20, 16 * 1024 * 1024)
        assert resident(core) <= allowed
        newcomer = member("BENCH-OE2")
        order_and_cancel(newcomer)
        wait_until(lambda: descriptors(core) < PLACES + 200, 10, "the others have given way")
        refused = [line for line in venue.stderr.splitlines() if "GAVE_WAY" in line]
        assert len(refused) < 1_000
        wait_until(lambda: "more such lines were not" in venue.stderr, 5, "the count of the rest")
    finally:
        for sock in sockets:
            sock.close()
    assert venue.pid("core") == core


def test_a_thousand_silent_connections_cost_little_and_keep_nobody_out(venue, member):
    bear(venue, member, 1_000)


@pytest.mark.proof
def test_five_thousand_silent_connections_cost_little_and_keep_nobody_out(venue, member):
    bear(venue, member, 5_000)
