"""A crowd of connections that say little, in a process that costs the machine next to nothing.

    python -m tests.hostile.crowd --port P ... [--peers N] [--seed S] [--words TEXT]

They go to the ports in turn. Each connects, says nothing, or `--words` and no more, and comes back
some seconds after it was closed. Says when all have come for the first time, runs until SIGTERM,
then prints one JSON line: connections made, those that the venue closed, and how often one was
refused.
"""

import argparse
import contextlib
import errno
import heapq
import json
import random
import selectors
import signal
import socket
import time
from collections.abc import Sequence

from tests.hostile.descriptors import allow_descriptors

HOST = "127.0.0.1"
PER_ADDRESS = 500
"""Connections from one 127.0.0.x: an address has 28,000 ports at most."""

ARRIVALS_PER_SECOND = 1_000
"""At the start."""

SHORTEST_ABSENCE, LONGEST_ABSENCE = 1, 9
"""Seconds until a connection that was closed comes back."""


class Crowd:
    """Its connections, and when the others come. words: what each says."""

    def __init__(self, ports: Sequence[int], peers: int, seed: int, words: str) -> None:
        self.connections = self.closed_by_venue = self.refused = 0
        self._chance = random.Random(seed)
        self._ports = ports
        self._words = words.encode()
        self._selector = selectors.DefaultSelector()
        now = time.monotonic()
        # (when it comes, its number): a heap
        self._absent = [(now + number / ARRIVALS_PER_SECOND, number) for number in range(peers)]

    def live(self, until: float) -> None:
        """Come and be silent until then, monotonic seconds."""
        while (now := time.monotonic()) < until:
            while self._absent and self._absent[0][0] <= now:
                self._come(heapq.heappop(self._absent)[1])
            due = min(until, self._absent[0][0] if self._absent else until)
            for key, events in self._selector.select(min(max(0.0, due - now), LONGEST_ABSENCE)):
                if events & selectors.EVENT_WRITE:
                    self._connected(key)
                else:
                    self._heard(key)

    def _come(self, number: int) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((f"127.0.0.{2 + number // PER_ADDRESS}", 0))
        port = self._ports[number % len(self._ports)]
        if sock.connect_ex((HOST, port)) not in (0, errno.EINPROGRESS):
            self.refused += 1
            self._goes(sock, number)
            return
        self._selector.register(sock, selectors.EVENT_WRITE, number)

    def _connected(self, key: selectors.SelectorKey) -> None:
        sock = key.fileobj
        assert isinstance(sock, socket.socket)
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.refused += 1
            self._selector.unregister(sock)
            self._goes(sock, key.data)
            return
        self.connections += 1
        with contextlib.suppress(OSError):
            sock.send(self._words)
        self._selector.modify(sock, selectors.EVENT_READ, key.data)

    def _heard(self, key: selectors.SelectorKey) -> None:
        sock = key.fileobj
        assert isinstance(sock, socket.socket)
        with contextlib.suppress(OSError):
            if sock.recv(65_536):
                return
        self.closed_by_venue += 1
        self._selector.unregister(sock)
        self._goes(sock, key.data)

    def _goes(self, sock: socket.socket, number: int) -> None:
        sock.close()
        absence = self._chance.uniform(SHORTEST_ABSENCE, LONGEST_ABSENCE)
        heapq.heappush(self._absent, (time.monotonic() + absence, number))


class Stopped(Exception):
    """SIGTERM came."""


def stop(signum: int, frame: object) -> None:
    """End the crowd."""
    raise Stopped


def main() -> None:
    """Parse the arguments, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, nargs="+", required=True)
    parser.add_argument("--peers", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--words", default="")
    chosen = parser.parse_args()
    allow_descriptors(chosen.peers)
    crowd = Crowd(chosen.port, chosen.peers, chosen.seed, chosen.words)
    signal.signal(signal.SIGTERM, stop)
    with contextlib.suppress(Stopped):
        crowd.live(time.monotonic() + chosen.peers / ARRIVALS_PER_SECOND)
        print("ready", flush=True)
        crowd.live(float("inf"))
    told = {"connections": {"silent": crowd.connections}}
    told |= {"closed_by_venue": crowd.closed_by_venue, "refused": crowd.refused}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
