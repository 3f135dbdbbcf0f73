"""What a member sees who sends faster than he may, over a real connection and journal."""

import math

import pytest
import trio

from engine.core.venue import Venue
from engine.model.commands import RefusedMessage
from engine.replay import replay_folder
from gateway.fix.disconnect import DisconnectReason
from tests.support.house import House, order, trading

SECOND = 1_000_000_000
SLOW = {
    "messages_per_second": 10,
    "message_burst": 2,
    "cancels_per_second": 20,
    "cancel_burst": 4,
    "flood_multiple": 100,
}
RATE_TEXT = "rate limit: 10 messages/s, burst 2; nothing was done: send again in 100 ms"
BENCH = {"messages_per_second": 0, "cancels_per_second": 0}


@pytest.fixture
def houses(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.flow.acceptor.LINGER_SECONDS", 0.1)
    made = []

    def make(**limits):
        made.append(House(tmp_path, **limits))
        return made[-1]

    yield make
    for house in made:
        house.close()


def cancel(name, original):
    return f"F|11={name}|41={original}|55=BTC-USD|54=1|60=20261122-12:00:00|"


def refused(house):
    """The refused messages of the journal, as (record, MsgType, ClOrdID)."""
    records = house.writer.reader().records(0, house.sequencer.durable)
    return [
        (record.number, record.command.msg_type, record.command.cl_ord_id)
        for record in records
        if isinstance(record.command, RefusedMessage)
    ]


@pytest.mark.trio
async def test_an_order_over_the_rate_is_one_record_and_a_business_reject_behind_it(houses):
    house = houses(**SLOW)
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send(order("a"), order("b"), order("c"), "1|112=after|")
        got = await member.take(4)
        assert [m[35] for m in got] == ["8", "8", "j", "0"]
        reject = got[2]
        assert {tag: reject[tag] for tag in (45, 372, 379, 380, 58)} == {
            45: "4",
            372: "D",
            379: "c",
            380: "0",
            58: RATE_TEXT,
        }
        assert reject.get(371) is None
        assert refused(house) == [(house.sequencer.durable, b"D", b"c")]
        assert house.counters.throttled == 1
        house.clock.time += SECOND // 10
        await member.send(order("c"))
        assert (await member.receive())[150] == "0", "its ClOrdID was not used up"


@pytest.mark.trio
async def test_cancels_and_mass_cancels_are_refused_last(houses):
    house = houses(**SLOW)
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send(order("a"), order("b"), *[order(f"x{k}") for k in range(5)])
        assert [m[35] for m in await member.take(7)] == ["8"] * 2 + ["j"] * 5
        await member.send(
            cancel("c1", "a"), cancel("c2", "b"), cancel("c3", "x"), cancel("c4", "x")
        )
        assert [m[35] for m in await member.take(4)] == ["8", "8", "9", "9"]
        await member.send(cancel("c5", "x"), "q|11=m|530=7|60=20261122-12:00:00|")
        assert [(m[35], m[372], m[379]) for m in await member.take(2)] == [
            ("j", "F", "c5"),
            ("j", "q", "m"),
        ]
        assert [row[1:] for row in refused(house)][-2:] == [(b"F", b"c5"), (b"q", b"m")]


@pytest.mark.trio
async def test_a_question_over_the_rate_is_refused_without_a_record(houses):
    house = houses(**SLOW)
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send(order("a"), order("b"), "H|11=a|55=BTC-USD|54=1|")
        got = await member.take(3)
        assert (got[2][35], got[2][372], got[2][380]) == ("j", "H", "0")
        assert refused(house) == []


@pytest.mark.trio
async def test_an_identifier_that_is_too_long_is_a_reject_over_the_rate_too(houses):
    house = houses(**SLOW)
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send(order("a"), order("b"), order("c" * 65))
        assert [m[35] for m in await member.take(3)] == ["8", "8", "3"]
        assert refused(house) == []


@pytest.mark.trio
async def test_a_resend_repeats_the_refusal_and_a_replay_gives_the_same_state(houses, tmp_path):
    house = houses(**SLOW)
    async with trading(house) as nursery:
        await house.open(nursery)
        member = await house.enter()
        await member.send(order("a"), order("b"), order("c"))
        first = (await member.take(3))[2]
        await member.send("2|7=4|16=4|")
        again = await member.receive()
        assert (again[35], again[34], again[43]) == ("j", first[34], "Y")
        assert [again[tag] for tag in (45, 372, 379, 380, 58)] == [
            first[tag] for tag in (45, 372, 379, 380, 58)
        ]
    venue = Venue()
    replay_folder(tmp_path / "journal", venue)
    assert venue.state_hash() == house.venue.state_hash()
    session = house.acceptor.links[b"BENCH-OE1"].info.id
    assert venue.last_inbound[session] == (house.sequencer.durable, 4)


@pytest.mark.trio
async def test_test_requests_are_answered_late_rather_than_never(houses, autojump_clock):
    """Beyond their bucket the venue pauses before it reads on; every one gets its Heartbeat."""
    house = houses(**SLOW)
    async with trading(house) as nursery:
        autojump_clock.autojump_threshold = math.inf  # a worker syncs the reset of a Logon
        member = await house.dial(nursery, "BENCH-OE1")
        autojump_clock.autojump_threshold = 0
        began = trio.current_time()
        await member.send(*[f"1|112=t{k}|" for k in range(10)])
        assert [m[112] for m in await member.take(10)] == [f"t{k}" for k in range(10)]
        assert trio.current_time() == began, "what was read is answered"
        await member.send("1|112=late|")
        assert (await member.receive())[112] == "late"
        assert trio.current_time() - began == pytest.approx((10 - 4) / 20)


@pytest.mark.trio
async def test_a_flood_of_messages_that_are_never_refused_is_a_flood(houses):
    """Heartbeats, gap fills and the like keep a session alive; too many of them end it."""
    house = houses(**(SLOW | {"flood_multiple": 5}))
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send(*["0|"] * 48)
        await member.send("1|112=alive|")
        assert (await member.receive())[112] == "alive"
        await member.send("0|")
        logout = await member.receive()
        assert (logout[35], logout[58].split(",")[0]) == ("5", "more than 50 messages in a second")
        await house.ended(DisconnectReason.THROTTLED)
        assert house.acceptor.links[b"BENCH-OE1"].session.next_in == 51, "asked for again later"


@pytest.mark.trio
async def test_with_rates_off_nothing_is_counted(houses):
    house = houses(**BENCH)
    assert house.acceptor.links[b"BENCH-OE1"].throttle is None
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send(*[order(f"a{k}") for k in range(150)], *["1|112=t|"] * 150)
        assert [m[35] for m in await member.take(300)] == ["8"] * 150 + ["0"] * 150
