"""One look: what should be where, what is there, and what that says of each asset. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from custody.chains.node import Block
from custody.ledger import chart
from custody.ledger.accounts import Account
from custody.reconciling.report import (
    MAX_SHOWN,
    AssetLook,
    Break,
    ChainLook,
    Holding,
    Undecided,
)
from custody.reconciling.under_way import Flight, Where

MAX_BREAKS: Final = 200
"""Breaks that one look writes down: more, and something else is wrong; the next look finds them."""

ARRIVING: Final = ("quarantine", "unattributed", "dust")
"""Suspense accounts of coins that have come and are somebody's."""


class Liabilities:
    """What an asset's accounts say, units of the ledger; see AssetLook."""

    def __init__(self, code: str, accounts: Mapping[str, Account]) -> None:
        def balance(place: chart.Place) -> int:
            account = accounts.get(place.name)
            return account.balance if account else 0

        self.clients = 0
        self.arriving = balance(chart.incoming(code))
        self.arriving += sum(balance(chart.suspense(code, why)) for why in ARRIVING)
        self.leaving = balance(chart.outgoing(code))
        self.opening = balance(chart.opening(code))
        self.suspense = balance(chart.suspense(code, "break"))


class Look:
    """A look that has begun. expected: by place, units of the ledger; waiting: places whose
    balances are not known yet."""

    def __init__(
        self,
        block: Block,
        accounts: Mapping[str, Account],
        place: tuple[int, int],
        flight: Flight,
        given: Iterable[Where],
        assets: Iterable[str],
    ) -> None:
        """place: the ledger's last record and batch. given: places that are watched, whether the
        books have anything there or not."""
        self.block = block
        self.books: dict[Where, int] = dict.fromkeys(given, 0)
        self._liabilities = {code: Liabilities(code, accounts) for code in assets}
        for name, account in accounts.items():
            if account.asset not in self._liabilities:
                continue  # it is not on the chain
            if where := chart.address_of(name):
                self.books[where] = account.balance
            elif chart.client_of(name) is not None:
                self._liabilities[account.asset].clients += account.balance
        for where in flight.changes:
            self.books.setdefault(where, 0)
        self._place = place
        self._flight = flight
        self._found: dict[Where, int] = {}
        self._holdings: list[Holding] = []
        self._undecided = dict(flight.undecided)
        self.waiting = sorted(self.books, reverse=True)

    # --- balances -------------------------------------------------------------------------

    def take(self, count: int) -> list[Where]:
        """The next places to ask about."""
        taken = self.waiting[-count:]
        del self.waiting[-count:]
        return taken

    def there(self, where: Where, units: int, atomic: int) -> None:
        """A place has `units` of the ledger's, which are `atomic` units of the chain."""
        self._found[where] = units
        if atomic:
            self._holdings.append(Holding(*where, str(atomic)))

    def unknown(self, where: Where, why: str) -> None:
        """What a place has cannot be known now."""
        self._undecided[where] = why

    # --- what follows ---------------------------------------------------------------------

    def breaks(self) -> Iterator[tuple[Where, int]]:
        """Places with what the chain has there beyond the books, below 0 for less."""
        count = 0
        for where, units in self._differences():
            if not self._explained(where, units) and count < MAX_BREAKS:
                count += 1
                yield where, units

    def _differences(self) -> Iterator[tuple[Where, int]]:
        for where, found in self._found.items():
            units = found - self.books[where] - self._flight.changes.get(where, 0)
            if units and where not in self._undecided:
                yield where, units

    def _explained(self, where: Where, units: int) -> bool:
        """Coins that came beside a token's own word are known, and wait for a person. No deposit
        takes coins away: what is missing is a break all the same."""
        return where in self._flight.mismatched and units > 0

    def report(self, now: int, standing: tuple[Break, ...]) -> ChainLook:
        """What people are told. now: ns UTC. standing: all breaks that are open."""
        mismatched = [
            Break(*where, str(units), self.block.time, self.block.number)
            for where, units in self._differences()
            if self._explained(where, units)
        ]
        undecided = [Undecided(*where, why) for where, why in sorted(self._undecided.items())]
        return ChainLook(
            self.block.number, "0x" + self.block.hash.hex(), self.block.time, now, *self._place,
            len(self._found.keys() - self._undecided.keys()),
            tuple(self._asset(code) for code in self._liabilities), standing,
            tuple(undecided[:MAX_SHOWN]), tuple(mismatched[:MAX_SHOWN]), tuple(self._holdings),
        )  # fmt: skip

    def _asset(self, code: str) -> AssetLook:
        """Of a place that nobody knows of the books are believed, so that it is no shortfall."""
        owed = self._liabilities[code]
        books = chain = flight = backing = 0
        for where, units in self.books.items():
            if where[0] != code:
                continue
            moving = self._flight.changes.get(where, 0)
            books, flight = books + units, flight + moving
            chain += self._found.get(where, 0)
            backing += self._found.get(where, units + moving) - moving
        shortfall = owed.clients + owed.arriving - owed.leaving - backing
        figures = (
            books, flight, chain, owed.clients, owed.arriving, owed.leaving, owed.opening,
            owed.suspense, max(shortfall, 0),
        )  # fmt: skip
        return AssetLook(code, *map(str, figures))
