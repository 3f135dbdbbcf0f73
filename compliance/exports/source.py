"""The records under a signed checkpoint, out of the audit log's entries, and the proof that they
are those that were signed.

Entries and not the journal: that is what an auditor has, too, and an export of what was never
signed could not be proved.
"""

from collections.abc import Callable, Iterator, Sequence

from compliance.audit.checkpoint import Checkpoint
from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import Frontier, consistency_proof, leaf_hash, verify_consistency
from compliance.audit.receipts import record_of
from compliance.audit.tiles import TILE_WIDTH, TileReader
from engine.model.record import Record


class SignedRecords:
    """The records under `checkpoint`, as far as they are asked for. read: how many so far."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        fetch: Callable[[str], bytes | None],
        read: int = 0,
        peaks: Sequence[bytes] = (),
    ) -> None:
        """fetch: what is at a path of the log's folder. read: whole bundles that were read before,
        records; peaks: as they were then."""
        assert read % TILE_WIDTH == 0
        self.checkpoint = checkpoint
        self.read = read
        self._reader = TileReader(checkpoint.size, fetch)
        self._frontier = Frontier()
        self._frontier.size, self._frontier.peaks = read, list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """What it takes to go on from here, between two bundles."""
        assert self.between_bundles
        return tuple(self._frontier.peaks)

    @property
    def between_bundles(self) -> bool:
        """Whether the last record of a full bundle was the last that was read."""
        return self.read % TILE_WIDTH == 0

    def records(self) -> Iterator[Record]:
        """One after the other. Raises AuditRefused for an entry that is missing or no record."""
        size = self.checkpoint.size
        for index in range(self.read // TILE_WIDTH, -(-size // TILE_WIDTH)):
            bundle = self._reader.bundle(index)
            self._frontier.extend(map(leaf_hash, bundle))
            for entry in bundle:
                record = record_of(entry, self.read)
                self.read += 1
                yield record

    def check(self) -> None:
        """That what was read is what was signed. Raises AuditRefused."""
        size, root, read = self.checkpoint.size, self.checkpoint.root, self._frontier
        proof = consistency_proof(self._reader.node, read.size, size)
        try:
            verify_consistency(read.size, size, proof, read.root(), root)
        except AuditRefused as error:
            raise AuditRefused(f"these entries are not those that were signed: {error}") from None
