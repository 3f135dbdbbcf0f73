"""Who makes work for the session layer waits his turn; who only trades does not."""

import pytest
import trio

from engine.model.clock import NANOS_PER_SECOND
from gateway.flow.connection import READ_BYTES
from gateway.flow.entrance import read
from gateway.flow.turns import (
    LONGEST_REST_NANOS,
    NEW_NANOS,
    PIECE_BYTES,
    REST_SHARE,
    SHORTEST_REST_NANOS,
    TRADING_NANOS,
    WORK_NANOS,
    Share,
    Trading,
    Turns,
)
from tests.support.house import House, order, trading

ORDERS = 120
"""More bytes than one piece, and fewer than one read out of line."""


class TrioClock:
    """The time of the test's event loop, which jumps when everybody sleeps, and what work took."""

    def __init__(self):
        self.work = 0

    def now(self):
        return self.monotonic()

    def monotonic(self):
        return round(trio.current_time() * NANOS_PER_SECOND) + self.work


@pytest.mark.trio
async def test_one_of_the_line_goes_in_each_turn_in_the_order_in_which_they_came():
    turns, gone, seen = Turns(Trading(TrioClock())), [], []

    async def stand(name):
        await turns.next()
        gone.append(name)

    async with trio.open_nursery() as nursery:
        for name in range(5):
            nursery.start_soon(stand, name)
            await trio.lowlevel.checkpoint()
        while len(gone) < 5:
            seen.append(len(gone))
            await trio.lowlevel.checkpoint()
    assert gone == [0, 1, 2, 3, 4]
    # Between two turns of this task, which is somewhere among the others, parts of two may lie.
    assert all(after - before <= 2 for before, after in zip(seen, [*seen[1:], 5], strict=True))


@pytest.mark.trio
async def test_who_gives_up_in_the_line_keeps_nobody_waiting():
    turns = Turns(Trading(TrioClock()))
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            for _ in range(3):
                nursery.start_soon(turns.next)
            scope.cancel()
            await turns.next()
        assert scope.cancelled_caught
    with trio.fail_after(1):
        await turns.next()


async def slept(share):
    """How long somebody who rests now rests, ns."""
    clock = TrioClock()
    began = clock.monotonic()
    await share.rest()
    return clock.monotonic() - began


@pytest.mark.trio
async def test_while_others_trade_work_is_followed_by_four_times_its_rest(autojump_clock):
    trading = Trading(TrioClock())
    share = Share(trading)
    assert not trading.now
    share.took(SHORTEST_REST_NANOS)
    assert await slept(share) == 0, "nobody trades"
    trading.seen()
    assert trading.now
    assert await slept(share) == 0, "and what was owed then is owed to nobody"
    share.took(SHORTEST_REST_NANOS)
    assert await slept(share) == REST_SHARE * SHORTEST_REST_NANOS
    assert await slept(share) == 0, "it is paid"


@pytest.mark.trio
async def test_small_pieces_of_work_are_kept_in_mind_until_a_rest_is_worth_it(autojump_clock):
    trading = Trading(TrioClock())
    share = Share(trading)
    trading.seen()
    piece = SHORTEST_REST_NANOS // REST_SHARE // 5
    rests = []
    for _ in range(10):
        share.took(piece)
        trading.seen()
        rests.append(await slept(share))
    assert rests == [0, 0, 0, 0, SHORTEST_REST_NANOS] * 2


@pytest.mark.trio
async def test_no_rest_is_longer_than_the_longest(autojump_clock):
    trading = Trading(TrioClock())
    share = Share(trading)
    trading.seen()
    for _ in range(3):
        share.took(NANOS_PER_SECOND)
    assert await slept(share) == LONGEST_REST_NANOS


@pytest.mark.trio
async def test_who_was_quiet_for_ten_milliseconds_does_not_trade(autojump_clock):
    trading = Trading(TrioClock())
    trading.seen()
    await trio.sleep((TRADING_NANOS - 1) / NANOS_PER_SECOND)
    assert trading.now
    await trio.sleep(1 / NANOS_PER_SECOND)
    assert not trading.now


@pytest.mark.trio
async def test_the_whole_line_shares_one_fifth_of_the_time(autojump_clock):
    """Ten who always have work to do, beside one who always trades."""
    clock = TrioClock()
    trading = Trading(clock)
    turns = Turns(trading)
    worked = [0] * 10
    piece = NANOS_PER_SECOND // 1_000
    end = clock.monotonic() + 10 * NANOS_PER_SECOND

    async def work(name):
        while clock.monotonic() < end:
            await turns.next()
            clock.work += piece
            turns.took(piece)
            worked[name] += piece

    async def trade():
        while clock.monotonic() < end:
            trading.seen()
            await trio.sleep(TRADING_NANOS / 2 / NANOS_PER_SECOND)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trade)
        for name in range(10):
            nursery.start_soon(work, name)
    assert 1.9 <= sum(worked) / NANOS_PER_SECOND <= 2.1
    assert max(worked) - min(worked) <= 2 * piece


@pytest.fixture
def sizes(tmp_path, monkeypatch):
    """A venue, and how much of a session is read at once, each time."""
    asked = []

    async def noted(sock, size):
        data = await read(sock, size)
        asked.append(size)
        return data

    monkeypatch.setattr("gateway.flow.acceptor.read", noted)
    monkeypatch.setattr("gateway.flow.acceptor.LINGER_SECONDS", 0.1)
    house = House(tmp_path, messages_per_second=0, cancels_per_second=0)
    yield house, asked
    house.close()


async def settled(member):
    """Whatever was under way when a test changes the clock is over."""
    await member.send(order("settled-" + str(member.seq)))
    await member.receive()


@pytest.mark.trio
@pytest.mark.parametrize(
    ("work", "answer"),
    [("1|112=there?|", "0"), ("D|11=x|", "3"), ("2|7=1|16=1|", "4")],
    ids=["a TestRequest", "a message that is rejected", "a ResendRequest"],
)
async def test_work_for_the_session_layer_is_heard_in_pieces_for_five_seconds(sizes, work, answer):
    house, asked = sizes
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        house.clock.time += NEW_NANOS
        await settled(member)  # this read was asked for before
        del asked[:]
        await settled(member)
        assert set(asked) == {READ_BYTES}
        await member.send(work)
        assert (await member.receive())[35] == answer
        await settled(member)
        del asked[:]
        await member.send(*(order(f"a{k}") for k in range(ORDERS)))
        assert {m[35] for m in await member.take(ORDERS)} == {"8"}
        assert set(asked) == {PIECE_BYTES}
        assert len(asked) > ORDERS // 40
        house.clock.time += WORK_NANOS
        await settled(member)
        del asked[:]
        await settled(member)
        assert set(asked) == {READ_BYTES}


@pytest.mark.trio
async def test_a_newcomer_is_heard_in_pieces_for_a_moment(sizes):
    house, asked = sizes
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await settled(member)
        assert set(asked) == {PIECE_BYTES}


@pytest.mark.trio
async def test_garbled_bytes_are_work_too(sizes):
    house, asked = sizes
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        house.clock.time += NEW_NANOS
        await settled(member)
        await member.stream.send_all(b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01")
        await settled(member)
        del asked[:]
        await settled(member)
        assert set(asked) == {PIECE_BYTES}
