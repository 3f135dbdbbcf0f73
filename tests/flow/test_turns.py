"""Who makes work for the session layer waits his turn; who only trades does not."""

import pytest
import trio

from gateway.flow.connection import READ_BYTES
from gateway.flow.entrance import read
from gateway.flow.turns import NEW_NANOS, PIECE_BYTES, WORK_NANOS, Turns
from tests.support.house import House, order, trading

ORDERS = 120
"""More bytes than one piece, and fewer than one read out of line."""


@pytest.mark.trio
async def test_one_of_the_line_goes_in_each_turn_in_the_order_in_which_they_came():
    turns, gone, seen = Turns(), [], []

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
    turns = Turns()
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            for _ in range(3):
                nursery.start_soon(turns.next)
            scope.cancel()
            await turns.next()
        assert scope.cancelled_caught
    with trio.fail_after(1):
        await turns.next()


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
