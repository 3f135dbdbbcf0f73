"""What a session asks its shell to do, in order: the steps that Session.receive and tick return."""

from typing import Literal

from msgspec import Struct

from gateway.fix.disconnect import DisconnectReason
from gateway.fix.message import Message


class Application(Struct, frozen=True, gc=False):
    """An application message in sequence. Its number is used up; it is the shell's now.

    number is its MsgSeqNum; poss_dup: it carries 43=Y; poss_resend: it carries 97=Y.
    """

    message: Message
    number: int
    poss_dup: bool = False
    poss_resend: bool = False


class Answer(Struct, frozen=True, gc=False):
    """A message of the venue's without a record behind it; gets its number in Session.transmit.

    body: all fields after the standard header and before 10=, each ended by SOH; fields that route
    the answer back to a third party may come first.
    stored: the body is kept in the index, so that a resend repeats it (Reject,
    BusinessMessageReject, a status); without it a resend fills the gap.
    next_in: the inbound number expected when this was decided; everything below it is answered
    or journalled once this leaves, so a restarted session expects it. 0: unknown.
    connection: which connection it belongs to; -1: whichever is there.
    reset: a Logon reply that sets both numbers to 1. Its bytes must wait for SessionIndex.settled;
    then call Session.settled, and do the ResendStep behind it before anything else.
    """

    msg_type: bytes
    body: bytes
    stored: bool = False
    next_in: int = 0
    connection: int = -1
    reset: bool = False


class ResendStep(Struct, frozen=True, gc=False):
    """Send numbers begin..end (0: all there are) again: pass this to Session.resend.

    what: `asked` by a ResendRequest(35=2); `expected` by NextExpectedMsgSeqNum(789) of the Logon,
    up to the Logon reply; `unsent`: what no connection has carried before a reset goes out for
    the first time, begin and end are not used. What Session.transmit* returns while the slices
    leave must wait behind them, at least for `unsent`.
    number: MsgSeqNum of the request, 0 if there is none. generation: of the numbers that are asked
    for; a request that a reset has overtaken is void.
    """

    begin: int
    end: int
    number: int = 0
    what: Literal["asked", "expected", "unsent"] = "asked"
    connection: int = -1
    generation: int = -1


class LogonStep(Struct, frozen=True):
    """Credentials to verify; then call Session.accept_logon or Session.refuse_logon.

    raw_data is RawData(96). What arrives meanwhile is held in the session.
    """

    username: bytes | None
    password: bytes | None
    raw_data: bytes | None
    reset: bool
    message: Message


class Disconnect(Struct, frozen=True, gc=False):
    """Close the connection, once what was written before has left."""

    reason: DisconnectReason
    connection: int = -1


Step = Application | Answer | ResendStep | LogonStep | Disconnect
