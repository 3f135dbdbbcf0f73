"""Custody's line to the venue: commands to core's ingress, said again until the journal has them.

What the venue answers on the line is not looked at, apart from that it has answered: the journal
says what a command has done, and custody reads that anyway.
"""

import asyncio
from collections.abc import Callable, Hashable
from itertools import takewhile
from pathlib import Path
from typing import Final, Protocol

from engine.local_socket import address
from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.model.commands import CustodyCommand
from engine.model.ingress import MAX_REQUESTS, FrameMalformed, FrameReader, Reply, Request, frame

AGAIN_NANOS: Final = 2 * NANOS_PER_SECOND
"""How long a command may be without an answer in the journal before it is said again."""

MAX_WAITING: Final = 20_000
"""Commands that wait to be said or answered: a block full of deposits. More are told of later."""

REPLY_SECONDS: Final = 5
"""Longest wait for the replies to a batch."""


class Line(Protocol):
    """What brings commands to the venue, or not."""

    async def say(self, commands: list[CustodyCommand]) -> int:
        """Hand commands over; how many, from the first, have arrived for certain."""
        ...


class Telling:
    """What the venue is to be told, each command once in a while until somebody says it is done."""

    def __init__(self, line: Line, clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._waiting: dict[Hashable, CustodyCommand] = {}
        self._said: dict[Hashable, int] = {}

    def tell(self, command: CustodyCommand) -> None:
        """Say this at the next `send`, unless it was said a moment ago."""
        key = (type(command), command.reference)
        said = self._said.get(key)
        if said is not None and self._clock.monotonic() - said < AGAIN_NANOS:
            return
        if len(self._waiting) < MAX_WAITING:
            self._waiting[key] = command

    async def send(self) -> int:
        """Say what waits; how many have arrived."""
        arrived = 0
        now = self._clock.monotonic()
        self._said = {k: said for k, said in self._said.items() if now - said < AGAIN_NANOS}
        while self._waiting:
            keys = list(self._waiting)[:MAX_REQUESTS]
            count = await self._line.say([self._waiting[key] for key in keys])
            for key in keys[:count]:
                self._said[key] = now
            arrived += count
            for key in keys:
                del self._waiting[key]
            if count < len(keys):
                self._waiting.clear()  # whoever still wants it tells it again
        return arrived


class IngressLine:
    """Line over the local socket of core."""

    def __init__(self, path: Path, log: Callable[[str], None]) -> None:
        self._path = path
        self._log = log
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._frames = FrameReader(Reply)
        self._number = 0
        self._down = False

    async def say(self, commands: list[CustodyCommand]) -> int:
        """See Line. A venue that is away is tried again at the next call."""
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                arrived = await self._exchange(commands)
        except (OSError, TimeoutError, EOFError, FrameMalformed) as error:
            if not self._down:
                self._log(f"the venue is away ({type(error).__name__}); trying again")
            self._down = True
            self.close()
            return 0
        self._down = False
        return arrived

    async def _exchange(self, commands: list[CustodyCommand]) -> int:
        if self._writer is None:
            with address(self._path) as name:
                self._reader, self._writer = await asyncio.open_unix_connection(name)
            self._frames = FrameReader(Reply)
        assert self._reader is not None
        first = self._number + 1
        self._number += len(commands)
        self._writer.write(
            b"".join(frame(Request(first + k, command)) for k, command in enumerate(commands))
        )
        await self._writer.drain()
        replies: list[Reply] = []
        while len(replies) < len(commands):
            data = await self._reader.read(65_536)
            if not data:
                raise EOFError
            replies += self._frames.feed(data)
        taken = sum(1 for _ in takewhile(lambda reply: reply.record >= 0, replies))
        if taken < len(replies):
            self._log(f"the venue does not take commands: {replies[taken].refusal}")
        return taken

    def close(self) -> None:
        """End the connection; the next `say` makes another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
