"""Where a deposit is.

    RECEIVED ──▶ CLEARED ──▶ CREDITED          final on the chain; screened; the venue has said so
       │            └─▶ REVERSING ─▶ REVERSED  the chain took back what it had called final
       ├─▶ HELD ──▶ CLEARED | RETURNED         a person decides: screening said no, or nothing
       ├─▶ DUST ──▶ CLEARED                    less than the least; it adds up
       ├─▶ UNATTRIBUTED                        nobody's address
       ├─▶ INTERNAL                            from the cold wallet: ours before, and ours now
       └─▶ MISMATCHED                          the token moved something else than it said

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
    RETURNED = "returned"


SUSPENSE: Final = {
    DepositState.HELD: "quarantine",
    DepositState.DUST: "dust",
    DepositState.UNATTRIBUTED: "unattributed",
}
"""Where the ledger has what is nobody's at the venue yet."""
