"""What people and other processes ask of custody: addresses, withdrawals, approvals, lists.

Everything here is written down and left to the next step; nothing here moves money by itself.
"""

from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, Row, func, insert, select

from custody import alarms
from custody.asking import Asking
from custody.assets import ChainAsset
from custody.changes.desk import ChangeDesk
from custody.decisions.desk import DecisionDesk, Judges, take_word
from custody.deposits.store import find as find_deposit
from custody.known import MAX_INITIATOR, DeskRefused, Known
from custody.policy.intents import Approval, Withdrawal
from custody.store.custody_schema import addresses, deposits
from custody.store.custody_schema import alarms as alarm_table
from custody.store.database import for_reading
from custody.wallets.restocks import RestockDesk
from custody.withdrawals import store as withdrawals
from custody.withdrawals.states import CANCELLABLE, WithdrawalState
from engine.model.clock import Clock
from engine.model.money import INT64_MAX

MAX_ADDRESSES: Final = 1_000_000
"""Deposit addresses in all: what the nodes are asked about stays within memory."""

MAX_LISTED: Final = 1_000
"""Rows of one list."""


class Addresses(Protocol):
    """Deposit addresses by their number."""

    def address(self, number: int) -> str:
        """`0x` and 40 lower-case hex digits."""
        ...


