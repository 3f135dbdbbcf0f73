"""Where an intent is that people decide on.

    PROPOSED ─▶ AWAITING ─▶ AGREED ─▶ DONE | FAILED            custody carries it out
        │           │          └────▶ NOTED ─▶ FORBIDDEN       of what changes what is allowed
        └───────────┴─▶ BLOCKED | REJECTED | EXPIRED | CANCELLED | REFUSED | FORBIDDEN

AWAITING: approvals. AGREED: by the policy and its approvers; who carries it out does so, or ends it
as FAILED with the reason. REFUSED: things are not as the intent says any more, or the signer's own
policy says otherwise.

Of what changes what is allowed, AGREED means that the signer is asked to write it down; an address
that is to be forbidden is off the list already. NOTED: the signer has it, at a time of its own
clock, from which an address's cool-down and a policy's delay count, here as there. What forbids is
never refused for good, a person is told instead. FORBIDDEN: an intent to allow an address, asked
for before that address was forbidden.
"""

from enum import StrEnum
from typing import Final


class DecisionState(StrEnum):
    """See above."""

    PROPOSED = "proposed"
    AWAITING = "awaiting"
    AGREED = "agreed"
    DONE = "done"
    FAILED = "failed"
    NOTED = "noted"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"


UNDECIDED: Final = frozenset({DecisionState.PROPOSED, DecisionState.AWAITING})
"""Approvals are taken in; whoever asked may take it back."""

UNDER_WAY: Final = UNDECIDED | {DecisionState.AGREED}
"""Something is still to happen."""

COUNTED: Final = frozenset({DecisionState.AGREED, DecisionState.DONE})
"""What a policy's velocities count: agreed on, and not given up."""
