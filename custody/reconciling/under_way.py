"""What is known to be under way between the books and the chain, at one final block.

The books and a block are never of one moment: coins come that are not posted yet, and what is
posted may be final only in a block behind this one. Each such thing is known by name, so what it
makes differ is no break. Whether a transaction of ours is in the chain at that block is not
guessed: its nonce is used up there, or it is not.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, and_, literal, or_, select

from custody.assets import ChainAssets
from custody.chains.node import NATIVE, Block
from custody.deposits.states import DepositState
from custody.ledger import chart
from custody.ledger.transfers import Posted
from custody.outgoing import store as outgoing_store
from custody.outgoing.states import UNDER_WAY, OutgoingState, Purpose
from custody.signing.requests import Fuel, OwnWallets, read_purpose
from custody.store.custody_schema import addresses, deposits, outgoing, withdrawals
from custody.wallets.moves import carried
from custody.withdrawals.states import WithdrawalState

Where = tuple[str, str]
"""(asset's code, address)."""

NOT_POSTED: Final = (
    DepositState.RECEIVED,
    DepositState.HELD,
    DepositState.DUST,
    DepositState.UNATTRIBUTED,
    DepositState.CLEARED,
    DepositState.INTERNAL,
    DepositState.RETURNING,
)
"""States of deposits that the ledger has, or will have as they are."""


class Finds(Protocol):
    """The ledger, as far as asking for what was posted: custody.chain_books.ChainBooks."""

    def find(self, key: str) -> Posted | None:
        """What was posted under a name."""
        ...


class Ended(Struct, frozen=True):
    """How a transaction of ours ended. gas_paid: wei."""

    state: OutgoingState
    gas_paid: int


class Snapshot(Struct):
    """What the database says is under way. forms: by transaction's reference, hashes of its signed
    forms, and whether each only uses its nonce up. numbers: deposit addresses by their number."""

    arriving: Sequence[Row[Any]]
    reversing: Sequence[Row[Any]]
    mismatched: Sequence[Row[Any]]
    rows: Sequence[Row[Any]]
    forms: Mapping[str, Sequence[tuple[bytes, bool]]]
    numbers: Mapping[int, str]


def read_under_way(connection: Connection, block: Block) -> Snapshot:
    """All that may differ between the books now and the chain at `block`."""
    rows = connection.execute(_transactions(block)).all()
    forms = {
        row.reference: [
            (form.tx, form.cancels)
            for form in outgoing_store.attempts_of(connection, row.wallet, row.nonce)
        ]
        for row in rows
        if row.state in _UNDER_WAY
    }
    asked = [read_purpose(row.request) for row in rows]
    numbers = {purpose.number for purpose in asked if isinstance(purpose, Fuel)}
    query = select(addresses.c.number, addresses.c.address).where(addresses.c.number.in_(numbers))
    return Snapshot(
        _deposits(connection, NOT_POSTED, unposted=True),
        _deposits(connection, (DepositState.REVERSING,)),
        _deposits(connection, (DepositState.MISMATCHED,)),
        rows,
        forms,
        {row.number: row.address for row in connection.execute(query)},
    )


_UNDER_WAY: Final = tuple(str(state) for state in UNDER_WAY)


def _transactions(block: Block) -> Select[Any]:
    """Those that have not ended, those whose end may be without its entry, and those that have
    ended behind `block`."""
    sending = select(literal("withdrawal/") + withdrawals.c.id).where(
        withdrawals.c.state == str(WithdrawalState.SENDING)
    )
    payments = outgoing.c.purpose == str(Purpose.WITHDRAWAL)
    return (
        select(outgoing)
        .where(
            or_(
                outgoing.c.state.in_(_UNDER_WAY),
                outgoing.c.block > block.number,
                and_(~payments, ~outgoing.c.booked),
                and_(payments, outgoing.c.reference.in_(sending)),
            )
        )
        .order_by(outgoing.c.wallet, outgoing.c.nonce)
    )


def _deposits(
    connection: Connection, states: Iterable[DepositState], *, unposted: bool = False
) -> Sequence[Row[Any]]:
    query = select(deposits).where(deposits.c.state.in_([str(state) for state in states]))
    if unposted:
        query = query.where(~deposits.c.posted)
    return connection.execute(query).all()


class Flight:
    """What the chain has at a block beyond the books, for reasons that are known.

    changes: by place, units of the ledger. undecided: places of which too little is known, and
    why. mismatched: places where a deposit waits for a person because its amount is not known.
    """

    def __init__(self, assets: ChainAssets, books: Finds, wallets: OwnWallets) -> None:
        self.changes: dict[Where, int] = {}
        self.undecided: dict[Where, str] = {}
        self.mismatched: set[Where] = set()
        self._assets = assets
        self._books = books
        self._wallets = wallets

    # --- deposits -------------------------------------------------------------------------

    def take_deposits(self, snapshot: Snapshot) -> None:
        """Those that the chain has and the ledger has not, and the other way round."""
        for row in snapshot.arriving:
            if self._books.find(row.reference) is None:
                units = self._assets.by_code[row.asset].units(int(row.amount))
                self._add((row.asset, row.address), units)
                if row.state == str(DepositState.INTERNAL):
                    self._add((row.asset, row.source), -units)  # ours, too: the cold wallet
        for row in snapshot.reversing:
            arrival = self._books.find(row.reference)
            if arrival is not None and self._books.find(f"{row.reference}/gone") is None:
                self._take_back(arrival)
        self.mismatched.update((row.asset, row.address) for row in snapshot.mismatched)

    # --- transactions ---------------------------------------------------------------------

    def take_transaction(
        self, row: Row[Any], numbers: Mapping[int, str], used: bool | None, end: Ended | None
    ) -> None:
        """One of ours. used: whether its nonce is used up at the block, None: nobody knows. end:
        how it ended, None: it has not, or nobody knows."""
        changes = self._changes(row, numbers, end)
        if used is None or (used and end is None):
            why = f"{row.reference} is under way, and too few nodes say how far it has come"
            for where in {where for _, where, _ in changes}:
                self.undecided[where] = why
            return
        for key in sorted({key for key, _, _ in changes}):
            entry = self._books.find(key)
            if used and entry is None:
                for name, where, units in changes:
                    if name == key:
                        self._add(where, units)
            elif not used and entry is not None:
                self._take_back(entry)

    def _changes(
        self, row: Row[Any], numbers: Mapping[int, str], end: Ended | None
    ) -> list[tuple[str, Where, int]]:
        """What a transaction does: (name of the ledger's entry, place, units). Of one whose end is
        not known, all that it may touch."""
        coin = self._assets.by_token[NATIVE]
        pays = row.purpose == str(Purpose.WITHDRAWAL)
        changes = []
        if end is None or end.state == OutgoingState.DONE:
            key = f"{row.reference}/{'paid' if pays else 'done'}"
            changes += [(key, *change) for change in self._carried(row, numbers)]
        gas = coin.units(end.gas_paid) if end else 0
        changes.append(
            (f"{row.reference}/{'gas' if pays else 'done'}", (coin.code, row.wallet), -gas)
        )
        return changes

    def _carried(self, row: Row[Any], numbers: Mapping[int, str]) -> list[tuple[Where, int]]:
        """What it takes from its wallet, and where else among ours it brings it."""
        purpose = read_purpose(row.request)
        token, target, amount = carried(purpose, self._wallets, numbers.__getitem__)
        asset = self._assets.by_token[token]
        moved = [((asset.code, row.wallet), -asset.units(amount))]
        return [*moved, ((asset.code, target), asset.units(amount))] if target else moved

    # --- sums -----------------------------------------------------------------------------

    def _add(self, where: Where, units: int) -> None:
        self.changes[where] = self.changes.get(where, 0) + units

    def _take_back(self, entry: Posted) -> None:
        """The ledger has this, and the chain has not."""
        for where, units in chain_changes(entry):
            self._add(where, -units)


def chain_changes(entry: Posted) -> list[tuple[Where, int]]:
    """What a batch has changed at addresses of ours, by place; units of the ledger."""
    found = []
    for transfer in entry.batch.transfers:
        for name, units in ((transfer.debit, transfer.amount), (transfer.credit, -transfer.amount)):
            if where := chart.address_of(name):
                found.append((where, units))
    return found
