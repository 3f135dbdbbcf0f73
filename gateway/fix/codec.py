"""Tag=value framing: raw messages out of a byte stream, and message bytes out of a body.

A message is `8=...|9=<length>|35=...|10=<sum>|`, where | is SOH. BodyLength(9) counts the bytes
between the SOH that ends it and the `10=` of CheckSum(10), which is the sum of all bytes before
`10=` modulo 256. The length alone says where a message ends: a data field may hold anything, even
`10=`. A message whose first three tags are not 8, 9, 35, or whose length or checksum is wrong, is
garbled: it never happened, for nobody can say what it was (FIX 4.4 volume 2, "Message integrity").
"""

import re
from typing import Final
from zlib import adler32

SOH: Final = b"\x01"

MAX_BODY: Final = 64 * 1024
"""Largest BodyLength(9) that is waited for, in bytes: eight times the longest field (8,000
characters) that session tests send, and one socket read."""

MAX_HEAD: Final = 64
"""Bytes within which `8=...|9=...|35=` must be complete: twice the longest head of any FIX
version with nine digits of length, so that a stream of zeros is not waited on."""

TRAILER_BYTES: Final = 7
"""`10=ddd|`."""

MAX_PENDING: Final = MAX_HEAD + MAX_BODY + TRAILER_BYTES
"""Most bytes that a framer keeps between two feeds."""

_CHUNK: Final = 256
"""Longest run, in bytes, whose sum fits adler32's 16 low bits: 256 * 255 < 65,521."""

_BEGIN: Final = b"8=FIX"

_HEAD = re.compile(rb"8=FIX[^\x01=]{0,11}\x019=([0-9]{1,9})\x0135=")
_HEAD_SO_FAR = re.compile(
    rb"8=FIX[^\x01=]{0,11}(?:\x01(?:9(?:=(?:[0-9]{1,9}(?:\x01(?:35?)?)?)?)?)?)?"
)

TRAILERS: Final = tuple(b"10=%03d\x01" % total for total in range(256))
"""The CheckSum(10) field by sum modulo 256."""

# The last eight bytes of a whole message -> what the sum of all its bytes must be, modulo 256.
_WHOLE_SUMS: Final = {
    SOH + trailer: (total + sum(trailer)) & 0xFF for total, trailer in enumerate(TRAILERS)
}


def checksum(data: bytes) -> int:
    """Sum of all bytes modulo 256, which is CheckSum(10) of what precedes it.

    adler32's low half is 1 + the byte sum modulo 65,521: exact over short runs, and it runs at
    memory speed where sum() makes an integer of each byte.
    """
    if len(data) <= _CHUNK:
        return ((adler32(data) & 0xFFFF) - 1) & 0xFF
    total = 0
    for start in range(0, len(data), _CHUNK):
        total += (adler32(data[start : start + _CHUNK]) & 0xFFFF) - 1
    return total & 0xFF


def encode(begin: bytes, body: bytes) -> bytes:
    """A whole message around `body`: everything from `35=` to the SOH before `10=`."""
    text = b"8=%b\x019=%d\x01%b" % (begin, len(body), body)
    return text + TRAILERS[checksum(text)]


class Framer:
    """Bytes in, whole raw messages out, however the stream was sliced.

    What feed() returns has its first three tags in place and a right BodyLength and CheckSum.
    Anything else is skipped up to the next `8=FIX`. The one exception: where BodyLength leads to
    a CheckSum field with a wrong sum, the whole frame is dropped, so that every byte is summed
    once and a hostile stream costs no more than an honest one.

    garbled: how many times bytes had to be skipped, since the start.
    """

    __slots__ = ("_buffer", "_lost", "_need", "garbled")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._need = 0  # bytes the buffer must hold before looking at it again can help
        self._lost = False  # skipping, and already counted
        self.garbled = 0

    @property
    def pending(self) -> int:
        """Bytes kept until the rest of their message comes; never more than MAX_PENDING."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes, in order. Raises nothing."""
        messages: list[bytes] = []
        if not self._buffer:
            used = self._scan(data, messages)
            if used < len(data):
                self._buffer += data[used:]
        else:
            self._buffer += data
            if len(self._buffer) < self._need:
                return messages
            used = self._scan(self._buffer, messages)
            del self._buffer[:used]
        assert len(self._buffer) <= MAX_PENDING
        return messages

    def resync(self) -> list[bytes]:
        """Give up the message that is being waited for, and look for others behind its head.

        For a peer that named a length it never sends: without this its later, shorter messages
        would be read as the missing rest.
        """
        messages: list[bytes] = []
        if self._buffer:
            self._skipped()
            del self._buffer[:1]
            used = self._scan(self._buffer, messages)
            del self._buffer[:used]
        return messages

    def _skipped(self) -> None:
        if not self._lost:
            self.garbled += 1
        self._lost = True

    def _scan(self, data: bytes | bytearray, messages: list[bytes]) -> int:
        """Append the whole messages of `data`; return how many bytes are done with."""
        at = 0
        size = len(data)
        head = _HEAD.match
        while at < size:
            found = head(data, at)
            if found is None:
                start = self._seek(data, at)
                if start in (at, size):
                    self._need = size - start + 1
                    return start
                at = start
                continue
            length = int(found[1])
            if length > MAX_BODY:
                at = self._give_up(data, at)
                continue
            end = found.end() - 3 + length + TRAILER_BYTES
            if end > size:
                self._lost = False
                self._need = end - at
                return at
            raw = bytes(data[at:end])
            expected = _WHOLE_SUMS.get(raw[-8:])
            if expected is None:
                at = self._give_up(data, at)
                continue
            self._lost = False
            if end - at <= _CHUNK:
                total = ((adler32(raw) & 0xFFFF) - 1) & 0xFF  # checksum(), without the call
            else:
                total = checksum(raw)
            if total == expected:
                messages.append(raw)
            else:
                self.garbled += 1
            at = end
        self._need = 0
        return at

    def _give_up(self, data: bytes | bytearray, at: int) -> int:
        """Count the head at `at` as garbled; the place of the next begin, whole or cut off."""
        self.garbled += 1
        self._lost = True
        return self._next_begin(data, at + 1)

    def _seek(self, data: bytes | bytearray, at: int) -> int:
        """Where the next possible head is; `at` itself if more bytes may complete it."""
        rest = bytes(data[at : at + MAX_HEAD])
        if len(rest) < MAX_HEAD and (
            _BEGIN.startswith(rest) or _HEAD_SO_FAR.fullmatch(rest) is not None
        ):
            return at
        if rest.startswith(_BEGIN):
            return self._give_up(data, at)
        self._skipped()
        return self._next_begin(data, at + 1)

    @staticmethod
    def _next_begin(data: bytes | bytearray, at: int) -> int:
        """The next `8=FIX` at or behind `at`, or the tail that may become one, or the end."""
        start = data.find(_BEGIN, at)
        if start >= 0:
            return start
        size = len(data)
        for kept in range(min(len(_BEGIN) - 1, size - at), 0, -1):
            if data.endswith(_BEGIN[:kept]):
                return size - kept
        return size
