"""The ledger: accounts, what is posted, what is pending. Pure; no clock of its own.

The semantics are those of a two-phase ledger: an amount can be reserved first, and then posted in
whole or in part, or given back, exactly once.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sortedcontainers import SortedSet

from custody.ledger.accounts import Account, Guard, Kind
from custody.ledger.history import History, Memory
from custody.ledger.transfers import (
    GENESIS,
    MAX_AMOUNT,
    MAX_KEY,
    MAX_TRANSFERS,
    Batch,
    BatchRefused,
    Pending,
    Phase,
    Posted,
    Refusal,
    Transfer,
    digest_of,
    is_name,
)


class Head(NamedTuple):
    """Where a ledger is: number, digest and time of its last batch."""

    seq: int = 0
    digest: bytes = GENESIS
    time: int = 0


class Ledger:
    """All accounts, by name; what was posted before is its history's.

    A ledger goes on from where another stopped: accounts, head and expiring are what that one had.
    expiring: (expires, identity) of transfers that wait and will not do so for ever.
    """

    def __init__(
        self,
        history: History | None = None,
        accounts: Iterable[Account] = (),
        head: Head | None = None,
        expiring: Iterable[tuple[int, str]] = (),
    ) -> None:
        self.history: History = Memory() if history is None else history
        self.accounts = {account.name: account for account in accounts}
        self.head = head or Head()
        self._expiring: SortedSet[tuple[int, str]] = SortedSet(expiring)

    @property
    def digest(self) -> bytes:
        """The digest of all that was posted."""
        return self.head.digest

    @property
    def time(self) -> int:
        """Of the last batch, ns UTC; it never goes back."""
        return self.head.time

    def open(self, name: str, kind: Kind, guard: Guard = Guard.NONE) -> Account:
        """The account of that name, which is opened if there is none. The first part of its name is
        its asset. Raises BatchRefused if it is there and is another, or cannot be."""
        account = self.accounts.get(name)
        if account is None:
            asset, _, path = name.partition("/")
            if not (is_name(name) and asset and path):
                raise BatchRefused(Refusal.MALFORMED, f"{name!r} is no name of an account")
            account = self.accounts[name] = Account(name, asset, kind, guard)
        elif (account.kind, account.guard) != (kind, guard):
            raise BatchRefused(Refusal.MALFORMED, f"{name} is another kind of account")
        return account

    def post(self, batch: Batch) -> Posted:
        """Post all of a batch, or find it posted already. Raises BatchRefused."""
        if (already := self.history.find(batch.key)) is not None:
            if already.batch != batch:
                raise BatchRefused(Refusal.KEY_REUSED, batch.key)
            return already
        _check_form(batch)
        if batch.time < self.time:
            raise BatchRefused(Refusal.TIME_GOES_BACK, f"{batch.key} is before the last batch")
        changes = _Changes(self, batch)
        for transfer in batch.transfers:
            changes.take(transfer)
        changes.check_guards()
        return self._commit(changes)

    def expired(self, now: int) -> list[str]:
        """Identities of pending transfers that have expired by `now`, ns UTC, the oldest first."""
        found = []
        for expires, identity in self._expiring:
            if expires > now:
                break
            found.append(identity)
        return found

    def expire(self, now: int) -> list[Posted]:
        """Void what has expired by `now`, ns UTC; each in a batch of its own."""
        made = []
        for identity in self.expired(now):
            pending = self.history.pending(identity)
            assert pending is not None
            transfer = pending.transfer
            void = Transfer(
                transfer.debit, transfer.credit, 0, transfer.code, Phase.VOID, pending=identity
            )
            made.append(self.post(Batch(f"{identity}/expired", max(now, self.time), (void,))))
        return made

    def check(self) -> None:
        """Assert that every asset sums to zero and every guard holds."""
        sums: dict[str, int] = {}
        for account in self.accounts.values():
            more = account.debits - account.credits
            sums[account.asset] = sums.get(account.asset, 0) + more
            assert account.within_guard, account
            assert account.pending_debits >= 0, account
            assert account.pending_credits >= 0, account
        assert not any(sums.values()), sums

    def _commit(self, changes: "_Changes") -> Posted:
        batch = changes.batch
        seq = self.head.seq + 1
        posted = Posted(seq, batch, digest_of(self.digest, seq, batch))
        self.accounts.update(changes.accounts)
        for identity, pending in changes.pending.items():
            if expires := pending.transfer.expires:
                if pending.ended:
                    self._expiring.discard((expires, identity))
                else:
                    self._expiring.add((expires, identity))
        self.history.add(posted, changes.pending)
        self.head = Head(seq, posted.digest, batch.time)
        return posted


class _Changes:
    """What a batch would change, beside a ledger that it leaves as it is."""

    def __init__(self, ledger: Ledger, batch: Batch) -> None:
        self.batch = batch
        self.accounts: dict[str, Account] = {}
        self.pending: dict[str, Pending] = {}
        self._ledger = ledger
        self._index = 0

    def take(self, transfer: Transfer) -> None:
        """One transfer more. Raises BatchRefused."""
        debit, credit = self._account(transfer.debit), self._account(transfer.credit)
        if debit.asset != credit.asset:
            raise BatchRefused(Refusal.ASSETS_DIFFER, f"{debit.name} and {credit.name}")
        if transfer.phase in (Phase.POST, Phase.VOID):
            reserved = self._end(transfer)
            debit.pending_debits -= reserved
            credit.pending_credits -= reserved
        if transfer.phase == Phase.PENDING:
            debit.pending_debits += transfer.amount
            credit.pending_credits += transfer.amount
            self.pending[self.batch.identity(self._index)] = Pending(transfer)
        elif transfer.phase != Phase.VOID:
            debit.debits += transfer.amount
            credit.credits += transfer.amount
        self._index += 1

    def check_guards(self) -> None:
        """Raises BatchRefused. A batch is one moment: what matters is where it ends."""
        for account in self.accounts.values():
            if not account.within_guard:
                raise BatchRefused(Refusal.OVERDRAFT, account.name)

    def _account(self, name: str) -> Account:
        account = self.accounts.get(name)
        if account is None:
            there = self._ledger.accounts.get(name)
            if there is None:
                raise BatchRefused(Refusal.UNKNOWN_ACCOUNT, name)
            account = self.accounts[name] = _copy(there)
        return account

    def _end(self, transfer: Transfer) -> int:
        """End what is pending; how much it had reserved, atomic units."""
        identity = transfer.pending
        pending = self.pending.get(identity) or self._ledger.history.pending(identity)
        if pending is None:
            raise BatchRefused(Refusal.UNKNOWN_PENDING, identity)
        first = pending.transfer
        if pending.ended:
            raise BatchRefused(Refusal.ENDED, f"{identity} by {pending.ended}")
        if (first.debit, first.credit) != (transfer.debit, transfer.credit):
            raise BatchRefused(Refusal.MALFORMED, f"{identity} is between other accounts")
        if transfer.amount > first.amount:
            raise BatchRefused(Refusal.EXCEEDS_PENDING, identity)
        if transfer.phase == Phase.POST and 0 < first.expires <= self.batch.time:
            raise BatchRefused(Refusal.EXPIRED, identity)
        self.pending[identity] = Pending(first, self.batch.identity(self._index))
        return first.amount


def _copy(account: Account) -> Account:
    return Account(
        account.name, account.asset, account.kind, account.guard,
        account.debits, account.credits, account.pending_debits, account.pending_credits,
    )  # fmt: skip


def _check_form(batch: Batch) -> None:
    """Raises BatchRefused for what could not be posted to any ledger."""
    if not is_name(batch.key) or len(batch.key) > MAX_KEY:
        raise BatchRefused(Refusal.MALFORMED, f"{batch.key!r} is no key")
    if not 0 < len(batch.transfers) <= MAX_TRANSFERS:
        raise BatchRefused(Refusal.MALFORMED, f"{batch.key} has {len(batch.transfers)} transfers")
    for transfer in batch.transfers:
        fault = _fault(transfer)
        if fault:
            raise BatchRefused(Refusal.MALFORMED, f"{batch.key}: {fault}")


def _fault(transfer: Transfer) -> str:
    """What is wrong with a transfer by itself; empty if nothing is."""
    ends = transfer.phase in (Phase.POST, Phase.VOID)
    if transfer.debit == transfer.credit:
        return "from an account to itself"
    if (transfer.amount == 0) != (transfer.phase == Phase.VOID):
        return "a void has no amount, and everything else has one"
    if not 0 <= transfer.amount <= MAX_AMOUNT:
        return "an amount out of bounds"
    if bool(transfer.pending) != ends:
        return "what is pending is ended by a post or a void, and by nothing else"
    if transfer.expires < 0 or (transfer.expires and transfer.phase != Phase.PENDING):
        return "only what is pending expires"
    return "" if is_name(transfer.code) else f"{transfer.code!r} is no code"


def check_chain(posted: Iterable[Posted], before: bytes = GENESIS, last: int = 0) -> bytes:
    """Assert that batches follow `before`, the digest of number `last`, without a hole, and that no
    byte of them has changed; the digest of the last one."""
    for entry in posted:
        assert entry.seq == last + 1, f"number {last + 1} is missing"
        last, before = entry.seq, digest_of(before, entry.seq, entry.batch)
        assert entry.digest == before, f"number {entry.seq} is not what was posted"
    return before
