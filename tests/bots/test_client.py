"""The bots' FIX client: several tasks send over one stream."""

import re

import trio
from trio.testing import lockstep_stream_pair

from gateway.bots.client import BotClient
from tests.support.house import HandClock


def test_messages_of_several_tasks_leave_one_by_one_and_numbered():
    """Lockstep streams take one byte string at a time and refuse a second sender, as sockets do."""
    received = b""

    async def play():
        nonlocal received
        ours, venue = lockstep_stream_pair()
        client = BotClient(ours, "MAKER-OE1", "FIXGATE", HandClock())
        async with trio.open_nursery() as nursery:
            for kind in ("q", "0", "D"):
                nursery.start_soon(client.send, kind, [])
            while received.count(b"\x0110=") < 3:
                received += await venue.receive_some(65_536)

    trio.run(play)
    assert re.findall(rb"\x0134=(\d+)", received) == [b"1", b"2", b"3"]
