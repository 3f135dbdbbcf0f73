"""The bad peers' own process: so many connections at once, each doing one behaviour after another.

    python -m tests.hostile.peers --speak fix|stream --port P ... [--peers N] [--seed S]

They go to the ports in turn. Runs until SIGTERM, then prints one JSON line: connections by
behaviour, bytes both ways, and how often a connection was refused.
"""

import argparse
import json
import os
import random
import signal
import socket
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import trio

from tests.hostile import fix_behaviours, stream_behaviours
from tests.hostile.acts import Act, Acts
from tests.hostile.descriptors import allow_descriptors

HOST = "127.0.0.1"

NICE = 10
"""Bad peers are on other machines: they keep the venue busy, but do not take its processors."""


class Language(NamedTuple):
    """What the peers of a pool speak, and whom they claim to be.

    peer: what a behaviour is called with, made from its chance and a name. A name that nobody has
    is taken first.
    """

    behaviours: Sequence[Callable[[Any], Acts]]
    peer: Callable[[random.Random, str], Any]
    names: Sequence[str]


LANGUAGES = {
    # The honest flow's sessions are not among them.
    "fix": Language(
        fix_behaviours.BEHAVIOURS,
        fix_behaviours.Peer,
        [f"BENCH-OE{n}" for n in range(5, 17)] + [f"BENCH2-OE{n}" for n in range(1, 17)],
    ),
    # Tokens; the honest listeners have the first of them too.
    "stream": Language(
        stream_behaviours.BEHAVIOURS, stream_behaviours.Peer, ["demo-BENCH", "demo-BENCH2"]
    ),
}

SLOW_BYTES = 100
SLOW_SECONDS = 0.1
"""A slow reader takes so much in such intervals."""


class Pool:
    """All peers of a process, and what became of them."""

    def __init__(self, language: Language, ports: Sequence[int], seed: int) -> None:
        self._language = language
        self._ports = ports
        self._seed = seed
        self.connections: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()
        self._slow: set[trio.socket.SocketType] = set()
        self.refused = self.closed_by_venue = self.bytes_in = self.bytes_out = 0

    def told(self) -> dict[str, Any]:
        """What the last line says."""
        return {
            "connections": dict(sorted(self.connections.items())),
            "closed_by_venue": self.closed_by_venue,
            "refused": self.refused,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
        }

    async def hostile(self, number: int) -> None:
        """One peer: its behaviours, in an order of its own."""
        rng = random.Random(self._seed * 1_000 + number)
        behaviours, peer, names = self._language
        port = self._ports[number % len(self._ports)]
        await trio.sleep(rng.uniform(0, 1))
        while True:
            for behaviour in rng.sample(behaviours, len(behaviours)):
                self.connections[behaviour.__name__] += 1
                sock = await self._connected(port)
                if sock is not None:
                    # A name that is free, else one that somebody has: most get no session.
                    free = [name for name in names if name not in self._taken]
                    name = rng.choice(free or names)
                    self._taken[name] += 1
                    with sock:
                        await self._behave(sock, behaviour(peer(rng, name)))
                    self._taken -= Counter([name])
                await trio.sleep(rng.uniform(0.05, 0.5))

    async def _connected(self, port: int) -> trio.socket.SocketType | None:
        sock = trio.socket.socket()
        try:
            with trio.fail_after(5):
                await sock.connect((HOST, port))
        except (OSError, trio.TooSlowError):
            self.refused += 1
            sock.close()
            return None
        return sock

    async def _read_until_closed(self, sock: trio.socket.SocketType) -> None:
        try:
            while data := await sock.recv(SLOW_BYTES if sock in self._slow else 65_536):
                self.bytes_in += len(data)
                if sock in self._slow:
                    await trio.sleep(SLOW_SECONDS)
        except OSError:
            pass
        self.closed_by_venue += 1

    async def _behave(self, sock: trio.socket.SocketType, acts: Acts) -> None:
        reading = trio.CancelScope()
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                with reading:
                    await self._read_until_closed(sock)
                    nursery.cancel_scope.cancel()

            nursery.start_soon(read)
            try:
                for act in acts:
                    if not await self._act(sock, act, reading):
                        break
            except OSError:
                pass
            nursery.cancel_scope.cancel()
        self._slow.discard(sock)

    async def _act(
        self, sock: trio.socket.SocketType, act: bytes | float | Act, reading: trio.CancelScope
    ) -> bool:
        """Do one act; False if there is nothing left to do."""
        match act:
            case bytes():
                with trio.move_on_after(5) as blocked:
                    while act:
                        sent = await sock.send(act)
                        self.bytes_out += sent
                        act = act[sent:]
                return not blocked.cancelled_caught
            case float():
                await trio.sleep(act)
            case Act.STOP_READING:
                reading.cancel()
            case Act.READ_SLOWLY:
                self._slow.add(sock)
            case Act.HALF_CLOSE:
                sock.shutdown(socket.SHUT_WR)
            case Act.RESET:
                linger = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
        return True


async def run(pool: Pool, peers: int) -> None:
    """Be hostile until SIGTERM."""
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            for number in range(peers):
                nursery.start_soon(pool.hostile, number)
            print("ready", flush=True)
            async for _ in signals:
                break
            nursery.cancel_scope.cancel()


def main() -> None:
    """Parse the arguments, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speak", choices=LANGUAGES, required=True)
    parser.add_argument("--port", type=int, nargs="+", required=True)
    parser.add_argument("--peers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    allow_descriptors(chosen.peers)
    os.nice(NICE)
    pool = Pool(LANGUAGES[chosen.speak], chosen.port, chosen.seed)
    trio.run(lambda: run(pool, chosen.peers))
    print(json.dumps(pool.told()), flush=True)


if __name__ == "__main__":
    main()
