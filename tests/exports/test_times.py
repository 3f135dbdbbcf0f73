"""Times: one spelling out, two in, and nothing between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.exports.errors import ExportRefused
from compliance.exports.times import MICRO, parse_time, time_text
from engine.model.money import INT64_MAX


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970-01-01", 0),
        ("1970-01-02", 86_400_000_000_000),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:00.5Z", 500_000_000),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("2026-11-29T23:59:59.999999999Z", 1_795_996_799_999_999_999),
        ("2262-04-11T23:47:16.854775807Z", INT64_MAX),
    ],
)
def test_times_are_read(text, time):
    assert parse_time(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1969-12-31",
        "2262-04-12",
        "2026-02-29",
        "2026-1-1",
        "20261129",
        "2026-11-29T24:00:00Z",
        "2026-11-29T12:00:60Z",
        "2026-11-29T12:00:00",
        "2026-11-29T12:00:00+01:00",
        "2026-11-29T12:00:00.Z",
        "2026-11-29T12:00:00.0000000001Z",
        "2026-11-29 12:00:00Z",
        "2026-11-29\n",
        "٢٠٢٦-11-29",
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ExportRefused):
        parse_time(text)


@given(st.integers(0, INT64_MAX))
def test_a_time_is_read_as_it_was_written(time):
    assert parse_time(time_text(time)) == time
    assert parse_time(time_text(time, MICRO)) == time // 1_000 * 1_000
