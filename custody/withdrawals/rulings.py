"""The policy at work: what becomes of an intent, by its rules, its history and its approvals."""

from typing import Final

from sqlalchemy import Connection

from custody.assets import ChainAssets
from custody.changes.policies import Policies
from custody.changes.store import on_the_list as on_list
from custody.decisions.store import counted
from custody.policy.decision import Facts, decide, refusal_of, standing
from custody.policy.intents import Approval, Intent, Withdrawal, kind_of_type
from custody.policy.policy import Policy
from custody.withdrawals import store
from custody.withdrawals.lifecycle import Ruling, Verdicts
from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.model.refdata import ReferenceData

WITHDRAWAL: Final = kind_of_type(Withdrawal)


class PolicyRulings:
    """custody.withdrawals.lifecycle.Rules and custody.decisions.desk.Judges: of whatever intent, by
    the policy that is in force when they are asked."""

    def __init__(
        self, policies: Policies, assets: ChainAssets, refdata: ReferenceData, clock: Clock
    ) -> None:
        self._policies = policies
        self._assets = assets
        self._refdata = refdata
        self._clock = clock

    @property
    def intent_life(self) -> int:
        """See Judges."""
        return self._policies.in_force().intent_life_s * NANOS_PER_SECOND

    def refusal(self, intent: Intent, approval: Approval) -> str:
        """See Judges."""
        return refusal_of(self._policies.in_force(), intent, approval)

    def rule(self, connection: Connection, intent: Intent, approvals: list[Approval]) -> Ruling:
        """See Rules."""
        now, policy = self._clock.now(), self._policies.in_force()
        if now >= intent.expires:
            return Ruling(Verdicts.EXPIRED, "nobody has decided in time")
        decision = decide(policy, intent, self._facts(connection, intent, policy), now)
        if decision.action == "block":
            return Ruling(
                Verdicts.BLOCKED,
                f"by rule {decision.rule}" if decision.rule else "no rule allows it",
            )
        stand = standing(policy, intent, approvals, decision.needs)
        if stand.rejected_by:
            return Ruling(Verdicts.REJECTED, f"rejected by {stand.rejected_by}")
        if stand.missing:
            return Ruling(Verdicts.WAITING, f"rule {decision.rule} wants {stand.missing}")
        return Ruling(Verdicts.ALLOWED, f"by rule {decision.rule}")

    def _facts(self, connection: Connection, intent: Intent, policy: Policy) -> Facts:
        def on_the_list(account: str, asset: str, destination: str) -> bool:
            listed = on_list(connection, (account, asset, destination))
            if listed is None:
                return False
            _, noted = listed
            return noted + policy.cool_down_s * NANOS_PER_SECOND <= self._clock.now()

        def spent(kind: str, asset: str, account: str, since: int) -> int:
            if kind != WITHDRAWAL:
                return counted(connection, kind, asset, account, since, intent.id)
            number = self._number(account) if account else None
            rows = store.spent(connection, asset, number, since, intent.id)
            return sum(self._atomic(asset, amount) for amount in rows)

        decimals = {code: asset.decimals for code, asset in self._assets.by_code.items()}
        return Facts(decimals, on_the_list, spent)

    def _atomic(self, code: str, minor: int) -> int:
        atomic = self._assets.by_code[code].atomic(minor)
        assert atomic is not None
        return atomic

    def _number(self, account: str) -> int:
        return next(a.id for a in self._refdata.accounts.values() if a.name == account)
