"""One TCP connection: bytes out without ever blocking the process, within a named limit.

A write goes to the socket at once when nothing is queued; what the kernel does not take is kept
and sent by the connection's writer task. A peer that does not read is flagged, then closed.
"""

import contextlib
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from gateway.fix.disconnect import DisconnectReason
from gateway.flow.counters import Counters

FLAG_BYTES: Final = 1024 * 1024
"""Unsent output at which a peer is logged as slow, bytes."""

CLOSE_BYTES: Final = 4 * 1024 * 1024
"""Unsent output at which a peer is closed, bytes: some 15,000 reports, and one peer's share."""

STALL_SECONDS: Final = 10
"""How long a peer may take nothing at all while output waits, seconds."""

READ_BYTES: Final = 32 * 1024
"""Largest single read, bytes: some 190 orders, so that no peer holds the process over 5 ms."""


def has_left(sock: socket.socket) -> bool:
    """Whether the peer will send no more, though something of what it sent may not be read yet."""
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLRDHUP)
    return bool(poll.poll(0))


class Connection:
    """The sending half of a socket, and why it ended. `log` takes one line of text."""

    def __init__(
        self,
        sock: socket.socket,
        peer: str,
        log: Callable[[str], None],
        counters: Counters | None = None,
    ) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.peer = peer
        self.closing: DisconnectReason | None = None
        self.closed = False
        self.proved = False
        """The Logon that is on its way has a right password; nobody has acted on it yet."""
        self.in_line_until = 0
        """Until when it waits for its turns (gateway.flow.turns), monotonic ns."""
        self.bytes_out = 0
        self._counters = counters or Counters()
        self._holds = 0
        self.cancel_scope = trio.CancelScope()
        self.nursery: trio.Nursery | None = None
        """For what ends with the connection, while it is served."""
        self.read_scope = trio.CancelScope()
        self.flushed = trio.Event()
        """The last words have left; only set by `finish`."""
        self.on_close: Callable[[], None] | None = None
        """Called when it closes: nothing more is sent from that moment, so nothing more may count
        as sent, though its tasks may still take a turn to end."""
        self._log = log
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._held: list[bytes] = []
        self.held_bytes = 0
        """Of the bytes queued, those that wait for `unhold`."""
        self._flagged = False
        self._lot = trio.lowlevel.ParkingLot()
        self._space = trio.lowlevel.ParkingLot()

    @property
    def queued(self) -> int:
        """Bytes accepted for sending that the kernel has not taken yet."""
        return self._queued

    @property
    def peer_has_left(self) -> bool:
        """The peer will send no more, though something of what it sent may not be read yet."""
        return has_left(self.sock)

    def write(self, data: bytes) -> None:
        """Send `data`, now or as soon as the peer reads. Never blocks; may close the peer."""
        if not data or self.closed:
            return
        if self._holds:
            self._held.append(data)
            self.held_bytes += len(data)
            self._count(len(data))
            return
        self._send(data)

    def write_ahead(self, data: bytes) -> None:
        """Send `data` before what is held: the slices of a resend."""
        if data and not self.closed:
            self._send(data)

    def hold(self) -> None:
        """Keep later writes back until `unhold`: live reports wait for a running resend."""
        self._holds += 1

    def unhold(self) -> None:
        """Let held writes go, in order, once the last of several resends is done."""
        self._holds -= 1
        if not self._holds:
            self.let_go()

    def let_go(self) -> None:
        """Send what is held so far, in order; what comes later may be held still."""
        held, self._held = b"".join(self._held), []
        self._queued -= self.held_bytes
        self.held_bytes = 0
        if held and not self.closed:
            self._send(held)  # one call to the kernel, however many messages waited
        self._lot.unpark_all()  # the writer may have been waiting to close

    def _send(self, data: bytes) -> None:
        if not self._queue:
            try:
                sent = self.sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self.close(DisconnectReason.PEER_CLOSED)
                return
            self.bytes_out += sent
            if sent == len(data):
                return
            data = data[sent:]
        self._queue.append(data)
        self._count(len(data))
        self._lot.unpark_all()

    def _count(self, size: int) -> None:
        self._queued += size
        if self._queued > CLOSE_BYTES:
            self.close(DisconnectReason.SLOW_CONSUMER)
        elif self._queued > FLAG_BYTES and not self._flagged:
            self._flagged = True
            self._counters.slow_consumers += 1
            self._log(f"slow consumer {self.peer}: {self._queued} bytes wait to be read")

    def finish(self, reason: DisconnectReason) -> None:
        """End once what is queued has been sent; nothing more is read as FIX."""
        if self.closing is None:
            self.closing = reason
        self.read_scope.cancel()
        if not self._queue and not self._held:
            self._end_of_stream()
        else:
            self._lot.unpark_all()

    def _end_of_stream(self) -> None:
        """Say that no more comes. A close with unread input would reset what is on its way."""
        if not self.flushed.is_set():
            self.flushed.set()
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)

    def close(self, reason: DisconnectReason) -> None:
        """Close at once; the tasks of the connection end."""
        if self.closed:
            return
        self.closed = True
        if self.on_close is not None:
            self.on_close()
        if self.closing is None:
            self.closing = reason
        self._space.unpark_all()
        self.cancel_scope.cancel()

    async def run_writer(self) -> None:
        """Send what is queued whenever the peer can take it; ends with the connection."""
        while True:
            while not self._queue:
                if self.closing is not None and not self._held:
                    self._end_of_stream()
                await self._lot.park()
            with trio.move_on_after(STALL_SECONDS) as stall:
                await trio.lowlevel.wait_writable(self.sock.fileno())
            if stall.cancelled_caught:
                self.close(DisconnectReason.SLOW_CONSUMER)
                return
            self._drain()
            self._space.unpark_all()

    def _drain(self) -> None:
        while self._queue:
            data = self._queue[0]
            try:
                sent = self.sock.send(data)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.close(DisconnectReason.PEER_CLOSED)
                return
            self.bytes_out += sent
            self._queued -= sent
            if sent < len(data):
                self._queue[0] = data[sent:]
                return
            self._queue.popleft()
        if self._queued < FLAG_BYTES // 2:
            self._flagged = False

    async def drained(self, below: int) -> None:
        """Wait until fewer than `below` bytes are queued ahead of held ones."""
        await trio.lowlevel.checkpoint()
        while not self.closed and sum(map(len, self._queue)) >= below:
            await self._space.park()
