"""The life of one connection of a session, as a table.

Theory of operation
===================

A session outlives its connections: its two numbers, its index and what it owes the member stay.
A connection is born when the acceptor has matched the first message's CompIDs to a session that
has no connection (a second one never gets here), and goes through these states:

    DISCONNECTED --connect--> CONNECTED --logon--> AUTHENTICATING --accept--> ACTIVE
                                                                               |  |
                                             RESETTING <--logon (141=Y)--------+  | logout
                                                 |-------accept--> ACTIVE         v
                                                                            LOGGING_OUT
    any state --end--> CLOSING --disconnect--> DISCONNECTED

CONNECTED waits for the Logon, which must be the first message. AUTHENTICATING waits for the shell
to verify the credentials, perhaps in a thread; what arrives is held. RESETTING is the same for a
Logon with 141=Y inside a session: the old numbers stay in force until it is accepted. LOGGING_OUT
has sent the venue's own Logout and works on as ACTIVE until the peer answers or the time is over.
CLOSING has returned a Disconnect step: whatever still arrives never happened.

Rule 1: the state changes in Session._move and nowhere else, by this table; a pair that the table
does not have is our bug and fails an assert.
Rule 2: a number is given out at the last moment, in Session.transmit*, in the order of the calls.
Rule 3: an inbound number is used up when its message is answered or handed over, never before.

What a number decides is a second table, BY_NUMBER. A message is high, low or expected compared to
the number that is due; some message types do not ask.

What is not in FIX, decided here
--------------------------------
- A Logon inside a session without 141=Y gets a Reject that says so, uses up its number and does
  no harm. With 141=Y it sets both numbers to 1, as at the start; its own number must be 1.
- A Logout is answered whatever its number (the published test cases do so behind a gap); the gap
  is found again at the next Logon. A Logout marked PossDup with an old number is silent.
- A ResendRequest is served whatever its number, also while our own gap is open, else two sides
  that both miss something wait for ever. It uses up its number only when that is the one due.
- A gap is asked for once, 7=first missing, 16=0. Messages behind it wait, in a bounded queue; the
  request covers them too, so what does not fit the queue comes again. Where a whole HeartBtInt
  passes without the gap getting smaller, it is asked for once more (a garbled resend). So it is
  when a gap fill of ours covers the number of the request: the peer may not have read it yet.
- A GapFill without 43=Y whose number has passed is ignored while it can be the answer to a gap
  that was asked for: some engines leave 43 out. At any other time it is a number too low.
- A GapFill whose number has passed, but which is among what was asked for and ends beyond the due
  number, moves that number: it began with a message that had come from behind the gap.
"""

from enum import Enum, auto
from typing import Final


class State(Enum):
    """Where a session's connection is."""

    DISCONNECTED = auto()
    CONNECTED = auto()
    AUTHENTICATING = auto()
    ACTIVE = auto()
    RESETTING = auto()
    LOGGING_OUT = auto()
    CLOSING = auto()


class Event(Enum):
    """What moves a connection to another state."""

    CONNECT = auto()
    LOGON = auto()
    ACCEPT = auto()
    LOGOUT = auto()
    END = auto()
    DISCONNECT = auto()


TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.DISCONNECTED, Event.CONNECT): State.CONNECTED,
    (State.CONNECTED, Event.LOGON): State.AUTHENTICATING,
    (State.CONNECTED, Event.END): State.CLOSING,
    (State.CONNECTED, Event.DISCONNECT): State.DISCONNECTED,
    (State.AUTHENTICATING, Event.ACCEPT): State.ACTIVE,
    (State.AUTHENTICATING, Event.END): State.CLOSING,
    (State.AUTHENTICATING, Event.DISCONNECT): State.DISCONNECTED,
    (State.ACTIVE, Event.LOGON): State.RESETTING,
    (State.ACTIVE, Event.LOGOUT): State.LOGGING_OUT,
    (State.ACTIVE, Event.END): State.CLOSING,
    (State.ACTIVE, Event.DISCONNECT): State.DISCONNECTED,
    (State.RESETTING, Event.ACCEPT): State.ACTIVE,
    (State.RESETTING, Event.LOGOUT): State.LOGGING_OUT,
    (State.RESETTING, Event.END): State.CLOSING,
    (State.RESETTING, Event.DISCONNECT): State.DISCONNECTED,
    (State.LOGGING_OUT, Event.END): State.CLOSING,
    (State.LOGGING_OUT, Event.DISCONNECT): State.DISCONNECTED,
    (State.CLOSING, Event.DISCONNECT): State.DISCONNECTED,
}

WORKING: Final = frozenset({State.ACTIVE, State.LOGGING_OUT})
"""States in which messages are processed."""

HOLDING: Final = frozenset({State.AUTHENTICATING, State.RESETTING})
"""States in which messages wait for the verdict on a Logon."""

LOGGED_ON: Final = frozenset({State.ACTIVE, State.RESETTING, State.LOGGING_OUT})
"""States behind an accepted Logon."""


class Place(Enum):
    """A message's number compared to the one that is due."""

    LOW = auto()
    EXPECTED = auto()
    HIGH = auto()


class Fate(Enum):
    """What happens to a message because of its number."""

    PROCESS = auto()
    """Use up the number and look at the content."""
    PROCESS_UNNUMBERED = auto()
    """Look at the content; the number stays due."""
    QUEUE = auto()
    """Ask for the gap, once, and wait."""
    SILENT_IF_POSS_DUP = auto()
    """Old: ignored with 43=Y, else the end."""


HEARTBEAT: Final = b"0"
TEST_REQUEST: Final = b"1"
RESEND_REQUEST: Final = b"2"
REJECT: Final = b"3"
SEQUENCE_RESET: Final = b"4"
LOGOUT: Final = b"5"
LOGON: Final = b"A"
BUSINESS_REJECT: Final = b"j"

ADMIN: Final = frozenset(
    {HEARTBEAT, TEST_REQUEST, RESEND_REQUEST, REJECT, SEQUENCE_RESET, LOGOUT, LOGON}
)
"""Message types of the session layer."""

_ANY: Final = b""

BY_NUMBER: Final[dict[tuple[bytes, Place], Fate]] = {
    (_ANY, Place.LOW): Fate.SILENT_IF_POSS_DUP,
    (_ANY, Place.EXPECTED): Fate.PROCESS,
    (_ANY, Place.HIGH): Fate.QUEUE,
    (RESEND_REQUEST, Place.HIGH): Fate.PROCESS_UNNUMBERED,
    (LOGOUT, Place.HIGH): Fate.PROCESS_UNNUMBERED,
    (LOGOUT, Place.LOW): Fate.PROCESS_UNNUMBERED,
}
"""Fate by message type (b"": any other) and place. A SequenceReset-Reset is not asked at all."""


def fate(msg_type: bytes, place: Place) -> Fate:
    """What BY_NUMBER says of a message type at a place."""
    exact = BY_NUMBER.get((msg_type, place))
    return BY_NUMBER[_ANY, place] if exact is None else exact
