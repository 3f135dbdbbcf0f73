"""Replays over real TCP connections: slice by slice, by turns, and never in the others' way."""

from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from engine.model.clock import NANOS_PER_SECOND
from gateway.fix.resend import SLICE_NS
from gateway.fix.steps import ResendStep
from gateway.flow import resend_stream, turns
from gateway.flow.resend_stream import MAX_REPLAYS
from gateway.flow.turns import NEW_NANOS
from tests.support.house import House, order, trading


class TickingClock:
    """Both clocks go on by a tenth of a slice whenever they are looked at."""

    def __init__(self, clock):
        self._clock = clock

    def now(self):
        return self._clock.now()

    def monotonic(self):
        self._clock.time += SLICE_NS // 10
        return self._clock.time


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    made.acceptor.resends._clock = TickingClock(made.clock)
    yield made
    made.close()


@asynccontextmanager
async def members(house, count):
    """That many members, logged on."""
    async with trading(house) as nursery:
        with trio.fail_after(60):
            yield [await house.dial(nursery, f"BENCH-OE{k + 1}") for k in range(count)]


async def fill(member, orders):
    for start in range(0, orders, 100):
        await member.send(*(order(f"o{k}") for k in range(start, start + 100)))
        await member.take(100)


def replaying(house):
    """How many connections are being answered or wait for that."""
    return house.acceptor.resends.running


@pytest.mark.trio
async def test_others_are_answered_between_two_slices(house):
    async with members(house, 2) as (one, two):
        await fill(one, 1_000)
        await one.send("2|7=1|16=0|")
        for k in range(5):
            await two.send(f"1|112=t{k}|")
            assert (await two.receive())[112] == f"t{k}"
            assert replaying(house) == 1, "a hundred slices are not over yet"
        got = await one.take(1_001)
        assert [m.seq for m in got] == list(range(1, 1_002))
        await wait_all_tasks_blocked()
        assert replaying(house) == 0


@pytest.mark.trio
async def test_while_others_trade_a_replay_rests(house, monkeypatch):
    naps = []

    async def nap(seconds):
        naps.append(seconds)
        house.clock.time += round(seconds * NANOS_PER_SECOND)
        await trio.lowlevel.checkpoint()

    async with members(house, 2) as (one, two):
        await fill(one, 2_000)
        house.clock.time += NEW_NANOS
        monkeypatch.setattr(turns.trio, "sleep", nap)
        await one.send("2|7=1|16=0|")
        await one.take(2_001)
        assert naps == [], "nobody else is there"
        for attempt in range(8):  # until two has met the replay under way
            await one.send("2|7=2|16=0|")
            for k in range(3):
                await two.send(order(f"t{attempt}-{k}"))
                await two.receive()
            await one.take(2_000)
            if naps:
                break
        assert naps
        owed = turns.REST_SHARE * SLICE_NS * 15 // 10 + turns.SHORTEST_REST_NANOS
        assert all(turns.SHORTEST_REST_NANOS <= nap * NANOS_PER_SECOND <= owed for nap in naps)


@pytest.mark.trio
async def test_live_messages_follow_a_replay_in_order(house):
    async with members(house, 1) as (one,):
        await fill(one, 300)
        await one.send("2|7=1|16=0|", order("live"), "1|112=also|")
        got = await one.take(303)
        assert [m.seq for m in got] == list(range(1, 304))
        assert (got[-2][11], got[-1][112]) == ("live", "also")


@pytest.mark.trio
async def test_more_live_messages_than_are_held_go_out_between_the_slices(house, monkeypatch):
    monkeypatch.setattr(resend_stream, "HELD_BYTES", 3_000)
    async with members(house, 1) as (one,):
        await fill(one, 500)
        await one.send("2|7=1|16=0|", *(order(f"live{k}") for k in range(30)))
        got = await one.take(531)
        replayed = [m.seq for m in got if m.get(43) == "Y"]
        live = [m.seq for m in got if m.get(43) != "Y"]
        assert replayed == list(range(1, 502))
        assert live == list(range(502, 532))
        assert got[-1].seq == 501, "they did not wait for the end"


@pytest.mark.trio
async def test_so_many_replays_run_at_once_and_more_wait_for_a_place(house):
    """Those that run are stuck with peers that do not read; the last one's session goes on."""
    count = MAX_REPLAYS + 1
    async with members(house, count) as everyone:
        *stuck, last = everyone
        for one in everyone:
            await fill(one, 100)
            await one.send(*("1|112=" + "x" * 50_000 + "|" for _ in range(100)))
        await wait_all_tasks_blocked(0.05)
        for one in stuck:
            await one.send("2|7=1|16=0|")
        for _ in range(100):
            await last.receive()
        await wait_all_tasks_blocked(0.05)
        await last.send("2|7=1|16=0|", order("live"))
        assert (await last.receive())[11] == "live"
        assert replaying(house) == count
        stuck[0].stream.socket.close()
        got = await last.take(102)
        assert [m[35] for m in got] == ["4", *("8" * 100), "4"]


@pytest.mark.trio
async def test_a_replay_ends_with_its_peer(house):
    async with members(house, 2) as (one, two):
        await fill(one, 1_000)
        await one.send("2|7=1|16=0|")
        await one.receive()
        one.stream.socket.close()
        await two.send("1|112=next|")
        assert (await two.receive())[112] == "next"
        await wait_all_tasks_blocked(0.01)
        assert replaying(house) == 0
        assert house.acceptor.resends._places.value == MAX_REPLAYS


@pytest.mark.trio
async def test_a_request_whose_turn_comes_while_its_connection_ends_is_nothing(house):
    """It waited for the disk; the connection's tasks are gone, but it is not detached yet."""
    async with members(house, 1) as (one,):
        await fill(one, 100)
        link = house.acceptor.links[b"BENCH-OE1"]
        connection = link.connection
        one.stream.socket.close()
        while connection.nursery is not None:
            await trio.lowlevel.checkpoint()
        link.connection = connection
        house.acceptor.resends.start(link, ResendStep(1, 0))
        link.connection = None
        assert replaying(house) == 0
        assert house.acceptor.resends._places.value == MAX_REPLAYS


@pytest.mark.trio
async def test_requests_of_one_session_are_answered_one_after_the_other(house):
    async with members(house, 1) as (one,):
        await fill(one, 400)
        await one.send("2|7=2|16=200|", "2|7=2|16=3|", "2|7=2|16=200|", "2|7=300|16=302|")
        got = await one.take(199 + 3)
        assert [m.seq for m in got] == [*range(2, 201), *range(300, 303)]
