"""The local socket of core that custody and compliance change the venue through.

Only processes of the venue's own user get in. What they send is bounded and checked like any
member's bytes: whoever sends something else loses its connection, and nobody notices.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import trio

from engine.local_socket import is_own, listening
from engine.model.commands import Block, Command, SetHold, Unblock
from engine.model.events import CommandRefused
from engine.model.ids import NOBODY
from engine.model.ingress import MAX_REQUESTS, FrameMalformed, FrameReader, Reply, Request, frame
from engine.model.record import Record

MAX_CONNECTIONS: Final = 16
"""Processes that hand in commands at a time: a few of ours, and tools."""

READ_BYTES: Final = 65_536

NOT_TAKEN: Final = -1
"""Stands for a record in the reply to a command that was not taken, and may be sent again."""


class Taker(Protocol):
    """What takes the commands: gateway.order_entry.service.OrderEntry."""

    @property
    def low_space(self) -> bool:
        """The disk is nearly full."""
        ...

    def submit(self, command: Command) -> list[Record]:
        """Apply a command; its records."""
        ...

    async def room(self) -> None:
        """Wait while more is pending than may be."""
        ...

    async def settle(self) -> None:
        """Wait until what was submitted is on disk."""
        ...


class Ingress:
    """Serves the socket at `path`, which nobody else serves."""

    def __init__(self, path: Path, taker: Taker, log: Callable[[str], None]) -> None:
        self._path = path
        self._taker = taker
        self._log = log
        self._listener = trio.socket.from_stdlib_socket(listening(path, MAX_CONNECTIONS))
        self.connections = 0
        self.commands = 0

    async def serve(self) -> None:
        """Until it is closed, and all who are connected are gone."""
        async with trio.open_nursery() as nursery:
            while True:
                try:
                    peer, _ = await self._listener.accept()
                except (trio.ClosedResourceError, OSError):
                    return  # the venue is closing
                stream = trio.SocketStream(peer)
                if refusal := self._full_or_foreign(peer):
                    self._log(f"ingress: refused, {refusal}")
                    await stream.aclose()
                else:
                    self.connections += 1
                    nursery.start_soon(self._serve, stream)

    def _full_or_foreign(self, peer: trio.socket.SocketType) -> str:
        if self.connections >= MAX_CONNECTIONS:
            return f"{MAX_CONNECTIONS} are connected"
        return "" if is_own(peer) else "a process of another user"

    def close(self) -> None:
        """Nobody gets in any more."""
        self._listener.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, stream: trio.SocketStream) -> None:
        reader = FrameReader(Request)
        try:
            async with stream:
                while data := await stream.receive_some(READ_BYTES):
                    requests = list(reader.feed(data))
                    for k in range(0, len(requests), MAX_REQUESTS):
                        await stream.send_all(await self._take(requests[k : k + MAX_REQUESTS]))
        except FrameMalformed as error:
            self._log(f"ingress: closed, {error}")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # it is gone; what it sent is in the journal, where it finds it
        finally:
            self.connections -= 1

    async def _take(self, requests: list[Request]) -> bytes:
        """Hand commands over; their replies, once they are on disk."""
        replies = []
        for request in requests:
            if refusal := self._refusal(request.command):
                replies.append(Reply(request.number, NOT_TAKEN, refusal))
                continue
            await self._taker.room()
            record = self._taker.submit(request.command)[-1]
            self.commands += 1
            refusals = [e.text for e in record.events if isinstance(e, CommandRefused)]
            replies.append(Reply(request.number, record.number, "".join(refusals)))
        await self._taker.settle()
        return b"".join(map(frame, replies))

    def _refusal(self, command: Command) -> str:
        """Why a command is not even taken; empty if it is."""
        if self._taker.low_space:
            return "the venue's journal has no room; try again later"
        if isinstance(command, Block | Unblock | SetHold) and command.origin.session != NOBODY:
            return "a command of the venue's own names no session"
        return ""
