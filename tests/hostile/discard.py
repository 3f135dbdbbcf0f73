"""A server that accepts, reads and answers nothing: what the peers cost a machine by themselves.

    python -m tests.hostile.discard

Prints its port, then serves until it is ended.
"""

import selectors
import socket

LIMIT = 8_000
"""Connections at once; later ones wait in the backlog."""


def main() -> None:
    """Serve."""
    selector = selectors.DefaultSelector()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
        print(listener.getsockname()[1], flush=True)
        while True:
            for key, _ in selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is listener:
                    if len(selector.get_map()) < LIMIT:
                        accepted, _ = listener.accept()
                        accepted.setblocking(False)
                        selector.register(accepted, selectors.EVENT_READ)
                elif not _read(sock):
                    selector.unregister(sock)
                    sock.close()


def _read(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(65_536))
    except OSError:
        return False


if __name__ == "__main__":
    main()
