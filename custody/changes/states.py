"""Where an intent is that changes what is allowed: an address on the list, or the policy.

    PROPOSED ─▶ AWAITING ─▶ AGREED ─▶ NOTED ─▶ FORBIDDEN    of an address that was allowed
        │           │          │
        └───────────┴──────────┴─▶ BLOCKED | REJECTED | EXPIRED | CANCELLED | REFUSED | FORBIDDEN

AWAITING: approvals. AGREED: the signer is asked to write it down; an address that is to be
forbidden is off the list already. NOTED: the signer has it, at a time of its own clock, from which
an address's cool-down and a policy's delay count, here as there. REFUSED: the signer's own policy,
or the policy in force by then, says otherwise; what forbids is never refused for good, a person is
told instead.
FORBIDDEN: an intent to allow an address, asked for before that address was forbidden.
"""

from enum import StrEnum
from typing import Final


class ChangeState(StrEnum):
    """See above."""

    PROPOSED = "proposed"
    AWAITING = "awaiting"
    AGREED = "agreed"
    NOTED = "noted"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"


UNDECIDED: Final = frozenset({ChangeState.PROPOSED, ChangeState.AWAITING})
"""Approvals are taken in; whoever asked may take it back."""

UNDER_WAY: Final = UNDECIDED | {ChangeState.AGREED}
"""Something is still to happen."""
