"""What moved between two cut-offs, account by account. Pure; its memory is that of the accounts.

    opening balance + what moved, by kind = closing balance

The closing balance is not computed from the opening one: it is what all batches up to the cut-off
come to, and the equation is checked.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from custody.ledger import chart
from custody.ledger.fold import LedgerDamaged, LedgerFold
from custody.ledger.ledger import Head
from custody.ledger.transfers import Phase, Posted, Transfer
from custody.settlement.cut import Passing

Owner = tuple[int, str]
"""(account's id in the journal, asset's code)."""

TRADE: Final = "trade"
FEES: Final = ("maker-fee", "taker-fee")

MAX_KINDS: Final = 32
"""Kinds of movements: the codes of the ledger's transfers are as many at most."""


class Moved(Struct):
    """Movements of a kind. received, paid: units of the ledger, both at least 0."""

    received: int = 0
    paid: int = 0
    count: int = 0


class Standing(Struct, frozen=True):
    """What an account has at a cut-off, units of the ledger: of `balance` `held` is pending on its
    way out. owed: what it owes the venue."""

    balance: int = 0
    held: int = 0
    owed: int = 0


class Obligation(Struct, frozen=True):
    """What trading in the period comes to, units of the ledger; net below 0 is to be delivered.
    account 0: the venue."""

    account: int
    asset: str
    received: int
    paid: int
    fees: int

    @property
    def net(self) -> int:
        """What is to be received, or delivered."""
        return self.received - self.paid - self.fees


class Period:
    """A period that is being gone over, and then has been."""

    def __init__(self, start: Passing, end: Passing) -> None:
        self.fold = LedgerFold()
        self.moved: dict[Owner, dict[str, Moved]] = {}
        self.opening: dict[Owner, Standing] = {}
        self.closing: dict[Owner, Standing] = {}
        self.first = Head()
        """Of the last batch before the period."""
        self.last = Head()
        """Of the last batch of the period."""
        self._start, self._end = start, end
        self._began = self._ended = False

    def go_over(self, posted: Iterable[Posted]) -> None:
        """All batches of the ledger, in order: those behind the period, too, so that what they come
        to can be compared with what the ledger has."""
        for entry in posted:
            if not self._began and self._start.passes(entry):
                self._begin()
            if not self._ended and self._end.passes(entry):
                self._finish()
            self.fold.take(entry)
            if self._began and not self._ended:
                for transfer in entry.batch.transfers:
                    self._take(transfer)
        if not self._ended:
            self._finish()

    def _begin(self) -> None:
        self._began = True
        self.opening, self.first = self._standings(), self.fold.head

    def _finish(self) -> None:
        if not self._began:
            self._begin()  # nothing at all has happened in it
        self._ended = True
        self.closing, self.last = self._standings(), self.fold.head
        for owner in self.closing.keys() | self.opening.keys() | self.moved.keys():
            there = self.opening.get(owner, Standing()).balance + self.sum_of(owner)
            if there != self.closing.get(owner, Standing()).balance:
                raise LedgerDamaged(f"what moved of {owner} is not what its balance has changed by")

    def sum_of(self, owner: Owner) -> int:
        """By how much everything together has changed a balance."""
        return sum(m.received - m.paid for m in self.moved.get(owner, {}).values())

    def obligations(self) -> Iterator[Obligation]:
        """Of each member's account, and of the venue as 0, in each asset that was traded; per asset
        the nets of all come to nothing, which is checked."""
        fees: dict[str, int] = {}
        nets: dict[str, int] = {}
        for (account, asset), kinds in sorted(self.moved.items()):
            trades = kinds.get(TRADE, Moved())
            paid = sum(kinds[code].paid for code in FEES if code in kinds)
            if trades.count or paid:
                made = Obligation(account, asset, trades.received, trades.paid, paid)
                fees[asset] = fees.get(asset, 0) + paid
                nets[asset] = nets.get(asset, 0) + made.net
                yield made
        for asset, earned in sorted(fees.items()):
            if nets[asset] + earned:
                raise LedgerDamaged(f"trades of {asset} do not come to nothing over all members")
            if earned:
                yield Obligation(0, asset, earned, 0, 0)

    # --- within ---------------------------------------------------------------------------

    def _standings(self) -> dict[Owner, Standing]:
        fold = self.fold
        found = {}
        for name, balance in fold.credit.items():
            if owner := chart.client_of(name):
                held = fold.held.get(name, 0)
                owed = -fold.credit.get(chart.owed(owner[1], owner[0]).name, 0)
                found[owner] = Standing(balance, held, owed)
        return found

    def _take(self, transfer: Transfer) -> None:
        if transfer.phase in (Phase.PENDING, Phase.VOID):
            return
        payer, payee = chart.client_of(transfer.debit), chart.client_of(transfer.credit)
        if payer is not None:
            moved = self._moved(payer, _kind(transfer))
            moved.paid, moved.count = moved.paid + transfer.amount, moved.count + 1
        if payee is not None:
            moved = self._moved(payee, _kind(transfer))
            moved.received, moved.count = moved.received + transfer.amount, moved.count + 1

    def _moved(self, owner: Owner, kind: str) -> Moved:
        kinds = self.moved.setdefault(owner, {})
        moved = kinds.get(kind)
        if moved is None:
            assert len(kinds) < MAX_KINDS
            moved = kinds[kind] = Moved()
        return moved


def _kind(transfer: Transfer) -> str:
    """What a movement is called; a withdrawal's fee apart from what has left."""
    if transfer.code == "withdrawal" and "/fees/" in transfer.credit:
        return "withdrawal-fee"
    return transfer.code
