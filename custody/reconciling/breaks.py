"""Differences that nothing explains: written down, posted to suspense, alarmed, and closed again.

A break is one number for each address and asset: what the chain has beyond the books. Its entry
brings the books to what the chain has, against `suspense/break`, so that the same difference is
never posted twice. When a later look finds the books beyond the chain by as much, because what was
missing has been booked after all, the entry the other way round brings the number back to nothing,
and the break is closed; or people have it booked as the house's. What an entry will move is on disk
before it is posted.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody.alarms import clear_alarm, raise_alarm, stopping_asset
from custody.chain_books import ChainBooks, Move
from custody.chains.node import Block
from custody.ledger import chart
from custody.part import Means, Part
from custody.reconciling.report import MAX_SHOWN, Break
from custody.store.reconciling_schema import breaks


def alarm_name(asset: str, address: str) -> str:
    """What the alarm of a break is called."""
    return f"break/{asset}/{address}"


def entry_key(block: Block, asset: str, address: str) -> str:
    """What the ledger's entry is called: one for each block, asset and address."""
    return f"break/{block.number}-{block.hash[:4].hex()}/{asset}/{address}"


class Breaks(Part):
    """Keeps them."""

    def __init__(
        self,
        means: Means,
        books: ChainBooks,
    ) -> None:
        super().__init__(means)
        self._books = books

    def found(self, block: Block, asset: str, address: str, units: int) -> None:
        """At `block` the chain has `units` of the ledger's beyond the books. An address never has
        less than nothing in them: what cannot be posted now the next look finds again."""
        units = max(units, -self._books.balance(chart.chain(asset, address)))
        if not units:
            return
        now = self._clock.now()
        with self._database.begin() as connection:
            row = _row(connection, asset, address)
            assert row is None or not row.entry, "what was found before is posted first"
            there = int(row.amount) if row is not None else 0
            since = row.since if row is not None and there else now
            values = {
                "since": since, "block": block.number, "block_hash": block.hash,
                "entry": entry_key(block, asset, address), "due": units,
            }  # fmt: skip
            if row is None:
                keys = {"asset": asset, "address": address, "amount": 0}
                connection.execute(insert(breaks).values(**keys, **values))
            else:
                _change(connection, row, **values)
            text = (
                f"the chain has {units:+} units of {asset} at {address} that the books cannot"
                f" explain, at block {block.number}; withdrawals of {asset} wait"
            )
            if there + units and raise_alarm(
                connection, alarm_name(asset, address), text, now, stopping_asset(asset)
            ):
                self._log(text)
        self._reached("break found")

    def post(self) -> None:
        """Post what waits for it. A process that died between finding and posting goes on here."""
        with self._reading.begin() as connection:
            rows = connection.execute(select(breaks).where(breaks.c.entry != "")).all()
        for row in rows:
            moved = self._post(row)
            self._reached("break posted")
            with self._database.begin() as connection:
                self._posted(connection, row, moved)

    # --- booked by people -----------------------------------------------------------------

    def amount(self, connection: Connection, asset: str, address: str) -> int:
        """What a break comes to, units of the ledger; 0 if there is none, or more of it is found
        and not posted yet."""
        return break_at(connection, asset, address)

    def is_booked(self, name: str) -> bool:
        """Whether a part of a break was booked under a name."""
        return self._books.find(name) is not None

    def book(self, name: str, asset: str, units: int) -> None:
        """What the chain has beyond the books, or lacks below 0, is the house's, once under a
        name."""
        suspense = self._books.opened(chart.suspense(asset, "break"))
        if units > 0:
            move: Move = (suspense, self._books.opened(chart.found(asset)), units)
        else:
            move = (self._books.opened(chart.loss(asset)), suspense, -units)
        self._books.post([(name, [move])])

    def end_part(self, connection: Connection, asset: str, address: str, units: int) -> None:
        """What was booked is no break any more."""
        row = _row(connection, asset, address)
        assert row is not None
        amount = int(row.amount) - units
        self._changed(connection, row, amount, since=row.since if amount or row.entry else 0)

    # --- what is there --------------------------------------------------------------------

    def standing(self) -> tuple[Break, ...]:
        """Those that are open, the oldest first."""
        with self._reading.begin() as connection:
            return standing(connection)

    def _post(self, row: Row[Any]) -> int:
        """Post a row's entry, unless it is there; what it has moved."""
        there = self._books.opened(chart.chain(row.asset, row.address))
        entry = self._books.find(row.entry)
        if entry is not None:
            (transfer,) = entry.batch.transfers
            return transfer.amount if transfer.debit == there else -transfer.amount
        suspense = self._books.opened(chart.suspense(row.asset, "break"))
        due = int(row.due)
        have = self._books.balance(chart.chain(row.asset, row.address))
        moved = max(due, -have)
        move: Move = (there, suspense, moved) if moved > 0 else (suspense, there, -moved)
        if moved:
            self._books.post([(row.entry, [move])])
        return moved

    def _posted(self, connection: Connection, row: Row[Any], moved: int) -> None:
        amount = int(row.amount) + moved
        self._changed(connection, row, amount, row.since if amount else 0, entry="", due=0)

    def _changed(
        self, connection: Connection, row: Row[Any], amount: int, since: int, **values: object
    ) -> None:
        _change(connection, row, amount=amount, since=since, **values)
        if not since:
            clear_alarm(connection, alarm_name(row.asset, row.address), self._clock.now())
            self._log(f"the break of {row.asset} at {row.address} is closed: books and chain agree")


def standing(connection: Connection) -> tuple[Break, ...]:
    """Breaks that are open, the oldest first."""
    query = select(breaks).where(breaks.c.since > 0).order_by(breaks.c.since, breaks.c.address)
    rows: Sequence[Row[Any]] = connection.execute(query.limit(MAX_SHOWN)).all()
    return tuple(
        Break(row.asset, row.address, str(int(row.amount) + int(row.due)), row.since, row.block)
        for row in rows
    )


def break_at(connection: Connection, asset: str, address: str) -> int:
    """See Breaks.amount."""
    row = _row(connection, asset, address)
    return 0 if row is None or row.entry else int(row.amount)


def _row(connection: Connection, asset: str, address: str) -> Row[Any] | None:
    query = select(breaks).where(breaks.c.asset == asset, breaks.c.address == address)
    return connection.execute(query).first()


def _change(connection: Connection, row: Row[Any], **values: object) -> None:
    change = update(breaks).where(breaks.c.asset == row.asset, breaks.c.address == row.address)
    connection.execute(change.values(**values))
