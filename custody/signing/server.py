"""The signer's socket: local, its user's alone, one request after the other, in one thread."""

import selectors
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from custody.signing.requests import FrameMalformed, frame, read_request, take_frames
from custody.signing.signer import Signer
from engine.local_socket import is_own, listening

SIGNER_SOCKET: Final = "signer.sock"
"""Its place under DIR/run."""

MAX_CLIENTS: Final = 4
"""Connections at a time: custody's, a new one of custody's that was started again, and tools."""

BACKLOG: Final = 64
"""Connections that wait to be looked at, while one request is served."""

READ_BYTES: Final = 65_536

SEND_SECONDS: Final = 5
"""How long a client may take to take its answer."""


class SignerServer:
    """Serves the socket at `path` until the descriptor `stop` can be read."""

    def __init__(self, path: Path, signer: Signer, stop: int, log: Callable[[str], None]) -> None:
        self._path = path
        self._signer = signer
        self._stop = stop
        self._log = log
        self._clients: dict[socket.socket, bytearray] = {}
        self._listener = listening(path, BACKLOG)

    def serve(self) -> None:
        """Until it is to stop."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stop, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj == self._stop:
                        self._close()
                        return
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    else:
                        assert isinstance(key.fileobj, socket.socket)
                        self._read(selector, key.fileobj)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        if len(self._clients) >= MAX_CLIENTS or not is_own(client):
            self._log("refused a connection: another user's, or one too many")
            client.close()
            return
        client.settimeout(SEND_SECONDS)
        self._clients[client] = bytearray()
        selector.register(client, selectors.EVENT_READ)

    def _read(self, selector: selectors.BaseSelector, client: socket.socket) -> None:
        buffer = self._clients[client]
        try:
            data = client.recv(READ_BYTES)
            buffer += data
            for payload in take_frames(buffer):
                client.sendall(frame(self._signer.handle(read_request(payload))))
        except FrameMalformed as error:
            self._log(f"closed a connection: {error}")
            data = b""
        except OSError:
            data = b""
        if not data:
            selector.unregister(client)
            del self._clients[client]
            client.close()

    def _close(self) -> None:
        for client in self._clients:
            client.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)
