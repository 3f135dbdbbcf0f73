"""The bad peers' own process: so many connections at once, each doing one behaviour after another.

    python -m tests.hostile.peers --port P [--peers N] [--seed S]

Runs until SIGTERM, then prints one JSON line: connections by behaviour, bytes both ways, and how
often a connection was refused.
"""

import argparse
import json
import random
import signal
import socket
import struct
from collections import Counter

import trio

from tests.hostile.behaviours import BEHAVIOURS, Act, Peer
from tests.hostile.descriptors import allow_descriptors

HOST = "127.0.0.1"
COMP_IDS = [f"BENCH-OE{n}" for n in range(5, 17)] + [f"BENCH2-OE{n}" for n in range(1, 17)]
"""The honest flow's sessions are not among them."""


class Pool:
    """All peers of a process, and what became of them."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.seed = seed
        self.connections: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.refused = self.closed_by_venue = self.bytes_in = self.bytes_out = 0

    async def hostile(self, number: int) -> None:
        """One peer: its behaviours, in an order of its own."""
        rng = random.Random(self.seed * 1_000 + number)
        await trio.sleep(rng.uniform(0, 1))
        while True:
            order = rng.sample(BEHAVIOURS, len(BEHAVIOURS))
            for behaviour in order:
                self.connections[behaviour.__name__] += 1
                sock = await self._connected()
                if sock is not None:
                    # A session that is free, else one that somebody has: most get none.
                    free = [comp_id for comp_id in COMP_IDS if comp_id not in self.taken]
                    comp_id = rng.choice(free or COMP_IDS)
                    self.taken[comp_id] += 1
                    with sock:
                        await self._behave(sock, behaviour(Peer(rng, comp_id)))
                    self.taken -= Counter([comp_id])
                await trio.sleep(rng.uniform(0.05, 0.5))

    async def _connected(self) -> trio.socket.SocketType | None:
        sock = trio.socket.socket()
        try:
            with trio.fail_after(5):
                await sock.connect((HOST, self.port))
        except (OSError, trio.TooSlowError):
            self.refused += 1
            sock.close()
            return None
        return sock

    async def _read_until_closed(self, sock: trio.socket.SocketType) -> None:
        try:
            while data := await sock.recv(65_536):
                self.bytes_in += len(data)
        except OSError:
            pass
        self.closed_by_venue += 1

    async def _behave(self, sock: trio.socket.SocketType, acts: object) -> None:
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
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--peers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    allow_descriptors(chosen.peers)
    pool = Pool(chosen.port, chosen.seed)
    trio.run(lambda: run(pool, chosen.peers))
    told = vars(pool) | {"connections": dict(sorted(pool.connections.items()))}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
