"""Busy polling: who it is for, that it ends, and that nobody else waits meanwhile."""

import pytest
import trio

from gateway.flow import acceptor as acceptor_module
from tests.support.house import House, order, trading

POLL_US = 200


@pytest.fixture
async def house(tmp_path):
    made = House(tmp_path)
    made.acceptor._busy_poll = POLL_US * 1_000
    yield made
    made.close()


@pytest.fixture
def sleeps(monkeypatch):
    """Every read that slept until its socket had something."""
    slept = []

    async def read(sock, size):
        slept.append(sock)
        return await original(sock, size)

    original = acceptor_module.read
    monkeypatch.setattr(acceptor_module, "read", read)
    return slept


async def trade(member, name):
    await member.send(order(name))
    assert (await member.receive())[11] == name


@pytest.mark.trio
async def test_who_answers_at_once_is_polled_for(house, sleeps):
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await trade(member, "a")
        sleeps.clear()
        for name in "bcdef":
            await trade(member, name)
        assert sleeps == []


@pytest.mark.trio
async def test_polling_ends_when_its_time_is_over(house, sleeps):
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await trade(member, "a")
        await trade(member, "b")
        sleeps.clear()
        house.clock.time += POLL_US * 1_000
        with trio.fail_after(5):
            while not sleeps:
                await trio.lowlevel.checkpoint()


@pytest.mark.trio
async def test_who_takes_his_time_is_not_polled_for(house, sleeps):
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await trade(member, "a")
        for name in "bcd":
            house.clock.time += POLL_US * 1_000
            sleeps.clear()
            await trade(member, name)
            with trio.fail_after(5):
                while not sleeps:
                    await trio.lowlevel.checkpoint()


@pytest.mark.trio
async def test_others_are_served_while_one_is_polled_for(house):
    async with trading(house) as nursery:
        one = await house.dial(nursery, "BENCH-OE1")
        two = await house.dial(nursery, "BENCH-OE2")
        await trade(one, "a")
        await trade(one, "b")
        for name in "cde":
            await trade(two, name)
