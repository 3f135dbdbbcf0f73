"""A small FIX initiator on simplefix and trio: what a member's first script would look like.

It resets its numbers at each Logon, because a bot has no past worth asking for.
"""

from collections.abc import AsyncIterator
from typing import Final

import simplefix
import trio

from engine.model.clock import Clock
from gateway.fix.timestamps import format_utc

HEARTBEAT_SECONDS: Final = 10
READ_BYTES: Final = 65_536


class BotClient:
    """One FIX session of a bot. `venue` is the venue's CompID."""

    def __init__(self, stream: trio.abc.Stream, comp_id: str, venue: str, clock: Clock) -> None:
        self._stream = stream
        self._comp_id = comp_id
        self._venue = venue
        self._clock = clock
        self._seq = 1
        self._parser = simplefix.FixParser()
        # Heartbeats, answers and orders are sent by different tasks; a stream takes one at a time.
        self._sending = trio.Lock()

    async def send(self, msg_type: str, fields: list[tuple[int, str]]) -> None:
        """Send one message; fields are the body's, in order. Who comes meanwhile waits."""
        async with self._sending:
            await self._stream.send_all(self._next_message(msg_type, fields))

    def _next_message(self, msg_type: str, fields: list[tuple[int, str]]) -> bytes:
        now = format_utc(self._clock.now(), 3)
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4", header=True)
        message.append_pair(35, msg_type, header=True)
        message.append_pair(49, self._comp_id, header=True)
        message.append_pair(56, self._venue, header=True)
        message.append_pair(34, self._seq, header=True)
        message.append_pair(52, now, header=True)
        self._seq += 1
        for tag, value in fields:
            message.append_pair(tag, value)
        if msg_type in ("D", "F", "G", "q"):
            message.append_pair(60, now)
        encoded: bytes = message.encode()
        return encoded

    async def logon(self, password: str) -> None:
        """Ask for a session with fresh numbers."""
        await self.send(
            "A",
            [
                (98, "0"),
                (108, str(HEARTBEAT_SECONDS)),
                (141, "Y"),
                (553, self._comp_id),
                (554, password),
            ],
        )

    async def messages(self) -> AsyncIterator[dict[int, str]]:
        """Every message of the venue as tag to first value; TestRequests are answered here."""
        while data := await self._stream.receive_some(READ_BYTES):
            self._parser.append_buffer(data)
            while (message := self._parser.get_message()) is not None:
                fields: dict[int, str] = {}
                for tag, value in message.pairs:
                    fields.setdefault(int(tag), value.decode("latin-1"))
                if fields.get(35) == "1":
                    await self.send("0", [(112, fields.get(112, ""))])
                yield fields

    async def heartbeat(self) -> None:
        """Keep the session alive, for ever."""
        while True:
            await trio.sleep(HEARTBEAT_SECONDS)
            await self.send("0", [])
