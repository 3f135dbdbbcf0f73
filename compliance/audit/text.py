"""Numbers and bytes as the C2SP formats spell them: each has one spelling, and others are refused.

A second spelling of a signed thing is a second file with the same signature. Pure.
"""

from base64 import b64encode
from binascii import Error, a2b_base64
from typing import Final

from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import HASH_BYTES, MAX_SIZE

_MAX_DIGITS: Final = len(str(MAX_SIZE))


def to_base64(data: bytes) -> str:
    """RFC 4648, section 4."""
    return b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Inverse of to_base64. Raises AuditRefused for any other spelling."""
    try:
        data = a2b_base64(text.encode("ascii"), strict_mode=True)
    except (Error, UnicodeEncodeError):
        data = b""
    if to_base64(data) != text:
        raise AuditRefused("this is no base64 as it is written here")
    return data


def from_decimal(text: str) -> int:
    """A size or an index: ASCII digits without leading zeros. Raises AuditRefused."""
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        raise AuditRefused("this is no number as it is written here")
    number = int(text)
    if str(number) != text or number > MAX_SIZE:
        raise AuditRefused("this is no number as it is written here")
    return number


def from_hash(text: str) -> bytes:
    """A hash in base64. Raises AuditRefused."""
    hash_ = from_base64(text)
    if len(hash_) != HASH_BYTES:
        raise AuditRefused(f"a hash has {HASH_BYTES} bytes")
    return hash_
