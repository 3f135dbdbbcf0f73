"""Ledger beside engine, from the journal and the database alone, also while the venue runs.

The engine is folded anew to the record that the ledger has read last. Every balance has to be the
same then, and every withdrawal that is held has to be pending in the ledger, by its name.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sqlalchemy import Engine

from custody.ledger import chart
from custody.ledger.accounts import Account
from custody.ledger.postings import HOLD_KEY
from custody.reconciling.report import MAX_SHOWN, Difference, EngineLook
from custody.store.ledger_store import Cursor
from custody.store.reading import Books, read_books
from engine.core.venue import Venue
from engine.journal.files import open_reader
from engine.journal.follow import JournalReader
from engine.model.errors import OperatorError
from engine.model.ids import VENUE_ACCOUNT
from engine.model.refdata import Asset
from engine.replay import BEFORE_ALL, replay
from engine.restore import restored

Factors = Mapping[int, int]
"""By asset's id, units of the ledger in one minor unit of the venue."""


def compare_with_engine(
    journal: Path,
    snapshots: Path,
    database: Engine,
    decimals: Mapping[str, int],
    log: Callable[[str], None],
) -> EngineLook:
    """The ledger's last state beside the engine's at the same record. decimals: by asset's code,
    of the ledger's units where the chain's are smaller than the venue's.

    Raises OperatorError if the two do not belong together, JournalDamaged, LookupError.
    """
    books = read_books(database)
    reader = open_reader(journal)
    try:
        check_belongs(reader, books.cursor, journal)
        venue = venue_at(reader, snapshots, books.cursor.record, log)
    finally:
        reader.close()
    differences = list(differences_of(venue, books, decimals))
    accounts, state = venue.state.accounts, venue.state
    return EngineLook(
        books.cursor.record, books.head.seq, books.head.digest.hex(), venue.state_hash(),
        sum(len(account.balances) for account in accounts.values()), len(state.withdrawals), 0,
        tuple(differences[:MAX_SHOWN]),
    )  # fmt: skip


def check_belongs(reader: JournalReader, cursor: Cursor, journal: Path) -> None:
    """Whether the ledger was posted from this journal. Raises OperatorError."""
    if cursor.record < 0:
        raise OperatorError("the ledger is empty: custody has not read the journal yet")
    if cursor.record > reader.mark().number:
        raise OperatorError(
            f"the ledger has posted record {cursor.record}, and {journal} ends before it: it was"
            " restored from an older copy, or this is not the ledger's journal"
        )
    if reader.read(cursor.record).salt != cursor.salt:
        raise OperatorError(f"the ledger belongs to another journal than {journal}")


def venue_at(
    reader: JournalReader, snapshots: Path, record: int, log: Callable[[str], None]
) -> Venue:
    """The venue after a record: from a snapshot before it, if there is one, and the journal."""
    venue, result = Venue(), BEFORE_ALL
    for found in restored(snapshots, reader, log):
        if found.start.place.number <= record:
            reader.learn(found.start.indexes)
            venue, result = found.venue, found.result
            break
    end = replay(reader.records(result.last + 1, record), venue, after=result)
    assert end.last == record, "the ledger reads whole commands"
    return venue


def factors_of(assets: Mapping[int, Asset], decimals: Mapping[str, int]) -> Factors:
    """By asset's id, units of the ledger in one minor unit of the venue."""
    return {
        asset.id: int(10 ** (decimals.get(asset.code, asset.scale) - asset.scale))
        for asset in assets.values()
    }


def differences_of(venue: Venue, books: Books, decimals: Mapping[str, int]) -> Iterator[Difference]:
    """Whatever engine and ledger have different."""
    factors = factors_of(venue.refdata.assets, decimals)
    yield from _balances(venue, books.accounts, factors)
    yield from _holds(venue, books, factors)


def _balances(
    venue: Venue, accounts: Mapping[str, Account], factors: Factors
) -> Iterator[Difference]:
    seen = set()
    for account in venue.state.accounts.values():
        for asset, balance in account.balances.items():
            code = venue.refdata.assets[asset].code
            places = places_of(code, account.id)
            seen.update(places)
            have = sum(accounts[name].balance for name in places if name in accounts)
            want = (balance.available + balance.held) * factors[asset]
            if have != want:
                yield Difference(f"balance of {places[0]}", str(have), str(want))
    for name, there in accounts.items():
        if chart.client_of(name) is not None and name not in seen and there.balance:
            yield Difference(f"balance of {name}", str(there.balance), "no such account")


def places_of(code: str, account: int) -> list[str]:
    """Where the ledger has what an account of the venue has: names of accounts."""
    if account == VENUE_ACCOUNT:
        return [chart.trading_fees(code).name, chart.withdrawal_fees(code).name]
    return [chart.client(code, account).name]


def _holds(venue: Venue, books: Books, factors: Factors) -> Iterator[Difference]:
    """Each withdrawal that is held, by its name, and its amount with the fee."""
    pending: dict[tuple[str, str], int] = {}
    for waiting in books.waiting:
        key, _, _ = waiting.identity.rpartition("#")
        where = key, waiting.debit
        pending[where] = pending.get(where, 0) + waiting.amount
    for reference, held in venue.state.withdrawals.items():
        client = chart.client(venue.refdata.assets[held.asset].code, held.account).name
        want = (held.amount + held.fee) * factors[held.asset]
        have = pending.pop((f"{HOLD_KEY}{reference}", client), 0)
        if have != want:
            yield Difference(f"hold {reference} of {client}", str(have), str(want))
    for (key, client), have in sorted(pending.items()):
        yield Difference(f"pending {key} of {client}", str(have), "not held")
    sums: dict[str, int] = {}
    for waiting in books.waiting:
        sums[waiting.debit] = sums.get(waiting.debit, 0) + waiting.amount
    for name, account in books.accounts.items():
        if account.pending_debits != sums.get(name, 0):
            text = str(sums.get(name, 0))
            yield Difference(f"pending sum of {name}", str(account.pending_debits), text)
