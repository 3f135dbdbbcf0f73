"""What the venue holds accounts to, as its journal says: nothing of a frozen account is paid.

A look at this is as late as the journal is on disk. A hold that the venue has answered is below the
journal's mark, and so is the record that set a withdrawal's money aside: so what is asked for
before a nonce is given out, or before a payment's first form is signed, is at least as late as the
withdrawal and its approvals, and finds every hold that anybody was told of. Where the journal
cannot be read to its mark at once, nothing is paid.
"""

from typing import Any, Final

from sqlalchemy import Connection, Engine, Row

from custody.decisions import store as decisions
from custody.deposits import store as deposits
from custody.outgoing.states import Purpose
from custody.policy.intents import ReturnDeposit
from custody.poster import LedgerPoster
from custody.store.database import for_reading
from custody.withdrawals import store as withdrawals
from engine.model.enums import HOLD_FROZEN

HELD: Final = "waits: the venue holds its account"
"""What people read of what waits."""

GOES_ON: Final = "goes on: the venue does not hold its account any more"


class Holds:
    """Answers for the parts of custody that pay."""

    def __init__(self, poster: LedgerPoster, database: Engine) -> None:
        self._poster = poster
        self._reading = for_reading(database)

    def frozen(self, account: int) -> bool | None:
        """Whether nothing of an account may be paid, now; None while nobody can say: then nothing
        may, either. Writes to the database: not for the inside of a transaction. Raises as
        LedgerPoster.step does."""
        if not self._poster.catch_up():
            return None
        return self._poster.postings.holds.get(account) == HOLD_FROZEN

    def frozen_of(self, sent: Row[Any]) -> bool | None:
        """The same of the account whose money a transaction of ours pays out. The venue's own
        coins, which move between its wallets, are nobody's."""
        with self._reading.begin() as connection:
            account = _payer(connection, Purpose(sent.purpose), sent.reference.partition("/")[2])
        return False if account is None else self.frozen(account)


def _payer(connection: Connection, purpose: Purpose, ident: str) -> int | None:
    """The account that pays, by its id; None if it is the venue. A deposit that is nobody's is
    account 0's."""
    if purpose == Purpose.WITHDRAWAL:
        withdrawal = withdrawals.find(connection, ident)
        assert withdrawal is not None
        return int(withdrawal.account)
    if purpose == Purpose.RETURN:
        decision = decisions.find(connection, ident)
        assert decision is not None
        intent = decisions.intent_of(decision)
        assert isinstance(intent, ReturnDeposit)
        return account_of_deposit(connection, intent)
    return None


def account_of_deposit(connection: Connection, intent: ReturnDeposit) -> int:
    """Whose deposit is to be returned, by the account's id; 0 if it is nobody's."""
    deposit = deposits.find(connection, intent.deposit)
    return 0 if deposit is None else int(deposit.account)
