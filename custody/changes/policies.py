"""The policy in force, as custody has it: in the database, the configuration's as the first one."""

from sqlalchemy import Connection, Engine, func, insert, select

from custody.policy.history import Pending, PolicyHistory
from custody.policy.intents import ChangePolicy
from custody.policy.policy import Policy, policy_text, read_policy
from custody.store.custody_schema import policies
from engine.model.clock import Clock


class Policies:
    """Which policy is in force. configured: the configuration's."""

    def __init__(self, database: Engine, configured: Policy, clock: Clock) -> None:
        """Raises OperatorError if the configuration has another policy than the database knows."""
        self._clock = clock
        with database.begin() as connection:
            rows = connection.execute(select(policies).order_by(policies.c.number)).all()
            if not rows:
                _keep(connection, "", configured, 0)
        self._history = PolicyHistory(read_policy(rows[0].policy) if rows else configured)
        for row in rows[1:]:
            self._history.change(read_policy(row.policy), row.noted)
        self._history.check_configured(configured, clock.now())

    def in_force(self) -> Policy:
        """What decides now."""
        return self._history.at(self._clock.now())

    def pending(self) -> Pending | None:
        """What will, once its delay is over."""
        return self._history.pending(self._clock.now())

    def refusal(self, intent: ChangePolicy, policy: Policy) -> str:
        """See PolicyHistory."""
        return self._history.refusal(intent, policy, self._clock.now())

    def keep(self, connection: Connection, ident: str, policy: Policy, noted: int) -> None:
        """A policy that the signer has written down, in the transaction that says so; `take` it
        when that is committed. noted: ns UTC."""
        _keep(connection, ident, policy, noted)

    def take(self, policy: Policy, noted: int) -> int:
        """It counts; when it is in force, ns UTC."""
        return self._history.change(policy, noted)


def _keep(connection: Connection, ident: str, policy: Policy, noted: int) -> None:
    last = connection.execute(select(func.max(policies.c.number))).scalar() or 0
    connection.execute(
        insert(policies).values(
            number=last + 1, intent=ident, policy=policy_text(policy), noted=noted
        )
    )
