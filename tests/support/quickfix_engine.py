"""A member on QuickFIX (C++ under its own Python binding), in a process of its own.

    python -m tests.support.quickfix_engine SETTINGS

SETTINGS is the file that `fixgate cfg` prints. See tests.support.engine_pipes for the rest.
"""

import sys

import quickfix as fix
import quickfix44 as fix44

from tests.support.engine_pipes import orders, tell

PARTY_IDS = 453
PARTY_TAGS = (448, 447, 452)


def msg_type_of(message):
    """MsgType(35)."""
    return message.getHeader().getField(35)


class Application(fix.Application):
    """Adds the password to the Logon, and tells what comes in."""

    def onCreate(self, session_id):  # noqa: N802
        """The session of the settings; QuickFIX keeps it."""
        self.session_id = session_id

    def onLogon(self, _session_id):  # noqa: N802
        """Both Logons are exchanged."""
        tell("logged on", True)

    def onLogout(self, _session_id):  # noqa: N802
        """Logged out, or the connection is gone."""
        tell("logged on", False)

    def toAdmin(self, message, session_id):  # noqa: N802
        """A session message of ours, before it leaves."""
        kind = msg_type_of(message)
        if kind == fix.MsgType_Logon:
            message.setField(fix.Username(session_id.getSenderCompID().getValue()))
            message.setField(fix.Password("demo"))
        elif kind == fix.MsgType_ResendRequest:
            tell("asked", message.toString())
        elif kind == fix.MsgType_Reject:
            tell("reject", f"ours: {message.toString()}")

    def fromAdmin(self, message, _session_id):  # noqa: N802
        """A session message of the venue."""
        if msg_type_of(message) == fix.MsgType_Reject:
            tell("reject", f"the venue's: {message.toString()}")

    def toApp(self, message, _session_id):  # noqa: N802
        """An application message of ours; QuickFIX makes BusinessMessageRejects by itself."""
        if msg_type_of(message) == fix.MsgType_BusinessMessageReject:
            tell("reject", f"ours: {message.toString()}")

    def fromApp(self, message, _session_id):  # noqa: N802
        """An application message of the venue, in its turn."""
        tell("delivered", message.toString(), fees=fees_of(message))


def fees_of(message):
    """[MiscFeeAmt(137), MiscFeeCurr(138)] of every fee."""
    found = []
    for k in range(1, message.groupCount(136) + 1):
        fee = fix44.ExecutionReport.NoMiscFees()
        message.getGroup(k, fee)
        found.append([fee.getField(137), fee.getField(138)])
    return found


def message_of(msg_type, header, fields):
    """A message as an application builds it, field by field, with its Parties group."""
    message = fix.Message()
    message.getHeader().setField(fix.MsgType(msg_type))
    for tag, value in header:
        message.getHeader().setField(tag, value)
    party = None
    for tag, value in fields:
        if tag in PARTY_TAGS:
            if tag == PARTY_TAGS[0]:
                party = fix44.NewOrderSingle.NoPartyIDs()
            party.setField(tag, value)
            if tag == PARTY_TAGS[-1]:
                message.addGroup(party)
        elif tag != PARTY_IDS:
            message.setField(tag, value)
    return message


def main(settings_path):
    """Run the initiator until the test says Logout."""
    application = Application()
    settings = fix.SessionSettings(settings_path)
    initiator = fix.SocketInitiator(
        application, fix.FileStoreFactory(settings), settings, fix.FileLogFactory(settings)
    )
    initiator.start()
    for order in orders():
        fix.Session.sendToTarget(message_of(*order), application.session_id)
    initiator.stop()


if __name__ == "__main__":
    main(sys.argv[1])
