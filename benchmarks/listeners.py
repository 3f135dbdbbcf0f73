"""Listeners of feeds: raw sockets, bytes in with the time at which they came, parsed afterwards.

Each is a process of its own, so that what is measured never waits for who measures it.
"""

import base64
import contextlib
import json
import multiprocessing
import os
import re
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Final

from benchmarks.answers import LoadFailed
from benchmarks.load import HOST
from gateway.processors import readers_processors

READ_BYTES: Final = 1 << 20
# What a stopped reader's kernel holds is small, so that the venue notices soon, bytes.
STALLED_BUFFER_BYTES: Final = 16 * 1024
_EXEC_ID = re.compile(rb"\x0117=([0-9-]+)\x01|\"ExecID\":\"([0-9-]+)\"")

Chunk = tuple[int, bytes]
"""When it came, monotonic ns, and what."""


def open_stream(port: int, token: str, *requests: dict[str, object]) -> socket.socket:
    """A WebSocket connection to a venue's stream that has said its requests. Raises LoadFailed."""
    sock = socket.create_connection((HOST, port), timeout=20)
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET /v1/stream HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    sock.sendall(head.encode())
    got = b""
    while b"\r\n\r\n" not in got:
        data = sock.recv(4_096)
        got += data
        if not data:
            break
    if not got.startswith(b"HTTP/1.1 101"):
        raise LoadFailed(f"no stream: {got[:200]!r}")
    for request in requests:
        sock.sendall(_masked(json.dumps(request).encode()))
    return sock


def _masked(payload: bytes) -> bytes:
    """A client's text frame, under a mask of zeros."""
    assert len(payload) < 65_536
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + bytes(4) + payload


def exec_times(chunks: Sequence[Chunk]) -> dict[bytes, int]:
    """When the ExecID(17) of each report came, by chunk; the first time that it did."""
    data = b"".join(chunk for _, chunk in chunks)
    found: dict[bytes, int] = {}
    ends: list[int] = []
    end = 0
    for _, chunk in chunks:
        end += len(chunk)
        ends.append(end)
    at = 0
    for match in _EXEC_ID.finditer(data):
        while match.end() > ends[at]:
            at += 1
        found.setdefault(match[1] or match[2], chunks[at][0])
    return found


class Recorder:
    """A process that keeps what one connection brings, until it is told to end."""

    def __init__(self, sock: socket.socket) -> None:
        fork = multiprocessing.get_context("fork")
        self._pipe, theirs = fork.Pipe()
        self._process = fork.Process(target=_record, args=(sock, theirs))
        self._process.start()
        theirs.close()
        sock.close()

    def end(self) -> list[Chunk]:
        """All that came."""
        self._pipe.send(None)
        chunks: list[Chunk] = self._pipe.recv()
        self._process.join()
        return chunks


def _record(sock: socket.socket, pipe: Connection) -> None:
    chunks: list[Chunk] = []
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is pipe:
                    pipe.send(chunks)
                    return
                data = sock.recv(READ_BYTES)
                chunks.append((time.perf_counter_ns(), data))
                if not data:
                    selector.unregister(sock)


class Crowd:
    """A process that reads many connections and counts their bytes; ended with its context."""

    def __init__(self, socks: Sequence[socket.socket]) -> None:
        fork = multiprocessing.get_context("fork")
        self._pipe, theirs = fork.Pipe()
        self._process = fork.Process(target=_read_all, args=(list(socks), theirs))
        self._process.start()
        theirs.close()
        for sock in socks:
            sock.close()

    def counted(self) -> tuple[list[int], int]:
        """Bytes of each connection so far, and when the last of them came, monotonic ns."""
        self._pipe.send(None)
        found: tuple[list[int], int] = self._pipe.recv()
        return found

    def close(self) -> None:
        """No more of it."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _read_all(socks: list[socket.socket], pipe: Connection) -> None:
    # Listeners are other machines': here they take the time that nobody else has a use for.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.sched_setaffinity(0, readers_processors(os.sched_getaffinity(0)))
    counts, last = [0] * len(socks), 0
    space = bytearray(READ_BYTES)
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        for k, sock in enumerate(socks):
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ, k)
        while True:
            for key, _ in selector.select():
                if key.fileobj is pipe:
                    pipe.recv()
                    pipe.send((counts, last))
                    continue
                count = socks[key.data].recv_into(space)
                last = time.perf_counter_ns()
                counts[key.data] += count
                if not count:
                    selector.unregister(socks[key.data])


@contextlib.contextmanager
def stalled(port: int, token: str, count: int, request: dict[str, object]) -> Iterator[None]:
    """Connections that ask and never read."""
    socks = []
    try:
        for _ in range(count):
            sock = open_stream(port, token, request)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STALLED_BUFFER_BYTES)
            socks.append(sock)
        yield
    finally:
        for sock in socks:
            sock.close()


def frames(data: bytes) -> int:
    """How many whole frames of a server some bytes hold."""
    at = count = 0
    while at + 2 <= len(data):
        size, head = data[at + 1], 2
        if size == 126:
            size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        elif size == 127:
            size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
        if at + head + size > len(data):
            break
        at += head + size
        count += 1
    return count
