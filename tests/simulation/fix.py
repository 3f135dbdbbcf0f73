"""FIX as the simulated members and the observer read it: by splitting."""

from functools import lru_cache

from gateway.fix.codec import encode
from gateway.fix.timestamps import format_utc

SOH = b"\x01"
HEADER = frozenset({b"8", b"9", b"34", b"43", b"49", b"52", b"56", b"97", b"122", b"369", b"10"})
APPLICATION = frozenset({b"8", b"9", b"r", b"j", b"3"})
"""What the venue must send again with the same body: its reports, BusinessMessageReject, Reject."""

READ_AGAIN = 1_024
"""Messages whose fields are kept: several observers read each, one soon after the other."""


@lru_cache(READ_AGAIN)
def fields(raw: bytes) -> dict[bytes, bytes]:
    """Tag to value; the first one of a tag. Shared: not to be changed."""
    parts = raw.split(SOH)
    parts.reverse()
    return {tag: value for tag, _, value in [part.partition(b"=") for part in parts]}


def content(raw: bytes) -> bytes:
    """All but what a resend may change: header and CheckSum, MsgType apart."""
    parts = [part for part in raw.split(SOH) if part.partition(b"=")[0] not in HEADER]
    return SOH.join(parts)


def messages(data: bytes) -> list[bytes]:
    """The whole messages that the venue hands to a connection in one piece."""
    found = []
    begin = 0
    while begin < len(data):
        end = data.index(SOH, data.index(b"\x0110=", begin) + 1) + 1
        found.append(data[begin:end])
        begin = end
    return found


def message(
    kind: bytes, sender: bytes, number: int, now: int, body: bytes, *, header: bytes = b""
) -> bytes:
    text = b"35=%b\x0149=%b\x0156=FIXGATE\x0134=%d\x01%b52=%b\x01%b" % (
        kind,
        sender,
        number,
        header,
        format_utc(now, 3),
        body,
    )
    return encode(b"FIX.4.4", text)


def shown(raw: bytes) -> str:
    """For people: pipes, without BeginString, BodyLength, CompIDs and CheckSum."""
    hidden = (b"8=", b"9=", b"49=", b"10=", b"1180=", b"60=")
    parts = [part for part in raw.split(SOH) if part and not part.startswith(hidden)]
    return b"|".join(parts).decode("latin-1")
