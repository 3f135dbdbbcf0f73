"""The ledger's history on SQL.

The ledger works in memory; what it posts is kept here until `flush` brings all of it to the
database in one transaction, together with the place in the journal that it came from. Nothing
counts before that: a process that dies begins again at the cursor, and posts the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, Row, bindparam, insert, select, update

from custody.answers import Answer
from custody.ledger.accounts import Account, Guard, Kind
from custody.ledger.ledger import Head, Ledger
from custody.ledger.transfers import Batch, Pending, Phase, Posted, Transfer
from custody.store.answer_store import keep_answers
from custody.store.bulk import insert_rows
from custody.store.database import for_reading
from custody.store.schema import accounts, batches, cursor, pendings, reference, transfers
from engine.model.commands import Command
from engine.model.errors import FixgateError

RECORD_KEY: Final = "record/"
"""What keys begin with of batches that the journal caused; the record's number follows."""

PAGE_BATCHES: Final = 10_000
"""Batches read at once where all of them are gone over: some 10 MiB."""

_SUMS: Final = ("debits", "credits", "pending_debits", "pending_credits")


class StoreTaken(FixgateError):
    """Another process has written the ledger since this one read it."""


class Cursor(NamedTuple):
    """All records of the journal up to `record` are posted, -1: none. salt: that record's."""

    record: int = -1
    salt: bytes = b""


