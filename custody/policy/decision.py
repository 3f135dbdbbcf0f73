"""What the policy says of an intent, and whether those who have to agree have. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from custody.policy.intents import (
    Approval,
    Intent,
    ReturnDeposit,
    Scope,
    Withdrawal,
    scope_of,
    signed_text,
)
from custody.policy.policy import Policy, Quorum, Rule, Velocity
from engine.model.clock import NANOS_PER_SECOND
from engine.model.money import parse_scaled

HOUR_NANOS: Final = 3_600 * NANOS_PER_SECOND


class Facts(Struct, frozen=True):
    """What the policy is not told by the intent.

    decimals: by asset, of its amounts on the chain. allowed: whether an address is on an account's
    list for an asset, its cool-down over. spent: (kind of intents, asset, account or "" for all,
    since ns UTC) to what such intents since then have come to or will, this one not included: of
    withdrawals what has left or is on its way, atomic units.
    """

    decimals: Mapping[str, int]
    allowed: Callable[[str, str, str], bool]
    spent: Callable[[str, str, str, int], int]


class Decision(Struct, frozen=True):
    """rule: its name; empty if none matched. needs: of action `approve`."""

    action: str
    rule: str
    needs: tuple[Quorum, ...] = ()


def decide(policy: Policy, intent: Intent, facts: Facts, now: int) -> Decision:
    """The first rule that matches; what none does is blocked. now: ns UTC."""
    for rule in policy.rules:
        if _matches(rule, intent, facts, now):
            return Decision(rule.action, rule.name, rule.approve)
    return Decision("block", "")


def _matches(rule: Rule, intent: Intent, facts: Facts, now: int) -> bool:
    scope = scope_of(intent)
    if scope.kind not in rule.kinds:
        return False
    if rule.initiators and intent.initiator not in rule.initiators:
        return False
    if rule.accounts and scope.account not in rule.accounts:
        return False
    if rule.assets and scope.asset not in rule.assets:
        return False
    if isinstance(intent, Withdrawal | ReturnDeposit) and not _goes_there(rule, scope, facts):
        return False
    return scope.amount is None or _within(rule, scope, scope.amount, facts, now)


def _goes_there(rule: Rule, scope: Scope, facts: Facts) -> bool:
    if rule.destinations == "any":
        return True
    if rule.destinations == "allowed":
        return facts.allowed(scope.account, scope.asset, scope.destination)
    return scope.destination in rule.destinations


def _within(rule: Rule, scope: Scope, amount: int, facts: Facts, now: int) -> bool:
    if rule.amount_up_to is not None and amount > _atomic(rule.amount_up_to, scope, facts):
        return False
    return rule.velocity is None or _slow_enough(rule.velocity, scope, amount, facts, now)


def _slow_enough(velocity: Velocity, scope: Scope, amount: int, facts: Facts, now: int) -> bool:
    whose = scope.account if velocity.per == "account" else ""
    since = now - velocity.hours * HOUR_NANOS
    spent = facts.spent(scope.kind, scope.asset, whose, since)
    return spent + amount <= _atomic(velocity.amount, scope, facts)


def _atomic(text: str, scope: Scope, facts: Facts) -> int:
    decimals = facts.decimals[scope.asset] if scope.decimals is None else scope.decimals
    amount = parse_scaled(text.encode(), decimals)
    assert amount is not None, "the policy was checked"
    return amount


class Standing(Struct, frozen=True):
    """Where the approvals of an intent are. missing: what they still lack, in words; empty if
    nothing. rejected_by: who has said no."""

    missing: str
    rejected_by: str = ""


def refusal_of(policy: Policy, intent: Intent, approval: Approval) -> str:
    """Why an approver's word cannot be taken; empty if it can."""
    approver = next((a for a in policy.approvers if a.name == approval.approver), None)
    if approver is None:
        return f"{approval.approver} approves nothing here"
    if approver.name == intent.initiator:
        return f"{approver.name} asked for it, and cannot decide on it"
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(approver.key))
    try:
        key.verify(approval.signature, signed_text(intent, approves=approval.approves))
    except InvalidSignature:
        return f"the signature is not {approver.name}'s over this very intent"
    return ""


def standing(
    policy: Policy, intent: Intent, approvals: Iterable[Approval], needs: Iterable[Quorum]
) -> Standing:
    """Whether all of `needs` is there. One rejection by anybody who is asked ends it; what is wrong
    with an approval makes it none."""
    groups = {a.name: a.groups for a in policy.approvers}
    said: dict[str, bool] = {}
    for approval in approvals:
        if not refusal_of(policy, intent, approval):
            said[approval.approver] = said.get(approval.approver, True) and approval.approves
    missing = []
    for need in needs:
        theirs = [name for name in sorted(said) if need.group in groups[name]]
        against = [name for name in theirs if not said[name]]
        if against:
            return Standing("", against[0])
        if len(theirs) < need.quorum:
            missing.append(f"{need.quorum - len(theirs)} of {need.group}")
    return Standing(", ".join(missing))
