"""From a connection to the session it belongs to: one message, one password, no trace.

Until the password is right a connection is a stranger's. It costs one small task, from its first
byte on, and no buffers, uses none of the member's numbers, and keeps nobody out: the session is
given away only to the connection that has proved itself. A stranger is closed without a word. A
Logout would need a MsgSeqNum: one that is used up would let anybody who knows a CompID make holes
in the member's numbers, and one that is not would come twice, for engines count a Logout's number.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import trio

from engine.model.clock import Clock
from gateway.config import ResolvedSession, verifies_slowly, verify_password
from gateway.fix.codec import Framer
from gateway.fix.decoder import Decoder
from gateway.fix.dictionary import Dictionary
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.message import Message
from gateway.flow.admission import NO_SESSION, Admission
from gateway.flow.connection import has_left
from gateway.flow.link import Link
from gateway.flow.lobby import FIRST_READ_BYTES, Stranger
from gateway.flow.log_limit import LimitedLog
from gateway.flow.waiting_room import WaitingRoom

VERIFY_TIMEOUT_SECONDS: Final = 30
"""How long a password may wait for its turn to be verified, seconds."""

PREDECESSOR_SECONDS: Final = 2
"""How long a member may wait for his own closed connection to be read to its end, seconds."""

MAX_VERIFYING: Final = 64
"""Passwords that wait to be verified, one at a time: two seconds of work at 30 ms each. A Logon
beyond them is refused, and may be tried again."""

MAX_LOGON_BYTES: Final = 16 * 1024
"""Bytes that a stranger may send before his Logon is whole: twice the longest field that session
tests send. A member may send more, once he is logged on."""

SHOWN_COMP_ID_BYTES: Final = 32
"""A stranger's SenderCompID in our log, bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A connection that may have its session: what was read of it, the Logon first."""

    link: Link
    framer: Framer
    raws: list[bytes]


