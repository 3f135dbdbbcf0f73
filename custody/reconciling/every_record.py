"""Ledger beside engine at every record: the two are folded anew, side by side, from the beginning.

The ledger is folded from its batches, whose chain of digests is checked, and ends where its
accounts are; the engine is replayed, and every event compared with the journal's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from custody.ledger.fold import LedgerFold
from custody.ledger.postings import HOLD_KEY, RECORD_KEY, key_of
from custody.ledger.transfers import Posted
from custody.reconciling.engine_books import (
    Factors,
    check_belongs,
    differences_of,
    factors_of,
    places_of,
)
from custody.reconciling.report import MAX_SHOWN, Difference, EngineLook
from custody.store.reading import Books, posted_up_to, read_books
from engine.core.venue import Venue
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.model.errors import JournalDamaged
from engine.model.events import (
    Deposited,
    DepositReversed,
    Event,
    OrderFilled,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)
from engine.model.ids import VENUE_ACCOUNT
from engine.replay import Whole, join_parts, without_collections

JOURNALS: Final = (RECORD_KEY, HOLD_KEY)
"""What the keys of batches begin with that the journal has caused."""


class _Beside:
    """An engine and a ledger that take one command after the other."""

    def __init__(self, posted: Iterator[Posted], decimals: Mapping[str, int]) -> None:
        self.venue = Venue()
        self.fold = LedgerFold()
        self.compared = self.records = 0
        self.differences: list[Difference] = []
        self._posted = posted
        self._next = next(posted, None)
        self._decimals = decimals
        self._factors: Factors = {}

    def take(self, whole: Whole) -> None:
        """A command in both, and then what it touched in both."""
        events = self.venue.apply(whole.command, whole.first, whole.time)
        if tuple(events) != whole.events:
            raise JournalDamaged(f"record {whole.first} replays differently")
        self._take_batches(key_of(whole))
        assets = self.venue.refdata.assets
        if len(self._factors) != len(assets):
            self._factors = factors_of(assets, self._decimals)
        for account, asset in touched(self.venue, events):
            self._compare(whole.first, account, asset)
        self.records += whole.last - whole.first + 1

    def finish(self) -> None:
        """What is behind the last record: the chain's alone, if all is well."""
        while (entry := self._next) is not None:
            if entry.batch.key.startswith(JOURNALS):
                what = f"batch {entry.batch.key}"
                self.differences.append(Difference(what, "posted", "no such command"))
            self.fold.take(entry)
            self._next = next(self._posted, None)

    def _take_batches(self, key: str) -> None:
        """The chain's batches up to the one of this command, and that one if there is one."""
        while (entry := self._next) is not None:
            mine = entry.batch.key == key
            if not mine and entry.batch.key.startswith(JOURNALS):
                return
            self.fold.take(entry)
            self._next = next(self._posted, None)
            if mine:
                return

    def _compare(self, record: int, account: int, asset: int) -> None:
        self.compared += 1
        balance = self.venue.state.accounts[account].balances[asset]
        places = places_of(self.venue.refdata.assets[asset].code, account)
        have = sum(self.fold.credit.get(name, 0) for name in places)
        want = (balance.available + balance.held) * self._factors[asset]
        if have != want and len(self.differences) < MAX_SHOWN:
            what = f"balance of {places[0]} after record {record}"
            self.differences.append(Difference(what, str(have), str(want)))


def compare_every_record(
    journal: Path,
    database: Engine,
    decimals: Mapping[str, int],
    tell: Callable[[int], None] = lambda _: None,
) -> EngineLook:
    """Ledger beside engine after each record up to the ledger's last one. tell: is called with the
    number of every command.

    Raises LedgerDamaged if the ledger's chain is not whole or its accounts are not its sums, and
    what compare_with_engine raises.
    """
    books = read_books(database)
    reader = open_reader(journal)
    try:
        check_belongs(reader, books.cursor, journal)
        beside = _Beside(posted_up_to(database, books.head.seq), decimals)
        _fold(reader, books, beside, tell)
    finally:
        reader.close()
    beside.fold.check_sums(books.accounts)
    beside.differences += differences_of(beside.venue, books, decimals)
    state = beside.venue.state
    return EngineLook(
        books.cursor.record, books.head.seq, books.head.digest.hex(), beside.venue.state_hash(),
        beside.compared, len(state.withdrawals), beside.records,
        tuple(beside.differences[:MAX_SHOWN]),
    )  # fmt: skip


def _fold(
    reader: JournalReader, books: Books, beside: _Beside, tell: Callable[[int], None]
) -> None:
    with without_collections():
        for whole in join_parts(reader.records(0, books.cursor.record)):
            beside.take(whole)
            tell(whole.last)
    beside.finish()


def touched(venue: Venue, events: Iterable[Event]) -> set[tuple[int, int]]:
    """(account, asset) of every balance that events of the engine have changed."""
    found = set()
    for event in events:
        match event:
            case OrderFilled():
                market = venue.state.markets[event.instrument]
                for account in (event.account, VENUE_ACCOUNT):
                    found.update({(account, market.base), (account, market.quote)})
            case (
                Deposited()
                | DepositReversed()
                | WithdrawalHeld()
                | WithdrawalReleased()
                | WithdrawalSettled()
            ):
                found.update({(event.account, event.asset), (VENUE_ACCOUNT, event.asset)})
            case _:
                pass
    return found
