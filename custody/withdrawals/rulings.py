"""The policy at work: what becomes of a withdrawal, by its rules, its history and its approvals."""

from sqlalchemy import Connection, select

from custody.assets import ChainAssets
from custody.policy.decision import Facts, decide, refusal_of, standing
from custody.policy.intents import AllowAddress, Approval, Withdrawal, read_intent
from custody.policy.policy import Policy
from custody.signing.requests import Allowed
from custody.store.custody_schema import address_intents
from custody.withdrawals import store
from custody.withdrawals.lifecycle import Ruling, Verdicts
from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.model.refdata import ReferenceData


class PolicyRulings:
    """custody.withdrawals.lifecycle.Rules and custody.desk.Judges."""

    def __init__(
        self, policy: Policy, assets: ChainAssets, refdata: ReferenceData, clock: Clock
    ) -> None:
        self.policy = policy
        self.intent_life = policy.intent_life_s * NANOS_PER_SECOND
        self._assets = assets
        self._refdata = refdata
        self._clock = clock

    def refusal(self, intent: Withdrawal, approval: Approval) -> str:
        """See Judges."""
        return refusal_of(self.policy, intent, approval)

    def rule(self, connection: Connection, intent: Withdrawal, approvals: list[Approval]) -> Ruling:
        """See Rules."""
        now = self._clock.now()
        if now >= intent.expires:
            return Ruling(Verdicts.EXPIRED, "nobody has decided in time")
        decision = decide(self.policy, intent, self._facts(connection, intent), now)
        if decision.action == "block":
            return Ruling(
                Verdicts.BLOCKED,
                f"by rule {decision.rule}" if decision.rule else "no rule allows it",
            )
        stand = standing(self.policy, intent, approvals, decision.needs)
        if stand.rejected_by:
            return Ruling(Verdicts.REJECTED, f"rejected by {stand.rejected_by}")
        if stand.missing:
            return Ruling(Verdicts.WAITING, f"rule {decision.rule} wants {stand.missing}")
        return Ruling(Verdicts.ALLOWED, f"by rule {decision.rule}")

    def allowed(self, connection: Connection, intent: Withdrawal) -> Allowed | None:
        """The proof that a withdrawal's destination is on its account's list, if it is."""
        query = select(address_intents).where(
            address_intents.c.account == intent.account,
            address_intents.c.asset == intent.asset,
            address_intents.c.destination == intent.destination,
            address_intents.c.state == "allowed",
        )
        row = connection.execute(query.order_by(address_intents.c.changed)).first()
        if row is None:
            return None
        found = read_intent(row.intent)
        assert isinstance(found, AllowAddress)
        return Allowed(found, tuple(store.approvals_of(connection, found.id)))

    def _facts(self, connection: Connection, intent: Withdrawal) -> Facts:
        def on_the_list(account: str, asset: str, destination: str) -> bool:
            proof = self.allowed(connection, intent)
            if proof is None:
                return False
            wait = self.policy.cool_down_s * NANOS_PER_SECOND
            return proof.intent.requested + wait <= self._clock.now()

        def spent(asset: str, account: str, since: int) -> int:
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
