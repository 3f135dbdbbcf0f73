"""The ledger's sums again, from its batches alone: beside what the ledger itself has. Pure.

It believes nothing but the batches, whose chain it checks as it goes: so what it has after a batch
is what the ledger had there, of which nothing else is kept.
"""

from collections.abc import Mapping

from custody.ledger.accounts import Account, Kind
from custody.ledger.ledger import Head
from custody.ledger.transfers import Phase, Posted, Transfer, digest_of
from engine.model.errors import FixgateError


class LedgerDamaged(FixgateError):
    """What is kept of the ledger is not what was posted."""


class LedgerFold:
    """Sums after a batch. credit: by account, credits less debits. held: by account, what is
    pending of it as a debit. waiting: transfers that are pending, by their identity."""

    def __init__(self) -> None:
        self.head = Head()
        self.credit: dict[str, int] = {}
        self.held: dict[str, int] = {}
        self.waiting: dict[str, Transfer] = {}

    def take(self, entry: Posted) -> None:
        """The next batch. Raises LedgerDamaged if it is another one, or not what was posted."""
        seq, batch = entry.seq, entry.batch
        if seq != self.head.seq + 1:
            raise LedgerDamaged(f"batch {self.head.seq + 1} of the ledger is missing")
        digest = digest_of(self.head.digest, seq, batch)
        if entry.digest != digest:
            raise LedgerDamaged(f"batch {seq} of the ledger is not what was posted")
        for position, transfer in enumerate(batch.transfers):
            self._take(batch.identity(position), transfer)
        self.head = Head(seq, digest, batch.time)

    def _take(self, identity: str, transfer: Transfer) -> None:
        debit, credit = transfer.debit, transfer.credit
        if transfer.phase == Phase.PENDING:
            self.waiting[identity] = transfer
            self.held[debit] = self.held.get(debit, 0) + transfer.amount
            return
        if transfer.pending:
            begun = self.waiting.pop(transfer.pending)
            self.held[debit] -= begun.amount
        self.credit[debit] = self.credit.get(debit, 0) - transfer.amount
        self.credit[credit] = self.credit.get(credit, 0) + transfer.amount

    def check_sums(self, accounts: Mapping[str, Account]) -> None:
        """Raises LedgerDamaged if accounts have something else than the batches say."""
        for name in sorted(self.credit.keys() | self.held.keys() | accounts.keys()):
            account = accounts.get(name) or Account(name, "", Kind.LIABILITY)
            if account.credits - account.debits != self.credit.get(name, 0):
                raise LedgerDamaged(f"{name} is not the sum of its transfers")
            if account.pending_debits != self.held.get(name, 0):
                raise LedgerDamaged(f"{name} is not the sum of what is pending of it")
