"""The bench of resends: on a small count here, with bounds that a loaded machine keeps too."""

import pytest

from benchmarks import resend
from benchmarks.steady import p99_us


def test_a_percentile_is_told_for_each_round():
    assert p99_us([[1_000] * 99 + [5_000], [2_000, 3_000]]) == [1.0, 3.0]


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_a_resend_of_everything_takes_little_memory_and_leaves_the_others_their_speed():
    figures = resend.measure(messages=100_000, rate=400, round_seconds=1)
    print(figures)
    assert len(figures["others_p99_us_during"]) > 0
    assert figures["core_growth_mib"] <= 16
    assert figures["others_p99_ratio"] <= 5