class LedgerStore:
    """A custody.ledger.history.History on a database. For one thread, and one writer at a time."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._reading = for_reading(database)
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._seq = 0
        self._cursor = Cursor()
        self._new: list[Posted] = []
        self._by_key: dict[str, Posted] = {}
        self._pending: dict[str, Pending] = {}
        self._touched: set[str] = set()
        self._commands: list[tuple[int, bytes]] = []
        self._answers: list[Answer] = []

    # --- a start --------------------------------------------------------------------------

    def load(self) -> tuple[Ledger, Cursor]:
        """The ledger as the last flush left it, and how far it had read the journal."""
        with self._database.begin() as connection:
            made = [self._account(row) for row in connection.execute(select(accounts))]
            last = connection.execute(
                select(batches).order_by(batches.c.seq.desc()).limit(1)
            ).first()
            head = Head() if last is None else Head(last.seq, last.digest, last.time)
            waiting = select(pendings.c.expires, pendings.c.identity).where(
                pendings.c.ended == "", pendings.c.expires > 0
            )
            expiring = [(row.expires, row.identity) for row in connection.execute(waiting)]
            there = connection.execute(select(cursor)).first()
            if there is None:
                connection.execute(insert(cursor).values(one=1, seq=0, record=-1, salt=b""))
            else:
                self._cursor = Cursor(there.record, there.salt)
                assert there.seq == head.seq, "the cursor and the chain are of one transaction"
        self._seq = head.seq
        return Ledger(self, made, head, expiring), self._cursor

    def reference(self) -> list[Command]:
        """The commands that defined something, in the journal's order."""
        with self._reading.begin() as connection:
            rows = connection.execute(select(reference.c.command).order_by(reference.c.record))
            return [_decode(row.command) for row in rows]

    def _account(self, row: Row[Any]) -> Account:
        self._numbers[row.name], self._names[row.id] = row.id, row.name
        return Account(
            row.name, row.asset, Kind(row.kind), Guard(row.guard),
            row.debits, row.credits, row.pending_debits, row.pending_credits,
        )  # fmt: skip

    # --- History --------------------------------------------------------------------------

    def find(self, key: str) -> Posted | None:
        """See History."""
        if (posted := self._by_key.get(key)) is not None:
            return posted
        if key.startswith(RECORD_KEY) and int(key[len(RECORD_KEY) :]) > self._cursor.record:
            return None  # the cursor says so: nobody has to be asked
        with self._reading.begin() as connection:
            row = connection.execute(select(batches).where(batches.c.key == key)).first()
            return None if row is None else self._read(connection, [row])[0]

    def pending(self, identity: str) -> Pending | None:
        """See History."""
        if (known := self._pending.get(identity)) is not None:
            return known
        with self._reading.begin() as connection:
            query = select(pendings).where(pendings.c.identity == identity)
            row = connection.execute(query).first()
            if row is None:
                return None
            query = select(batches).where(batches.c.seq == row.seq)
            batch = self._read(connection, connection.execute(query).all())[0].batch
            return Pending(batch.transfers[row.position], row.ended)

    def add(self, posted: Posted, pending: Mapping[str, Pending]) -> None:
        """See History. Kept until the next flush."""
        self._new.append(posted)
        self._by_key[posted.batch.key] = posted
        self._pending.update(pending)
        for transfer in posted.batch.transfers:
            self._touched.add(transfer.debit)
            self._touched.add(transfer.credit)

    def defines(self, record: int, command: Command) -> None:
        """A record that defines something, for `reference`. Kept until the next flush."""
        self._commands.append((record, _encode(command)))

    def answered(self, answer: Answer) -> None:
        """What the venue decided on a command of custody's. Kept until the next flush."""
        self._answers.append(answer)

    @property
    def cursor(self) -> Cursor:
        """How far the last flush has come."""
        return self._cursor

    @property
    def unflushed(self) -> int:
        """Batches that wait for the next flush."""
        return len(self._new)

    # --- flush ----------------------------------------------------------------------------

    def flush(self, ledger: Ledger, to: Cursor) -> None:
        """Bring all that was posted, and the cursor, to disk, in one transaction.

        Raises StoreTaken, and SQLAlchemy's errors of a database that is gone: whether it was
        written is then unknown, and only `load` of another store says.
        """
        with self._database.begin() as connection:
            self._claim(connection)
            self._insert_accounts(connection, ledger)
            self._insert_batches(connection)
            self._keep_pendings(connection)
            self._update_sums(connection, ledger)
            insert_rows(connection, reference, self._commands)
            keep_answers(connection, self._answers)
            connection.execute(
                update(cursor).values(seq=ledger.head.seq, record=to.record, salt=to.salt)
            )
        self._seq, self._cursor = ledger.head.seq, to
        self._new.clear()
        self._by_key.clear()
        self._pending.clear()
        self._touched.clear()
        self._commands.clear()
        self._answers.clear()

    def _claim(self, connection: Connection) -> None:
        """Nobody else writes until the end of the transaction, or has since the last one."""
        there = connection.execute(select(cursor).with_for_update()).one()
        if (there.seq, there.record) != (self._seq, self._cursor.record):
            raise StoreTaken(
                f"another process writes this ledger: it is at batch {there.seq}, and this one"
                f" had {self._seq}. Run one custody process on a database"
            )

    def _insert_accounts(self, connection: Connection, ledger: Ledger) -> None:
        rows = []
        for name in sorted(self._touched - self._numbers.keys()):
            number = len(self._numbers) + 1
            self._numbers[name], self._names[number] = number, name
            account = ledger.accounts[name]
            rows.append(
                (number, name, account.asset, str(account.kind), int(account.guard), *"0000")
            )
        insert_rows(connection, accounts, rows)

    def _insert_batches(self, connection: Connection) -> None:
        heads, rows = [], []
        numbers = self._numbers
        for seq, batch, digest in ((p.seq, p.batch, p.digest) for p in self._new):
            heads.append((seq, batch.key, batch.time, digest))
            for position, t in enumerate(batch.transfers):
                rows.append((
                    seq, position, numbers[t.debit], numbers[t.credit], str(t.amount), t.code,
                    int(t.phase), t.pending, t.expires,
                ))  # fmt: skip
        insert_rows(connection, batches, heads)
        insert_rows(connection, transfers, rows)

    def _keep_pendings(self, connection: Connection) -> None:
        """What began since the last flush, and what ended: perhaps the same."""
        begun = []
        for posted in self._new:
            for position, transfer in enumerate(posted.batch.transfers):
                if transfer.phase == Phase.PENDING:
                    identity = posted.batch.identity(position)
                    ended = self._pending.pop(identity).ended
                    begun.append((identity, posted.seq, position, transfer.expires, ended))
        insert_rows(connection, pendings, begun)
        ended_ones = [{"name": k, "by": pending.ended} for k, pending in self._pending.items()]
        if ended_ones:
            change = update(pendings).where(pendings.c.identity == bindparam("name"))
            connection.execute(change.values(ended=bindparam("by")), ended_ones)

    def _update_sums(self, connection: Connection, ledger: Ledger) -> None:
        rows = []
        for name in sorted(self._touched):
            account = ledger.accounts[name]
            sums = {f"new_{what}": getattr(account, what) for what in _SUMS}
            rows.append({"number": self._numbers[name], **sums})
        if rows:
            change = update(accounts).where(accounts.c.id == bindparam("number"))
            connection.execute(
                change.values({what: bindparam(f"new_{what}") for what in _SUMS}), rows
            )

    # --- reading --------------------------------------------------------------------------

    def posted(self, after: int = 0) -> Iterator[Posted]:
        """All batches behind number `after` that are on disk, in order."""
        while True:
            with self._reading.begin() as connection:
                query = select(batches).where(batches.c.seq > after).order_by(batches.c.seq)
                page = connection.execute(query.limit(PAGE_BATCHES)).all()
                found = self._read(connection, page)
            yield from found
            if len(page) < PAGE_BATCHES:
                return
            after = found[-1].seq

    def _read(self, connection: Connection, heads: Sequence[Row[Any]]) -> list[Posted]:
        """Consecutive batches with their transfers."""
        if not heads:
            return []
        query = (
            select(transfers)
            .where(transfers.c.seq.between(heads[0].seq, heads[-1].seq))
            .order_by(transfers.c.seq, transfers.c.position)
        )
        by_seq: dict[int, list[Transfer]] = {row.seq: [] for row in heads}
        for row in connection.execute(query):
            by_seq[row.seq].append(Transfer(
                self._names[row.debit], self._names[row.credit], row.amount, row.code,
                Phase(row.phase), row.pending, row.expires,
            ))  # fmt: skip
        return [
            Posted(row.seq, Batch(row.key, row.time, tuple(by_seq[row.seq])), row.digest)
            for row in heads
        ]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Command).decode
