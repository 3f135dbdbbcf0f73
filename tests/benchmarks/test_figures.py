"""Percentiles are ranks that were measured; medians of even counts are means of the middle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import latency_figures, median, percentile


@pytest.mark.parametrize(
    ("count", "share", "rank"),
    [
        (1, 0.5, 1),
        (1, 0.999, 1),
        (2, 0.5, 1),
        (3, 0.5, 2),
        (100, 0.5, 50),
        (100, 0.99, 99),
        (100, 0.999, 100),
        (1_000, 0.999, 999),
        (1_001, 0.999, 1_000),
        (10_000, 0.99, 9_900),
        (10_000, 1.0, 10_000),
    ],
)
def test_a_percentile_is_the_nearest_rank(count, share, rank):
    assert percentile(range(1, count + 1), share) == rank


@given(st.lists(st.integers(0, 10**9), min_size=1), st.integers(1, 1_000))
def test_a_percentile_is_the_least_sample_that_covers_its_share(samples, per_mille):
    ordered = sorted(samples)
    found = percentile(ordered, per_mille / 1_000)
    assert found in samples
    assert sum(value <= found for value in samples) * 1_000 >= per_mille * len(samples)
    assert sum(value < found for value in samples) * 1_000 < per_mille * len(samples)


def test_nothing_measured_has_no_figures():
    with pytest.raises(AssertionError):
        percentile([], 0.5)
    with pytest.raises(AssertionError):
        median([])


@pytest.mark.parametrize(
    ("values", "middle"), [([3], 3), ([9, 1], 5), ([5, 1, 9], 5), ([4, 1, 3, 2], 2.5)]
)
def test_the_median_needs_no_order(values, middle):
    assert median(values) == middle


def test_latencies_are_told_in_microseconds():
    samples = [n * 1_000 for n in range(1_000, 0, -1)]
    assert latency_figures(samples) == {
        "p50_us": 500.0,
        "p99_us": 990.0,
        "p999_us": 999.0,
        "max_us": 1_000.0,
    }
