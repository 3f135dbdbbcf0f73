"""Where a member's reports are in the journal, by ApplSeqNum(1181), so that any can be sent again.

Sparse: one record number for every STRIDE reports of a member, 8 bytes for about 1,000 of them.
Pure: for a reader that follows the journal and notes every report that it meets.
"""

import sys
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

STRIDE: Final = 1_024
"""Reports of one member from one entry to the next: what is read in vain at most, some ms."""


class ApplIndex:
    """By member: how many reports there are, and where every STRIDE-th is.

    ApplSeqNums of a member count from 1 without holes, so the k-th entry is of k x STRIDE + 1.
    """

    def __init__(self) -> None:
        self._places: dict[int, array[int]] = {}
        self._last: dict[int, int] = {}

    def last(self, member: int) -> int:
        """The ApplSeqNum of a member's last report, 0 if there is none."""
        return self._last.get(member, 0)

    def note(self, member: int, appl_seq: int, record: int) -> None:
        """The next report of a member is in that record."""
        assert appl_seq == self._last.get(member, 0) + 1, "an ApplSeqNum is missing or comes twice"
        self._last[member] = appl_seq
        if appl_seq % STRIDE == 1:
            places = self._places.setdefault(member, array("Q"))
            assert not places or places[-1] <= record
            places.append(record)

    def begin(self, member: int, appl_seq: int) -> int:
        """A record at or before the one of that report, not more than STRIDE reports away.

        Raises LookupError if the member has no such report yet.
        """
        if not 1 <= appl_seq <= self.last(member):
            raise LookupError(f"no report {appl_seq}; the last is {self.last(member)}")
        return self._places[member][(appl_seq - 1) // STRIDE]

    def rows(self) -> Iterator[tuple[int, int, bytes]]:
        """(member, last ApplSeqNum, records as little-endian 64 bit numbers): what `load` takes."""
        for member, last in self._last.items():
            places = array("Q", self._places[member])
            if sys.byteorder != "little":
                places.byteswap()
            yield member, last, places.tobytes()

    def load(self, member: int, last: int, places: bytes) -> None:
        """Take a row over. Raises ValueError if it cannot be one."""
        found = array("Q")
        found.frombytes(places)
        if sys.byteorder != "little":
            found.byteswap()
        ascending = all(a <= b for a, b in pairwise(found))
        if last < 1 or len(found) != -(-last // STRIDE) or not ascending:
            raise ValueError(f"member {member}: {len(found)} places for {last} reports")
        self._places[member], self._last[member] = found, last
