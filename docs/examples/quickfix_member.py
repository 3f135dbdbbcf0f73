"""A member on QuickFIX: logs on with the settings that `fixgate cfg` prints, sends one order,
prints its reports, cancels it.

    fixgate cfg --config config/demo.yaml --session ACME-OE1 > acme.cfg
    quickfix_member.py acme.cfg [--password demo]
"""

import argparse
import threading
from datetime import UTC, datetime

import quickfix as fix


class Member(fix.Application):
    """What QuickFIX calls, from a thread of its own. done: the order is cancelled."""

    def __init__(self, password):
        super().__init__()
        self.password = password
        self.name = datetime.now(UTC).strftime("%H%M%S%f")
        self.done = threading.Event()

    def onCreate(self, session):
        pass

    def onLogon(self, session):
        order = self._message(fix.MsgType_NewOrderSingle, self.name)
        order.setField(fix.OrdType(fix.OrdType_LIMIT))
        order.setField(fix.OrderQty(0.01))
        order.setField(fix.Price(50_000))
        order.setField(fix.TimeInForce(fix.TimeInForce_GOOD_TILL_CANCEL))
        fix.Session.sendToTarget(order, session)

    def onLogout(self, session):
        print("logged out", flush=True)

    def toAdmin(self, message, session):
        if message.getHeader().getField(fix.MsgType().getField()) == fix.MsgType_Logon:
            message.setField(fix.Username(session.getSenderCompID().getString()))
            message.setField(fix.Password(self.password))

    def fromAdmin(self, message, session):
        pass

    def toApp(self, message, session):
        pass

    def fromApp(self, message, session):
        exec_type, name = message.getField(150), message.getField(11)
        print("150 =", exec_type, "11 =", name, "151 =", message.getField(151), flush=True)
        if name == self.name and exec_type == fix.ExecType_NEW:
            cancel = self._message(fix.MsgType_OrderCancelRequest, name + "c")
            cancel.setField(fix.OrigClOrdID(name))
            fix.Session.sendToTarget(cancel, session)
        if name == self.name + "c":
            self.done.set()

    def _message(self, msg_type, name):
        message = fix.Message()
        message.getHeader().setField(fix.MsgType(msg_type))
        message.setField(fix.ClOrdID(name))
        message.setField(fix.Symbol("BTC-USD"))
        message.setField(fix.Side(fix.Side_BUY))
        message.setField(fix.TransactTime())
        return message


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("settings")
    parser.add_argument("--password", default="demo")
    args = parser.parse_args()
    member, settings = Member(args.password), fix.SessionSettings(args.settings)
    initiator = fix.SocketInitiator(member, fix.FileStoreFactory(settings), settings)
    initiator.start()
    member.done.wait(30)
    initiator.stop()
    raise SystemExit(0 if member.done.is_set() else 1)
