"""Waking readers: a local socket that says "look at the mark", and nothing else.

Plain non-blocking sockets, so that a trio shell (which waits on `fileno`) and plain code can both
use it. A byte carries no meaning: a reader that gets one, or several, polls its follower. A reader
that misses one because the server restarted sees the connection end and connects again.
"""

import socket
from pathlib import Path
from typing import Final

from engine.local_socket import address, listening

SOCKET_NAME: Final = "journal.sock"
"""Its place under DIR/run."""

MAX_READERS: Final = 64
"""Readers that one journal wakes, connections: some ten processes of ours, and tools."""

DRAIN_BYTES: Final = 4_096
"""One read when draining, bytes; a byte is left over only if more wake-ups than this came."""


class WakeServer:
    """The listening side, in the process that writes the journal."""

    def __init__(self, path: Path) -> None:
        """Listens at `path`, whose folder exists. A socket left over there is replaced: the
        journal's lock has already made sure that nobody else serves it. Raises OSError."""
        self.path = path
        self._listener = listening(path, MAX_READERS)
        self._readers: list[socket.socket] = []

    @property
    def readers(self) -> int:
        """How many readers are connected, as far as is known."""
        return len(self._readers)

    def fileno(self) -> int:
        """Readable when `accept` has something to do."""
        return self._listener.fileno()

    def accept(self) -> None:
        """Take in all readers that wait; each is woken at once, as it may have missed one."""
        while True:
            try:
                reader, _ = self._listener.accept()
            except BlockingIOError:
                return
            reader.setblocking(False)
            if len(self._readers) >= MAX_READERS:
                reader.close()
            elif _wake(reader):
                self._readers.append(reader)

    def notify(self) -> None:
        """Wake all readers. Never blocks: one whose buffer is full has a byte waiting already."""
        gone = [reader for reader in self._readers if not _wake(reader)]
        for reader in gone:
            self._readers.remove(reader)

    def close(self) -> None:
        """End all connections and remove the socket."""
        self._listener.close()
        for reader in self._readers:
            reader.close()
        self._readers.clear()
        self.path.unlink(missing_ok=True)


class WakeClient:
    """The waiting side, in a reader. Also without a server, when it has to look by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket: socket.socket | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._socket is not None

    def connect(self) -> bool:
        """Connect, if not connected. False if nobody listens: try again after a while."""
        if self._socket is not None:
            return True
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.setblocking(False)
        try:
            with address(self.path) as name:
                client.connect(name)
        except OSError:
            client.close()
            return False
        self._socket = client
        return True

    def fileno(self) -> int:
        """Readable when there is something to look at, or the server is gone."""
        assert self._socket is not None
        return self._socket.fileno()

    def drain(self) -> bool:
        """Take the wake-ups that have come; call it before polling. False: the server is gone."""
        if self._socket is None:
            return False
        try:
            if self._socket.recv(DRAIN_BYTES):
                return True
        except BlockingIOError:
            return True
        except OSError:
            pass
        self.close()
        return False

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _wake(reader: socket.socket) -> bool:
    """Send a byte; False, and closed, if the reader is gone."""
    try:
        reader.send(b"\0")
    except BlockingIOError:
        return True
    except OSError:
        reader.close()
        return False
    return True
