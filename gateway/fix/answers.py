"""The bodies of what a session says by itself: Reject, BusinessMessageReject, Logout."""

from typing import Final

from gateway.fix.errors import PeerError

MAX_TEXT: Final = 512
"""Longest Text(58), in characters: what a peer sent may be quoted in it."""


def one_line(text: str) -> bytes:
    """Text(58): one field, printable, whatever it quotes."""
    return text[:MAX_TEXT].encode("ascii", "replace").replace(b"\x01", b"?")


def reject_body(seq: int, msg_type: bytes, error: PeerError) -> bytes:
    """Reject(35=3): 45, 371 where a tag can be named, 372, 373, 58."""
    tag = b"" if error.ref_tag is None else b"371=%d\x01" % error.ref_tag
    text = one_line(error.text)
    return b"45=%d\x01%b372=%b\x01373=%d\x0158=%b\x01" % (seq, tag, msg_type, error.reason, text)


UNSUPPORTED_TYPE: Final = 3
"""BusinessRejectReason(380): a message type that the venue does not take."""


def business_reject_body(
    seq: int, msg_type: bytes, reason: int, text: str, *, ref_id: bytes = b""
) -> bytes:
    """BusinessMessageReject(35=j): 45, 372, 379 if there is a ref_id, 380, 58."""
    ref = b"379=%b\x01" % ref_id if ref_id else b""
    words = one_line(text)
    return b"45=%d\x01372=%b\x01%b380=%d\x0158=%b\x01" % (seq, msg_type, ref, reason, words)


def logout_body(text: str) -> bytes:
    """Logout(35=5), with Text if there is one."""
    return b"58=%b\x01" % one_line(text) if text else b""
