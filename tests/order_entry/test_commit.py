"""Order entry over a real TCP connection: inline and worker syncs, mass slices, faults.

Everything behind the socket is real (acceptor, session, core, journal on disk); only the clock is
set by hand.
"""

import os
import socket
from contextlib import asynccontextmanager

import pytest
import trio

from engine.core.venue import Venue
from engine.journal.disk import JournalWriter, RealDisk
from engine.journal.follow import JournalReader
from engine.journal.wake import WakeServer
from engine.model.clock import NANOS_PER_SECOND
from engine.model.enums import ORDER_ENTRY
from engine.model.errors import DiskFailed, JournalDamaged
from engine.replay import replay_folder
from engine.sequencer import Sequencer
from gateway.app import open_links
from gateway.bootstrap import bootstrap_commands
from gateway.config import load_config
from gateway.data import data_file
from gateway.fix.dictionary import Dictionary
from gateway.fix.timestamps import format_utc
from gateway.flow.acceptor import Acceptor
from gateway.flow.counters import Counters
from gateway.order_entry import service as service_module
from gateway.order_entry.mapping import OrderMapper
from gateway.order_entry.service import OrderEntry
from tests.support.fix_client import Message, envelope

START = 1_795_000_000 * NANOS_PER_SECOND
DAY = 86_400 * NANOS_PER_SECOND


class HandClock:
    """Both clocks, moved by the test."""

    def __init__(self):
        self.time = START

    def now(self):
        return self.time

    def monotonic(self):
        return self.time


class FailingDisk(RealDisk):
    """A disk whose sync starts to fail when told to."""

    failing = False

    def sync_data(self, fd):
        if self.failing:
            raise OSError(5, "Input/output error")
        super().sync_data(fd)


class Member:
    """A member's end of the connection."""

    def __init__(self, sock, clock, comp_id):
        self.stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        self.clock, self.comp_id = clock, comp_id
        self.seq, self.buffer = 0, b""

    async def send(self, *messages):
        """Messages as `D|11=a|...`, all in one segment."""
        data = b""
        for message in messages:
            self.seq += 1
            msg_type, _, body = message.partition("|")
            stamp = format_utc(self.clock.now(), 3).decode()
            head = f"35={msg_type}|49={self.comp_id}|56=FIXGATE|34={self.seq}|52={stamp}|"
            data += envelope(head + body)
        await self.stream.send_all(data)

    async def receive(self):
        while b"\x0110=" not in self.buffer or not self.buffer.endswith(b"\x01"):
            data = await self.stream.receive_some()
            if not data:
                return None
            self.buffer += data
        end = self.buffer.index(b"\x01", self.buffer.index(b"\x0110=") + 1) + 1
        raw, self.buffer = self.buffer[:end], self.buffer[end:]
        return Message(raw)

    async def take(self, count):
        return [await self.receive() for _ in range(count)]


class House:
    """A core process in a test's own trio run."""

    def __init__(self, folder):
        self.clock, self.disk, self.lines = HandClock(), FailingDisk(), []
        self.sockets, self.counters = [], Counters()
        self.config = load_config(data_file("config", "bench.yaml"))
        self.venue = Venue()
        self.writer = JournalWriter.open(
            folder / "journal", segment_bytes=1 << 20, log=self.lines.append, disk=self.disk
        )
        self.sequencer = Sequencer(self.venue, self.writer, os.urandom)
        for command in bootstrap_commands(self.config, self.venue.refdata):
            self.sequencer.submit(command, START)
        self.sequencer.commit()
        self.wake = WakeServer(folder / "journal.sock")
        mapper = OrderMapper(self.venue.refdata, max_order_age=30 * NANOS_PER_SECOND)
        self.service = OrderEntry(
            self.venue,
            self.sequencer,
            self.writer.reader(),
            mapper,
            self.wake,
            self.clock,
            self.lines.append,
        )
        self.name, self.indexes, self.log = "core", folder / "sessions", self.lines.append
        self.links = open_links(
            self,
            self.venue.refdata,
            ORDER_ENTRY,
            self.service,
            always_extend=False,
            journalled={},
        )
        self.service.links = {link.info.id: link for link in self.links}
        dictionary = Dictionary.load(data_file("fix_dictionaries", "FIX44.xml"))
        by_name = {link.config.comp_id.encode(): link for link in self.links}
        self.acceptor = Acceptor(
            by_name,
            self.service,
            dictionary,
            self.clock,
            self.lines.append,
            b"FIXGATE",
            self.config.limits,
            self.counters,
        )

    async def dial(self, nursery, comp_id):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            theirs = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
        theirs.setblocking(False)
        self.sockets += [ours, theirs]
        nursery.start_soon(self.acceptor.connection, ours, "test")
        member = Member(theirs, self.clock, comp_id)
        await member.send(f"A|98=0|108=30|141=Y|553={comp_id}|554=demo|")
        assert (await member.receive())[35] == "A"
        return member

    def close(self):
        for sock in self.sockets:
            sock.close()
        self.wake.close()
        self.writer.close()
        for link in self.links:
            link.session.index.close()


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


@asynccontextmanager
async def trading(house):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.service.commit_loop)
        yield nursery
        nursery.cancel_scope.cancel()


def order(name, side=1, qty="0.01", price="100.00"):
    return f"D|11={name}|55=BTC-USD|54={side}|60=20261122-12:00:00|38={qty}|40=2|44={price}|"


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
