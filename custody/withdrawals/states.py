"""Where a withdrawal is.

    REQUESTED ─▶ HELD ─▶ APPROVED ─▶ SENDING ─▶ PAID ─▶ SETTLED
        │         │ ▲       │           │
        │         ▼ │       │           ├─▶ REVERTED     gas is gone, nothing else: a person decides
        │      AWAITING     │           ▼
        ▼         └────────▶└────▶ RELEASING ─▶ BLOCKED | REJECTED | EXPIRED | CANCELLED | FAILED
     REFUSED                       the hold goes back; then the state that was decided on

REQUESTED: the venue is asked to hold the money. AWAITING: approvals. APPROVED: screened, then given
a nonce, unless the venue has frozen the account; from then on no word of anybody's stops it but a
transaction of the same nonce, which is what it gets if its account is frozen before it is signed.
PAID: final on the chain and in the ledger; the venue is told.
"""

from enum import StrEnum
from typing import Final


class WithdrawalState(StrEnum):
    """See above."""

    REQUESTED = "requested"
    HELD = "held"
    AWAITING = "awaiting"
    APPROVED = "approved"
    SENDING = "sending"
    PAID = "paid"
    RELEASING = "releasing"
    REVERTED = "reverted"
    SETTLED = "settled"
    REFUSED = "refused"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


ENDED: Final = frozenset({
    WithdrawalState.SETTLED,
    WithdrawalState.REFUSED,
    WithdrawalState.BLOCKED,
    WithdrawalState.REJECTED,
    WithdrawalState.EXPIRED,
    WithdrawalState.CANCELLED,
    WithdrawalState.FAILED,
})  # fmt: skip
"""Nothing more happens to it."""

RESTING: Final = frozenset({*ENDED, WithdrawalState.REVERTED})
"""Nothing more happens to it by itself."""

CANCELLABLE: Final = frozenset({
    WithdrawalState.HELD,
    WithdrawalState.AWAITING,
    WithdrawalState.APPROVED,
})  # fmt: skip
"""Whoever asked may take it back: it has no nonce yet."""