class Desk:
    """Takes requests in, and shows how things stand."""

    def __init__(
        self,
        database: Engine,
        chain: int,
        known: Known,
        book: Addresses,
        judges: Judges,
        changes: ChangeDesk,
        decisions: DecisionDesk,
        asking: Asking,
        restocks: RestockDesk,
        clock: Clock,
    ) -> None:
        """changes: what is asked of the list and of the policy. decisions: what approvers say of
        that, and of all else that people decide on but withdrawals. asking: what they ask to have
        done. restocks: what is asked of the warm wallet."""
        self._database = database
        self._reading = for_reading(database)
        self._chain = chain
        self._known = known
        self._book = book
        self._judges = judges
        self.changes = changes
        self.decisions = decisions
        self.asking = asking
        self.restocks = restocks
        self._clock = clock

    # --- addresses ------------------------------------------------------------------------

    def deposit_address(self, account: str, asset: str) -> str:
        """Where an account has an asset sent to: the same at every call. Raises DeskRefused."""
        number, code = self._known.account(account), self._known.asset(asset).code
        with self._database.begin() as connection:
            query = select(addresses.c.address).where(
                addresses.c.account == number, addresses.c.asset == code
            )
            there = connection.execute(query).scalar()
            if there is not None:
                return str(there)
            count = connection.execute(select(func.count()).select_from(addresses)).scalar_one()
            if count >= MAX_ADDRESSES:
                raise DeskRefused(f"all {MAX_ADDRESSES} deposit addresses are given out")
            address = self._book.address(count)
            connection.execute(
                insert(addresses).values(
                    number=count, address=address, account=number, asset=code,
                    time=self._clock.now(),
                )
            )  # fmt: skip
            return address

    def addresses(self, account: str = "") -> list[Row[Any]]:
        """Deposit addresses, of one account or of all; the latest come first."""
        query = select(addresses).order_by(addresses.c.number.desc()).limit(MAX_LISTED)
        if account:
            query = query.where(addresses.c.account == self._known.account(account))
        with self._reading.begin() as connection:
            return list(connection.execute(query).all())

    def deposits(self, account: str = "") -> list[Row[Any]]:
        """Deposits, of one account or of all; the latest come first."""
        query = select(deposits).order_by(deposits.c.block.desc()).limit(MAX_LISTED)
        if account:
            query = query.where(deposits.c.account == self._known.account(account))
        with self._reading.begin() as connection:
            return list(connection.execute(query).all())

    def deposit(self, reference: str) -> Row[Any]:
        """A deposit by its reference. Raises DeskRefused."""
        with self._reading.begin() as connection:
            row = find_deposit(connection, reference)
        if row is None:
            raise DeskRefused(f"there is no deposit {reference}")
        return row

    def assets(self) -> list[ChainAsset]:
        """What is on the chain, by which amounts are read."""
        return list(self._known.assets.by_code.values())

    def accounts(self) -> dict[int, str]:
        """Names of the venue's accounts, by their ids in the journal."""
        return {account.id: account.name for account in self._known.refdata.accounts.values()}

    # --- withdrawals ----------------------------------------------------------------------

    def withdraw(
        self, account: str, asset: str, amount: int, destination: str, initiator: str
    ) -> str:
        """Ask for a withdrawal; its name. amount: minor units of the venue. Raises DeskRefused."""
        known = self._known.asset(asset)
        number = self._known.account(account)
        target = self._known.destination(destination)
        atomic, fee = self._amounts(known, amount)
        self._known.initiator(initiator)
        now = self._clock.now()
        with self._database.begin() as connection:
            self._known.refuse_own(connection, target)
            ident = withdrawals.next_id(connection)
            intent = Withdrawal(
                ident, account, initiator, self._chain, known.code, known.token, target, atomic,
                fee, now, now + self._judges.intent_life,
            )  # fmt: skip
            withdrawals.keep(connection, intent, number, amount, known.withdrawal_fee)
        return ident

    def approve(self, ident: str, approval: Approval) -> None:
        """Take an approver's word in. Raises DeskRefused."""
        with self._database.begin() as connection:
            row = self._withdrawal(connection, ident)
            if row.state not in (str(WithdrawalState.HELD), str(WithdrawalState.AWAITING)):
                raise DeskRefused(f"{ident} is {row.state}: it waits for no approval")
            intent = withdrawals.intent_of(row)
            take_word(connection, self._judges, intent, approval, self._clock.now())

    def cancel(self, ident: str, initiator: str) -> None:
        """Take a withdrawal back that has no nonce yet. Raises DeskRefused."""
        with self._database.begin() as connection:
            row = self._withdrawal(connection, ident)
            done = withdrawals.move(
                connection, ident, CANCELLABLE, WithdrawalState.RELEASING, self._clock.now(),
                f"taken back by {initiator[:MAX_INITIATOR]}", WithdrawalState.CANCELLED,
            )  # fmt: skip
            if not done:
                raise DeskRefused(f"{ident} is {row.state}: it cannot be taken back")

    def withdrawals(self, account: str = "") -> list[Row[Any]]:
        """Withdrawals, of one account or of all; the latest come first."""
        number = self._known.account(account) if account else 0
        with self._reading.begin() as connection:
            return list(withdrawals.listed(connection, MAX_LISTED, number))

    def withdrawal(self, ident: str) -> tuple[Row[Any], list[Approval]]:
        """A withdrawal and what approvers have said of it. Raises DeskRefused."""
        with self._reading.begin() as connection:
            row = self._withdrawal(connection, ident)
            return row, withdrawals.approvals_of(connection, ident)

    # --- alarms ---------------------------------------------------------------------------

    def alarms(self) -> list[Row[Any]]:
        """What waits for a person, the oldest first."""
        query = select(alarm_table).where(alarm_table.c.cleared == 0)
        with self._reading.begin() as connection:
            rows = connection.execute(query.order_by(alarm_table.c.since).limit(MAX_LISTED))
            return list(rows.all())

    def initiator(self, name: str) -> str:
        """Whoever says so. Raises DeskRefused."""
        return self._known.initiator(name)

    def clear_alarm(self, name: str) -> None:
        """A person has dealt with it. Raises DeskRefused."""
        with self._database.begin() as connection:
            if not alarms.clear_alarm(connection, name, self._clock.now()):
                raise DeskRefused(f"there is no alarm {name}")

    # --- what was meant -------------------------------------------------------------------

    def _amounts(self, asset: ChainAsset, amount: int) -> tuple[int, int]:
        """A withdrawal and its fee in atomic units."""
        if not asset.min_withdrawal <= amount <= INT64_MAX - asset.withdrawal_fee:
            raise DeskRefused(
                f"the least withdrawal of {asset.code} is {asset.min_withdrawal} minor units"
            )
        atomic, fee = asset.atomic(amount), asset.atomic(asset.withdrawal_fee)
        if atomic is None or fee is None:
            raise DeskRefused(f"{asset.code} has {asset.decimals} decimals on the chain")
        return atomic, fee

    def _withdrawal(self, connection: Connection, ident: str) -> Row[Any]:
        row = withdrawals.find(connection, ident)
        if row is None:
            raise DeskRefused(f"there is no withdrawal {ident}")
        return row
