"""A script's line to a running venue: one socket a connection, messages as they come.

The venue's clock cannot be moved, so waiting is left to hearing: what is due comes by itself, in
its order. What a script says about silence is checked by that order, not by a watch.
"""

import select
import socket
import time

from gateway.fix.codec import Framer
from gateway.flow.system_clock import SystemClock
from tests.support.venue import Venue

HEAR_SECONDS = 10.0
"""How long a message may take: five times the longest heartbeat interval that scripts wait for."""


class WireLine:
    """One order entry session of a venue that runs."""

    def __init__(self, venue: Venue, comp_id: str) -> None:
        self.comp_id = comp_id.encode()
        self._venue = venue
        self._clock = SystemClock()
        self._sockets: dict[int, socket.socket] = {}
        self._framers: dict[int, Framer] = {}
        self._heard: dict[int, list[bytes]] = {1: [], 2: []}

    def connect(self, connection: int) -> None:
        self._drop(connection)
        address = ("127.0.0.1", self._venue.order_entry)
        self._sockets[connection] = socket.create_connection(address, timeout=HEAR_SECONDS)
        self._framers[connection] = Framer()

    def _drop(self, connection: int) -> None:
        self._heard[connection].clear()
        if connection in self._sockets:
            self._sockets.pop(connection).close()

    def hang_up(self, connection: int) -> None:
        """Half a close, so that the end of the venue's half shows that it knows."""
        sock = self._sockets[connection]
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65_536):
            pass
        self._drop(connection)

    def send(self, connection: int, data: bytes) -> None:
        assert connection in self._sockets, "there is no connection"
        self._sockets[connection].sendall(data)

    def hear(self, connection: int) -> bytes | None:
        self._read(connection, HEAR_SECONDS)
        heard = self._heard[connection]
        return heard.pop(0) if heard else None

    def _read(self, connection: int, seconds: float) -> bool:
        """Read until there is a message, or time is up; whether the venue has closed."""
        sock, end = self._sockets.get(connection), time.monotonic() + seconds
        while sock is not None and not self._heard[connection]:
            ready, _, _ = select.select([sock], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return False
            try:
                data = sock.recv(65_536)
            except ConnectionError:
                data = b""
            if not data:
                return True
            self._heard[connection] += self._framers[connection].feed(data)
        return sock is None

    def is_silent(self, connection: int) -> bool:
        self._read(connection, 0)
        return not self._heard[connection]

    def is_closed(self, connection: int) -> bool:
        if self._heard[connection] or not self._read(connection, HEAR_SECONDS):
            return False
        self._drop(connection)
        return True

    def wait(self, seconds: float) -> None:
        """What is due then will be heard."""

    def restart(self) -> None:
        """kill -9 of every process of the venue, and a new start."""
        self._venue.kill_all()
        for connection in list(self._sockets):
            self._drop(connection)
        self._venue.start()

    def close_venue(self) -> None:
        self._venue.process.terminate()

    def report(self) -> None:
        raise AssertionError("only a desk reports by itself")

    def now(self) -> int:
        return self._clock.now()

    def close(self) -> None:
        for connection in list(self._sockets):
            self._drop(connection)
