"""The market folded once more, to write down what it has come to, so that a start need not fold
the whole journal. The process that serves the market never spends time on this.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Final

from engine.checkpoint import Checkpoints
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.journal.snapshot_files import remove_unfinished
from engine.market.feed import MarketFeed
from engine.market.saved import MARKET_FORMAT, read_market, write_market
from engine.market_reader import MarketReader
from engine.model.refdata import ReferenceData
from engine.replay import ReplayResult
from engine.restore import Log

BYTES_PER_ORDER: Final = 32
"""Room that a resting order may take in a checkpoint, bytes; most take 16."""

BYTES_PER_INSTRUMENT: Final = 2 * 1024 * 1024
"""The same of an instrument's tape and candles: some 20,000 of them at most."""


def restored_market(
    folder: Path, reader: JournalReader, log: Log, disk: Disk = REAL_DISK
) -> MarketReader:
    """The market after the newest checkpoint in `folder` that can be used; before record 0 if there
    is none."""
    found = Checkpoints(folder, MARKET_FORMAT, disk).newest(reader, read_market, log)
    if found is None:
        return MarketReader(reader, ReferenceData(), MarketFeed(), -1)
    last, refdata, market = found
    return MarketReader(reader, refdata, market, last)


class MarketShadow:
    """Follows a journal with a market of its own, and writes checkpoints into `folder`."""

    def __init__(self, journal: Path, folder: Path, disk: Disk, log: Log) -> None:
        disk.make_folder(folder)
        remove_unfinished(folder, disk)
        self._checkpoints = Checkpoints(folder, MARKET_FORMAT, disk)
        self._reader = open_reader(journal, disk)
        self.market = restored_market(folder, self._reader, log, disk)
        self.saved = self.market.last_read
        """The record of the newest checkpoint, -1 for none."""

    @property
    def result(self) -> ReplayResult:
        """The last record that was folded, and its time."""
        return ReplayResult(0, self.market.last_read, self.market.time)

    @property
    def behind(self) -> int:
        """Records that are on disk and not folded yet."""
        return self.market.behind

    @property
    def whole(self) -> bool:
        """Whether what was read ends with a whole command: only there it can be written."""
        return self.market.place is not None

    def step(self, limit: int) -> int:
        """Fold the next records, at most `limit`; how many were read. Raises JournalDamaged."""
        return self.market.step(limit)

    def size(self) -> int:
        """About how many bytes a checkpoint takes at most."""
        feeds = self.market.market.feeds.values()
        orders = sum(feed.book.resting for feed in feeds)
        return BYTES_PER_ORDER * orders + BYTES_PER_INSTRUMENT * len(feeds)

    def write(self) -> Generator[int, None, None]:
        """Write a checkpoint; yields the bytes of each piece, to pause between.

        Nothing may be folded before it has ended. Raises OSError; then those of before are still
        there.
        """
        market, place = self.market, self.market.place
        assert place is not None
        state = write_market(market.market)
        yield from self._checkpoints.write(self._reader, place, market.time, market.refdata, state)
        self.saved = place.number

    def close(self) -> None:
        """Give the journal's files back."""
        self._reader.close()
