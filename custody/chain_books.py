"""What the chain does, in the ledger: each thing once, under a name of its own."""

from collections.abc import Iterable

from custody.ledger import chart
from custody.ledger.chart import Place
from custody.ledger.transfers import Batch, Posted, Transfer
from custody.poster import LedgerPoster

Move = tuple[str, str, int]
"""(account to debit, account to credit, units of the ledger)."""


class ChainBooks:
    """Posts batches that are not the journal's."""

    def __init__(self, poster: LedgerPoster) -> None:
        self._poster = poster

    def opened(self, place: Place) -> str:
        """The name of an account of the chart, which is opened if it is not there."""
        return self._poster.ledger.open(*place).name

    def find(self, key: str) -> Posted | None:
        """What was posted under a name."""
        return self._poster.ledger.history.find(key)

    def balance(self, place: Place) -> int:
        """What an account has, units of the ledger; 0 if it was never opened."""
        account = self._poster.ledger.accounts.get(place.name)
        return account.balance if account else 0

    def post(self, batches: Iterable[tuple[str, Iterable[Move]]]) -> None:
        """Post (name, moves), each unless its name is posted already; all are on disk then."""
        self._poster.post(
            Batch(key, 0, tuple(Transfer(d, c, units, "chain") for d, c, units in moves))
            for key, moves in batches
        )

    def leaving(self, code: str, address: str, debit: str, units: int) -> list[Move]:
        """Moves that take coins from an address. Where the ledger has less there than has left, the
        books are wrong already: the rest goes to `suspense/break`, which reconciling shows."""
        there = self.opened(chart.chain(code, address))
        part = min(units, self._poster.ledger.accounts[there].available)
        moves = [
            (debit, there, part),
            (debit, self.opened(chart.suspense(code, "break")), units - part),
        ]
        return [move for move in moves if move[2]]
