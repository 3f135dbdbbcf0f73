"""Counts what a venue answers, in byte patterns over whole messages, without parsing them.

An acknowledgement is the answer to one request: New (150=0), Canceled (150=4), Replaced (150=5).
The loads here are built so that nothing is refused; a refusal of any kind ends the run.
"""

from typing import Final

# One read takes at most this many bytes: about a window of 500 reports of 400 bytes.
BUFFER_BYTES: Final = 1 << 18

_TRAILER: Final = b"\x0110="
# SOH, "10=", three digits, SOH
_TRAILER_BYTES: Final = 8

_NEW: Final = b"\x01150=0\x01"
_CANCELED: Final = b"\x01150=4\x01"
_REPLACED: Final = b"\x01150=5\x01"
_TRADE: Final = b"\x01150=F\x01"
# Heartbeat and TestRequest: the runs are shorter than the heartbeat interval, so none is answered.
_IGNORED: Final = (b"\x0135=0\x01", b"\x0135=1\x01")


class LoadFailed(Exception):
    """The other end refused, closed or stalled: the figures of this run mean nothing."""


class AnswerCounter:
    """Counts one connection's answers; a message split over reads is counted once, when whole.

    Use: read into `space()`, then `filled(n)`. Both are for bytes of the application phase, after
    the Logon was answered.
    """

    __slots__ = ("_buffer", "_tail", "_view", "acks", "bytes_in", "fills", "reports")

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._tail = 0  # bytes at the buffer's start that belong to a message not yet whole
        self.acks = 0
        self.fills = 0
        self.reports = 0
        self.bytes_in = 0

    def space(self) -> memoryview:
        """Return where the next read goes."""
        assert self._tail < BUFFER_BYTES, "a message longer than the buffer"
        return self._view[self._tail :]

    def filled(self, count: int) -> int:
        """Count the messages that `count` more bytes completed; return their acknowledgements.

        Raises LoadFailed at a refusal or at a message that no load here provokes.
        """
        assert count > 0
        self.bytes_in += count
        buffer = self._buffer
        stop = self._tail + count
        at = buffer.rfind(_TRAILER, 0, stop)
        if at >= 0 and at + _TRAILER_BYTES > stop:  # the last trailer itself is split
            at = buffer.rfind(_TRAILER, 0, at)
        if at < 0:
            self._tail = stop
            return 0
        end = at + _TRAILER_BYTES
        messages = buffer.count(_TRAILER, 0, end)
        acks = buffer.count(_NEW, 0, end)
        reports = messages
        if acks != messages:
            acks += buffer.count(_CANCELED, 0, end) + buffer.count(_REPLACED, 0, end)
            fills = buffer.count(_TRADE, 0, end)
            self.fills += fills
            reports = acks + fills
            if reports != messages:
                self._explain_others(end)
        self.acks += acks
        self.reports += reports
        self._tail = stop - end
        if self._tail:
            buffer[: self._tail] = buffer[end:stop]
        return acks

    def feed(self, data: bytes) -> int:
        """Count bytes that were read elsewhere; return their acknowledgements."""
        acks = 0
        while data:
            space = self.space()
            part = data[: len(space)]
            space[: len(part)] = part
            acks += self.filled(len(part))
            data = data[len(part) :]
        return acks

    def _explain_others(self, end: int) -> None:
        start = 0
        while start < end:
            stop = self._buffer.index(_TRAILER, start) + _TRAILER_BYTES
            message = bytes(self._buffer[start:stop])
            start = stop
            counted = any(kind in message for kind in (_NEW, _CANCELED, _REPLACED, _TRADE))
            if not counted and not any(kind in message for kind in _IGNORED):
                shown = message.replace(b"\x01", b"|").decode("latin1")
                raise LoadFailed(f"an answer that no load asks for: {shown}")
