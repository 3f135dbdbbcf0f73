"""Money as integers: ticks, lots, minor units; FIX text becomes one exactly or not at all."""

import re
from typing import Final

INT64_MAX: Final = 2**63 - 1
PPM: Final = 1_000_000
"""Fees are parts per million of the notional: one basis point is 100."""

BASIS_POINT: Final = 10_000

MAX_DECIMAL_CHARS: Final = 40
"""Longest decimal text that is looked at, in characters: int64 with 18 places needs 21."""

_DECIMAL = re.compile(rb"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)\Z")


def is_decimal(text: bytes) -> bool:
    """Whether `text` is a FIX float: digits, an optional point, an optional leading minus.

    FIX 4.4 volume 1, "float": no exponent, no plus sign, no spaces, no NaN or infinity.
    """
    return len(text) <= MAX_DECIMAL_CHARS and _DECIMAL.match(text) is not None


def parse_scaled(text: bytes, places: int) -> int | None:
    """`text` (a FIX float) as an integer of 10**-places units.

    None if it is not a whole number of such units, or not a FIX float at all. Trailing zeros
    beyond `places` are accepted, because they change nothing.
    """
    if not is_decimal(text):
        return None
    whole, _, fraction = text.partition(b".")
    if len(fraction) > places:
        if fraction[places:].strip(b"0"):
            return None
        fraction = fraction[:places]
    digits = whole + fraction.ljust(places, b"0")
    return 0 if digits in (b"", b"-") else int(digits)  # ".0" without places


def format_scaled(value: int, places: int) -> bytes:
    """An integer of 10**-places units as the shortest exact decimal text."""
    if places == 0:
        return b"%d" % value
    sign = b"-" if value < 0 else b""
    digits = b"%0*d" % (places + 1, abs(value))
    whole, fraction = digits[:-places], digits[-places:].rstrip(b"0")
    return sign + whole + b"." + fraction if fraction else sign + whole


def ceil_div(numerator: int, denominator: int) -> int:
    """Quotient rounded up, for a positive denominator."""
    return -(-numerator // denominator)
