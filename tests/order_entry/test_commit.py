"""Order entry over a real TCP connection: inline and worker syncs, mass slices, faults.

Everything behind the socket is real (acceptor, session, core, journal on disk); only the clock is
set by hand.
"""

import pytest
import trio

from engine.core.venue import Venue
from engine.journal.follow import JournalReader
from engine.model.errors import DiskFailed, JournalDamaged
from engine.replay import replay_folder
from gateway.order_entry import service as service_module
from tests.support.house import DAY, House, order, trading


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["inline", "worker"])
def sync_path(request, monkeypatch):
    if request.param == "worker":
        monkeypatch.setattr(service_module, "INLINE_SYNC_NS", 0)
        monkeypatch.setattr(service_module, "ALONE_NS", 1 << 62)
    return request.param


@pytest.mark.trio
async def test_answers_come_in_the_order_of_what_they_answer(house, sync_path):
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send(
            order("a1"),
            "1|112=between|",
            order("a2"),
            "H|11=a1|55=BTC-USD|54=1|",
            "D|11=bad|55=BTC-USD|54=1|60=20261122-12:00:00|38=1e5|40=2|44=1|",
            order("a3"),
        )
        got = [m.get(112) or m.get(150) or m[35] for m in await member.take(6)]
        assert got == ["0", "between", "0", "I", "3", "0"]
        numbers = house.sequencer.durable
        assert house.service.released == numbers == house.sequencer.last_number


@pytest.mark.trio
async def test_two_members_share_a_sync_and_both_are_answered(house, sync_path):
    async with trading(house) as nursery:
        members = [await house.dial(nursery, f"BENCH-OE{k}") for k in (1, 2)]
        for member in members:
            await member.send(*(order(f"x{k}") for k in range(50)))
        for member in members:
            reports = await member.take(50)
            assert [m[11] for m in reports] == [f"x{k}" for k in range(50)]


@pytest.mark.trio
async def test_a_large_mass_cancel_goes_in_slices_and_others_trade_between(house, sync_path):
    async with trading(house) as nursery:
        one = await house.dial(nursery, "BENCH-OE1")
        two = await house.dial(nursery, "BENCH2-OE1")
        for start in range(0, 1_200, 200):
            await one.send(*(order(f"m{k}") for k in range(start, start + 200)))
            await one.take(200)
        await one.send("q|11=q1|530=7|60=20261122-12:00:00|")
        await two.send(order("t1", side=2, price="200.00"))
        assert (await two.receive())[150] == "0"
        canceled = await one.take(1_200)
        assert {m[150] for m in canceled} == {"4"}
        report = await one.receive()
        assert (report[35], report[533]) == ("r", "1200")
        kinds = [
            type(r.command).__name__ for r in house.writer.reader().records(0, house.writer.durable)
        ]
        assert kinds.count("ContinueMass") == 2


@pytest.mark.trio
async def test_the_day_ends_once_and_day_orders_expire_before_the_next_order(house, sync_path):
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send(order("day"))
        assert (await member.receive())[150] == "0"
        house.clock.time += DAY
        await member.send(order("next"))
        assert [(m[11], m[150]) for m in await member.take(2)] == [("day", "C"), ("next", "0")]


@pytest.mark.parametrize("path", ["inline", "worker"])
@pytest.mark.trio
async def test_the_first_failed_sync_halts_and_nothing_is_acknowledged(house, path, monkeypatch):
    if path == "worker":
        monkeypatch.setattr(service_module, "INLINE_SYNC_NS", 0)
        monkeypatch.setattr(service_module, "ALONE_NS", 1 << 62)
    members = []
    with pytest.RaisesGroup(DiskFailed, flatten_subgroups=True, allow_unwrapped=True):
        async with trading(house) as nursery:
            member = await house.dial(nursery, "BENCH-OE1")
            members.append(member)
            house.disk.failing = True
            await member.send(order("lost"))
            await trio.sleep_forever()
    house.disk.failing = False
    assert house.writer.failed
    assert await members[0].receive() is None


