"""What the venue should hold a customer's accounts to."""

from typing import Final

from compliance.kyc.words import State
from engine.model.enums import HOLD_FROZEN, HOLD_NONE, HOLD_RESTRICTED

_LESS: Final = {State.ACTIVE: HOLD_NONE, State.RESTRICTED: HOLD_RESTRICTED}


def hold_for(state: State) -> int:
    """enums.HOLD_*: who is not a customer yet, or no longer, moves nothing."""
    return _LESS.get(state, HOLD_FROZEN)
