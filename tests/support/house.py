"""A core process inside a test: everything behind the socket is real, only the clock is by hand."""

import os
import socket
from contextlib import asynccontextmanager

import msgspec
import trio

from engine.core.venue import Venue
from engine.journal.disk import RealDisk
from engine.journal.wake import WakeServer
from engine.journal.writer import JournalWriter
from engine.model.clock import NANOS_PER_SECOND
from engine.model.enums import ORDER_ENTRY
from engine.sequencer import Sequencer
from gateway.bootstrap import bootstrap_commands
from gateway.config import load_config
from gateway.data import data_file
from gateway.fix.dictionary import Dictionary
from gateway.fix.timestamps import format_utc
from gateway.flow.acceptor import Acceptor
from gateway.flow.counters import Counters
from gateway.flow.entrance import read
from gateway.flow.lobby import FIRST_READ_BYTES, Stranger
from gateway.order_entry.mapping import OrderMapper
from gateway.order_entry.service import OrderEntry
from gateway.processes.sessions import open_links
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

    async def logon(self, password="demo"):
        self.seq = 0
        await self.send(f"A|98=0|108=30|141=Y|553={self.comp_id}|554={password}|")

    async def is_closed(self):
        """Whether the venue closes without another word."""
        with trio.fail_after(10):
            try:
                return await self.stream.receive_some() == b""
            except trio.BrokenResourceError:
                return True

    async def receive(self, seconds=10):
        with trio.fail_after(seconds):
            return await self._receive()

    async def _receive(self):
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
    """A core process in a test's own trio run. limits: what differs from bench.yaml's."""

    def __init__(self, folder, **limits):
        self.clock, self.disk, self.lines = HandClock(), FailingDisk(), []
        self.sockets, self.counters = [], Counters()
        config = load_config(data_file("config", "bench.yaml"))
        changed = msgspec.structs.replace(config.limits, **limits)
        self.config = msgspec.structs.replace(config, limits=changed)
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
        ours.setblocking(False)
        member = Member(theirs, self.clock, comp_id)
        await member.logon()
        stranger = Stranger(ours, "test")
        stranger.speaks()
        data = await read(ours, FIRST_READ_BYTES)
        nursery.start_soon(self.acceptor.connection, stranger, data)
        assert (await member.receive())[35] == "A"
        return member

    async def open(self, nursery):
        """Listen as the process does."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = listener.getsockname()
        self.sockets.append(listener)
        nursery.start_soon(self.acceptor.serve, listener)

    async def knock(self, comp_id="BENCH-OE1"):
        """A connection through the listener that has said nothing yet."""
        sock = socket.create_connection(self.address)
        sock.setblocking(False)
        self.sockets.append(sock)
        return Member(sock, self.clock, comp_id)

    async def enter(self, comp_id="BENCH-OE1"):
        """A member who came through the listener and is logged on."""
        member = await self.knock(comp_id)
        await member.logon()
        assert (await member.receive())[35] == "A"
        return member

    async def until(self, condition, seconds=10):
        """Let the house work until `condition()` holds."""
        with trio.fail_after(seconds):
            while not condition():  # noqa: ASYNC110 - what it waits for sets no event
                await trio.sleep(0.005)

    async def ended(self, reason, count=1):
        """That many connections have ended for this reason."""
        await self.until(lambda: self.counters.disconnects[reason] >= count)
        assert self.counters.disconnects[reason] == count

    def close(self):
        for sock in self.sockets:
            sock.close()
        self.wake.close()
        self.writer.close()
        for link in self.links:
            link.session.index.close()


@asynccontextmanager
async def trading(house):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.service.commit_loop)
        yield nursery
        nursery.cancel_scope.cancel()


def order(name, side=1, qty="0.01", price="100.00"):
    return f"D|11={name}|55=BTC-USD|54={side}|60=20261122-12:00:00|38={qty}|40=2|44={price}|"
