"""What a client has missed, read from the journal again: in slices, as fast as it reads.

A replay ends where the live feed has come to at that moment, and joins it there: between the last
message of the one and the first of the other nothing is missing and nothing comes twice.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import trio

from engine.journal.follow import JournalReader
from engine.model.errors import JournalDamaged
from engine.model.record import Record
from gateway.flow.connection import Connection
from gateway.websocket.frames import CloseCode

MAX_REPLAYS: Final = 8
"""Replays at once, of one process; more wait for their turn. Each holds a window of the journal,
256 KiB, and its client's unsent output."""

SLICE_RECORDS: Final = 50
"""Records read in one turn: about a millisecond, so that live messages are hardly held up."""

AHEAD_BYTES: Final = 128 * 1024
"""Unsent output, bytes, above which a replay waits for its client to read."""


class Receiver(Protocol):
    """Whom a replay is for. connection: what holds its unsent output."""

    who: str
    connection: Connection

    @property
    def open(self) -> bool:
        """Whether it still takes messages."""
        ...

    def send(self, frames: bytes) -> None:
        """Send without blocking."""
        ...

    def close(self, code: CloseCode, reason: str, now: int) -> None:
        """Say why it ends, as far as its protocol can."""
        ...


class Replay:
    """One client's way back to the live feed.

    after: the record behind which it begins. render: the frames of some records, in order. live:
    the last record that the live feed has told. joined: called when the two have met; from then
    on the client is the live feed's.
    """

    def __init__(
        self,
        client: Receiver,
        after: int,
        render: Callable[[Sequence[Record]], bytes],
        live: Callable[[], int],
        joined: Callable[[], None],
    ) -> None:
        self.client = client
        self.after = after
        self.render = render
        self.live = live
        self.joined = joined
        self.cancelled = False

    def cancel(self) -> None:
        """The client wants no more of it."""
        self.cancelled = True


class Replays:
    """The replays of one process. `log` takes one line of text."""

    def __init__(
        self,
        open_reader: Callable[[], JournalReader],
        now: Callable[[], int],
        log: Callable[[str], None],
    ) -> None:
        """now: monotonic ns."""
        self._open_reader = open_reader
        self._now = now
        self._log = log
        self._places = trio.Semaphore(MAX_REPLAYS)
        self._turn = trio.Lock()
        """One slice in each turn of the event loop, so that replays do not add up to a wait."""
        self._nursery: trio.Nursery | None = None
        self.running = 0
        """Replays that run, or wait for their place."""

    async def serve(self) -> None:
        """Run what is started, for ever."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await trio.sleep_forever()

    def start(self, replay: Replay) -> None:
        """Begin, as soon as there is a place. It ends by itself when its client does."""
        assert self._nursery is not None
        self.running += 1
        self._nursery.start_soon(self._serve, replay)

    async def _serve(self, replay: Replay) -> None:
        try:
            async with self._places:
                await self._run(replay)
        except JournalDamaged as error:
            # Its client must not get something else in its place, and the others can go on.
            self._log(f"a replay to {replay.client.who} is impossible: {error}")
            text = "what was asked for cannot be read"
            replay.client.close(CloseCode.INTERNAL_ERROR, text, self._now())
        finally:
            self.running -= 1

    async def _run(self, replay: Replay) -> None:
        client = replay.client
        follower = self._open_reader().follow(replay.after)
        while True:
            async with self._turn:
                if replay.cancelled or not client.open:
                    return
                left = replay.live() - follower.after
                if left <= 0:
                    replay.joined()
                    return
                frames = replay.render(follower.poll(min(left, SLICE_RECORDS)))
                if frames:
                    client.send(frames)
            if client.connection.queued > AHEAD_BYTES:
                await client.connection.drained(AHEAD_BYTES)
