"""When a shadow folds, when it writes, and how little it gets in core's way."""

import contextlib
from collections.abc import Callable, Generator
from typing import Final, Protocol

import trio

from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.replay import ReplayResult

FOLD_RECORDS: Final = 1_000
"""Records folded in one turn: some 15 ms."""

FOLD_SECONDS: Final = 0.1
"""Wait for new records, seconds. It is not woken by each commit: that would cost core more."""

PIECE_PAUSE_SECONDS: Final = 0.02
"""Rest of the disk after each piece of a snapshot, seconds: the journal's syncs come between."""

WRITING_SHARE: Final = 4
"""After a snapshot at least this many times as long as it took passes before the next one."""

RETRY_SECONDS: Final = 60
"""Wait after a snapshot that could not be written."""

SPARE_SEGMENTS: Final = 4
"""A snapshot leaves this many journal segments of disk free, or is not made."""

LAST_BYTES: Final = 4 * 1024 * 1024
"""A snapshot up to this size is also made at a clean stop: some 50 ms."""


class Shadow(Protocol):
    """What folds the journal: engine.shadow, engine.market_shadow."""

    saved: int

    @property
    def result(self) -> ReplayResult:
        """The last record that was folded, and its time."""
        ...

    @property
    def behind(self) -> int:
        """Records that are on disk and not folded yet."""
        ...

    @property
    def whole(self) -> bool:
        """Whether it can be written now."""
        ...

    def step(self, limit: int) -> int:
        """Fold the next records; how many were read."""
        ...

    def size(self) -> int:
        """About how many bytes it takes on disk at most."""
        ...

    def write(self) -> Generator[int, None, None]:
        """Write it; yields the bytes of each piece."""
        ...


class SnapshotService:
    """Folds for ever, and writes a snapshot every `records` records.

    free_bytes tells the room on the disk; spare_bytes of it are the journal's.
    """

    def __init__(
        self,
        shadow: Shadow,
        records: int,
        spare_bytes: int,
        free_bytes: Callable[[], int],
        clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        assert records > 0
        self.shadow = shadow
        self._records = records
        self._spare_bytes = spare_bytes
        self._free_bytes = free_bytes
        self._clock = clock
        self._log = log
        self._not_before = 0

    @property
    def due(self) -> bool:
        """Whether a snapshot is to be written now."""
        shadow = self.shadow
        return (
            shadow.result.last - shadow.saved >= self._records
            and shadow.whole
            and self._clock.monotonic() >= self._not_before
        )

    async def run(self, stop: trio.Event) -> None:
        """Until `stop`, then once more if it is cheap."""
        while not stop.is_set():
            read = self.shadow.step(FOLD_RECORDS)
            if self.due:
                await self.write(PIECE_PAUSE_SECONDS, stop)
            elif read:
                await trio.lowlevel.checkpoint()
            else:
                with trio.move_on_after(FOLD_SECONDS):
                    await stop.wait()
        await self._last()

    async def _last(self) -> None:
        shadow = self.shadow
        if shadow.size() > LAST_BYTES or shadow.behind > self._records:
            return
        while shadow.step(FOLD_RECORDS):
            await trio.lowlevel.checkpoint()
        if shadow.whole and shadow.result.last > shadow.saved:
            await self.write(0, trio.Event())

    async def write(self, pause_seconds: float, stop: trio.Event) -> None:
        """Write a snapshot, if there is room; a failure is logged and tried again later.

        Given up half-way at `stop`: there may be no time for the rest.
        """
        started = self._clock.monotonic()
        room = self._free_bytes() - self._spare_bytes
        if room < self.shadow.size():
            self._later(started, "the disk has too little room")
            return
        try:
            with contextlib.closing(self.shadow.write()) as pieces:
                for _ in pieces:
                    with trio.move_on_after(pause_seconds):
                        await stop.wait()
                    if stop.is_set():
                        return
        except OSError as error:
            self._later(started, str(error))
            return
        now = self._clock.monotonic()
        self._not_before = now + WRITING_SHARE * (now - started)

    def _later(self, now: int, why: str) -> None:
        self._log(f"no snapshot of record {self.shadow.result.last}: {why}")
        self._not_before = now + RETRY_SECONDS * NANOS_PER_SECOND
