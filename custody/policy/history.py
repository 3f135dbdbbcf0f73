"""Which policy is in force: the first one, and each that took its place once its delay was over.
Pure.

Custody and the signer each have a history of their own, of the same changes at the same times.
"""

import msgspec
from msgspec import Struct

from custody.policy.intents import ChangePolicy
from custody.policy.policy import Policy, digest_of
from engine.model.clock import NANOS_PER_SECOND
from engine.model.errors import OperatorError


class Pending(Struct, frozen=True):
    """A policy that was agreed on and is not in force yet. due: ns UTC, when it is."""

    policy: Policy
    due: int


class PolicyHistory:
    """first: the policy of the beginning. Times are ns UTC, as whoever keeps the history has them
    written down."""

    def __init__(self, first: Policy) -> None:
        self.first = first
        self._current = first
        self._pending: Pending | None = None

    def at(self, now: int) -> Policy:
        """The policy in force."""
        if self._pending is not None and self._pending.due <= now:
            return self._pending.policy
        return self._current

    def pending(self, now: int) -> Pending | None:
        """What is to take its place, if anything is."""
        if self._pending is None or self._pending.due <= now:
            return None
        return self._pending

    def refusal(self, intent: ChangePolicy, policy: Policy, now: int) -> str:
        """Why a change cannot be made now; empty if it can. policy: what came with the intent."""
        if digest_of(policy) != intent.after:
            return f"{intent.id} is for another policy than the one that came with it"
        there = digest_of(self.at(now))
        if intent.before != there:
            was = intent.before[:16]
            return f"{intent.id} is to change the policy {was}; in force is {there[:16]}"
        return ""

    def change(self, policy: Policy, now: int) -> int:
        """A change that was agreed on, and is written down now; when it is in force.

        It takes the place of one that is pending. What is in force already takes back what is
        pending, at once: so a mistake can be stopped within its delay.
        """
        current = self.at(now)
        self._current, self._pending = current, None
        if digest_of(policy) == digest_of(current):
            return now
        due = now + current.delay_s * NANOS_PER_SECOND
        self._pending = Pending(policy, due)
        return due

    def check_configured(self, configured: Policy, now: int) -> None:
        """Whether the configuration's policy is one that was in force at first, is now, or is about
        to be: only changes that were agreed on change anything. Raises OperatorError."""
        pending = self.pending(now)
        known = [self.first, self.at(now), *([pending.policy] if pending else [])]
        if digest_of(configured) not in map(digest_of, known):
            raise OperatorError(
                f"custody.policy of the configuration is {digest_of(configured)[:16]}, in force is"
                f" {digest_of(self.at(now))[:16]}. The file does not change a policy: put back the"
                " one that `fixgate policy show` prints, start, and have the other one approved:"
                " `fixgate policy propose`. (A demo can as well begin in a new data folder.)"
            )


def as_told(policy: Policy, pending: Pending | None) -> dict[str, object]:
    """The policy in force and the one to come as JSON has them, each with the digest that people
    agree on; due is text, for JSON has 53 bits."""
    told: dict[str, object] = {"digest": digest_of(policy), "policy": policy, "pending": None}
    if pending is not None:
        to_come = {"digest": digest_of(pending.policy), "policy": pending.policy}
        told["pending"] = {**to_come, "due": str(pending.due)}
    return dict(msgspec.to_builtins(told))
