"""A Logon with 141=Y whose new numbers take their time to get to disk."""

import threading

import pytest
import trio

from engine.journal.disk import RealDisk
from gateway.fix import resend
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.index import CARRY_ENTRIES
from gateway.flow import resend_stream
from gateway.flow.connection import Connection
from tests.support.house import House, order, trading

SECONDS = 10


class SlowDisk(RealDisk):
    """Its syncs wait until they are let go."""

    def __init__(self):
        self.go = threading.Event()
        self.asked = threading.Event()

    def sync_data(self, fd):
        self.asked.set()
        assert self.go.wait(SECONDS)
        super().sync_data(fd)


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


def link_of(house, comp_id):
    (found,) = (link for link in house.links if link.config.comp_id == comp_id)
    return found


async def one_is_away(house, nursery):
    """Two members; an order of one rests, and he has left: what two fills of it is unsent."""
    one, two = [await house.dial(nursery, name) for name in ("BENCH-OE1", "BENCH2-OE1")]
    await one.send(order("rests", qty="40"))
    await one.receive()
    await one.stream.aclose()
    await house.until(lambda: link_of(house, one.comp_id).connection is None)
    return one, two


async def resetting(house, one, two):
    """One has reset his numbers, and that is on its way to disk; two has met his order."""
    await one.send(order("rests"))
    assert (await one.receive())[150] == "0"
    link = link_of(house, one.comp_id)
    link.session.index._storage._disk = disk = SlowDisk()
    left = link.connection.bytes_out
    await one.logon()
    await house.until(disk.asked.is_set)
    await two.send(order("meets", side=2), "1|112=there?|")
    assert [m[150] for m in await two.take(2)] == ["0", "F"]
    assert (await two.receive())[112] == "there?"
    assert link.connection.bytes_out == left, "nothing may leave before it is on disk"
    return link, disk


@pytest.mark.trio
async def test_others_have_their_turn_while_a_reset_copies_what_is_unsent(house):
    unsent = 6 * CARRY_ENTRIES
    link = link_of(house, "BENCH-OE1")
    index, turns = link.session.index, []
    prepare = index.prepare_reset

    def noted(time):
        turns.append("slice")
        return prepare(time)

    async def somebody_else():
        while True:
            turns.append("other")
            await trio.lowlevel.checkpoint()

    async with trading(house) as nursery:
        one, two = await one_is_away(house, nursery)
        for k in range(0, unsent, 96):
            await two.send(*(order(f"m{n}", side=2) for n in range(k, k + 96)))
            await two.take(192)
        index.prepare_reset = noted
        nursery.start_soon(somebody_else)
        again = await house.dial(nursery, one.comp_id)
        got = [await again.receive() for _ in range(unsent)]
        nursery.cancel_scope.cancel()
    assert [m.seq for m in got] == list(range(2, unsent + 2))
    assert turns.count("slice") > unsent // CARRY_ENTRIES
    copying = turns[turns.index("slice") :]
    # The order of a round is open, and the reset itself looks once more.
    assert "slice slice slice slice" not in " ".join(copying)


@pytest.mark.trio
async def test_while_a_reset_goes_to_disk_only_its_member_waits(house):
    async with trading(house) as nursery:
        one, two = [await house.dial(nursery, name) for name in ("BENCH-OE1", "BENCH2-OE1")]
        _, disk = await resetting(house, one, two)
        await one.send("1|112=behind|")
        disk.go.set()
        got = await one.take(3)
        assert [(m[35], m.seq) for m in got] == [("A", 1), ("8", 2), ("0", 3)]
        assert got[1][150] == "F"


@pytest.mark.trio
async def test_who_is_cut_off_before_his_reset_is_on_disk_loses_no_report(house):
    async with trading(house) as nursery:
        one, two = [await house.dial(nursery, name) for name in ("BENCH-OE1", "BENCH2-OE1")]
        link, disk = await resetting(house, one, two)
        link.drop(DisconnectReason.INTERNAL)
        disk.go.set()
        with trio.fail_after(SECONDS):
            await house.until(lambda: link.connection is None)
            again = await house.dial(nursery, one.comp_id)
        report = await again.receive()
        assert (report.seq, report[150]) == (2, "F")


@pytest.mark.trio
async def test_of_two_resets_behind_a_replay_only_the_last_is_served(house, monkeypatch):
    go = trio.Event()
    monkeypatch.setattr(resend_stream, "AHEAD_BYTES", -1)  # every slice waits for its peer
    monkeypatch.setattr(Connection, "drained", lambda *_: go.wait())
    link = link_of(house, "BENCH-OE1")
    async with trading(house) as nursery:
        one, two = await one_is_away(house, nursery)
        monkeypatch.setattr(resend, "SLICE_NS", 0)  # one report a slice
        await two.send(*(order(f"m{n}", side=2, qty="0.1") for n in range(20)))
        await two.take(40)
        again = await house.dial(nursery, one.comp_id)  # its first slice goes out, no more
        for _ in range(2):
            generation = link.session.index.generation
            await again.logon()
            await house.until(lambda before=generation: link.session.index.generation > before)
            await house.until(lambda: link.session.index.settled)
        go.set()
        await again.send("1|112=end|")
        got = []
        while not got or got[-1].get(112) != "end":
            got.append(await again.receive())
    logons = [k for k, m in enumerate(got) if m[35] == "A"]
    assert len(logons) == 2
    assert [m.seq for m in got[logons[-1] :]] == list(range(1, len(got) - logons[-1] + 1))
    fills = [m[17] for m in got if m[35] == "8"]
    assert len(set(fills)) == len(fills) == 20
