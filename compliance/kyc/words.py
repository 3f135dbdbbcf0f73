"""The words of onboarding: states, risks, roles, and what takes two people."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a customer is; compliance.kyc.states has the picture."""

    INVITED = "invited"
    SUBMITTED = "submitted"
    SCREENING = "screening"
    REVIEW = "review"
    EDD = "edd"
    """Enhanced due diligence: that of a high risk."""
    APPROVED = "approved"
    ACTIVE = "active"
    RESTRICTED = "restricted"
    """It may only close."""
    SUSPENDED = "suspended"
    """Nothing moves until somebody has looked."""
    FROZEN = "frozen"
    """Nothing moves: sanctions, or an order of an authority."""
    OFFBOARDING = "offboarding"
    CLOSED = "closed"
    REJECTED = "rejected"


APPLICANTS: Final = frozenset(
    {State.INVITED, State.SUBMITTED, State.SCREENING, State.REVIEW, State.EDD, State.APPROVED}
)
LIVE: Final = frozenset({State.ACTIVE, State.RESTRICTED, State.SUSPENDED, State.FROZEN})
ENDED: Final = frozenset({State.CLOSED, State.REJECTED})


class Risk(StrEnum):
    """How much may go wrong with a customer: which diligence, and how often it is reviewed."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Role(StrEnum):
    """In which role somebody speaks. MLRO: who answers for it, the money laundering reporting
    officer."""

    ONBOARDING = "onboarding"
    COMPLIANCE = "compliance"
    MLRO = "mlro"


DECIDERS: Final = frozenset({Role.COMPLIANCE, Role.MLRO})
"""Who decides, and who says of a hit whether it is the same person."""


class Act(StrEnum):
    """What one proposes and another decides."""

    APPROVE = "approve"
    REJECT = "reject"
    RELEASE = "release"
    """Back to ACTIVE."""
    RISK = "risk"
    """Another risk."""
    AMEND = "amend"
    """The file that was submitted last takes the place of the one in force."""
    REVIEW = "review"
    """The file was looked at again, and the customer stays."""
    CLOSE = "close"


ACT_IN: Final[dict[Act, frozenset[State]]] = {
    Act.APPROVE: frozenset({State.REVIEW, State.EDD}),
    Act.REJECT: APPLICANTS,
    Act.RELEASE: LIVE - {State.ACTIVE},
    Act.RISK: LIVE | {State.REVIEW, State.EDD, State.APPROVED},
    Act.AMEND: LIVE,
    Act.REVIEW: LIVE,
    Act.CLOSE: frozenset({State.OFFBOARDING}),
}
"""In which states something is proposed and decided."""

NEEDS_CLEAR: Final = frozenset({Act.APPROVE, Act.RELEASE, Act.AMEND, Act.REVIEW})
"""Acts that want every name screened under the lists in force, and clear."""
