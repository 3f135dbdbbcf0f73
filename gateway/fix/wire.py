"""A session's outgoing message bytes: the header is a template, filled once per message.

The order is 8, 9, 35, 49, 56, 34, 43, 97, 52, 122, 369, body, 10. What does not change within a
millisecond (or microsecond, by TimestampPrecision) is formatted once.
"""

from typing import Final
from zlib import adler32

from gateway.fix.codec import TRAILERS, checksum
from gateway.fix.settings import SessionSettings
from gateway.fix.timestamps import format_utc

_UNITS = {3: 1_000_000, 6: 1_000, 9: 1}


ASCII_RUN: Final = 512
"""Longest ASCII text, in bytes, whose sum fits adler32's 16 low bits: 512 * 127 < 65,520."""


def trailer(text: bytes) -> bytes:
    """The CheckSum(10) field behind `text`, in one pass for what nearly all messages are."""
    if len(text) <= ASCII_RUN and text.isascii():
        return TRAILERS[((adler32(text) & 0xFFFF) - 1) & 0xFF]
    return TRAILERS[checksum(text)]


def _literal(text: bytes) -> bytes:
    return text.replace(b"%", b"%%")


class Wire:
    """Templates of one session."""

    __slots__ = (
        "_again",
        "_again_key",
        "_digits",
        "_frame",
        "_head",
        "_key",
        "_last_processed",
        "_template",
        "_unit",
    )

    def __init__(self, settings: SessionSettings) -> None:
        self._digits = settings.timestamp_precision
        self._unit = _UNITS[self._digits]
        self._last_processed = settings.enable_last_msg_seq_num_processed
        self._frame = b"8=" + _literal(settings.begin_string) + b"\x019=%d\x01%b"
        self._head = (
            b"35=%b\x0149="
            + _literal(settings.venue_comp_id)
            + b"\x0156="
            + _literal(settings.comp_id)
            + b"\x0134=%d\x01"
        )
        self._key = (-1, 0, False)
        self._template = b""
        self._again_key = (-1, 0, False)
        self._again = b""

    @property
    def frame(self) -> bytes:
        """Template of (BodyLength, all from 35= to before 10=)."""
        return self._frame

    def template(self, now: int, next_in: int, *, poss_resend: bool) -> bytes:
        """Template of (MsgType, MsgSeqNum, body) for messages sent now, ns UTC."""
        processed = next_in - 1 if self._last_processed else 0
        key = (now // self._unit, processed, poss_resend)
        if key != self._key:
            self._key = key
            self._template = b"".join(
                (
                    self._head,
                    b"97=Y\x01" if poss_resend else b"",
                    b"52=" + format_utc(now, self._digits) + b"\x01",
                    b"369=%d\x01" % processed if self._last_processed else b"",
                    b"%b",
                )
            )
        return self._template

    def message(
        self,
        msg_type: bytes,
        number: int,
        body: bytes,
        now: int,
        next_in: int,
        *,
        poss_resend: bool,
    ) -> bytes:
        """One whole message, sent for the first time."""
        text = self.template(now, next_in, poss_resend=poss_resend) % (msg_type, number, body)
        text = self._frame % (len(text), text)
        return text + trailer(text)

    def resent(
        self,
        msg_type: bytes,
        number: int,
        body: bytes,
        now: int,
        first_sent: int,
        next_in: int,
        *,
        poss_resend: bool = False,
    ) -> bytes:
        """One whole message with PossDupFlag; OrigSendingTime never lies behind SendingTime."""
        processed = next_in - 1 if self._last_processed else 0
        key = (now, processed, poss_resend)
        if key != self._again_key:
            self._again_key = key
            self._again = b"".join(
                (
                    self._head,
                    b"43=Y\x0197=Y\x01" if poss_resend else b"43=Y\x01",
                    b"52=" + format_utc(now, self._digits),
                    b"\x01122=%b\x01",
                    b"369=%d\x01" % processed if self._last_processed else b"",
                    b"%b",
                )
            )
        sent = format_utc(min(first_sent or now, now), self._digits)
        text = self._again % (msg_type, number, sent, body)
        text = self._frame % (len(text), text)
        return text + trailer(text)
