"""Times as exports spell them, and the period that an export is of. All UTC. Pure.

Regulators' DATE_TIME (RTS 24, (EU) 2025/416) has six decimals; all else has nine, as the journal.
"""

import re
from datetime import date
from functools import lru_cache
from typing import Final

from msgspec import Struct

from compliance.exports.errors import ExportRefused
from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.money import INT64_MAX

MICRO: Final = 6
NANO: Final = 9
"""Decimals of a second."""

_EPOCH: Final = date(1970, 1, 1).toordinal()
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,9}))?Z)?"
)


@lru_cache(maxsize=4_096)
def _second(seconds: int) -> str:
    """Seconds since 1970 up to the decimals. Records that follow each other share most of them."""
    day, rest = divmod(seconds, 86_400)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return f"{day_text(day)}T{hour:02}:{minute:02}:{second:02}."


@lru_cache(maxsize=4_096)
def day_text(day: int) -> str:
    """Days since 1970-01-01 as YYYY-MM-DD."""
    return date.fromordinal(_EPOCH + day).isoformat()


def time_text(time: int, places: int = NANO) -> str:
    """ns UTC as RFC 3339 with so many decimals of a second; what is finer is cut off."""
    seconds, nanos = divmod(time, NANOS_PER_SECOND)
    return f"{_second(seconds)}{nanos // 10 ** (NANO - places):0{places}}Z"


def parse_time(text: str) -> int:
    """A date, which is its midnight, or an RFC 3339 time with Z; ns UTC. Raises ExportRefused."""
    found = _TIME.fullmatch(text)
    day = _day(found[1]) if found is not None else None
    if found is None or day is None:
        raise ExportRefused(f"{text} is neither 2026-11-29 nor 2026-11-29T12:00:00Z")
    hour, minute, second = (int(found[k] or 0) for k in (2, 3, 4))
    time = day * NANOS_PER_DAY + ((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND
    time += int((found[5] or "").ljust(NANO, "0"))
    if not 0 <= time <= INT64_MAX:
        raise ExportRefused(f"{text} is not between 1970 and 2262")
    return time


def _day(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return None


class Period(Struct, frozen=True):
    """Records with begin <= time < end, ns UTC. member: what concerns that member alone, where the
    kind of export knows such a thing; empty for all."""

    begin: int = 0
    end: int = INT64_MAX
    member: str = ""
