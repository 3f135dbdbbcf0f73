"""What detectors remember: rows of the last seconds, and sums by buckets of time. All bounded."""

from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import Struct

MAX_OWNERS: Final = 10_000
"""Owners, or pairs of them, that a detector remembers: beyond it, it forgets whom it came to know
first. Ten times the members of a large venue."""

BPS: Final = 10_000

K = TypeVar("K")
V = TypeVar("V")


def known(rows: dict[K, V], key: K, make: Callable[[], V], most: int = MAX_OWNERS) -> V:
    """The row of a key, made if there is none; the oldest goes if there are too many."""
    found = rows.get(key)
    if found is None:
        if len(rows) >= most:
            del rows[next(iter(rows))]
        found = rows[key] = make()
    return found


class Series(Struct, array_like=True):
    """Sums of the last `kept` buckets of time, the newest last; buckets without a sum are 0."""

    width: int
    kept: int
    last: int = -1
    sums: list[int] = []
    """Of buckets up to `last`; shorter than `kept` before there were so many."""

    def roll(self, time: int) -> None:
        """Go on to the bucket of `time`, ns UTC."""
        bucket = time // self.width
        if bucket == self.last:
            return
        missing = min(bucket - self.last, self.kept) if self.last >= 0 else 1
        assert missing > 0, "the time of a record went back"
        self.sums += [0] * missing
        del self.sums[: -self.kept]
        self.last = bucket

    def add(self, time: int, amount: int) -> None:
        """Count an amount to the bucket of `time`."""
        self.roll(time)
        self.sums[-1] += amount

    def total(self) -> int:
        """All that is kept, as of the last bucket."""
        return sum(self.sums)


def above(value: int, history: list[int], sigmas_bps: int) -> bool:
    """Whether a value is more than so many standard deviations above the mean of `history`.

    In integers: (n v - s)^2 against (n q - s^2) sigmas^2. Without history nothing is.
    """
    n = len(history)
    if not n:
        return False
    total = sum(history)
    distance = n * value - total
    variance = n * sum(row * row for row in history) - total * total
    return distance > 0 and (distance * BPS) ** 2 > variance * sigmas_bps**2


def share(part: int, whole: int, bps: int) -> bool:
    """Whether `part` is at least so many basis points of `whole`."""
    return part * BPS >= whole * bps


def moved(start: int, end: int, bps: int) -> bool:
    """Whether a price went from `start` to `end` by at least so many basis points of `start`."""
    return abs(end - start) * BPS >= start * bps
