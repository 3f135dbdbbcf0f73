"""Until when a law has a subject's data kept: that beats erasure, GDPR Article 17(3)(b)."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from engine.model.clock import NANOS_PER_DAY

_YEARS: Final = 5
"""AMLR (EU) 2024/1624 Art. 77: five years from the end of the business relationship; MiCA (EU)
2023/1114 Art. 68(9): records for five years. An authority may ask for longer: give a later end."""

_EPOCH: Final = date(1970, 1, 1)


class Basis(StrEnum):
    """Which law it is. none: somebody has looked, and no law has it kept."""

    AML = "aml"
    MICA = "mica"
    NONE = "none"


def kept_until(basis: Basis, ended: date) -> int:
    """The end of the duty, ns UTC, for a relationship that ended on a day."""
    if basis is Basis.NONE:
        return _nanos(ended)
    try:
        last = ended.replace(year=ended.year + _YEARS)
    except ValueError:  # the 29th of February
        last = date(ended.year + _YEARS, 3, 1)
    return _nanos(last)


def day(time: int) -> str:
    """The day of a time, ns UTC."""
    return f"{datetime.fromtimestamp(time // 1_000_000_000, UTC):%Y-%m-%d}"


def _nanos(at: date) -> int:
    return (at - _EPOCH).days * NANOS_PER_DAY
