"""Follows the journal and keeps its tree: an entry a record, a checkpoint for what is new.

An entry is the record's payload as it lies in the journal: its number, time, salt, command and
events in MessagePack, which is what the frame's CRC and chain are over. Entry n is record n. The
frame's own header is left out: it says how the journal was written, not what happened.

Nothing is kept but what is in the folder. A start goes on from the published checkpoint, when the
tree that it signs is there and ends in the journal's own records; a tree with damaged files is made
anew, if the journal gives the root that was signed. Where journal and signature differ, nothing is
signed any more.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from compliance.audit.checkpoint import Checkpoint, format_checkpoint
from compliance.audit.errors import AuditRefused, LogForked
from compliance.audit.key_file import LogKeys
from compliance.audit.keys import ED25519, SignerKey, open_checkpoint
from compliance.audit.merkle import Frontier, leaf_hash
from compliance.audit.notes import format_note
from compliance.audit.tile_store import TileStore
from compliance.audit.tiles import TILE_WIDTH, File, GrowingTree, TileReader
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.model.errors import OperatorError

TURN_RECORDS: Final = 16_384
"""Records between two checkpoints at most: some 0.2 s of one processor, and 5 MiB of memory."""


class LogBuilder:
    """The log of one journal. After an OSError it is of no more use: make another one."""

    def __init__(
        self,
        reader: JournalReader,
        store: TileStore,
        keys: LogKeys,
        clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        """Raises LogForked, JournalDamaged, OSError."""
        self._reader = reader
        self._store = store
        self._keys = keys
        self._clock = clock
        self._log = log
        published = self._published()
        self.published = published.size if published is not None else 0
        """Entries of the published checkpoint."""
        self._tree = GrowingTree() if published is None else self._resume(published)
        self._follower = reader.follow(self.published - 1)
        store.tidy(max(0, self.published - TILE_WIDTH), self.published)

    def close(self) -> None:
        """Give journal and folder back."""
        self._reader.close()
        self._store.close()

    @property
    def behind(self) -> int:
        """Records that are on disk and in no checkpoint."""
        return self._reader.mark().number + 1 - self.published

    def turn(self) -> bool:
        """Publish what is new, TURN_RECORDS at most; whether there may be more already.

        Raises JournalDamaged, OSError.
        """
        records = self._follower.poll_payloads(TURN_RECORDS)
        if not records:
            return False
        self._tree.extend(records)
        self._publish()
        return len(records) == TURN_RECORDS

    def _publish(self) -> None:
        size = self._tree.size
        self._store.write(self._tree.files())
        text = format_checkpoint(Checkpoint(self._keys.origin, size, self._tree.root()))
        time = self._clock.now() // NANOS_PER_SECOND
        signers = self._signers(size)
        self._store.prepare(format_note(text, [key.sign(text, time) for key in signers]))
        self._store.publish()
        before, self.published = self.published, size
        self._store.tidy(before, size)

    def _signers(self, size: int) -> list[SignerKey]:
        """Whose period has that size. Raises OperatorError if no Ed25519 key's has."""
        signers = [key for key in self._keys.signers if key.verifier.signs(size)]
        if all(key.verifier.kind != ED25519 for key in signers):
            raise OperatorError(
                f"no Ed25519 key of the audit log signs {size} records: look at the periods in its "
                "key file"
            )
        return signers

    # --- a start ------------------------------------------------------------------------------

    def _published(self) -> Checkpoint | None:
        """The published checkpoint, after one that was left prepared has been published."""
        note = self._store.checkpoint()
        published = None if note is None else self._own(note)
        prepared = self._store.prepared()
        if prepared is None:
            return published
        try:
            found = open_checkpoint(prepared, self._keys.verifiers).checkpoint
        except AuditRefused:  # it was cut before it was synced
            self._store.discard()
            return published
        if published is not None and found.size <= published.size:
            raise LogForked(
                f"a checkpoint of {found.size} entries waits to be published in "
                f"{self._store.folder}, after one of {published.size}: one of the two is forged"
            )
        self._store.prepare(prepared)
        self._store.publish()
        return self._own(prepared)

    def _own(self, note: bytes) -> Checkpoint:
        try:
            checkpoint = open_checkpoint(note, self._keys.verifiers).checkpoint
        except AuditRefused as error:
            raise LogForked(
                f"the checkpoint in {self._store.folder} is not one of this log's: {error}. Bring "
                "the keys back that it was signed with, or begin another log in another folder, "
                "under another name"
            ) from None
        return checkpoint

    def _resume(self, published: Checkpoint) -> GrowingTree:
        """The tree of the published checkpoint, which its files or else the journal give."""
        records = self._reader.mark().number + 1
        if records < published.size:
            raise self._forked(
                f"{published.size} records are signed, and the journal has {records}"
            )
        try:
            return self._read(published)
        except AuditRefused as error:
            self._log(f"the audit log's tree is made anew from the journal: {error}")
            return self._rebuild(published)

    def _read(self, published: Checkpoint) -> GrowingTree:
        """The tree out of its files. Raises AuditRefused if it is not the one that is signed, or
        does not end in the journal's records."""
        reader = TileReader(published.size, self._store.read)
        tree = GrowingTree.of(reader)
        if tree.root() != published.root:
            raise AuditRefused("the tiles lead to another root than the one that is signed")
        if published.size:
            index = (published.size - 1) // TILE_WIDTH
            last = list(self._records(index * TILE_WIDTH, published.size))
            if last != reader.bundle(index):
                raise AuditRefused("its last entries are not the journal's last records")
        return tree

    def _rebuild(self, published: Checkpoint) -> GrowingTree:
        """Write the files that are missing or damaged. Nothing is written, and LogForked raised, if
        the journal does not give the root that is signed."""
        hashes = Frontier(map(leaf_hash, self._records(0, published.size)))
        if hashes.root() != published.root:
            raise self._forked(
                f"its {published.size} records do not give the root that is signed of them"
            )
        tree = GrowingTree()
        records = self._records(0, published.size)
        while some := list(islice(records, TURN_RECORDS)):
            tree.extend(some)
            self._store.write(self._damaged(tree.full_files()))
        self._store.write(self._damaged(tree.files()))
        return tree

    def _damaged(self, files: list[File]) -> Iterator[File]:
        return (file for file in files if self._store.read(file.path) != file.data)

    def _records(self, begin: int, end: int) -> Iterator[bytes]:
        """The payloads of records `begin` to before `end`, which are durable."""
        follower = self._reader.follow(begin - 1)
        while follower.after + 1 < end:
            yield from follower.poll_payloads(min(TURN_RECORDS, end - 1 - follower.after))

    def _forked(self, text: str) -> LogForked:
        return LogForked(
            f"the journal is not the one that the audit log {self._store.folder} is of: {text}. "
            "Nothing is signed any more. If the journal was restored from a copy that lacked "
            "records, begin another log in another folder, under another name, and tell those who "
            "hold receipts; else keep both as they are: somebody has changed one of them"
        )


def open_log(
    journal: Path,
    folder: Path,
    keys: Callable[[], LogKeys],
    clock: Clock,
    log: Callable[[str], None],
    disk: Disk = REAL_DISK,
) -> LogBuilder:
    """The log in `folder` of the journal in `journal`. keys: asked for when nobody else can write
    to it any more, because they are replaced by whoever holds the lock. Raises OperatorError,
    OSError."""
    store = TileStore(folder, disk)
    reader = open_reader(journal)
    try:
        return LogBuilder(reader, store, keys(), clock, log)
    except BaseException:
        reader.close()
        store.close()
        raise
