"""Two hundred members at once: a clean stop under their load, and all of them back after a kill."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.support.fix_client import ConnectionEnded, FixClient
from tests.support.venue import CONFIG, Venue, wait_until

SESSIONS = 200
PER_MEMBER = SESSIONS // 2

STOP_SECONDS = 5
"""What a clean stop may take."""

BACK_SECONDS = 10
"""What it may take from the first connection that core accepts until everybody is logged on."""


@pytest.fixture
def crowd(tmp_path):
    """A venue with two hundred order entry sessions, and their clients, not logged on yet."""
    text = (CONFIG / "bench.yaml").read_text()
    assert "order_entry: 16" in text
    config = tmp_path / "crowd.yaml"
    config.write_text(text.replace("order_entry: 16", f"order_entry: {PER_MEMBER}"))
    venue = Venue(tmp_path / "data", Path(config), only="core,dropcopy").start()
    clients = [
        FixClient(f"{member}-OE{k}", venue.order_entry)
        for member in ("BENCH", "BENCH2")
        for k in range(1, PER_MEMBER + 1)
    ]
    yield venue, clients
    for client in clients:
        client.drop()
    venue.close()
    venue.check_logs()


def log_all_on(clients, timeout):
    """Connect and send every Logon, then wait for every answer."""
    end = time.monotonic() + timeout
    for client in clients:
        client.connect(timeout)
        client.send("A", f"98=0|108=30|553={client.comp_id}|554=demo|")
    for client in clients:
        client.expect("A", timeout=max(0.0, end - time.monotonic()))


class Load(threading.Thread):
    """Orders of all members, one after the other, until their connections end.

    acked: ClOrdIDs whose acceptance was read. ended: members whose Logout was read.
    """

    def __init__(self, clients):
        super().__init__()
        self.clients = clients
        self.sent = 0
        self.acked = set()
        self.ended = set()

    def run(self):
        open_clients = list(self.clients)
        while open_clients:
            for client in list(open_clients):
                try:
                    if client.comp_id not in self.ended:
                        self.sent += 1
                        client.order(f"{client.comp_id}.{self.sent}", 1, "0.01", "100.00")
                    while (message := client.receive(0)) is not None:
                        self._read(client, message)
                except ConnectionEnded:
                    open_clients.remove(client)

    def _read(self, client, message):
        if message.get(150) == "0":
            self.acked.add(message[11])
        elif message[35] == "5":
            self.ended.add(client.comp_id)
            with contextlib.suppress(ConnectionEnded):
                client.send("5", "")


def never_read(client):
    """Log on with a small buffer, send orders, and read none of the reports."""
    client._sock = socket.socket()
    client._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client._sock.connect(("127.0.0.1", client.port))
    client.logon(timeout=60)
    for k in range(2_000):
        client.order(f"deaf{k}", 1, "0.01", "100.00")


@pytest.mark.proof
@pytest.mark.alone
def test_sigterm_under_the_load_of_200_sessions_is_a_clean_stop_in_5_s(crowd):
    venue, (*clients, deaf) = crowd
    log_all_on(clients, 30)
    load = Load(clients)
    load.start()
    never_read(deaf)
    wait_until(lambda: len(load.acked) > 2_000, 60, "there is load")
    code, seconds = venue.stop()
    print(f"{SESSIONS} sessions stopped in {seconds:.2f} s")
    load.join(30)
    assert not load.is_alive()
    assert (code, "killed" in venue.stderr) == (0, False), venue.stderr[-2_000:]
    assert seconds <= STOP_SECONDS
    assert load.ended == {client.comp_id for client in clients}, "everybody got a Logout"
    deaf.drop()
    venue.start()
    log_all_on(clients, 30)
    for client in clients:
        client.sync()
    known = {m[11] for client in clients for m in client.delivered_reports()}
    assert load.acked <= known
    open_orders = venue.replay()["open_orders"]
    assert open_orders >= len(known)


@pytest.mark.proof
@pytest.mark.alone
def test_200_sessions_are_back_within_10_s_of_the_death_of_core(crowd):
    venue, clients = crowd
    log_all_on(clients, 30)
    load = Load(clients)
    load.start()
    wait_until(lambda: len(load.acked) > 2_000, 60, "there is load")
    killed = venue.kill_one("core")
    load.join(30)
    assert not load.is_alive()
    wait_until(lambda: venue.pid("core") != killed, 10, "core is started again")
    wait_until(lambda: listens(venue.order_entry), 30, "core is ready")
    ready = time.monotonic()
    log_all_on(clients, BACK_SECONDS)
    back = time.monotonic() - ready
    print(f"{SESSIONS} sessions back in {back:.2f} s")
    assert back <= BACK_SECONDS
    for client in clients:
        client.sync()
    known = {m[11] for client in clients for m in client.delivered_reports()}
    assert load.acked <= known


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
