"""The market folded once more, to write down what it has come to, so that a start need not fold
the whole journal. The process that serves the market never spends time on this.

The journal alone stays the truth: a checkpoint that is damaged, of another release or of another
journal is passed over, and an older one serves, or none.
"""

from collections.abc import Generator
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.journal.snapshot import SnapshotHeader
from engine.journal.snapshot_files import (
    SnapshotFile,
    list_snapshots,
    remove_unfinished,
    write_snapshot,
)
from engine.market.feed import MarketFeed
from engine.market.saved import MARKET_FORMAT, read_market, write_market
from engine.market_reader import MarketReader
from engine.model.commands import Command
from engine.model.errors import SnapshotDamaged
from engine.model.refdata import ReferenceData
from engine.replay import ReplayResult
from engine.restore import Log

NO_STATE_HASH: Final = bytes(32).hex()
"""Of the venue's state, which a market has not."""

BYTES_PER_ORDER: Final = 32
"""Room that a resting order may take in a checkpoint, bytes; most take 16."""

BYTES_PER_INSTRUMENT: Final = 2 * 1024 * 1024
"""The same of an instrument's tape and candles: some 20,000 of them at most."""

_encode_names = msgspec.msgpack.Encoder().encode
_decode_names = msgspec.msgpack.Decoder(list[Command]).decode


def restored_market(
    folder: Path, reader: JournalReader, log: Log, disk: Disk = REAL_DISK
) -> MarketReader:
    """The market after the newest checkpoint in `folder` that `reader`'s journal goes with and its
    mark covers; before record 0 if there is none."""
    for path in list_snapshots(folder, disk):
        try:
            return _restored(SnapshotFile(path, disk), reader)
        except SnapshotDamaged as error:
            log(f"checkpoint passed over: {error}")
    return MarketReader(reader, ReferenceData(), MarketFeed(), -1)


def _restored(file: SnapshotFile, reader: JournalReader) -> MarketReader:
    header, name = file.header, file.path.name
    if header.state_format != MARKET_FORMAT:
        raise SnapshotDamaged(f"{name} is of another release")
    if header.place.number > reader.mark().number or not reader.has(header.place):
        raise SnapshotDamaged(f"{name} does not agree with the journal")
    indexes, chunks = file.parts()
    refdata, market = _read_names(next(chunks, b"")), read_market(chunks)
    reader.learn(indexes)
    return MarketReader(reader, refdata, market, header.place.number)


def _read_names(chunk: bytes) -> ReferenceData:
    refdata = ReferenceData()
    try:
        for command in _decode_names(chunk):
            refdata.apply(command)
    except (msgspec.DecodeError, ValueError, KeyError) as error:
        raise SnapshotDamaged(f"not names: {error}") from error
    return refdata


class MarketShadow:
    """Follows a journal with a market of its own, and writes checkpoints into `folder`."""

    def __init__(self, journal: Path, folder: Path, disk: Disk, log: Log) -> None:
        disk.make_folder(folder)
        remove_unfinished(folder, disk)
        self.folder = folder
        self._disk = disk
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
        synced = self._reader.mark().synced
        header = SnapshotHeader(MARKET_FORMAT, place, market.time, synced, NO_STATE_HASH)
        indexes = [self._reader.indexes[first] for first in sorted(self._reader.indexes)]
        names = _encode_names(list(market.refdata.configured.values()))
        state = chain([names], write_market(market.market))
        yield from write_snapshot(self.folder, self._disk, header, indexes, state)
        self.saved = place.number

    def close(self) -> None:
        """Give the journal's files back."""
        self._reader.close()
