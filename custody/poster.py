"""Posts the journal, and what the chain says, to the ledger's database: record by record in memory,
on disk in groups."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from sqlalchemy import Engine

from custody.answers import answers_in
from custody.ledger.postings import JournalPostings
from custody.ledger.transfers import Batch
from custody.store.ledger_store import Cursor, LedgerStore
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.model.errors import OperatorError
from engine.model.record import Record
from engine.model.refdata import OPENING_REFERENCE
from engine.replay import Whole, join_parts

GROUP_RECORDS: Final = 2_000
"""Records of one transaction at most: some 20 ms to post, so that the ledger is never far behind
what it has on disk, and enough that a commit costs little of it."""


class LedgerPoster:
    """One writer of one database beside one journal.

    Raises OperatorError at its making if the two do not belong together.
    """

    def __init__(
        self, journal: Path, database: Engine, decimals: Mapping[str, int] | None = None
    ) -> None:
        """decimals: see JournalPostings; they are for the life of the database."""
        self.store = LedgerStore(database)
        ledger, cursor = self.store.load()
        self._reader = open_reader(journal)
        _check_same(self._reader, cursor, journal)
        self.postings = JournalPostings(ledger, decimals, cursor.record, self.store.reference())
        self.ledger = ledger
        self._follower = self._reader.follow(cursor.record)
        self._rest: list[Record] = []

    @property
    def last(self) -> int:
        """The last record whose money is posted and on disk, -1 for none."""
        return self.postings.last_read

    @property
    def behind(self) -> int:
        """Records that are on disk and not posted yet."""
        return self._reader.mark().number - self.last

    def step(self, limit: int = GROUP_RECORDS) -> int:
        """Post the next records, at most `limit`, and bring them to disk; how many were read.

        Raises JournalDamaged and what LedgerStore.flush raises; then only a new poster goes on.
        """
        records = self._follower.poll(limit)
        batch = [*self._rest, *records]
        wholes = list(join_parts(batch))
        if not wholes:
            self._rest = batch
            return len(records)
        end = wholes[-1].last
        self._rest = [record for record in batch if record.number > end]
        for whole in wholes:
            self._take(whole)
        salt = next(record.salt for record in batch if record.number == end)
        self.store.flush(self.ledger, Cursor(end, salt))
        return len(records)

    def catch_up(self, limit: int = GROUP_RECORDS) -> bool:
        """Post all that the journal has on disk at this call, if that is at most `limit` records;
        whether it is posted now. Raises as `step` does."""
        mark = self._reader.mark().number
        if mark - self.last > limit:
            return False
        while self.last < mark:
            if not self.step(limit):
                return False
        return True

    def post(self, batches: Iterable[Batch]) -> None:
        """Post what the chain says, and bring it to disk. The ledger's time is the journal's: a
        batch's own is not looked at. Raises as `step` does, and BatchRefused."""
        for batch in batches:
            if self.ledger.history.find(batch.key) is None:
                self.ledger.post(replace(batch, time=self.ledger.time))
        if self.store.unflushed:
            self.store.flush(self.ledger, self.store.cursor)

    def close(self) -> None:
        """Let go of the journal."""
        self._reader.close()

    def _take(self, whole: Whole) -> None:
        self.postings.take(whole)
        if self.postings.defines(whole):
            self.store.defines(whole.first, whole.command)
        for answer in answers_in(whole):
            if not answer.reference.startswith(OPENING_REFERENCE):
                self.store.answered(answer)


def _check_same(reader: JournalReader, cursor: Cursor, journal: Path) -> None:
    """Whether the journal is the one that the database was posted from. Raises OperatorError."""
    if cursor.record < 0:
        return
    last = reader.mark().number
    if cursor.record > last:
        raise OperatorError(
            f"the ledger has posted record {cursor.record}, and {journal} ends at {last}: it was"
            " restored from an older copy. Give the ledger a new database and compare the two"
        )
    if reader.read(cursor.record).salt != cursor.salt:
        raise OperatorError(
            f"the database belongs to another journal than {journal}: each needs its own"
        )
