"""Who may do what, and for which purpose: what is not in the table is not allowed.

Admins give access and keep keys, and see no value; who is an admin is nothing else besides, since
the two together would undo both. GDPR Articles 5(1)(b) and 25 are why a purpose is always named.
"""

from enum import StrEnum
from typing import Final, TypeAlias


class Role(StrEnum):
    """What a principal was granted."""

    TRADER = "trader"
    RISK = "risk"
    OPS = "ops"
    ONBOARDING = "onboarding"
    COMPLIANCE = "compliance"
    MLRO = "mlro"
    AUDITOR = "auditor"
    ADMIN = "admin"
    BREAK_GLASS = "break-glass"


class Action(StrEnum):
    """What can be done with the vault."""

    READ = "read"
    SEARCH = "search"
    WRITE = "write"
    RETAIN = "retain"
    PROPOSE_ERASURE = "propose erasure"
    DECIDE_ERASURE = "decide erasure"
    READ_LOG = "read log"
    GRANT = "grant"
    KEEP_KEYS = "keep keys"


class Purpose(StrEnum):
    """What it is done for."""

    ONBOARDING = "onboarding"
    REVIEW = "periodic-review"
    AML = "aml-investigation"
    SANCTIONS = "sanctions"
    TRAVEL_RULE = "travel-rule"
    AUTHORITY = "authority-request"
    SUBJECT = "subject-request"
    AUDIT = "audit"
    ACCESS = "access-management"
    KEY_CARE = "key-care"
    INCIDENT = "incident"


_Row: TypeAlias = dict[Action, frozenset[Purpose]]


def _row(*pairs: tuple[Action, tuple[Purpose, ...]]) -> _Row:
    return {action: frozenset(purposes) for action, purposes in pairs}


_KNOWING: Final = (
    Purpose.ONBOARDING, Purpose.REVIEW, Purpose.AML, Purpose.SANCTIONS, Purpose.TRAVEL_RULE,
    Purpose.AUTHORITY, Purpose.SUBJECT,
)  # fmt: skip
"""What compliance reads personal data for."""

_KEEPING: Final = (Purpose.ONBOARDING, Purpose.REVIEW, Purpose.SANCTIONS, Purpose.SUBJECT)
"""What personal data is written or put right for."""

_COMPLIANCE: Final = (
    (Action.READ, _KNOWING),
    (Action.SEARCH, _KNOWING),
    (Action.WRITE, _KEEPING),
    (Action.RETAIN, _KEEPING),
)

TABLE: Final[dict[Role, _Row]] = {
    Role.TRADER: _row(),
    Role.RISK: _row(),
    Role.OPS: _row((Action.READ, (Purpose.TRAVEL_RULE,))),
    Role.ONBOARDING: _row(
        (Action.WRITE, (Purpose.ONBOARDING, Purpose.SANCTIONS)),
        (Action.READ, (Purpose.ONBOARDING, Purpose.SANCTIONS)),
    ),
    Role.COMPLIANCE: _row(
        *_COMPLIANCE,
        (Action.PROPOSE_ERASURE, (Purpose.SUBJECT, Purpose.REVIEW)),
    ),
    Role.MLRO: _row(
        *_COMPLIANCE,
        (Action.DECIDE_ERASURE, (Purpose.SUBJECT, Purpose.REVIEW)),
        (Action.READ_LOG, (Purpose.AML, Purpose.AUTHORITY, Purpose.SUBJECT)),
    ),
    Role.AUDITOR: _row((Action.READ_LOG, (Purpose.AUDIT,))),
    Role.ADMIN: _row(
        (Action.GRANT, (Purpose.ACCESS,)),
        (Action.KEEP_KEYS, (Purpose.KEY_CARE,)),
    ),
    Role.BREAK_GLASS: _row((Action.READ, (Purpose.INCIDENT,))),
}


def is_allowed(role: Role, action: Action, purpose: Purpose) -> bool:
    """Whether who acts in this role may do it for this purpose."""
    return purpose in TABLE[role].get(action, frozenset())


def roles_for(action: Action, purpose: Purpose) -> list[Role]:
    """Who may do it for this purpose."""
    return [role for role in Role if is_allowed(role, action, purpose)]


def excludes(role: Role, other: Role) -> bool:
    """Whether nobody has both roles."""
    return (role is Role.ADMIN) != (other is Role.ADMIN)
