"""What every account has, after a batch of the ledger: held for orders and withdrawals included."""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import Engine

from custody.ledger import chart
from custody.ledger.fold import LedgerFold
from custody.ledger.postings import RECORD_KEY
from custody.reserves.tree import Moment
from custody.store.reading import posted_up_to, read_books, read_reference
from engine.model.errors import OperatorError
from engine.model.refdata import ReferenceData


class Liabilities(Struct, frozen=True):
    """balances: by asset and account's name, units of the ledger. decimals: of them, by asset."""

    moment: Moment
    balances: Mapping[str, Mapping[str, int]]
    decimals: Mapping[str, int]


def read_liabilities(
    database: Engine, decimals: Mapping[str, int], at: int | None = None
) -> Liabilities:
    """Of the ledger's last batch on disk, or of batch `at`, for which all batches up to it are gone
    over and their chain is checked. decimals: of the ledger's units where the chain's are smaller
    than the venue's.

    Raises OperatorError if there is no such batch, and LedgerDamaged.
    """
    books = read_books(database)
    if at is None:
        credit = {name: a.credits - a.debits for name, a in books.accounts.items()}
        record, head = books.cursor.record, books.head
    else:
        if not 0 < at <= books.head.seq:
            raise OperatorError(f"there is no batch {at} yet: the ledger is at {books.head.seq}")
        fold, record = LedgerFold(), -1
        for entry in posted_up_to(database, at):
            fold.take(entry)
            if entry.batch.key.startswith(RECORD_KEY):
                record = int(entry.batch.key[len(RECORD_KEY) :])
        credit, head = fold.credit, fold.head
    moment = Moment(max(record, 0), head.seq, head.digest.hex(), head.time)
    refdata = read_reference(database)  # later than the balances: it knows all their names
    scales = {asset.code: asset.scale for asset in refdata.assets.values()}
    return Liabilities(moment, _by_asset(credit, refdata), {**scales, **decimals})


def _by_asset(credit: Mapping[str, int], refdata: ReferenceData) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {a.code: {} for a in refdata.assets.values()}
    for name, balance in credit.items():
        if owner := chart.client_of(name):
            found[owner[1]][refdata.accounts[owner[0]].name] = balance
    return found
