"""The policy in force, as custody has it: in the database, the configuration's as the first one."""

from sqlalchemy import Connection, Engine, insert, select

from custody.policy.history import Pending, PolicyHistory
from custody.policy.intents import ChangePolicy
from custody.policy.policy import Policy, policy_text, read_policy
from custody.signing.requests import Noted
from custody.store.custody_schema import policies
from engine.model.clock import Clock

FIRST = Noted(0, 0)
"""Of the configuration's policy, which stands before every line of the signer's log."""


class Policies:
    """Which policy is in force. configured: the configuration's."""

    def __init__(self, database: Engine, configured: Policy, clock: Clock) -> None:
        """Raises OperatorError if the configuration has another policy than the database knows."""
        self._clock = clock
        self._known: dict[int, tuple[Policy, int]] = {}
        """By line of the signer's log, a policy and when it was written down (ns UTC)."""
        with database.begin() as connection:
            rows = connection.execute(select(policies)).all()
            if not rows:
                self.keep(connection, "", configured, FIRST)
        for row in rows:
            self._known[row.line] = read_policy(row.policy), int(row.noted)
        self._known.setdefault(FIRST.line, (configured, FIRST.time))
        self._history = self._folded()
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

    def keep(self, connection: Connection, ident: str, policy: Policy, noted: Noted) -> None:
        """A policy that the signer has written down, in the transaction that says so; `take` it
        when that is committed. What is known is left as it is."""
        if noted.line in self._known:
            return
        connection.execute(
            insert(policies).values(
                line=noted.line, intent=ident, policy=policy_text(policy), noted=noted.time
            )
        )

    def take(self, policy: Policy, noted: Noted) -> None:
        """It counts, in the place that the signer gave it: which is not the last one if an earlier
        answer of the signer's was lost, and came again after a later one."""
        self._known[noted.line] = policy, noted.time
        self._history = self._folded()

    def _folded(self) -> PolicyHistory:
        history = PolicyHistory(self._known[FIRST.line][0])
        for line in sorted(self._known):
            if line != FIRST.line:
                history.change(*self._known[line])
        return history
