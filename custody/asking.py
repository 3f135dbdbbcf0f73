"""What people ask to have done where neither the chain nor the policy decides: each is an intent,
which others approve. Everything raises DeskRefused."""

from typing import Any

from sqlalchemy import Connection, Engine, Row

from custody.decisions.desk import Begun, DecisionDesk
from custody.decisions.store import keep
from custody.deposits import decided
from custody.deposits import store as deposits
from custody.known import DeskRefused, Known
from custody.policy.intents import (
    MAX_TEXT,
    BookBreak,
    Carried,
    GiveUp,
    ReleaseDeposit,
    ReturnDeposit,
    kind_of_type,
)
from custody.reconciling.breaks import alarm_name, break_at, standing
from custody.reconciling.report import Break
from custody.store.database import for_reading
from custody.withdrawals import store as withdrawals
from custody.withdrawals.states import WithdrawalState


class Asking:
    """Takes them in; each gives the intent's name."""

    def __init__(
        self, database: Engine, chain: int, known: Known, decisions: DecisionDesk, hot: str
    ) -> None:
        self._database = database
        self._reading = for_reading(database)
        self._chain = chain
        self._known = known
        self._decisions = decisions
        self._hot = hot

    def give_up(self, ident: str, initiator: str) -> str:
        """Have a withdrawal given up that the chain reverted."""
        self._known.initiator(initiator)
        with self._database.begin() as connection:
            row = withdrawals.find(connection, ident)
            if row is None:
                raise DeskRefused(f"there is no withdrawal {ident}")
            if row.state != str(WithdrawalState.REVERTED):
                raise DeskRefused(f"{ident} is {row.state}: it was not reverted by the chain")
            new, asked = self._begin(connection, GiveUp, ident), withdrawals.intent_of(row)
            intent = GiveUp(
                new.id, asked.account, initiator, self._chain, asked.asset, ident, asked.amount,
                new.requested, new.expires,
            )  # fmt: skip
            keep(connection, intent, ident)
        return intent.id

    def release(self, reference: str, account: str, initiator: str) -> str:
        """Have a deposit credited that waits for people. account: whose it is to be; may be empty
        where it came to somebody's address."""
        self._known.initiator(initiator)
        with self._database.begin() as connection:
            row = self._deposit(connection, reference)
            account = account or self._known.name_of(row.account)
            if not account:
                raise DeskRefused(f"{reference} came to nobody's address: name an account")
            asset, number = self._known.asset(row.asset), self._known.account(account)
            if words := decided.refusal_of_credit(row, asset, number):
                raise DeskRefused(words)
            new = self._begin(connection, ReleaseDeposit, reference)
            intent = ReleaseDeposit(
                new.id, account, initiator, self._chain, asset.code, reference,
                decided.what_came(row), new.requested, new.expires,
            )  # fmt: skip
            keep(connection, intent, reference)
        return intent.id

    def send_back(self, reference: str, destination: str, initiator: str) -> str:
        """Have a deposit sent away again that waits for people."""
        target = self._known.destination(destination)
        self._known.initiator(initiator)
        with self._database.begin() as connection:
            row = self._deposit(connection, reference)
            self._known.refuse_own(connection, target)
            if row.address != self._hot and not self._known.is_deposit_address(
                connection, row.address
            ):
                raise DeskRefused(f"{reference} came to {row.address}, which returns nothing")
            new = self._begin(connection, ReturnDeposit, reference)
            intent = ReturnDeposit(
                new.id, self._known.name_of(row.account), initiator, self._chain, row.asset,
                row.token, reference, row.address, target, decided.what_came(row), new.requested,
                new.expires,
            )  # fmt: skip
            keep(connection, intent, reference)
        return intent.id

    def book(self, asset: str, address: str, why: str, initiator: str) -> str:
        """Have what an open break comes to booked as the house's."""
        known = self._known.asset(asset)
        self._known.initiator(initiator)
        if not 0 < len(why) <= MAX_TEXT:
            raise DeskRefused(f"why: 1 to {MAX_TEXT} characters")
        name = alarm_name(known.code, address)
        with self._database.begin() as connection:
            amount = break_at(connection, known.code, address)
            if not amount:
                raise DeskRefused(f"there is no break of {asset} at {address}")
            new = self._begin(connection, BookBreak, name)
            intent = BookBreak(
                new.id, initiator, known.code, address, amount,
                self._known.assets.decimals()[known.code], why, new.requested, new.expires,
            )  # fmt: skip
            keep(connection, intent, name)
        return intent.id

    def breaks(self) -> tuple[Break, ...]:
        """Those that are open, the oldest first."""
        with self._reading.begin() as connection:
            return standing(connection)

    def _begin(self, connection: Connection, kind: type[Carried], subject: str) -> Begun:
        return self._decisions.begin(connection, kind_of_type(kind), subject)

    def _deposit(self, connection: Connection, reference: str) -> Row[Any]:
        row = deposits.find(connection, reference)
        if row is None:
            raise DeskRefused(f"there is no deposit {reference}")
        if words := decided.refusal_of_state(row):
            raise DeskRefused(words)
        return row
