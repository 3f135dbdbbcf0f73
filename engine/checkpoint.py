"""What a reader of the journal has come to, kept in a folder of its own, so that a start of it need
not read the whole journal.

The journal alone stays the truth: a checkpoint that is damaged, of another release or of another
journal is passed over, and an older one serves, or none. Its file is that of a snapshot: names and
scales in the first chunk, what the reader makes of the journal in those behind it.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.follow import JournalReader
from engine.journal.place import Place
from engine.journal.snapshot import SnapshotHeader
from engine.journal.snapshot_files import SnapshotFile, list_snapshots, write_snapshot
from engine.model.commands import Command
from engine.model.errors import SnapshotDamaged
from engine.model.refdata import ReferenceData
from engine.restore import Log

NO_STATE_HASH: Final = bytes(32).hex()
"""Of the venue's state, which a reader of the feeds has not."""

T = TypeVar("T")

_encode_names = msgspec.msgpack.Encoder().encode
_decode_names = msgspec.msgpack.Decoder(list[Command]).decode


class Checkpoints(NamedTuple):
    """A folder of checkpoints. state_format: of what the chunks behind the names hold."""

    folder: Path
    state_format: int
    disk: Disk = REAL_DISK

    def newest(
        self, reader: JournalReader, read: Callable[[Iterator[bytes]], T], log: Log
    ) -> tuple[int, ReferenceData, T] | None:
        """The newest one that `reader`'s journal goes with and its mark covers: the last record
        that it knows, names and scales, and what `read` makes of its chunks; None without one.

        read raises SnapshotDamaged for chunks that it cannot use. The reader learns the indexes of
        the journal's segments from it.
        """
        for path in list_snapshots(self.folder, self.disk):
            try:
                return self._read(SnapshotFile(path, self.disk), reader, read)
            except SnapshotDamaged as error:
                log(f"checkpoint passed over: {error}")
        return None

    def _read(
        self, file: SnapshotFile, reader: JournalReader, read: Callable[[Iterator[bytes]], T]
    ) -> tuple[int, ReferenceData, T]:
        header, name = file.header, file.path.name
        if header.state_format != self.state_format:
            raise SnapshotDamaged(f"{name} is of another release")
        if header.place.number > reader.mark().number or not reader.has(header.place):
            raise SnapshotDamaged(f"{name} does not agree with the journal")
        indexes, chunks = file.parts()
        refdata, found = _read_names(next(chunks, b"")), read(chunks)
        reader.learn(indexes)
        return header.place.number, refdata, found

    def write(
        self,
        reader: JournalReader,
        place: Place,
        time: int,
        refdata: ReferenceData,
        chunks: Iterable[bytes],
    ) -> Generator[int, None, None]:
        """Write one of what is known after the record of `place`, whose time is `time`, ns UTC;
        yields the bytes of each piece, to pause between: nothing of it may change before the end.

        Raises OSError; then those of before are still there.
        """
        header = SnapshotHeader(self.state_format, place, time, reader.mark().synced, NO_STATE_HASH)
        indexes = [reader.indexes[first] for first in sorted(reader.indexes)]
        names = _encode_names(list(refdata.configured.values()))
        yield from write_snapshot(self.folder, self.disk, header, indexes, chain([names], chunks))


def _read_names(chunk: bytes) -> ReferenceData:
    refdata = ReferenceData()
    try:
        for command in _decode_names(chunk):
            refdata.apply(command)
    except (msgspec.DecodeError, ValueError, KeyError) as error:
        raise SnapshotDamaged(f"not names: {error}") from error
    return refdata
