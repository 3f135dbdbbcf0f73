"""Port offsets for venues under test: each is held by a file lock, so parallel runs never meet."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

BASE_PORTS = (9878, 9880, 8083, 8085, 9100)
"""Order entry, drop copy, audit log and metrics of the configurations in config/."""

OFFSETS = range(11_000, 11_700, 10)
"""All ports stay between 20,100 and 21,580: below the ports the system hands to clients, and no
two offsets of this range share one."""


class PortOffset:
    """An offset that nobody else uses until it is closed."""

    def __init__(self):
        folder = Path(tempfile.gettempdir()) / "fixgate-test-ports"
        folder.mkdir(exist_ok=True)
        start = os.getpid() % len(OFFSETS)  # so that two runs seldom try the same one first
        for offset in [*OFFSETS[start:], *OFFSETS[:start]]:
            lock = (folder / str(offset)).open("a")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            if all(_is_free(port + offset) for port in BASE_PORTS):
                self.offset, self._lock = offset, lock
                return
            lock.close()
        raise RuntimeError("no free port offset")

    def close(self):
        """Let others have it."""
        self._lock.close()


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
