"""What people ask of the list of addresses and of the policy."""

from typing import Any

from sqlalchemy import Engine, Row

from custody.changes import store
from custody.changes.policies import Policies
from custody.decisions.desk import DecisionDesk
from custody.decisions.states import UNDER_WAY, DecisionState
from custody.decisions.store import keep
from custody.known import DeskRefused, Known
from custody.policy.history import Pending
from custody.policy.intents import MAX_TEXT, AllowAddress, ChangePolicy, ForbidAddress
from custody.policy.policy import Policy, check_policy, digest_of
from engine.model.errors import ConfigError


class ChangeDesk:
    """Takes them in, and shows how they stand. Everything raises DeskRefused."""

    def __init__(
        self,
        database: Engine,
        chain: int,
        known: Known,
        decisions: DecisionDesk,
        policies: Policies,
    ) -> None:
        self._database = database
        self._chain = chain
        self._known = known
        self._decisions = decisions
        self._policies = policies

    # --- the list -------------------------------------------------------------------------

    def allow(self, account: str, asset: str, destination: str, label: str, initiator: str) -> str:
        """Ask for an address to be put on an account's list; the intent's name."""
        place = self._place(account, asset, destination)
        if len(label) > MAX_TEXT:
            raise DeskRefused(f"label: at most {MAX_TEXT} characters")
        self._known.initiator(initiator)
        with self._database.begin() as connection:
            self._known.refuse_own(connection, place[2])
            if store.of_place(connection, store.FORBID, place, [DecisionState.AGREED]):
                raise DeskRefused(f"{place[2]} is being forbidden: ask again when that is done")
            if store.on_the_list(connection, place):
                raise DeskRefused(f"{place[2]} is on the list of {account} for {asset} already")
            new = self._decisions.begin(connection, store.ALLOW)
            intent = AllowAddress(
                new.id, account, initiator, self._chain, asset, place[2], label, new.requested,
                new.expires,
            )  # fmt: skip
            keep(connection, intent)
        return intent.id

    def forbid(self, account: str, asset: str, destination: str, initiator: str) -> str:
        """Ask for an address to be taken off an account's list; the intent's name."""
        place = self._place(account, asset, destination)
        self._known.initiator(initiator)
        with self._database.begin() as connection:
            if store.of_place(connection, store.FORBID, place, [DecisionState.AGREED]):
                raise DeskRefused(f"{place[2]} is being forbidden already")
            states = [*UNDER_WAY, DecisionState.NOTED]
            if not store.of_place(connection, store.ALLOW, place, states):
                raise DeskRefused(f"{place[2]} is not on the list of {account} for {asset}")
            new = self._decisions.begin(connection, store.FORBID)
            intent = ForbidAddress(
                new.id, account, initiator, self._chain, asset, place[2], new.requested,
                new.expires,
            )  # fmt: skip
            keep(connection, intent)
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
        with self._database.begin() as connection:
            new = self._decisions.begin(connection, store.CHANGE)
            intent = ChangePolicy(new.id, initiator, before, after, new.requested, new.expires)
            keep(connection, intent, policy=policy)
        return intent.id

    def policy(self) -> tuple[Policy, Pending | None]:
        """The policy in force, and what is to take its place."""
        return self._policies.in_force(), self._policies.pending()

    # --- what is there --------------------------------------------------------------------

    def addresses(self, account: str = "") -> list[Row[Any]]:
        """Intents about addresses, of one account or of all; the latest come first."""
        return self._decisions.listed(store.ALLOW, store.FORBID, account=account)

    def policies(self) -> list[Row[Any]]:
        """Intents to change the policy; the latest come first."""
        return self._decisions.listed(store.CHANGE)

    def _place(self, account: str, asset: str, destination: str) -> tuple[str, str, str]:
        self._known.account(account)
        return account, self._known.asset(asset).code, self._known.destination(destination)
