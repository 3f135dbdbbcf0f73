"""What a list of measurements is reduced to: medians and percentiles by nearest rank."""

from collections.abc import Sequence


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of measurements that are sorted upwards.

    `share` is in (0, 1]: 0.5 is the median's rank, 0.999 the rank that one in a thousand exceeds.
    Nearest rank always returns something that was measured, never a value between two.
    """
    assert ordered, "a percentile of nothing"
    assert 0 < share <= 1
    # Integer parts per million, so that 0.999 of 1,000 is rank 999 and not, by a rounding, 1,000.
    rank = -(-len(ordered) * round(share * 1_000_000) // 1_000_000)
    return ordered[rank - 1]


def median(values: Sequence[float]) -> float:
    """Return the middle value; of an even count the mean of the two in the middle."""
    assert values, "a median of nothing"
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def latency_figures(nanoseconds: Sequence[int]) -> dict[str, float]:
    """Return p50, p99, p99.9 and the maximum in microseconds, one decimal, of unsorted samples."""
    ordered = sorted(nanoseconds)
    shares = {"p50_us": 0.5, "p99_us": 0.99, "p999_us": 0.999, "max_us": 1.0}
    return {name: round(percentile(ordered, share) / 1_000, 1) for name, share in shares.items()}
