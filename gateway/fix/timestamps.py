"""FIX UTCTimestamp text from and to integer nanoseconds since 1970-01-01 UTC.

Calendar arithmetic is on days counted from 1970, by the 400-year cycle of the Gregorian
calendar; nothing here reads a clock.
"""

from typing import Final

from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND

_DAYS_TO_1970: Final = 719_468
"""Days from 0000-03-01 to 1970-01-01."""
_DAYS_PER_ERA: Final = 146_097
"""Days in 400 years."""
_DAY_CACHE_MAX: Final = 64
"""Dates remembered by parse_utc: more than any honest day sees."""
_TEXT_MIN: Final = 17
"""Length of YYYYMMDD-HH:MM:SS."""
_FRACTION_MAX: Final = 12
"""Digits of a second that are read, down to picoseconds as FIX 5.0SP2 allows; nine count."""


def _days_from_date(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a Gregorian date."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _DAYS_PER_ERA + day_of_era - _DAYS_TO_1970


def _date_from_days(days: int) -> tuple[int, int, int]:
    """Inverse of _days_from_date."""
    era, day_of_era = divmod(days + _DAYS_TO_1970, _DAYS_PER_ERA)
    year = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    return year + era * 400 + (month <= 2), month, day


_second: tuple[int, bytes] = (-1, b"")
"""The last whole second that was formatted, and its text: most timestamps share it."""


def format_utc(time: int, digits: int) -> bytes:
    """`time` (ns UTC) as YYYYMMDD-HH:MM:SS.sss with 0, 3, 6 or 9 `digits`; cut, not rounded."""
    global _second  # noqa: PLW0603 - a cache of one
    second, nanos = divmod(time, NANOS_PER_SECOND)
    known, text = _second
    if second != known:
        text = _format_second(second)
        _second = (second, text)
    return text + b"." + (b"%09d" % nanos)[:digits] if digits else text


def _format_second(second: int) -> bytes:
    """Seconds since 1970 as YYYYMMDD-HH:MM:SS."""
    days, seconds = divmod(second, 86_400)
    year, month, day = _date_from_days(days)
    return b"%04d%02d%02d-%02d:%02d:%02d" % (
        year,
        month,
        day,
        seconds // 3600,
        seconds // 60 % 60,
        seconds % 60,
    )


_days: dict[bytes, int] = {}


def _day_nanos(text: bytes) -> int | None:
    """ns at the start of the date YYYYMMDD; None if there is no such date."""
    if not text.isdigit():
        return None
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
    if not 1 <= month <= 12 or not day:
        return None
    days = _days_from_date(year, month, day)
    if _date_from_days(days) != (year, month, day):
        return None
    if len(_days) >= _DAY_CACHE_MAX:
        _days.clear()
    _days[text] = nanos = days * NANOS_PER_DAY
    return nanos


def parse_utc(text: bytes) -> int | None:
    """ns UTC of a UTCTimestamp with any number of digits up to 12; None if it is none.

    Second 60 is a leap second and counts as the first of the next minute.
    """
    start = _days.get(text[:8])
    if start is None:
        start = _day_nanos(text[:8]) if len(text) >= _TEXT_MIN else None
        if start is None:
            return None
    if len(text) < _TEXT_MIN or text[8:9] != b"-" or text[11:12] != b":" or text[14:15] != b":":
        return None
    hour, minute, second = text[9:11], text[12:14], text[15:17]
    if not (hour + minute + second).isdigit():
        return None
    seconds = int(second)
    if hour > b"23" or minute > b"59" or seconds > 60:
        return None
    time = start + (int(hour) * 3600 + int(minute) * 60 + seconds) * NANOS_PER_SECOND
    if len(text) == _TEXT_MIN:
        return time
    fraction = text[18:]
    if text[17:18] != b"." or not fraction.isdigit() or len(fraction) > _FRACTION_MAX:
        return None
    return time + int(fraction[:9].ljust(9, b"0"))
