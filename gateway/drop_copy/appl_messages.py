"""Asking for reports by application sequence, and the answers, as FIX bodies. Pure.

ApplicationMessageRequest(BW), ApplicationMessageRequestAck(BX), ApplicationMessageReport(BY): FIX
5.0 SP2 volume 3, "Application Sequencing"; one range of one application, the member's own, a
request.
"""

from typing import Final, NamedTuple

from gateway.fix.message import Message

APPLICATION_MESSAGE_REQUEST: Final = b"BW"
APPLICATION_MESSAGE_REQUEST_ACK: Final = b"BX"
APPLICATION_MESSAGE_REPORT: Final = b"BY"

RETRANSMISSION: Final = 0  # ApplReqType(1347)
CANCEL: Final = 5
"""2 and 3 ask which application there is, and its last report: every answer says that."""

PROCESSED: Final = 0  # ApplResponseType(1348)
NO_SUCH_APPLICATION: Final = 1
NOT_AVAILABLE: Final = 2

MAX_TEXT: Final = 200
"""Longest Text(58) of an answer, bytes."""


class ApplRequest(NamedTuple):
    """A BW. ident: ApplReqID(1346). kind: ApplReqType(1347). appl: RefApplID(1355), None if the
    request names none. begin, end: ApplSeqNums, both counted, 0 where they are left out. ranges:
    how many there were."""

    ident: bytes
    kind: int
    appl: bytes | None
    begin: int
    end: int
    ranges: int


def read_request(message: Message) -> ApplRequest:
    """A BW that the dictionary has found right."""
    ranges = message.group(1351)
    first = ranges[0] if ranges else None
    return ApplRequest(
        message.get(1346, b""),
        int(message.get(1347, b"0")),
        first.get(1355) if first else None,
        int(first.get(1182, b"0")) if first else 0,
        int(first.get(1183, b"0")) if first else 0,
        len(ranges),
    )


class ApplState(NamedTuple):
    """What an answer says of the application: its ApplID(1180), the range that will be sent, empty
    for none, and the last report there is."""

    appl: bytes
    begin: int
    end: int
    last: int


def granted(request: ApplRequest, number: int, state: ApplState, count: int | None) -> bytes:
    """The body of a BX for what is done. number: the request's MsgSeqNum, the answer's ID. count:
    of the messages that will follow, None where nobody knows it beforehand."""
    group = b"1351=1\x011355=%b\x01" % state.appl
    if 0 < state.begin <= state.end:
        group += b"1182=%d\x011183=%d\x01" % (state.begin, state.end)
    group += b"1357=%d\x01" % state.last
    total = b"" if count is None else b"1349=%d\x01" % count
    return _ack(request, number, PROCESSED) + total + group


def refused(request: ApplRequest, number: int, response: int, text: str, last: int) -> bytes:
    """The body of a BX for what is not. last: the last report there is of the member."""
    group = b""
    if request.appl is not None:
        wrong = response == NO_SUCH_APPLICATION
        known = b"1354=0\x01" if wrong else b"1357=%d\x011354=1\x01" % last
        group = b"1351=1\x011355=%b\x01%b" % (request.appl, known)
    words = text.encode("ascii", "replace")[:MAX_TEXT]
    return _ack(request, number, response) + group + b"58=%b\x01" % words


def _ack(request: ApplRequest, number: int, response: int) -> bytes:
    return b"1353=%d\x011346=%b\x011347=%d\x011348=%d\x01" % (
        number,
        request.ident,
        request.kind,
        response,
    )


def completed(request: ApplRequest, number: int, appl: bytes, last: int) -> bytes:
    """The body of a BY: all that was asked for has been sent, up to ApplSeqNum `last`."""
    return b"1356=%d\x011346=%b\x011426=3\x011351=1\x011355=%b\x011357=%d\x01" % (
        number,
        request.ident,
        appl,
        last,
    )
