"""A counterpart that does nothing but acknowledge, to find the load generator's own limit.

It answers a Logon, then sends one fixed report for every whole message that arrived. Whatever the
generator reaches against this is the most that it could show of any venue on this machine.
"""

import select
import socket
import sys
from typing import Final

from benchmarks.messages import frame

_TRAILER: Final = b"\x0110="
_TRAILER_BYTES: Final = 8
_READ_BYTES: Final = 1 << 18

LOGON: Final = frame(b"35=A\x0149=FIXGATE\x0156=BENCH\x0134=1\x0198=0\x01108=30\x01")
LOGOUT: Final = frame(b"35=5\x0149=FIXGATE\x0156=BENCH\x0134=2\x01")
# As long as a venue's report of a resting order.
REPORT: Final = frame(
    b"35=8\x0149=FIXGATE\x0156=BENCH-OE1\x0134=100000\x0152=20250101-00:00:00.000\x01"
    b"37=123456\x0111=B1-000001\x0117=123456-1\x01150=0\x0139=0\x0155=BTC-USD\x0154=1\x01"
    b"38=0.01\x0140=2\x0144=59900.00\x0159=0\x01151=0.01\x0114=0\x016=0\x01"
    b"60=20250101-00:00:00.000\x01"
)


class _Connection:
    """One connection: counts the messages that are whole, keeps the bytes of one that is not."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._tail = b""
        self._logged_on = False

    def serve(self) -> bool:
        """Answer what one read brought; False at the connection's end."""
        data = self._tail + self.sock.recv(_READ_BYTES)
        if len(data) == len(self._tail):
            return False
        end = data.rfind(_TRAILER) + _TRAILER_BYTES
        if end > len(data):
            end = data.rfind(_TRAILER, 0, end - _TRAILER_BYTES) + _TRAILER_BYTES
        if end < _TRAILER_BYTES:
            self._tail = data
            return True
        count = data.count(_TRAILER, 0, end)
        self._tail = data[end:]
        if not self._logged_on:
            self._logged_on = True
            self.sock.sendall(LOGON)
            count -= 1
        leaving = b"\x0135=5\x01" in data[:end]
        self.sock.sendall(REPORT * (count - leaving) + (LOGOUT if leaving else b""))
        return not leaving


def serve(listener: socket.socket, connections: int = -1) -> None:
    """Serve until that many connections have come and gone; -1: for ever."""
    open_now: dict[int, _Connection] = {}
    gone = 0
    try:
        while gone != connections:
            readable = select.select([listener.fileno(), *open_now], (), ())[0]
            for ready in readable:
                if ready == listener.fileno():
                    sock = listener.accept()[0]
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    open_now[sock.fileno()] = _Connection(sock)
                elif not open_now[ready].serve():
                    open_now.pop(ready).sock.close()
                    gone += 1
    finally:
        for connection in open_now.values():
            connection.sock.close()


def main() -> None:
    """Listen on a free port of the loopback address, print it, serve until killed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        serve(listener)


if __name__ == "__main__":
    main()
