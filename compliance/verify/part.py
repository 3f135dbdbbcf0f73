"""Some records of a log, where the others are there as hashes alone.

The tiles give the tree and its root, so that it is shown that no record of the range is missing,
changed or in another place; what the records mean all of them together would show.
"""

from collections.abc import Generator, Iterator

from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import HASH_BYTES, leaf_hash
from compliance.audit.tiles import TILE_WIDTH, TileReader, bundle_path, tile_path
from compliance.verify.evidence_layout import Records
from compliance.verify.findings import INCOMPLETE, TAMPERED, Failed
from compliance.verify.log_files import LogFiles
from compliance.verify.records import record_of


class TileHashes:
    """The hashes of all entries, out of the tiles. See compliance.verify.entries.Source."""

    def __init__(self, log: LogFiles, size: int) -> None:
        self._log = log
        self._size = size

    def __iter__(self) -> Generator[bytes, None, None]:
        """Raises Failed."""
        for index in range(-(-self._size // TILE_WIDTH)):
            width = min(TILE_WIDTH, self._size - index * TILE_WIDTH)
            path = tile_path(0, index, width)
            tile = self._log.read(path)
            if tile is None or len(tile) < width * HASH_BYTES:
                raise Failed(INCOMPLETE, "it is missing" if tile is None else "it is cut", path)
            if len(tile) > width * HASH_BYTES:
                raise Failed(TAMPERED, f"it has more than {width} hashes", path)
            for at in range(0, len(tile), HASH_BYTES):
                yield tile[at : at + HASH_BYTES]


class Part:
    """The records of a range, in a log whose tiles are well."""

    def __init__(self, log: LogFiles, size: int, records: Records) -> None:
        self._log = log
        self._records = records
        self._reader = TileReader(size, log.read)

    def check_bundles(self) -> str:
        """Each entry has the hash that is in the tree; what is to be said of it. Raises Failed."""
        for number, entry in self._entries():
            if leaf_hash(entry) != self._reader.node(0, number):
                raise Failed(TAMPERED, "it is another one than was signed", f"record {number}")
        count = len(self._records.bundles)
        return f"{count:,} files have the records whose hashes are in the tree"

    def check_records(self) -> str:
        """Numbered without hole, in time; what is to be said of it. Raises Failed."""
        time = 0
        for number, entry in self._entries():
            record = record_of(number, entry)
            if record.time < time:
                raise Failed(
                    TAMPERED, "it is earlier than the record before it", f"record {number}"
                )
            time = record.time
        return f"{self._records.begin} to {self._records.end - 1} without a hole, in time"

    def _entries(self) -> Iterator[tuple[int, bytes]]:
        for index in self._records.bundles:
            try:
                yield from enumerate(self._reader.bundle(index), index * TILE_WIDTH)
            except AuditRefused as error:
                raise Failed(TAMPERED, str(error), bundle_path(index)) from None