@pytest.mark.trio
async def test_a_fault_that_one_peer_meets_does_not_end_the_others(house, monkeypatch):
    async with trading(house) as nursery:
        unlucky = await house.dial(nursery, "BENCH-OE1")
        other = await house.dial(nursery, "BENCH-OE2")
        receive = type(house.links[0].session).receive

        def faulty(session, message, now, mono):
            if session.settings.comp_id == b"BENCH-OE1":
                raise KeyError("a fault of ours")
            return receive(session, message, now, mono)

        monkeypatch.setattr(type(house.links[0].session), "receive", faulty)
        await unlucky.send(order("u1"))
        assert await unlucky.receive() is None
        await other.send(order("o1"))
        assert (await other.receive())[150] == "0"
        assert any("met a fault" in line for line in house.lines)


@pytest.mark.trio
async def test_a_peer_that_sends_nothing_but_garbage_is_closed(house):
    async with trading(house) as nursery:
        noisy = await house.dial(nursery, "BENCH-OE1")
        quiet = await house.dial(nursery, "BENCH-OE2")
        await noisy.stream.send_all(b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01" * 1_100)
        assert await noisy.receive() is None
        with trio.fail_after(5):
            while not any("GARBLED" in line for line in house.lines):
                await trio.lowlevel.checkpoint()
        await quiet.send(order("q1"))
        assert (await quiet.receive())[150] == "0"


@pytest.mark.trio
async def test_a_members_business_reject_is_logged_and_not_answered(house):
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.send("j|45=2|372=8|380=0|58=what is this|", "1|112=next|")
        assert (await member.receive())[112] == "next"
        assert any("what is this" in line for line in house.lines)


@pytest.mark.trio
async def test_replay_of_the_folder_gives_the_live_venues_state(house, sync_path, tmp_path):
    async with trading(house) as nursery:
        one = await house.dial(nursery, "BENCH-OE1")
        two = await house.dial(nursery, "BENCH2-OE1")
        for k in range(60):
            await one.send(order(f"b{k}", price=f"{100 + k % 7}.00"), order(f"c{k}", qty="0.02"))
            await two.send(order(f"s{k}", side=2, price="103.00", qty="0.015"))
        await one.send("F|11=x|41=b0|55=BTC-USD|54=1|60=20261122-12:00:00|38=1|")
        await one.send("q|11=q|530=1|55=BTC-USD|60=20261122-12:00:00|")
        while (await one.receive())[35] != "r":
            pass
        house.venue.check()
        again = Venue()
        result = replay_folder(tmp_path / "journal", again)
        assert result.last == house.sequencer.durable
        assert again.state_hash() == house.venue.state_hash()
        assert again.state.match > 20


@pytest.mark.trio
async def test_a_damaged_old_record_ends_the_resend_and_nobody_else(house, monkeypatch):
    def damaged(reader, number, hops):
        raise JournalDamaged(f"record {number} is damaged")

    monkeypatch.setattr(JournalReader, "find", damaged)
    async with trading(house) as nursery:
        one = await house.dial(nursery, "BENCH-OE1")
        two = await house.dial(nursery, "BENCH-OE2")
        await one.send(order("a"))
        assert (await one.receive())[150] == "0"
        await one.send("2|7=2|16=0|")
        assert await one.receive() is None
        await two.send(order("b"))
        assert (await two.receive())[150] == "0"
    assert any("is damaged" in line for line in house.lines)


@pytest.mark.trio
async def test_a_length_that_is_never_sent_does_not_swallow_what_follows(house, monkeypatch):
    monkeypatch.setattr("gateway.flow.acceptor.RESYNC_SECONDS", 0.05)
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        await member.stream.send_all(b"8=FIX.4.4\x019=5000\x0135=0\x01")
        await member.send("1|112=heard|")
        with trio.fail_after(5):
            assert (await member.receive())[112] == "heard"
