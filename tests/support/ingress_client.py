"""A process of the venue's own that hands in commands."""

import socket

from engine.local_socket import address
from engine.model.ingress import FrameReader, Reply, Request, frame


class IngressClient:
    """One connection to core's local socket."""

    def __init__(self, data):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        with address(data / "run" / "ingress.sock") as name:
            self.socket.connect(name)
        self._reader = FrameReader(Reply)
        self._number = 0

    def ask(self, *commands):
        """The replies to commands that are sent at once."""
        first = self._number + 1
        self._number += len(commands)
        self.socket.sendall(
            b"".join(frame(Request(first + k, command)) for k, command in enumerate(commands))
        )
        replies = []
        while len(replies) < len(commands):
            data = self.socket.recv(65_536)
            assert data, f"closed after {len(replies)} of {len(commands)} replies"
            replies += self._reader.feed(data)
        assert [reply.number for reply in replies] == list(range(first, self._number + 1))
        return replies

    def close(self):
        self.socket.close()
