"""Listening sockets, and taking connections off them without ever running out of descriptors."""

import contextlib
import errno
import fcntl
import os
import resource
import socket
from collections.abc import Callable
from typing import Final

import trio

from engine.model.clock import Clock
from engine.model.errors import OperatorError
from gateway.flow.admission import Admission, Refusal, source_of
from gateway.flow.counters import Counters
from gateway.flow.log_limit import LimitedLog
from gateway.flow.waiting_room import WaitingRoom

LISTEN_BACKLOG: Final = 512
"""Connections that the kernel completes while the process is busy."""

ACCEPT_BATCH: Final = 16
"""Connections taken in one turn: under 1 ms, so that a flood of them holds no session up."""

ACCEPT_RETRY_SECONDS: Final = 0.1
"""Pause after an accept that failed for want of file descriptors, seconds."""

SPARE_DESCRIPTORS: Final = 64
"""File descriptors that connections leave to the process: journal segments, index files, a batch
of connections that are about to give way."""

MIN_CONNECTIONS: Final = 16
"""Connections tried for even where descriptors seem to lack: an accept that fails is survived."""

MAX_DESCRIPTOR: Final = 65_536
"""Highest descriptor a listener is moved to: a table of 512 KiB in the kernel at most."""

DESCRIPTOR_TRIES: Final = 8
"""A process has a few listeners at most."""

CONSTRAINED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Errors of accept that pass when somebody gives something back."""


class Listener:
    """Takes connections and hands those that may stay to `take(sock, peer)`."""

    def __init__(
        self,
        admission: Admission,
        room: WaitingRoom,
        most: int,
        clock: Clock,
        counters: Counters,
        log: LimitedLog,
        take: Callable[[socket.socket, str], None],
    ) -> None:
        self.open = True
        self._admission = admission
        self._room = room
        self._most = most
        self._clock = clock
        self._counters = counters
        self._log = log
        self._take = take

    async def serve(self, listener: socket.socket) -> None:
        """Accept until `listener` is closed. It may be already: a venue can be told to close while
        it still begins."""
        if listener.fileno() >= 0:
            listener.setblocking(False)
        self._most = min(self._most, max(_descriptors_left() - SPARE_DESCRIPTORS, MIN_CONNECTIONS))
        while listener.fileno() >= 0:
            await trio.lowlevel.wait_readable(listener.fileno())
            try:
                for _ in range(ACCEPT_BATCH):
                    sock, address = listener.accept()
                    self._arrived(sock, f"{address[0]}:{address[1]}")
            except (BlockingIOError, InterruptedError, ConnectionError):
                continue
            except OSError as error:
                if error.errno not in CONSTRAINED:
                    raise
                self._log(f"cannot accept: {error.strerror}; trying again")
                self._room.make_room()
                await trio.sleep(ACCEPT_RETRY_SECONDS)

    def _arrived(self, sock: socket.socket, peer: str) -> None:
        refusal = self._refusal(peer)
        if refusal is None:
            self._take(sock, peer)
            return
        sock.close()
        self._counters.refused[refusal] += 1
        self._log(f"{peer} refused: {refusal.name}")

    def _refusal(self, peer: str) -> Refusal | None:
        if not self.open:
            return Refusal.SHUTDOWN
        refusal = self._admission.refusal(source_of(peer), self._clock.monotonic())
        if refusal is not None:
            return refusal
        if self._admission.total >= self._most and not self._room.make_room():
            return Refusal.PROCESS_FULL
        return None


def _descriptors_left() -> int:
    """File descriptors that this process may still open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft - len(os.listdir("/dev/fd"))


def listen(address: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises OSError, as the system words it, if the port is taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(LISTEN_BACKLOG)
    return _highest(sock)


def listen_or_explain(address: str, port: int) -> socket.socket:
    """The same, for people: raises OperatorError that says what to do about a port."""
    try:
        return listen(address, port)
    except OSError as error:
        raise OperatorError(
            f"cannot listen on {address}:{port}: {error.strerror}; stop what holds the port,"
            " or move all ports with --port-offset"
        ) from error


def _highest(sock: socket.socket) -> socket.socket:
    """The same socket under the highest file descriptor that this process may have.

    Linux releases a dying process's files from the highest descriptor down. A listener that goes
    after the connections would take in a member who reconnects at once, and then reset him.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = min(soft, MAX_DESCRIPTOR) - 1
    for descriptor in range(highest, highest - DESCRIPTOR_TRIES, -1):
        with contextlib.suppress(OSError):
            moved = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, descriptor)
            sock.close()
            return socket.socket(fileno=moved)
    return sock
