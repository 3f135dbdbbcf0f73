"""Two members on fixcore-engine, an independent FIX engine, in a process of their own (asyncio).

    python tests/support/fixcore_members.py PORT DICTIONARY STORE SENDER OTHER

Both validate everything that the venue sends with the dictionary. Prints one JSON object: what
each step of the story brought, and every Reject or BusinessMessageReject that either side sent.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

from fixcore import Application, SessionID
from fixcore.log.file_log import FileLogFactory
from fixcore.message.message import Message
from fixcore.session.session_settings import SessionSettings
from fixcore.transport.initiator import SocketInitiator

STEP_SECONDS = 15


def transact_time():
    """TransactTime(60)."""
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())


class Member(Application):
    """One session; what came in over it, as tag to value."""

    def __init__(self, port, dictionary, store, comp_id):
        settings = SessionSettings()
        self.id = SessionID("FIX.4.4", comp_id, "FIXGATE")
        settings.set_session(
            self.id,
            {
                "ConnectionType": "initiator",
                "SocketConnectHost": "127.0.0.1",
                "SocketConnectPort": str(port),
                "HeartBtInt": "30",
                "ReconnectInterval": "1",
                "FileStorePath": store,
                "UseDataDictionary": "Y",
                "DataDictionary": dictionary,
                "ValidateIncomingMessage": "Y",
                "ValidateFieldsOutOfRange": "Y",
                "ValidateFieldsHaveValues": "Y",
                "ValidateUserDefinedFields": "Y",
                "CheckLatency": "Y",
            },
        )
        self.comp_id = comp_id
        self.got = []
        self.rejects = []
        self.resend_requests = 0
        self.logons = 0
        self._news = asyncio.Event()
        self.initiator = SocketInitiator(settings, self, log_factory=FileLogFactory(store))

    # --- what the engine calls --------------------------------------------------------------

    def on_logon(self, _session_id):
        self.logons += 1
        self._news.set()

    def to_admin(self, message, _session_id):
        kind = message.msg_type
        if kind == "A":
            message.set_field(553, self.comp_id)
            message.set_field(554, "demo")
        elif kind == "2":
            self.resend_requests += 1
        elif kind == "3":
            self.rejects.append(f"ours: {message.body}")

    def from_admin(self, message, _session_id):
        if message.msg_type == "3":
            self.rejects.append(f"the venue's: {message.body}")

    def from_app(self, message, _session_id):
        fields = {tag: message.get(tag) for tag in (11, 14, 17, 31, 37, 39, 41, 43, 150, 151)}
        fields[35] = message.msg_type
        fees = message.get_groups(136)
        fields["fee"] = [(g.get_field_or(137, ""), g.get_field_or(138, "")) for g in fees]
        if message.msg_type == "j":
            self.rejects.append(f"the venue's: {message.body}")
        self.got.append(fields)
        self._news.set()

    # --- what the story calls ---------------------------------------------------------------

    async def until(self, condition):
        """Wait until `condition()` is true; its value."""
        async with asyncio.timeout(STEP_SECONDS):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
        return value

    async def log_on(self):
        """Start, and wait for the venue's Logon."""
        wanted = self.logons + 1
        await self.initiator.start()
        await self.until(lambda: self.logons >= wanted)

    async def send(self, msg_type, fields):
        """An application message of `fields`."""
        message = Message()
        message.set_field(35, msg_type)
        for tag, value in fields.items():
            message.set_field(tag, value)
        if msg_type in ("D", "F", "G"):
            message.set_field(60, transact_time())
        await self.initiator.sessions[self.id].send_app(message)

    async def order(self, cl_ord_id, side, qty, price):
        """A limit order for the day."""
        fields = {11: cl_ord_id, 55: "BTC-USD", 54: side, 38: qty, 40: "2", 44: price, 59: "0"}
        await self.send("D", fields)

    async def report(self, **wanted):
        """The first report with these fields, such as t150="F"."""
        fields = {int(key[1:]): value for key, value in wanted.items()}
        return await self.until(
            lambda: next(
                (m for m in self.got if all(m[tag] == v for tag, v in fields.items())), None
            )
        )


async def story(buyer, seller):
    """Trade, replace, cancel, and a trade while one of them is away."""
    told = {}
    await asyncio.gather(buyer.log_on(), seller.log_on())
    await buyer.order("b1", "1", "1.5", "50000.01")
    told["new"] = await buyer.report(t11="b1", t150="0")
    await seller.order("s1", "2", "0.5", "50000.00")
    told["fill"] = await buyer.report(t11="b1", t150="F")
    told["their fill"] = await seller.report(t11="s1", t150="F")
    common = {55: "BTC-USD", 54: "1"}
    await buyer.send(
        "G", {41: "b1", 11: "b2", **common, 38: "1.2", 40: "2", 44: "49000.00", 59: "0"}
    )
    told["replaced"] = await buyer.report(t11="b2", t150="5")
    await buyer.send("F", {41: "b2", 11: "b3", **common, 38: "1.2"})
    told["cancelled"] = await buyer.report(t11="b3", t150="4")
    await buyer.send("F", {41: "b2", 11: "b4", **common, 38: "1.2"})
    told["too late"] = await buyer.report(t35="9")
    await buyer.order("b5", "1", "2", "50000.00")
    await buyer.report(t11="b5", t150="0")
    await buyer.initiator.stop()  # the connection drops without a Logout
    for k in range(3):
        await seller.order(f"s{k + 2}", "2", "0.5", "50000.00")
        await seller.report(t11=f"s{k + 2}", t150="F")
    seen = len(buyer.got)
    await buyer.log_on()
    await buyer.report(t11="b5", t150="F", t14="1.5")
    told["missed"] = buyer.got[seen:]
    told["resend requests"] = buyer.resend_requests
    await buyer.send("H", {11: "b5", **common})
    told["status"] = await buyer.report(t11="b5", t150="I")
    await buyer.send("F", {41: "b5", 11: "b6", **common, 38: "2"})
    await buyer.report(t11="b6", t150="4")
    told["exec ids"] = [m[17] for m in buyer.got if m[150] != "I" and m[35] == "8"]
    for member in (buyer, seller):
        await member.initiator.logout()
        await member.initiator.stop()
    told["rejects"] = buyer.rejects + seller.rejects
    return told


async def main(port, dictionary, store, first, second):
    """Run the story with two fresh members."""
    members = [Member(port, dictionary, store, name) for name in (first, second)]
    try:
        told = await story(*members)
    except TimeoutError:
        told = {m.comp_id: {"got": m.got[-5:], "rejects": m.rejects} for m in members}
        print(json.dumps(told))
        raise
    print(json.dumps(told))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
