"""What people ask of the list of addresses and of the policy, and what approvers say of it."""

from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, Row

from custody.changes import store
from custody.changes.policies import Policies
from custody.changes.states import UNDECIDED, UNDER_WAY, ChangeState
from custody.known import MAX_INITIATOR, DeskRefused, Known
from custody.policy.history import Pending
from custody.policy.intents import (
    MAX_TEXT,
    AllowAddress,
    Approval,
    ChangePolicy,
    ForbidAddress,
    Intent,
)
from custody.policy.policy import Policy, check_policy, digest_of
from custody.store.database import for_reading
from custody.withdrawals import store as approvals
from engine.model.clock import Clock
from engine.model.errors import ConfigError

MAX_LISTED: Final = 1_000
"""Rows of one list."""


class Judges(Protocol):
    """The policy, as far as approvals are taken in."""

    @property
    def intent_life(self) -> int:
        """How long an intent may wait for its approvals, ns."""
        ...

    def refusal(self, intent: Intent, approval: Approval) -> str:
        """What is wrong with an approver's word; empty for nothing."""
        ...


def take_word(
    connection: Connection, judges: Judges, intent: Intent, approval: Approval, now: int
) -> None:
    """An approver's word on an intent, the first one. Raises DeskRefused."""
    if refusal := judges.refusal(intent, approval):
        raise DeskRefused(refusal)
    if not approvals.keep_approval(connection, intent.id, approval, now):
        raise DeskRefused(f"{approval.approver} has spoken on {intent.id} before")


class ChangeDesk:
    """Takes them in, and shows how they stand. Everything raises DeskRefused."""

    def __init__(
        self,
        database: Engine,
        chain: int,
        known: Known,
        judges: Judges,
        policies: Policies,
        clock: Clock,
    ) -> None:
        self._database = database
        self._reading = for_reading(database)
        self._chain = chain
        self._known = known
        self._judges = judges
        self._policies = policies
        self._clock = clock

    # --- the list -------------------------------------------------------------------------

    def allow(self, account: str, asset: str, destination: str, label: str, initiator: str) -> str:
        """Ask for an address to be put on an account's list; the intent's name."""
        place = self._place(account, asset, destination)
        if len(label) > MAX_TEXT:
            raise DeskRefused(f"label: at most {MAX_TEXT} characters")
        self._known.initiator(initiator)
        now = self._clock.now()
        with self._database.begin() as connection:
            self._known.refuse_own(connection, place[2])
            if store.of_place(connection, store.FORBID, place, [ChangeState.AGREED]):
                raise DeskRefused(f"{place[2]} is being forbidden: ask again when that is done")
            if store.on_the_list(connection, place):
                raise DeskRefused(f"{place[2]} is on the list of {account} for {asset} already")
            intent = AllowAddress(
                self._next(connection, store.ALLOW), account, initiator, self._chain, asset,
                place[2], label, now, now + self._judges.intent_life,
            )  # fmt: skip
            store.keep(connection, intent)
        return intent.id

    def forbid(self, account: str, asset: str, destination: str, initiator: str) -> str:
        """Ask for an address to be taken off an account's list; the intent's name."""
        place = self._place(account, asset, destination)
        self._known.initiator(initiator)
        now = self._clock.now()
        with self._database.begin() as connection:
            if store.of_place(connection, store.FORBID, place, [ChangeState.AGREED]):
                raise DeskRefused(f"{place[2]} is being forbidden already")
            states = [*UNDER_WAY, ChangeState.NOTED]
            if not store.of_place(connection, store.ALLOW, place, states):
                raise DeskRefused(f"{place[2]} is not on the list of {account} for {asset}")
            intent = ForbidAddress(
                self._next(connection, store.FORBID), account, initiator, self._chain, asset,
                place[2], now, now + self._judges.intent_life,
            )  # fmt: skip
            store.keep(connection, intent)
        return intent.id

    # --- the policy -----------------------------------------------------------------------

    def change(self, policy: Policy, initiator: str) -> str:
        """Ask for another policy; the intent's name. What is in force already takes back what is
        pending."""
        self._known.initiator(initiator)
        decimals = {code: a.decimals for code, a in self._known.assets.by_code.items()}
        try:
            check_policy(policy, decimals)
        except ConfigError as error:
            raise DeskRefused(f"policy: {error}") from None
        before, after = digest_of(self._policies.in_force()), digest_of(policy)
        if before == after and self._policies.pending() is None:
            raise DeskRefused("this policy is in force already")
        now = self._clock.now()
        with self._database.begin() as connection:
            intent = ChangePolicy(
                self._next(connection, store.CHANGE), initiator, before, after, now,
                now + self._judges.intent_life,
            )  # fmt: skip
            store.keep(connection, intent, policy)
        return intent.id

    def policy(self) -> tuple[Policy, Pending | None]:
        """The policy in force, and what is to take its place."""
        return self._policies.in_force(), self._policies.pending()

    # --- approvals ------------------------------------------------------------------------

    def approve(self, ident: str, approval: Approval) -> None:
        """Take an approver's word in."""
        with self._database.begin() as connection:
            row = self._find(connection, ident)
            if ChangeState(row.state) not in UNDECIDED:
                raise DeskRefused(f"{ident} is {row.state}: it waits for no approval")
            take_word(connection, self._judges, store.intent_of(row), approval, self._clock.now())

    def cancel(self, ident: str, initiator: str) -> None:
        """Take one back that is not decided on."""
        with self._database.begin() as connection:
            row = self._find(connection, ident)
            text = f"taken back by {initiator[:MAX_INITIATOR]}"
            now = self._clock.now()
            if not store.move(connection, ident, UNDECIDED, ChangeState.CANCELLED, now, text):
                raise DeskRefused(f"{ident} is {row.state}: it cannot be taken back")

    # --- what is there --------------------------------------------------------------------

    def addresses(self, account: str = "") -> list[Row[Any]]:
        """Intents about addresses, of one account or of all; the latest come first."""
        with self._reading.begin() as connection:
            kinds = (store.ALLOW, store.FORBID)
            return list(store.listed(connection, MAX_LISTED, kinds, account))

    def policies(self) -> list[Row[Any]]:
        """Intents to change the policy; the latest come first."""
        with self._reading.begin() as connection:
            return list(store.listed(connection, MAX_LISTED, [store.CHANGE]))

    def one(self, ident: str) -> tuple[Row[Any], list[Approval]]:
        """An intent and what approvers have said of it."""
        with self._reading.begin() as connection:
            return self._find(connection, ident), approvals.approvals_of(connection, ident)

    def _place(self, account: str, asset: str, destination: str) -> tuple[str, str, str]:
        self._known.account(account)
        return account, self._known.asset(asset).code, self._known.destination(destination)

    def _next(self, connection: Connection, kind: str) -> str:
        if store.is_full(connection, kind):
            raise DeskRefused(f"{store.MAX_UNDER_WAY} intents wait already: decide on those first")
        return store.next_id(connection)

    def _find(self, connection: Connection, ident: str) -> Row[Any]:
        row = store.find(connection, ident)
        if row is None:
            raise DeskRefused(f"there is no intent {ident}")
        return row