class Entrance:
    """Where the connections of one process wait until they are known. `links` by CompID."""

    def __init__(
        self,
        links: Mapping[bytes, Link],
        admission: Admission,
        room: WaitingRoom,
        dictionary: Dictionary,
        clock: Clock,
        log: LimitedLog,
        venue: bytes,
    ) -> None:
        self.room = room
        self.open = True
        self.verifying = 0
        """Logons whose password is being looked at, or waits for that."""
        self.freed = trio.lowlevel.ParkingLot()
        """Who waits for a session to lose its connection."""
        self._links = links
        self._admission = admission
        self._decoder = Decoder(dictionary, compile_shapes=False)
        self._clock = clock
        self._log = log
        self._venue = venue
        self._turn = trio.Lock()

    def close(self) -> None:
        """Let nobody in from now on."""
        self.open = False
        self.room.clear()

    def left(self, stranger: Stranger, reason: DisconnectReason) -> None:
        """It ended before its first message was whole."""
        self._log(f"{stranger.peer} ended before a Logon: {reason.name}")
        if reason is DisconnectReason.FIRST_MESSAGE_NOT_LOGON:
            self._failed(stranger.source, NO_SESSION)

    async def admit(self, stranger: Stranger, data: bytes) -> Entry | DisconnectReason:
        """Read on to the end of the first message, which began with `data`, and verify its
        password: the session, or why there is none."""
        framer = Framer()
        raws = await self._first_messages(stranger, data, framer)
        if isinstance(raws, DisconnectReason):
            self.left(stranger, raws)
            return raws
        message = self._decoder.decode(raws[0])
        found = self._link_of(message, stranger.source)
        if isinstance(found, Link):
            reason = await self._verify(found, message, stranger)
            if reason is None:
                return Entry(found, framer, raws)
        else:
            reason = found
        comp_id = message.get(49, b"")[:SHOWN_COMP_ID_BYTES].decode("ascii", "replace")
        self._log(f"{stranger.peer} refused: {reason.name} (SenderCompID {comp_id!r})")
        return reason

    async def _first_messages(
        self, stranger: Stranger, data: bytes, framer: Framer
    ) -> list[bytes] | DisconnectReason:
        """What the first read that completes a message brought, or why there was none."""
        assert stranger.scope is not None
        budget = MAX_LOGON_BYTES
        try:
            with stranger.scope:
                while data:
                    budget -= len(data)
                    if raws := framer.feed(data):
                        return raws
                    if budget <= 0:
                        return DisconnectReason.FIRST_MESSAGE_NOT_LOGON
                    data = await read(stranger.sock, FIRST_READ_BYTES)
                return DisconnectReason.PEER_CLOSED
        finally:
            self.room.leave(stranger)
        return stranger.reason or DisconnectReason.NO_LOGON

    def _link_of(self, message: Message, source: str) -> Link | DisconnectReason:
        """The session that a first message belongs to, or why it cannot have it."""
        comp_id = message.get(49, b"")
        link = self._links.get(comp_id)
        if not self.open:
            return DisconnectReason.SHUTDOWN
        if self._blocked(source, comp_id):
            return DisconnectReason.BLOCKED
        if message.msg_type != b"A":
            self._failed(source, NO_SESSION)
            return DisconnectReason.FIRST_MESSAGE_NOT_LOGON
        if link is None or message.get(56) != self._venue:
            self._failed(source, NO_SESSION)
            return DisconnectReason.UNKNOWN_COMP_ID
        if message.begin_string != link.session.settings.begin_string:
            return DisconnectReason.BAD_BEGIN_STRING
        if link.connection is not None and not link.connection.peer_has_left:
            return DisconnectReason.DUPLICATE_SESSION
        return link

    async def _verify(
        self, link: Link, message: Message, stranger: Stranger
    ) -> DisconnectReason | None:
        """Why a Logon cannot have the session it names; None: it is its own from this moment."""
        comp_id, source = message.get(49, b""), stranger.source
        config = link.config
        if verifies_slowly(config) and self.verifying >= MAX_VERIFYING:
            return DisconnectReason.LOGON_REFUSED
        self.verifying += 1
        right: bool | None = None
        try:
            with trio.move_on_after(VERIFY_TIMEOUT_SECONDS):
                right = await self.credentials(config, message.get(553), message.get(554), source)
        finally:
            self.verifying -= 1
        if right is None:
            return DisconnectReason.NO_LOGON
        if self._blocked(source, comp_id):
            return DisconnectReason.BLOCKED
        if not right:
            self._failed(source, comp_id)
            return DisconnectReason.LOGON_REFUSED
        self._admission.succeeded(source, comp_id)
        await self._predecessor_gone(link)
        if not self.open:
            return DisconnectReason.SHUTDOWN
        if has_left(stranger.sock):
            # It gave up while it waited, and may have been here again since: what it asked for, a
            # reset perhaps, is not wanted any more.
            return DisconnectReason.PEER_CLOSED
        return None if link.connection is None else DisconnectReason.DUPLICATE_SESSION

    async def _predecessor_gone(self, link: Link) -> None:
        """Who closes his connection and logs on again at once must not find it still in his way.

        What he sent before he closed is read first.
        """
        before = link.connection
        if before is not None and before.peer_has_left:
            with trio.move_on_after(PREDECESSOR_SECONDS):
                while link.connection is before:
                    await self.freed.park()

    async def credentials(
        self,
        config: ResolvedSession,
        username: bytes | None,
        password: bytes | None,
        source: str | None,
    ) -> bool:
        """Whether Username(553) and Password(554) open the session; slow ones one at a time.

        source: where a stranger comes from; None for who is logged on already.
        """
        if username != config.comp_id.encode():
            return False
        word = password or b""
        if not verifies_slowly(config):
            return verify_password(config, word)
        async with self._turn:
            if source is not None and self._blocked(source, username):
                return False  # those before it in the queue were wrong: no work for the others
            return await trio.to_thread.run_sync(verify_password, config, word)

    def _blocked(self, source: str, comp_id: bytes) -> bool:
        return self._admission.blocked(source, comp_id, self._clock.monotonic())

    def _failed(self, source: str, comp_id: bytes) -> None:
        if self._admission.failed(source, comp_id, self._clock.monotonic()):
            whom = comp_id.decode("ascii", "replace") or "everybody"
            self._log(f"{source}: too many failed Logons; {whom} is blocked there for a while")


async def read(sock: socket.socket, size: int) -> bytes:
    """The next bytes, at most `size`; empty at the end of the stream or when it broke."""
    while True:
        await trio.lowlevel.wait_readable(sock.fileno())
        try:
            return sock.recv(size)
        except (BlockingIOError, InterruptedError):
            continue
        except OSError:
            return b""
