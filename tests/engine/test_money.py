"""FIX text becomes an integer exactly or not at all, and an integer its shortest text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.money import INT64_MAX, format_scaled, parse_scaled


@pytest.mark.parametrize(
    ("text", "places", "value"),
    [
        (b"1.5", 2, 150),
        (b"-1.5", 2, -150),
        (b".5", 2, 50),
        (b"5.", 2, 500),
        (b"007", 0, 7),
        (b"1.230000000000", 2, 123),
        (b".0", 0, 0),
        (b"-.0", 0, 0),
        (b"1.234", 2, None),
        (b"0.1", 0, None),
        (b"1e5", 2, None),
        (b"+1", 2, None),
        (b" 1", 2, None),
        (b"0x1", 2, None),
        (b"NaN", 2, None),
        (b"1,000", 2, None),
        (b"1.2.3", 2, None),
        (b".", 2, None),
        (b"-", 2, None),
        (b"", 2, None),
    ],
)
def test_text_is_read_exactly_or_not_at_all(text, places, value) -> None:
    assert parse_scaled(text, places) == value


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0, 0, b"0"),
        (7, 0, b"7"),
        (-7, 0, b"-7"),
        (0, 8, b"0"),
        (1, 8, b"0.00000001"),
        (-1, 2, b"-0.01"),
        (150, 2, b"1.5"),
        (-15_000, 2, b"-150"),
    ],
)
def test_an_amount_has_one_text_the_shortest(value, places, text) -> None:
    assert format_scaled(value, places) == text


@given(value=st.integers(-INT64_MAX, INT64_MAX), places=st.integers(0, 18))
def test_what_is_written_is_read_back(value, places) -> None:
    assert parse_scaled(format_scaled(value, places), places) == value
