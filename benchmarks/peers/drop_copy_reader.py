"""A risk desk beside a load: logs on to a drop copy session and takes all that comes, unread.

With nobody there the drop copy only numbers its reports; to render and send them is work that
shares the machine with core, so a bench of several processes must have somebody listen.
"""

import select
import socket
import sys
from typing import Final

from benchmarks.messages import RequestBuilder, utc_now

HEARTBEAT_SECONDS: Final = 20
_READ_BYTES: Final = 1 << 18


def read_all(sock: socket.socket, builder: RequestBuilder) -> None:
    """Take what comes until the end of the stream, with a Heartbeat in each pause and now and
    then under load: a venue may go 2.4 x HeartBtInt without one."""
    reads = 0
    while True:
        ready = select.select([sock], (), (), HEARTBEAT_SECONDS)[0]
        reads += 1
        if not ready or reads % 10_000 == 0:
            builder.stamp = utc_now()
            sock.sendall(builder.heartbeat())
        if ready and not sock.recv(_READ_BYTES):
            return


def main() -> None:
    """Log on as `comp` at `port`, say so, and read until the venue ends."""
    port, comp = int(sys.argv[1]), sys.argv[2].encode()
    builder = RequestBuilder(comp, b"FIXGATE", b"D", utc_now())
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(builder.logon())
        if b"\x0135=A\x01" not in sock.recv(_READ_BYTES):
            raise SystemExit("the drop copy refused the Logon")
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        read_all(sock, builder)


if __name__ == "__main__":
    main()
