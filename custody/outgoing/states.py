"""Where an outgoing transaction is. Its nonce is its own for ever.

    PLANNED ──▶ SENT ──▶ DONE        a form of it is final and did what it was for
                  ├────▶ FAILED      final, and reverted: gas is gone, nothing has moved
                  └────▶ CANCELLED   final is the form that only used the nonce up

A form is on disk before any node sees it, so whatever a node may have seen is known here.
"""

from enum import StrEnum
from typing import Final


class OutgoingState(StrEnum):
    """See above."""

    PLANNED = "planned"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNDER_WAY: Final = (OutgoingState.PLANNED, OutgoingState.SENT)


class Purpose(StrEnum):
    """What a transaction is for."""

    WITHDRAWAL = "withdrawal"
    SWEEP = "sweep"
    FUEL = "fuel"
    WARM_FUEL = "warm-fuel"
    REFILL = "refill"
    RETURN = "return"
    RESTOCK = "restock"
