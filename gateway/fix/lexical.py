"""How a value of each FIX data type is written: one table, for every way of checking it.

The patterns are used twice, alone against one value and inlined into the pattern of a whole
message, so none of them matches SOH and all of them are linear: every repetition is possessive or
of fixed width. FIX 4.4 volume 1, "FIX data types".
"""

from typing import Final

_TEXT: Final = rb"[^\x01]++"
_INTEGER: Final = rb"-?[0-9]{1,18}+"  # what surely fits int64
_COUNT: Final = rb"[0-9]{1,9}+"

# No exponent, no plus sign, no spaces. Whether it is a whole number of ticks is not asked here:
# a price far out of range is well written and is refused as an order, not as a message.
_DECIMAL: Final = rb"-?(?:[0-9]{1,40}+(?:\.[0-9]{0,40}+)?+|\.[0-9]{1,40}+)"

# A month has the days that it has: first what most dates are, then the ends of the months.
_LEAP_YEAR: Final = (
    rb"(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)"
)
_DATE: Final = (
    rb"(?:[1-9][0-9]{3}(?:(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])(?:29|30)"
    rb"|(?:0[13578]|1[02])31)|" + _LEAP_YEAR + rb"0229)"
)
# Second 60 is a leap second. A fraction counts milli-, micro- or nanoseconds.
_TIME: Final = (
    rb"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{3}(?:[0-9]{3}){0,2}+)?+"
)
_ZONE: Final = rb"(?:Z|[+-](?:0[0-9]|1[0-4])(?::[0-5][0-9])?+)?+"

DATA: Final = "DATA"
"""The type whose length stands in the field before it, and which may hold SOH."""

MULTIPLE: Final = frozenset({"MULTIPLEVALUESTRING", "MULTIPLESTRINGVALUE", "MULTIPLECHARVALUE"})
"""Types that hold several values, separated by single spaces."""

DATA_TYPES: Final = frozenset({DATA, "XMLDATA"})

PATTERNS: Final[dict[str, bytes]] = {
    "AMT": _DECIMAL,
    "BOOLEAN": rb"[YN]",
    "CHAR": rb"[^\x01]",
    "COUNTRY": _TEXT,
    "CURRENCY": _TEXT,
    "DATE": _DATE,
    "DAYOFMONTH": rb"(?:0?[1-9]|[12][0-9]|3[01])",
    "EXCHANGE": _TEXT,
    "FLOAT": _DECIMAL,
    "INT": _INTEGER,
    "LANGUAGE": _TEXT,
    "LENGTH": _COUNT,
    "LOCALMKTDATE": _DATE,
    "LOCALMKTTIME": _TIME,
    "MONTHYEAR": rb"[1-9][0-9]{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]|w[1-5])?+",
    "MULTIPLECHARVALUE": rb"[^\x01 ](?: [^\x01 ])*+",
    "MULTIPLESTRINGVALUE": rb"[^\x01 ]++(?: [^\x01 ]++)*+",
    "MULTIPLEVALUESTRING": rb"[^\x01 ]++(?: [^\x01 ]++)*+",
    "NUMINGROUP": _COUNT,
    "PERCENTAGE": _DECIMAL,
    "PRICE": _DECIMAL,
    "PRICEOFFSET": _DECIMAL,
    "QTY": _DECIMAL,
    "SEQNUM": rb"[0-9]{1,18}+",
    "STRING": _TEXT,
    "TAGNUM": rb"[1-9][0-9]{0,8}+",
    "TIME": _DATE + rb"-" + _TIME,
    "TZTIMEONLY": rb"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?+" + _ZONE,
    "TZTIMESTAMP": _DATE + rb"-" + _TIME + _ZONE,
    "UTCDATE": _DATE,
    "UTCDATEONLY": _DATE,
    "UTCTIMEONLY": _TIME,
    "UTCTIMESTAMP": _DATE + rb"-" + _TIME,
    "XID": _TEXT,
    "XIDREF": _TEXT,
}
"""Pattern of a value by type name; the types of DATA_TYPES have none, they hold any bytes."""

DESCRIPTIONS: Final[dict[str, str]] = {
    "BOOLEAN": "Y or N",
    "CHAR": "one character",
    "INT": "digits with an optional minus sign",
    "SEQNUM": "digits",
    "LENGTH": "digits",
    "NUMINGROUP": "digits",
    "UTCTIMESTAMP": "YYYYMMDD-HH:MM:SS with 0, 3, 6 or 9 decimals, a moment that exists",
    "UTCTIMEONLY": "HH:MM:SS with 0, 3, 6 or 9 decimals, a time that exists",
    "UTCDATEONLY": "YYYYMMDD, a day that exists",
    "LOCALMKTDATE": "YYYYMMDD, a day that exists",
    "MONTHYEAR": "YYYYMM, YYYYMMDD or YYYYMMwN",
} | dict.fromkeys(
    ("AMT", "FLOAT", "PERCENTAGE", "PRICE", "PRICEOFFSET", "QTY"),
    "digits with an optional decimal point and minus sign",
)
"""What a Reject's Text(58) says that a value should have been."""
