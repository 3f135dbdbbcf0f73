"""The bench of screening, on few names."""

from benchmarks.screening import measure


def test_it_finds_those_with_one_letter_changed():
    figures = measure(names=400, asked=40)
    assert 10 <= figures["hits"] <= 40
