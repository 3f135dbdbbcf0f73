"""UTCTimestamp text against the standard library's calendar, and CheckSum against a plain sum."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fix.timestamps import format_utc, parse_utc
from gateway.fix.wire import ASCII_RUN, trailer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = st.integers(0, 253_402_300_799 * 10**9 + 999_999_999)


@given(TIMES)
def test_format_is_the_calendars(time: int) -> None:
    moment = EPOCH + timedelta(microseconds=time // 1000)
    assert format_utc(time, 6) == moment.strftime("%Y%m%d-%H:%M:%S.%f").encode()


@given(TIMES, st.sampled_from([0, 3, 6, 9]))
def test_parse_is_the_inverse(time: int, digits: int) -> None:
    assert parse_utc(format_utc(time, digits)) == time - time % 10 ** (9 - digits)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"20260921", b"20260921-14:13", b"20260921-14:13:2", b"20260921 14:13:20",
        b"20260230-00:00:00", b"20261301-00:00:00", b"20260100-00:00:00", b"20260101-24:00:00",
        b"20260101-00:60:00", b"20260101-00:00:61", b"20260101-00:00:00.", b"20260101-00:00:00.x",
        b"20260101-00:00:00.0000000000000", b"2026010a-00:00:00", b"20260101-+1:00:00",
        b"20260101-00:00:00Z", b"19000229-00:00:00", b" 0260101-00:00:00",
    ],
)  # fmt: skip
def test_what_is_no_timestamp(text: bytes) -> None:
    assert parse_utc(text) is None


def test_a_leap_second_is_the_next_minute() -> None:
    assert parse_utc(b"20161231-23:59:60") == parse_utc(b"20170101-00:00:00")


@given(st.binary(max_size=40))
def test_any_bytes_are_a_time_or_none(text: bytes) -> None:
    assert parse_utc(text) is None or text[:8].isdigit()


@given(st.integers(0, ASCII_RUN + 300), st.sampled_from([b"\x7f", b"\xff", b"\x01", b"a\xe9"]))
def test_the_trailer_is_the_plain_sum(length: int, unit: bytes) -> None:
    text = (unit * length)[:length]
    assert trailer(text) == b"10=%03d\x01" % (sum(text) % 256)
