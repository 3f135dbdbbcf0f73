"""Where a period begins and ends: before a record of the journal, or before a moment. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from custody.ledger.postings import HOLD_KEY, RECORD_KEY
from custody.ledger.transfers import Posted
from engine.model.errors import OperatorError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Cut(Struct, frozen=True):
    """Before record `record`, or before `time`, ns UTC; -1: not by this one. With neither it is
    behind everything."""

    record: int = -1
    time: int = -1


EVERYTHING: Final = Cut()


def parse_cut(text: str) -> Cut:
    """A record's number, or a time such as 2026-01-05 or 2026-01-05T08:00:00+01:00; without a zone
    it is UTC. Raises OperatorError."""
    if text.isascii() and text.isdigit():
        return Cut(record=int(text))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(
            f"{text!r} is no cut-off: give a record's number or a time, 2026-01-05T08:00:00"
        ) from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return Cut(time=(time - _EPOCH) // _MICROSECOND * 1_000)


class Passing:
    """Whether a cut is behind, of one batch after the other.

    The chain's batches have no record: they are before a record's cut until the journal's are
    behind it. record_of: the record of the hold of a withdrawal, by its reference.
    """

    def __init__(self, cut: Cut, record_of: Callable[[str], int]) -> None:
        self._cut = cut
        self._record_of = record_of
        self._passed = False

    def passes(self, entry: Posted) -> bool:
        """Whether the cut is before this batch."""
        self._passed = self._passed or self._is_behind(entry)
        return self._passed

    def _is_behind(self, entry: Posted) -> bool:
        if self._cut.time >= 0:
            return entry.batch.time >= self._cut.time
        if self._cut.record < 0:
            return False
        key = entry.batch.key
        if key.startswith(RECORD_KEY):
            return int(key[len(RECORD_KEY) :]) >= self._cut.record
        if key.startswith(HOLD_KEY):
            return self._record_of(key[len(HOLD_KEY) :]) >= self._cut.record
        return False
