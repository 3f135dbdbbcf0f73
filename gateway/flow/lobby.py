"""Connections that have said nothing yet: one epoll for all of them, and no task for any.

Most strangers of a flood never say a word. Such a one costs a place, a descriptor and what the
kernel takes to open and close a socket; it gets a task with its first bytes.
"""

import contextlib
import select
import socket
from collections.abc import Callable
from typing import Final

import trio

from gateway.fix.disconnect import DisconnectReason
from gateway.flow.admission import source_of
from gateway.flow.waiting_room import WaitingRoom

LOGON_TIMEOUT_SECONDS: Final = 5
"""A connection without a Logon is closed after this long, seconds."""

FIRST_READ_BYTES: Final = 4 * 1024
"""Largest read from a stranger, bytes."""

BATCH: Final = 16
"""Strangers heard, or closed for their silence, in one turn: under 1 ms, so that a crowd of them
holds no session up."""

LOOK_SECONDS: Final = 0.1
"""How often overdue strangers are looked for, seconds."""


class Stranger:
    """A connection that has no session yet. `scope` is what its first message is read in; there is
    none while it is silent."""

    __slots__ = ("_dismiss", "deadline", "peer", "reason", "scope", "sock", "source")

    def __init__(
        self, sock: socket.socket, peer: str, dismiss: Callable[["Stranger"], None] | None = None
    ) -> None:
        self.sock = sock
        self.peer = peer
        self.source = source_of(peer)
        self.deadline = trio.current_time() + LOGON_TIMEOUT_SECONDS
        """trio's time, seconds."""
        self.scope: trio.CancelScope | None = None
        self.reason: DisconnectReason | None = None
        """Why it had to leave, if it had to."""
        self._dismiss = dismiss

    def speaks(self) -> trio.CancelScope:
        """From now on a task serves it, within this scope."""
        self.scope = trio.CancelScope(deadline=self.deadline)
        return self.scope

    def end(self) -> None:
        """It has to leave, and self.reason says why."""
        if self.scope is not None:
            self.scope.cancel()
        elif self._dismiss is not None:
            self._dismiss(self)


class Lobby:
    """Where connections wait until they speak.

    spoke(stranger, data): its first bytes came, and the rest is somebody else's.
    left(stranger, reason): it was closed without a word from either side.
    """

    def __init__(
        self,
        room: WaitingRoom,
        spoke: Callable[[Stranger, bytes], None],
        left: Callable[[Stranger, DisconnectReason], None],
    ) -> None:
        self._room = room
        self._spoke = spoke
        self._left = left
        self._epoll = select.epoll()
        # By descriptor, in the order in which they came: as many as the room has places, at most.
        self._silent: dict[int, Stranger] = {}

    def enter(self, sock: socket.socket, peer: str) -> Stranger:
        """Give a newcomer a place; the room decides who gives way."""
        sock.setblocking(False)
        stranger = Stranger(sock, peer, self._dismissed)
        self._room.enter(stranger)
        self._silent[sock.fileno()] = stranger
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        return stranger

    async def serve(self) -> None:
        """Listen to them for ever; whoever is still silent at the end is closed."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hear_all)
                nursery.start_soon(self._close_overdue)
        finally:
            for stranger in list(self._silent.values()):
                self._close(stranger, DisconnectReason.SHUTDOWN)
            self._epoll.close()

    async def _hear_all(self) -> None:
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            for descriptor, _ in self._epoll.poll(0, BATCH):
                if stranger := self._silent.get(descriptor):
                    self._hear(stranger)

    def _hear(self, stranger: Stranger) -> None:
        try:
            data = stranger.sock.recv(FIRST_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._close(stranger, DisconnectReason.PEER_CLOSED)
            return
        self._forget(stranger)
        stranger.speaks()
        self._room.spoke(stranger)
        self._spoke(stranger, data)

    async def _close_overdue(self) -> None:
        while True:
            await trio.sleep(LOOK_SECONDS)
            while overdue := self._overdue():
                for stranger in overdue:
                    self._close(stranger, DisconnectReason.NO_LOGON)
                await trio.lowlevel.checkpoint()

    def _overdue(self) -> list[Stranger]:
        now = trio.current_time()
        found: list[Stranger] = []
        for stranger in self._silent.values():
            if stranger.deadline > now or len(found) == BATCH:
                break
            found.append(stranger)
        return found

    def _dismissed(self, stranger: Stranger) -> None:
        assert stranger.reason is not None
        self._close(stranger, stranger.reason)

    def _close(self, stranger: Stranger, reason: DisconnectReason) -> None:
        self._room.leave(stranger)
        self._forget(stranger)
        stranger.sock.close()
        self._left(stranger, reason)

    def _forget(self, stranger: Stranger) -> None:
        descriptor = stranger.sock.fileno()
        assert self._silent[descriptor] is stranger
        del self._silent[descriptor]
        with contextlib.suppress(FileNotFoundError):
            self._epoll.unregister(descriptor)
