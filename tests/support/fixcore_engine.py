"""A member on fixcore-engine, an independent FIX engine, in a process of its own (asyncio).

    python -m tests.support.fixcore_engine SETTINGS

SETTINGS is a file as `fixgate cfg` prints it. See tests.support.engine_pipes for the rest.
"""

import asyncio
import sys
import threading
from itertools import chain

from fixcore import Application
from fixcore.log.file_log import FileLogFactory
from fixcore.message.field import Group
from fixcore.message.message import Message
from fixcore.session.session_settings import SessionSettings
from fixcore.transport.initiator import SocketInitiator

from tests.support.engine_pipes import orders, tell

PARTY_IDS = 453
PARTY_TAGS = (448, 447, 452)

PENDING_ORDERS = 1_000
"""Orders read from the test and not yet given to the engine."""


def text_of(message):
    """The whole message, as the engine would send it."""
    return message.encode().decode("latin-1")


class Member(Application):
    """Adds the password to the Logon, and tells what comes in."""

    def __init__(self):
        self.logged_on = asyncio.Event()

    def on_logon(self, _session_id):
        self.logged_on.set()
        tell("logged on", True)

    def on_logout(self, _session_id):
        self.logged_on.clear()
        tell("logged on", False)

    def to_admin(self, message, session_id):
        kind = message.msg_type
        if kind == "A":
            message.set_field(553, session_id.sender_comp_id)
            message.set_field(554, "demo")
        elif kind == "2":
            tell("asked", text_of(message))
        elif kind == "3":
            tell("reject", f"ours: {text_of(message)}")

    def from_admin(self, message, _session_id):
        if message.msg_type == "3":
            tell("reject", f"the venue's: {text_of(message)}")

    def from_app(self, message, _session_id):
        fees = message.get_groups(136)
        fees = [(fee.get_field_or(137, ""), fee.get_field_or(138, "")) for fee in fees]
        tell("delivered", text_of(message), fees=fees)


def message_of(msg_type, header, fields):
    """A message as an application builds it, field by field, with its Parties group."""
    message = Message()
    message.set_field(35, msg_type)
    for tag, value in [*header, *fields]:  # it knows by itself which are the header's
        if tag in PARTY_TAGS:
            if tag == PARTY_TAGS[0]:
                party = Group()
                message.add_group(PARTY_IDS, party)
            party.set_field(tag, value)
        elif tag != PARTY_IDS:
            message.set_field(tag, value)
    return message


async def send(session, member, message):
    """Give it to the engine as soon as it takes it."""
    while True:
        await member.logged_on.wait()
        try:
            await session.send_app(message)
        except RuntimeError:  # the connection is gone, and it has not said so yet
            await asyncio.sleep(0.01)
        except ConnectionError:
            return  # it is in the store, and will be asked for
        else:
            return


def read_orders(queue, loop):
    """In a thread: what the test wants sent, and None at its end."""
    for order in chain(orders(), [None]):
        asyncio.run_coroutine_threadsafe(queue.put(order), loop).result()


async def main(settings_path):
    """Run the initiator until the test says Logout."""
    settings = SessionSettings.from_file(settings_path)
    (session_id,) = settings.session_ids
    member = Member()
    log = FileLogFactory(settings.get(session_id, "FileLogPath"))
    initiator = SocketInitiator(settings, member, log_factory=log)
    queue = asyncio.Queue(PENDING_ORDERS)
    reader = (queue, asyncio.get_running_loop())
    threading.Thread(target=read_orders, args=reader, daemon=True).start()
    await initiator.start()
    session = initiator.sessions[session_id]
    while (order := await queue.get()) is not None:
        await send(session, member, message_of(*order))
    await initiator.logout()
    await initiator.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
