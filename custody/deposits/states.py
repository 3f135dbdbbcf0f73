"""Where a deposit is.

    RECEIVED ──▶ CLEARED ──▶ CREDITED          final on the chain; screened; the venue has said so
       │            └─▶ REVERSING ─▶ REVERSED  the chain took back what it had called final
       ├─▶ HELD ──▶ CLEARED | RETURNING        people decide: screening said no
       ├─▶ DUST ──▶ CLEARED                    less than the least; it adds up
       ├─▶ UNATTRIBUTED ──▶ as HELD            nobody's address
       ├─▶ INTERNAL                            from the cold wallet: ours before, and ours now
       └─▶ MISMATCHED ──▶ as HELD              the token moved something else than it said

    RETURNING ──▶ RETURNED                     the coins are final where people sent them
        └─▶ where it was                       the chain, or the signer, did not let it

What is seen before it is final is shown, and never kept.
"""

from enum import StrEnum
from typing import Final


class DepositState(StrEnum):
    """See above."""

    RECEIVED = "received"
    HELD = "held"
    DUST = "dust"
    UNATTRIBUTED = "unattributed"
    INTERNAL = "internal"
    MISMATCHED = "mismatched"
    CLEARED = "cleared"
    CREDITED = "credited"
    REVERSING = "reversing"
    REVERSED = "reversed"
    RETURNING = "returning"
    RETURNED = "returned"


SUSPENSE: Final = {
    DepositState.HELD: "quarantine",
    DepositState.DUST: "dust",
    DepositState.UNATTRIBUTED: "unattributed",
    DepositState.RETURNING: "quarantine",
}
"""Where the ledger has what is nobody's at the venue yet."""

DECIDABLE: Final = frozenset({
    DepositState.HELD,
    DepositState.UNATTRIBUTED,
    DepositState.MISMATCHED,
})  # fmt: skip
"""People may have it credited, or sent away again."""

SENT_AWAY: Final = frozenset({DepositState.RETURNING, DepositState.RETURNED})
"""What has left, or is about to: a chain that takes its arrival back does not bring it back."""
