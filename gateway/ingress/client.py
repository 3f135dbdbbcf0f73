"""Handing commands to core from a program that waits for its answers, such as a command line."""

import socket
from pathlib import Path
from typing import Final

from engine.local_socket import address
from engine.model.ingress import (
    INGRESS_SOCKET,
    Commands,
    FrameReader,
    Reply,
    Request,
    frame,
)

ANSWER_SECONDS: Final = 10
"""Longest wait for an answer: a sync of the disk, on a machine that is busy."""

READ_BYTES: Final = 65_536


class IngressClient:
    """One connection to core's local socket. Everything raises OSError if there is no answer."""

    def __init__(self, data: Path) -> None:
        """data: the venue's folder."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER_SECONDS)
        self._reader = FrameReader(Reply)
        self._number = 0
        try:
            with address(data / "run" / INGRESS_SOCKET) as name:
                self.socket.connect(name)
        except OSError:
            self.socket.close()
            raise

    def ask(self, *commands: Commands) -> list[Reply]:
        """The replies to commands that are sent at once; each is on disk."""
        first = self._number + 1
        self._number += len(commands)
        self.socket.sendall(
            b"".join(frame(Request(first + k, command)) for k, command in enumerate(commands))
        )
        replies: list[Reply] = []
        while len(replies) < len(commands):
            data = self.socket.recv(READ_BYTES)
            if not data:
                raise OSError(f"closed after {len(replies)} of {len(commands)} replies")
            replies += self._reader.feed(data)
        assert [reply.number for reply in replies] == list(range(first, self._number + 1))
        return replies

    def close(self) -> None:
        """End the connection."""
        self.socket.close()
