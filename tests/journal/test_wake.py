"""Waking readers over a local socket, without blocking and without losing a wake-up."""

import os
import select
from pathlib import Path

import pytest

from engine.journal.wake import MAX_READERS, SOCKET_NAME, WakeClient, WakeServer


def awake(client: WakeClient) -> bool:
    return bool(select.select([client], [], [], 0)[0])


@pytest.fixture
def server(tmp_path: Path):
    server = WakeServer(tmp_path / SOCKET_NAME)
    yield server
    server.close()


def connected(server: WakeServer) -> WakeClient:
    client = WakeClient(server.path)
    assert client.connect()
    server.accept()
    assert client.drain()
    assert not awake(client)
    return client


def test_a_reader_is_woken_once_for_each_look(server: WakeServer):
    client = connected(server)
    server.notify()
    server.notify()
    assert awake(client)
    assert client.drain()
    assert not awake(client)
    assert client.drain()
    client.close()


def test_a_reader_that_connected_before_the_accept_misses_nothing(server: WakeServer):
    client = WakeClient(server.path)
    assert client.connect()
    server.notify()
    assert not awake(client)
    assert select.select([server], [], [], 0)[0]
    server.accept()
    assert awake(client)
    client.close()


def test_a_reader_that_never_looks_holds_nobody_up(server: WakeServer):
    stuck, other = connected(server), connected(server)
    for _ in range(20_000):
        server.notify()
        assert other.drain()
    assert server.readers == 2
    assert awake(stuck)
    while awake(stuck):
        assert stuck.drain()
    server.notify()
    assert awake(stuck)
    stuck.close()
    other.close()


def test_a_reader_that_left_is_dropped(server: WakeServer):
    client, other = connected(server), connected(server)
    client.close()
    server.notify()
    assert server.readers == 1
    assert awake(other)
    other.close()


def test_the_number_of_readers_has_a_cap(server: WakeServer):
    clients = [connected(server) for _ in range(MAX_READERS)]
    late = WakeClient(server.path)
    assert late.connect()
    server.accept()
    assert server.readers == MAX_READERS
    assert not late.drain()
    assert not late.connected
    clients.pop().close()
    server.notify()
    clients.append(connected(server))
    for client in clients:
        client.close()


def test_a_reader_without_a_server_is_told_so(tmp_path: Path):
    client = WakeClient(tmp_path / SOCKET_NAME)
    assert not client.connect()
    assert not client.drain()
    (tmp_path / SOCKET_NAME).write_bytes(b"")
    assert not client.connect()


def test_a_reader_goes_on_with_the_next_server(tmp_path: Path):
    path = tmp_path / SOCKET_NAME
    server = WakeServer(path)
    client = connected(server)
    server.close()
    assert awake(client)
    assert not client.drain()
    assert not client.connect()
    server = WakeServer(path)
    assert client.connect()
    server.accept()
    assert client.drain()
    client.close()
    server.close()
    assert not path.exists()


def test_a_socket_left_by_a_killed_server_is_replaced_and_private(tmp_path: Path):
    path = tmp_path / SOCKET_NAME
    first = WakeServer(path)
    first._listener.close()
    assert path.exists()
    server = WakeServer(path)
    assert path.stat().st_mode & 0o777 == 0o600
    connected(server).close()
    server.close()


def test_a_data_folder_with_a_long_path_works_too(tmp_path: Path):
    folder = tmp_path / ("long" * 50)
    folder.mkdir()
    before = len(os.listdir("/proc/self/fd"))
    server = WakeServer(folder / SOCKET_NAME)
    client = connected(server)
    server.notify()
    assert awake(client)
    client.close()
    server.close()
    assert len(os.listdir("/proc/self/fd")) == before
