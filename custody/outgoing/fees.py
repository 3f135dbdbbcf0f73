"""What a transaction offers for its gas (EIP-1559), and what its next form must offer. Pure."""

from typing import Final

from msgspec import Struct

from custody.chains.node import Fees

BUMP_NUMERATOR: Final = 9
BUMP_DENOMINATOR: Final = 8
"""A replacement offers 12.5% more, in both fields: nodes want 10%, and some are stricter."""

LEAST_TIP: Final = 1
"""wei a unit: a tip of nothing is left lying by whoever makes blocks."""


class Offer(Struct, frozen=True):
    """wei a unit of gas. max_fee: base fee and tip together, at most."""

    max_fee: int
    tip: int


def first_offer(fees: Fees, cap: int) -> Offer:
    """Enough for a base fee that doubles, in six full blocks. cap: the most, wei a unit."""
    tip = min(max(fees.tip, LEAST_TIP), cap)
    return Offer(min(2 * fees.base + tip, cap), tip)


def next_offer(last: Offer, fees: Fees, cap: int) -> Offer | None:
    """What replaces `last`; None if that would be more than `cap`."""
    now = first_offer(fees, cap)
    max_fee = max(now.max_fee, _bumped(last.max_fee))
    tip = max(now.tip, _bumped(last.tip))
    return Offer(max_fee, tip) if max_fee <= cap and tip <= max_fee else None


def _bumped(amount: int) -> int:
    return -(-amount * BUMP_NUMERATOR // BUMP_DENOMINATOR)
