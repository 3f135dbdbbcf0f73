"""What can be wrong with the standard header of a message inside a session."""

from typing import Final

from engine.model.clock import NANOS_PER_SECOND
from gateway.fix.errors import (
    COMP_ID_PROBLEM,
    REQUIRED_TAG_MISSING,
    SENDING_TIME_PROBLEM,
    PeerError,
)
from gateway.fix.message import Message
from gateway.fix.settings import SessionSettings
from gateway.fix.timestamps import parse_utc

_WAY_BACK: Final = ((128, 115), (129, 116), (145, 144), (115, 128), (116, 129), (144, 145))
"""(tag of an answer, tag of what it answers): OnBehalfOf- and DeliverTo- CompID, SubID, LocationID.
"""

MAX_ROUTED: Final = 64
"""Longest routing field that is repeated to the peer, bytes: a Reject that is kept stays small."""

_ROUTING: Final = frozenset(there for _, there in _WAY_BACK)


def routed_back(message: Message) -> bytes:
    """The routing fields of a Reject: a third party's message is answered to the third party.

    FIX 4.4 volume 2, "FIX message delivery", third party routing; they stand right behind the
    standard header's other fields. Longer values than MAX_ROUTED bytes are nobody's identity.
    """
    if not message.present(_ROUTING):
        return b""
    values = ((back, message.get(there)) for back, there in _WAY_BACK)
    return b"".join(
        b"%d=%b\x01" % (tag, value) for tag, value in values if value and len(value) <= MAX_ROUTED
    )


def late_text(settings: SessionSettings) -> str:
    """What is said to a SendingTime(52) that is off."""
    seconds = settings.max_latency // NANOS_PER_SECOND
    return f"SendingTime(52) is more than {seconds} s from the venue's clock: set your clock"


def comp_id_error(message: Message, settings: SessionSettings) -> PeerError | None:
    """A CompID that is not the one that logged on. One that is missing is a missing tag."""
    for tag, expected in ((49, settings.comp_id), (56, settings.venue_comp_id)):
        value = message.get(tag)
        if value and value != expected:
            text = f"CompID problem: tag {tag} must be {expected.decode('latin-1')}"
            return PeerError(COMP_ID_PROBLEM, tag, text)
    return None


def poss_dup_error(message: Message) -> PeerError | None:
    """What is wrong with the OrigSendingTime(122) that PossDupFlag(43)=Y asks for."""
    original = message.get(122)
    if original is None:
        text = "OrigSendingTime(122) is required with PossDupFlag(43)=Y"
        return PeerError(REQUIRED_TAG_MISSING, 122, text)
    first, sent = parse_utc(original), parse_utc(message.get(52, b""))
    if first is not None and sent is not None and first > sent:
        text = "OrigSendingTime(122) is later than SendingTime(52)"
        return PeerError(SENDING_TIME_PROBLEM, 122, text)
    return None
