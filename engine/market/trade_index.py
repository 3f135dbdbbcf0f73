"""Where an instrument's trades are in the journal, by TrdMatchID(880), so that all behind one can
be told again. Sparse, and pure.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

STRIDE: Final = 256
"""Trades from one entry to the next: what is read in vain at most, some ms."""


class TradeIndex:
    """For every STRIDE-th trade its match and the first record of its command."""

    def __init__(self) -> None:
        self._matches: list[int] = []
        self._records: list[int] = []
        self._count = 0

    def note(self, match: int, first: int) -> None:
        """The next trade, and the first record of the command that caused it."""
        if self._count % STRIDE == 0:
            assert not self._matches or self._matches[-1] < match
            self._matches.append(match)
            self._records.append(first)
        self._count += 1

    def before(self, match: int) -> int:
        """A record behind which all trades after `match` are: not many others are between them."""
        k = bisect_right(self._matches, match) - 1
        if k < 0:
            return self._records[0] - 1 if self._records else -1
        return self._records[k] - 1

    def rows(self) -> Iterator[tuple[int, int]]:
        """(match, first record) of each entry: what `load` takes."""
        return zip(self._matches, self._records, strict=True)

    @property
    def count(self) -> int:
        """How many trades there were."""
        return self._count

    def load(self, rows: list[tuple[int, int]], count: int) -> None:
        """Take entries over, behind those that are there. count: of all trades."""
        for match, first in rows:
            self._matches.append(match)
            self._records.append(first)
        self._count = count
