"""The bench of the vault, on few people."""

from benchmarks.vault import measure


def test_it_reads_what_was_put():
    figures = measure(subjects=20, tries=1)
    assert 0 < figures["least_s"] <= figures["most_s"]
